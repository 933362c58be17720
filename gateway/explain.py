"""`talon explain`: what the gateway would do with a request, by the very code that decides."""

import time
from collections.abc import Sequence
from typing import assert_never

from multidict import CIMultiDict

from gateway.build import classifier, identities
from gateway.core.classify import Classified, is_ambiguous, is_overridden, origin_form
from gateway.core.decide import Ask, Decision, Forward, RequestFacts, Wait, decide
from gateway.core.keyring import KeyRing
from gateway.settings import Settings
from gateway.web.newcomers import Newcomer

NO_LANE = {"lane": "-", "rule": "-", "identity": "-", "person": "-"}
NO_KEYS = KeyRing({"none": bytes(32)})
"""Nobody's: what is explained is not kept, so the keys that sign are not needed."""


def explain_request(
    settings: Settings, method: str, path: str, headers: Sequence[tuple[str, str]], remote: str = ""
) -> dict[str, str]:
    """Return class, room, lane with what gave it, decision and reason for a newcomer without ticket or pass.

    `remote` is the address that the request comes from; without one, that of a trusted proxy where there are any.
    Raises ConfigError when a file of keys that verify identities cannot be used.
    """
    fields, plain = CIMultiDict(headers), origin_form(path).partition("?")[0]
    if method == "CONNECT":
        return _refused("method_not_allowed")
    if is_ambiguous(plain):
        return _refused("bad_path")
    seen = classifier(settings).classify_request(method, plain, fields)
    decision = _decide(settings, seen)
    said, why = _say(decision)
    answer = {"class": seen.request_class.name, "room": seen.room or "-"}
    if is_overridden(fields):
        why += "; a field asks for another method, so no class is express"
    lane = _lane(settings, seen, fields, remote) if isinstance(decision, Ask) else NO_LANE
    return {**answer, **lane, "decision": said, "reason": why}


def _decide(settings: Settings, seen: Classified) -> Decision:
    rules = settings.rooms.get(seen.room or "")
    return decide(
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


def _lane(settings: Settings, seen: Classified, fields: "CIMultiDict[str]", remote: str) -> dict[str, str]:
    newcomer = Newcomer(
        room=seen.room or "",
        fields=fields,
        remote=remote or next((proxy.partition("/")[0] for proxy in settings.proxy.trusted_proxies), ""),
        settings=settings,
        identities=identities(settings),
        keys=NO_KEYS,
        now=time.time(),
        request_class=seen.request_class.name,
    )
    arriving, results = newcomer.arriving(), newcomer.found().results
    identity = ", ".join(f"{source} {result.value}" for source, result in results) or "-"
    person = "one place for this person" if arriving.person else "nobody known: a place for every ticket"
    return {"lane": arriving.lane, "rule": arriving.rule, "identity": identity, "person": person}


def _refused(reason: str) -> dict[str, str]:
    return {"class": "-", "room": "-", **NO_LANE, "decision": "refuse", "reason": reason}


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
