"""What the connection itself answers, where there is no request that anything else could answer."""

import orjson

_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}


def own_answer(status: int, code: str, title: str, retry_after: int | None = None) -> bytes:
    """Return a whole answer, a problem document (RFC 9457), after which the connection closes."""
    members: dict[str, object] = {"type": "about:blank", "title": title, "status": status, "code": code}
    retry = b""
    if retry_after is not None:
        members["retry_after"] = retry_after
        retry = b"Retry-After: %d\r\n" % retry_after
    body = orjson.dumps(members)
    return (
        b"HTTP/1.1 %d %b\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n"
        b"Cache-Control: no-store\r\n%bConnection: close\r\n\r\n%b"
    ) % (status, _REASONS[status], len(body), retry, body)


BAD_REQUEST = own_answer(400, "bad_request", "This is not a valid HTTP request.")
TOO_LONG = own_answer(431, "head_too_large", "The request's head is too large.")
HEAD_TIMEOUT = own_answer(408, "head_timeout", "The request's head did not come in time.")
BODY_TIMEOUT = own_answer(408, "body_timeout", "The body did not come in time.")
