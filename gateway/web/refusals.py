"""What goes no further than the gateway, whoever sends it."""

import re

from aiohttp import web

from gateway.core.classify import is_ambiguous
from gateway.web.answers import problem
from gateway.web.passing import Seen

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
VIA = "1.1 talon"
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%\[\]:-]*")
"""RFC 3986, 3.2.2, as wide as it is."""
MAX_ROUNDS = 5
"""How often a request may have passed a Talon before it is held to go in circles (RFC 9110, 7.6)."""


def refusal(request: web.BaseRequest, path: str, seen: Seen) -> web.Response | None:
    """Return the answer to what goes no further: tunnels, circles, and paths that servers read differently."""
    method, headers = request.method, request.headers
    if method in ("CONNECT", "TRACE"):
        seen.decision = "method_not_allowed"
        response = problem(405, seen.decision, "This is not a proxy for other sites.", reference=seen.id)
        response.headers["Allow"] = METHODS
        return response
    if method == "OPTIONS" and headers.get("Max-Forwards", "").strip("0 ") == "" and "Max-Forwards" in headers:
        seen.decision = "last_hop"
        return web.Response(status=200, headers={"Allow": METHODS})
    if "Via" in headers and ",".join(headers.getall("Via")).count(VIA) >= MAX_ROUNDS:
        seen.decision = "loop"
        return problem(508, seen.decision, "The request goes in circles.", reference=seen.id)
    if _HOST.fullmatch(headers.get("Host", "")) is None:
        seen.decision = "bad_host"
        return problem(400, seen.decision, "The field Host is no host.", reference=seen.id)
    if is_ambiguous(path):
        seen.decision = "bad_path"
        return problem(400, seen.decision, "The path holds control characters.", reference=seen.id)
    return None
