"""Supply: what the backend says of free slots, and the setting of the room that follows from it.

Queueing for slots that are gone is cruel, so the backend may say with any answer that none are left, and that there
are some again. The word becomes a setting like the operator's, so all gateways follow it, but it never replaces one
of an operator. It holds for `HOLD` seconds, or until the time that was named with it; then people are let in again,
and the next answer says how it is. Nobody who is inside loses anything by it.
"""

from dataclasses import dataclass

from gateway.core.control import MAX_TTL, Control

HOLD = 300.0
"""Seconds for which `none` holds when no time is named with it."""
BACKEND = "backend"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsSaid:
    """One word of the backend: whether slots are left, and if not, when new ones appear (seconds), 0 if unknown."""

    left: bool
    back_at: float = 0.0


@dataclass(slots=True)
class Supply:
    """Keeps the last word until it is taken; `take` says what to store, if anything changes by it."""

    said: SlotsSaid | None = None

    def note(self, said: SlotsSaid | None) -> None:
        """Remember the word of one answer; an answer without one, or with one that means nothing, changes nothing."""
        self.said = said or self.said

    def take(self, control: Control, now: float) -> Control | None:
        """Return the setting to store in place of `control`, or None; the word is forgotten."""
        said, self.said = self.said, None
        ruling = control if control.active(now) else None
        if said is None or (ruling is not None and not ruling.automatic):
            return None
        if said.left:
            return None if ruling is None else _setting("resume", "slots are left again")
        back_at = said.back_at if said.back_at > now else 0.0
        until = min(back_at or now + HOLD, now + MAX_TTL)
        if ruling is not None and ruling.back_at == back_at and ruling.until - now > (until - now) / 2:
            return None
        return _setting("exhausted", "no slots are left", until=until, back_at=back_at)


def _setting(action: str, reason: str, *, until: float = 0.0, back_at: float = 0.0) -> Control:
    return Control(action=action, author=BACKEND, reason=reason, until=until, back_at=back_at, automatic=True)
