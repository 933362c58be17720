"""Small bodies of requests to the gateway's own addresses: read whole, within limits of size and time."""

import asyncio

import orjson
from aiohttp import web

from gateway.web.answers import problem

MAX_BODY = 10_000
BODY_TIMEOUT = 10.0


async def read_body(request: web.BaseRequest) -> bytes | web.Response:
    """Return the bytes of the body, or the answer that says what is wrong."""
    too_large = problem(413, "body_too_large", f"At most {MAX_BODY} bytes are accepted.")
    if (request.content_length or 0) > MAX_BODY:
        return too_large
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for part in request.content.iter_any():
                data += part
                if len(data) > MAX_BODY:
                    return too_large
    except TimeoutError:
        return problem(408, "body_timeout", "The body did not come in time.")
    return bytes(data)


async def read_json(request: web.BaseRequest) -> dict[str, object] | web.Response:
    """Return the JSON object of the body, an empty one without a body, or the answer that says what is wrong."""
    data = await read_body(request)
    return data if isinstance(data, web.Response) else as_json(data)


def as_json(data: bytes) -> dict[str, object] | web.Response:
    """Return the JSON object of these bytes, an empty one for none, or the answer that says what is wrong."""
    if not data:
        return {}
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        return problem(400, "bad_json", 'The body is not JSON; expected an object such as {"room": "NAME"}.')
    if not isinstance(body, dict):
        return problem(422, "no_such_room", 'The body must be an object such as {"room": "NAME"}.')
    return body
