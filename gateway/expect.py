"""`Expect: 100-continue`: clients that wait with their body until they are told to send it."""

from aiohttp import HttpVersion11, web


async def invite_body(request: web.BaseRequest) -> None:
    """Tell a client that waits with its body to send it; nodes are not asked first."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
