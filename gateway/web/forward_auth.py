"""Forward-auth: another proxy holds a request and asks whether it may pass.

The proxy says in `X-Original-*` or `X-Forwarded-*` which request it holds. Many proxies hand the visitor's own fields
over beside theirs, so a visitor could name a harmless request in the pair that the proxy does not use. Hence every
request that is named must be allowed, and naming more than one in the same field is refused.

What stands for no: 401, upon which nginx and Caddy send the request to the gateway; with `?deny=page` the answer that
the visitor is to see, for proxies that hand it on as it is (Traefik, Envoy).
"""

import secrets
from collections.abc import Awaitable, Callable
from itertools import product

from aiohttp import web

from gateway.core.classify import is_ambiguous, is_overridden, origin_form
from gateway.core.decide import Forward
from gateway.core.live_room import LiveRoom
from gateway.web.answers import problem
from gateway.web.passing import Seen
from gateway.web.reception import Outcome
from gateway.web.site import Site

_METHODS = ("X-Original-Method", "X-Forwarded-Method")
_TARGETS = ("X-Original-URI", "X-Forwarded-Uri")
_FRESH = {"Cache-Control": "no-store"}
Receive = Callable[[web.BaseRequest, LiveRoom, Seen], Awaitable[web.Response | Outcome]]


async def authorize(site: Site, request: web.BaseRequest, receive: Receive) -> web.Response:
    """Answer 204 when the held request may pass, 401 with `Retry-After` when it must queue, 403 when it is unclear."""
    if any(len(request.headers.getall(name, ())) > 1 for name in (*_METHODS, *_TARGETS)):
        return problem(403, "bad_request", "More than one request is named.")
    methods = {request.headers[name] for name in _METHODS if name in request.headers} or {"GET"}
    targets = {request.headers[name] for name in _TARGETS if name in request.headers} or {"/"}
    paths = {origin_form(target).partition("?")[0] for target in targets}
    if any(is_ambiguous(path) for path in paths):
        return problem(403, "bad_path", "The path cannot be read in one way only.")
    headers = dict(_FRESH)
    for name in sorted(_rooms(site, methods, paths, plain=not is_overridden(request.headers))):
        room = site.rooms[name]
        if site.observes(request, room):
            continue
        admission = site.admission(request, room)
        if admission is None:
            if request.query.get("deny") == "page" and len(methods) == len(targets) == 1:
                return await _page(site, request, room, receive, methods.pop(), targets.pop())
            return problem(401, "no_pass", "Send the visitor to the gateway.", 1, room=name)
        room.ledger.note_request(admission.visit, admission.pool, site.clock())
        headers["Talon-Visit-Id"] = admission.visit
    return web.Response(status=204, headers=headers)


async def _page(
    site: Site, request: web.BaseRequest, room: LiveRoom, receive: Receive, method: str, target: str
) -> web.Response:
    """Answer as the gateway would answer the held request; whose turn it is gets the pass and asks once more."""
    held = request.clone(method=method, rel_url=origin_form(target))
    classified = site.classifier.classify_request(method, origin_form(target).partition("?")[0], ())
    received = await receive(held, room, Seen(classified, secrets.token_hex(8)))
    if isinstance(received, web.Response):
        if received.status < 300:
            received.set_status(503)  # every 2xx would mean that the request may pass
        return received
    assert isinstance(received.decision, Forward)
    if received.decision.admission is None:
        return web.Response(status=204, headers=_FRESH)
    again = web.Response(status=307, headers={**_FRESH, "Location": origin_form(target)})
    for cookie in site.tokens.pass_cookies(received.decision.admission, site.store_now(room)):
        again.headers.add("Set-Cookie", cookie)
    return again


def _rooms(site: Site, methods: set[str], paths: set[str], *, plain: bool) -> set[str]:
    """Return the rooms that some reading of the held request needs a pass for."""
    seen = [site.classifier.classify(method, path) for method, path in product(methods, paths)]
    needed = {s.room for s in seen if s.room is not None and not (plain and s.request_class.express)}
    return {name for name in needed if name in site.rooms}
