"""Which lane a newcomer gets: in what order, by what proof."""

import pytest

from gateway.core.identity import Identity
from gateway.core.lane_rules import LaneFacts, LaneRule, check_classes, check_rules, choose_lane, is_again
from gateway.core.ticket import Ticket

TARGETS = {"urgent": 60.0, "staff": 120.0, "regular": 600.0, "browsing": 1800.0}
RULES = (
    LaneRule(lane="urgent", claim={"priority": ("high", "urgent"), "insured": True}),
    LaneRule(lane="staff", request_class="staff", claim={"role": "doctor"}),
    LaneRule(lane="urgent", region=("amur", "tuva")),
    LaneRule(lane="staff", again=True),
    LaneRule(lane="browsing", request_class="browse"),
)


def lane_of(facts: LaneFacts) -> tuple[str, str]:
    return choose_lane(TARGETS, "regular", RULES, facts)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (LaneFacts(), ("regular", "default_lane")),
        (LaneFacts(identity=Identity(lane="staff"), named="urgent", again=True), ("staff", "claim")),
        (LaneFacts(named="urgent", again=True), ("urgent", "lane_header")),
        (LaneFacts(identity=Identity(lane="nowhere"), named="nowhere"), ("regular", "default_lane")),
        (
            LaneFacts(identity=Identity(claims={"priority": ("low", "high"), "insured": ("true",)})),
            ("urgent", "lane_rules[0]"),
        ),
        (LaneFacts(identity=Identity(claims={"priority": ("high",)})), ("regular", "default_lane")),
        (LaneFacts(identity=Identity(claims={"role": ("doctor",)})), ("regular", "default_lane")),
        (LaneFacts(identity=Identity(claims={"role": ("doctor",)}), request_class="staff"), ("staff", "lane_rules[1]")),
        (LaneFacts(region="tuva", again=True), ("urgent", "lane_rules[2]")),
        (LaneFacts(region="perm", again=True), ("staff", "lane_rules[3]")),
        (LaneFacts(request_class="staff"), ("regular", "default_lane")),
        (LaneFacts(request_class="browse"), ("browsing", "lane_rules[4]")),
    ],
)
def test_the_first_that_fits_gives_the_lane(facts: LaneFacts, expected: tuple[str, str]) -> None:
    """A lane that the portal names comes first, then the rules in order, each with all that it asks for."""
    assert lane_of(facts) == expected


def test_a_path_alone_gives_no_better_lane() -> None:
    """A rule by class only may lead to the default lane or a less urgent one: the path is the visitor's choice."""
    check_rules(RULES, TARGETS, "regular")
    with pytest.raises(ValueError, match=r"lane_rules\[0\]: .* class 'staff' would get 'urgent'"):
        check_rules([LaneRule(lane="urgent", request_class="staff")], TARGETS, "regular")


def test_rules_name_what_is_there() -> None:
    """A rule with an unknown lane or class, or without any condition, is refused by its number."""
    with pytest.raises(ValueError, match=r"lane_rules\[0\]\.lane: 'vip' is not one of"):
        check_rules([LaneRule(lane="vip", again=True)], TARGETS, "regular")
    with pytest.raises(ValueError, match=r"rooms.booking.lane_rules\[1\].class: there is no class 'staff'"):
        check_classes("rooms.booking", RULES, {"visit", "browse"})
    with pytest.raises(ValueError, match="expected claim, class, region or again"):
        LaneRule(lane="urgent")


@pytest.mark.parametrize(
    ("hours", "expected"), [(0, False), (7.9, False), (8, True), (24, True), (48, True), (48.1, False), (-1, False)]
)
def test_again_is_a_day_not_a_moment_nor_a_week(hours: float, expected: bool) -> None:
    """A ticket tells of an earlier attempt when it was handed out 8 to 48 hours ago."""
    ticket = Ticket(room="booking", epoch="e1", lane="regular", number=1, joined_at=1e6)
    assert is_again(ticket, 1e6 + hours * 3600) is expected
