"""`talon explain`: what the gateway would do with a request, by the very code that decides."""

from collections.abc import Mapping
from typing import assert_never

from gateway.build import classifier
from gateway.core.classify import origin_form
from gateway.core.decide import Ask, Decision, Forward, RequestFacts, Wait, decide
from gateway.settings import Settings


def explain_request(settings: Settings, method: str, path: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return class, room, lane, decision and reason for a newcomer without ticket or pass."""
    seen = classifier(settings).classify(method, origin_form(path).partition("?")[0])
    rules = settings.rooms.get(seen.room or "")
    decision = decide(
        RequestFacts(
            express=seen.request_class.express,
            room=seen.room,
            observe=bool(rules and rules.mode == "observe"),
            admission=None,
            ticket=None,
            store_up=True,
            epoch="",
            serving=0,
        )
    )
    lane = ""
    if rules is not None and not seen.request_class.express:
        named = {name.lower(): value for name, value in headers.items()}.get(rules.lane_header.lower(), "")
        lane = named if rules.lane_header and named in rules.lanes else rules.lane
    said, why = _say(decision)
    return {
        "class": seen.request_class.name,
        "room": seen.room or "-",
        "lane": lane or "-",
        "decision": said,
        "reason": why,
    }


def _say(decision: Decision) -> tuple[str, str]:
    match decision:
        case Forward(reason=reason):
            return "forward", reason.value
        case Wait(reason=reason):
            return "wait", reason.value
        case Ask():
            return "queue", "a visit without a pass joins the room; it is let in at once when the room is free"
        case _:
            assert_never(decision)
