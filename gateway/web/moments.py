"""Points in time as people and backends write them: read once, kept as seconds, shown as local time with its zone."""

from datetime import UTC, datetime, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

from gateway.core.live_room import LiveRoom
from gateway.core.supply import SlotsSaid
from gateway.web.site import Site

SLOTS_HEADER = "talon-slots"
"""By which a backend says whether there are free slots."""
VISIT_HEADER = "talon-visit"
"""By which a backend says that a visit is over."""
LONGEST = 64


class Times(TypedDict):
    """The fields of a waiting page that say until when something holds."""

    until: str
    kept_until: str
    kept_seconds: int
    claim_seconds: int
    visit_seconds: int


def times(site: Site, room: LiveRoom) -> Times:
    """Return until when what holds: the stop of the room, a place, a turn, a visit."""
    rules, zone, now = site.settings.rooms[room.name], site.settings.time_zone, site.wall()
    stopped = room.control.back_at if room.control.active(now) else 0.0
    # While the room is stopped nobody is called, so nobody who is away is passed over.
    kept = max(stopped, now + rules.presence_grace)
    return Times(
        until=show_moment(stopped, zone, now),
        kept_until=show_moment(kept, zone, now),
        kept_seconds=int(rules.presence_grace),
        claim_seconds=int(rules.claim_window),
        visit_seconds=int(rules.pass_idle),
    )


def quieter(site: Site, room: LiveRoom) -> str:
    """Return from when on the forecast expects no queue, as local time with its zone, or nothing."""
    return show_moment(room.quieter_after or 0.0, site.settings.time_zone, site.store_now(room))


def read_moment(text: str, zone: str, now: float) -> float:
    """Return the seconds of an RFC 3339 time, or of the next HH:MM in `zone`; raises ValueError for anything else."""
    text = text.strip()
    if len(text) > LONGEST:
        raise ValueError("a time is RFC 3339 or HH:MM")
    if len(text) == 5 and text[2] == ":":
        here = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone))
        then = here.replace(hour=int(text[:2]), minute=int(text[3:]), second=0, microsecond=0)
        return (then if then > here else then + timedelta(days=1)).timestamp()
    then = datetime.fromisoformat(text)
    if then.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; expected such as 2027-01-11T07:30:00+03:00, or HH:MM")
    return then.timestamp()


def show_moment(at: float, zone: str, now: float) -> str:
    """Return local time with its zone, with the date where it is another day; empty for a time that is not known."""
    if not at:
        return ""
    there, here = (datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(zone)) for moment in (at, now))
    return there.strftime("%H:%M %Z" if there.date() == here.date() else "%Y-%m-%d %H:%M %Z")


def read_slots(value: str, zone: str, now: float) -> SlotsSaid | None:
    """Read `some`, `none` or `none; until=TIME`; None for anything else, a time that cannot be read is not known."""
    word, _, parameter = value.partition(";")
    if word.strip().lower() not in ("some", "none"):
        return None
    name, _, time = parameter.partition("=")
    try:
        back_at = read_moment(time.strip().strip('"'), zone, now) if name.strip().lower() == "until" else 0.0
    except (ValueError, OverflowError):
        back_at = 0.0
    return SlotsSaid(left=word.strip().lower() == "some", back_at=back_at)
