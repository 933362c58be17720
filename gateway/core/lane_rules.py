"""Which lane a newcomer gets: what the portal says of the visit, then the room's rules in order, then its default.

A request cannot give itself a lane. What counts is signed (claims of the portal, an earlier ticket), or written by a
proxy that is trusted. The class of a request is the visitor's own choice of a path, so a rule that asks for nothing
else may lead only to a lane that is no more urgent than the default.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from gateway.core.identity import NOBODY, Identity, as_texts
from gateway.core.ticket import Ticket

AGAIN_AFTER = 8 * 3600.0
AGAIN_WITHIN = 48 * 3600.0
Value = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRule:
    """A lane, and what must be true of a newcomer who gets it: everything that the rule names."""

    lane: str
    claim: Mapping[str, Value | tuple[Value, ...]] = field(default_factory=dict)
    # `class` is a word of Python, but the word of the configuration.
    request_class: Annotated[str, Field(alias="class")] = ""
    region: tuple[str, ...] = ()
    again: bool = False

    def __post_init__(self) -> None:
        if not (self.claim or self.request_class or self.region or self.again):
            raise ValueError(f"lane_rules: {self.lane}: expected claim, class, region or again")

    @property
    def is_proven(self) -> bool:
        """Whether it takes more than the visitor's choice of a path."""
        return bool(self.claim or self.region or self.again)

    def fits(self, facts: "LaneFacts") -> bool:
        """Whether all that the rule names is true."""
        claims = facts.identity.claims
        return (
            all(set(as_texts(wanted)) & set(claims.get(name, ())) for name, wanted in self.claim.items())
            and self.request_class in ("", facts.request_class)
            and (not self.region or facts.region in self.region)
            and (facts.again or not self.again)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFacts:
    """What is known of a newcomer; `named` is the lane that a trusted proxy names, `again` as `is_again` says."""

    identity: Identity = NOBODY
    request_class: str = ""
    region: str = ""
    named: str = ""
    again: bool = False


def choose_lane(lanes: Collection[str], default: str, rules: Sequence[LaneRule], facts: LaneFacts) -> tuple[str, str]:
    """Return the lane and what gave it: claim, lane_header, lane_rules[N] or default_lane."""
    if facts.identity.lane in lanes:
        return facts.identity.lane, "claim"
    if facts.named in lanes:
        return facts.named, "lane_header"
    for number, rule in enumerate(rules):
        if rule.fits(facts):
            return rule.lane, f"lane_rules[{number}]"
    return default, "default_lane"


def check_rules(rules: Sequence[LaneRule], targets: Mapping[str, float], default: str) -> None:
    """Raise ValueError for a rule whose lane is not there, or that would let a request give itself a lane."""
    for number, rule in enumerate(rules):
        if rule.lane not in targets:
            raise ValueError(f"lane_rules[{number}].lane: {rule.lane!r} is not one of {sorted(targets)}")
        if not rule.is_proven and targets[rule.lane] < targets[default]:
            raise ValueError(
                f"lane_rules[{number}]: whoever asks for a path of class {rule.request_class!r} would get "
                f"{rule.lane!r} before {default!r}; add claim, region or again"
            )


def check_classes(room: str, rules: Sequence[LaneRule], classes: Collection[str]) -> None:
    """Raise ValueError for a rule with a class of requests that is not there."""
    for number, rule in enumerate(rules):
        if rule.request_class and rule.request_class not in classes:
            raise ValueError(f"{room}.lane_rules[{number}].class: there is no class {rule.request_class!r}")


def is_again(ticket: Ticket, now: float) -> bool:
    """Whether the ticket is of an earlier day's attempt, not of this one and not long past."""
    return AGAIN_AFTER <= now - ticket.joined_at <= AGAIN_WITHIN
