"""A request that is sent for many tells the backend nothing about the one who asked first."""

from aiohttp import web

from gateway.core.connection_policy import ConnectionPolicy
from gateway.proxy.forward import Forwarder
from gateway.proxy.upstream import PERSONAL, Upstream
from gateway.telemetry.metrics import Metrics
from gateway.wire.server import VisitorServer
from tests.gateway.proxy.conftest import QUICK, forwarding, listening


async def test_a_shared_request_is_a_strangers() -> None:
    """Cookies, authorization and conditions stay behind; language and the rest go along; the answer comes whole."""
    seen: list[set[str]] = []

    async def backend(request: web.BaseRequest) -> web.StreamResponse:
        seen.append({name.lower() for name in request.headers})
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"for ")
        await response.write(b"all")
        return response

    async with (
        listening(web.Server(backend, auto_decompress=False)) as (host, port),
        forwarding((f"http://{host}:{port}",), QUICK) as ends,
    ):
        forwarder = Forwarder({"primary": ends.pool}, Upstream(QUICK), Metrics(), ends.pool.clock)
        await forwarder.upstream.start()

        async def front(request: web.BaseRequest) -> web.StreamResponse:
            answer = await forwarder.send(
                request, "primary", request_id="r", prepare=lambda said: (), most=0, shared=True
            )
            assert isinstance(answer, web.Response)
            assert answer.body == b"for all"
            return answer

        async with listening(VisitorServer(front, ConnectionPolicy())) as (ends.host, ends.port):
            fields = [f"{name.decode()}: x" for name in PERSONAL]
            head, body = await ends.get("/doctors", "GET", *fields, "Accept-Language: ru")
        await forwarder.upstream.close()
    assert (b" 200 " in head, body) == (True, b"for all")
    assert seen[0] & {name.decode() for name in PERSONAL} == set()
    assert "accept-language" in seen[0]
