"""A bare aiohttp server that gives everybody the same bytes: what a status poll is held against.

`python -m tests.bench.bare PORT FILE` answers with the JSON of FILE and the fields that the gateway sends.
"""

import asyncio
import sys
from pathlib import Path

import uvloop
from aiohttp import web


async def serve(port: int, body: bytes) -> None:
    """Serve until ended."""

    async def answer(request: web.BaseRequest) -> web.Response:
        headers = {"Cache-Control": "public, max-age=1", "ETag": '"0123456789abcdef"'}
        return web.Response(body=body, headers=headers, content_type="application/json")

    runner = web.ServerRunner(web.Server(answer, access_log=None, keepalive_timeout=75.0))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
