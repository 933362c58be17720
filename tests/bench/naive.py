"""A naive aiohttp proxy, as tutorials write it: what Talon's own data plane is held against.

It streams bodies both ways, as a proxy must that large ones go through; `whole` reads them whole instead.
`python -m tests.bench.naive PORT NODE [whole]`
"""

import asyncio
import sys

import aiohttp
from aiohttp import web


async def serve(port: int, node: str, *, whole: bool) -> None:
    """Serve until ended."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            body = request.content if request.can_read_body else None
            async with session.request(request.method, node + request.path_qs, headers=headers, data=body) as answer:
                fields = {name: value for name, value in answer.headers.items() if name != "Transfer-Encoding"}
                response = web.StreamResponse(status=answer.status, headers=fields)
                await response.prepare(request)
                async for part in answer.content.iter_any():
                    await response.write(part)
                await response.write_eof()
                return response

        async def forward_whole(request: web.Request) -> web.Response:
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            body = await request.read()
            async with session.request(request.method, node + request.path_qs, headers=headers, data=body) as answer:
                fields = {name: value for name, value in answer.headers.items() if name != "Transfer-Encoding"}
                return web.Response(status=answer.status, headers=fields, body=await answer.read())

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", forward_whole if whole else forward)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        sys.stdout.write("serving\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], whole="whole" in sys.argv))
