"""One answer for many: equal requests of cacheable classes become one at the backend, and its answer serves for
seconds.

It stands behind the room: who gets a shared answer has been let in. The request that is sent for all carries no
cookie and no authorization, so that what comes back is what a stranger would see; the gateway's own cookies are
added for each visitor afterwards. What cannot be shared, or turns out too large, goes its own way.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import web
from multidict import CIMultiDict

from gateway.core.classify import RequestClass, origin_form
from gateway.core.response_cache import CachePolicy, Copy, ResponseCache, may_keep, may_share
from gateway.errors import UpstreamFailed
from gateway.ports import Prepare
from gateway.web.cookies import add_cookies
from gateway.web.moments import VISIT_HEADER
from gateway.web.site import Site
from gateway.wire.relayed import Relayed, Response

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_SKIPPED = frozenset({"age", "cache-status", "x-request-id", "content-length", "transfer-encoding", "connection"})


class Fetch(Protocol):
    """Asks the backend; `prepare` sees the fields of its answer."""

    def __call__(self, *, prepare: Prepare) -> Awaitable[Response]:
        """Return the answer."""
        ...


class SharedAnswers:
    """Owns the copies and the requests under way of one gateway."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._cache = ResponseCache(site.settings.proxy.cache_size)
        self._under_way: dict[str, asyncio.Future[Copy | None]] = {}

    def policy(self, request: web.BaseRequest, kind: RequestClass) -> CachePolicy | None:
        """Return how the request may be shared, None when it may not be."""
        if kind.cache is None or request.method != "GET":
            return None
        names = {name.lower(): value for name, value in request.headers.items()}
        return kind.cache if may_share(names) else None

    async def answer(
        self, request: web.BaseRequest, kind: RequestClass, policy: CachePolicy, prepare: Prepare, fetch: Fetch
    ) -> Response:
        """Answer from a copy, from the request of somebody else, or by `fetch`, whose answer is kept."""
        key, now = _key(request, kind, policy), self._site.clock()
        copy = self._cache.get(key, now, policy)
        if copy is not None:
            return self._serve(request, copy, prepare, "hit", "hit")
        waiting = self._under_way.get(key)
        if waiting is not None:
            copy = await asyncio.shield(waiting)
            if copy is not None:
                return self._serve(request, copy, prepare, "fwd=miss; collapsed", "collapsed")
            return await fetch(prepare=prepare)
        told = self._under_way[key] = asyncio.get_running_loop().create_future()
        copy = None
        try:
            response = await fetch(prepare=partial(_for_all, prepare))
            copy = self._copy(request, kind, response)
            if response.status >= 500 and (stale := self._stale(key, policy)) is not None:
                copy = stale
                return self._serve(request, stale, prepare, "hit; detail=stale-if-error", "stale")
            if copy is None or not may_keep(copy.status, copy.fields, policy):
                copy = None
                return self._own(response, prepare)
            self._cache.put(key, copy)
            return self._serve(request, copy, prepare, "fwd=miss; stored", "miss")
        except UpstreamFailed as failed:
            copy = self._stale(key, policy)
            if copy is None:
                # Those who wait for it get the same failure: asking again would be the storm that this is against.
                told.set_exception(failed)
                told.exception()
                raise
            return self._serve(request, copy, prepare, "hit; detail=stale-if-error", "stale")
        finally:
            del self._under_way[key]
            if not told.done():
                told.set_result(copy)

    def purge(self, kind: RequestClass, request: web.BaseRequest, response: Response) -> None:
        """End the copies that a write has made wrong: those that its class names, its target and where it points to."""
        if request.method in SAFE or response.status >= 400:
            return
        named = (response.headers.get(name, "") for name in ("Location", "Content-Location"))
        targets = [origin_form(request.raw_path), *(urlsplit(place).path for place in named if place)]
        gone = self._cache.purge(kind.purges, targets)
        if gone:
            self._site.metrics.cache_purged.inc(gone)

    def _stale(self, key: str, policy: CachePolicy) -> Copy | None:
        return self._cache.get(key, self._site.clock(), policy, stale=True)

    def _copy(self, request: web.BaseRequest, kind: RequestClass, response: Response) -> Copy | None:
        body = response.body if isinstance(response, web.Response) else None
        if not isinstance(body, bytes):
            return None
        fields = tuple((name, value) for name, value in response.headers.items() if name.lower() not in _SKIPPED)
        return Copy(
            status=response.status,
            fields=fields,
            body=body,
            at=self._site.clock(),
            kind=kind.name,
            target=origin_form(request.raw_path),
        )

    def _own(self, response: Response, prepare: Prepare) -> Response:
        self._site.metrics.cache.labels("own").inc()
        if not isinstance(response, Relayed):
            add_cookies(response.headers, prepare(()))
        return response

    def _serve(self, request: web.BaseRequest, copy: Copy, prepare: Prepare, status: str, result: str) -> Response:
        self._site.metrics.cache.labels(result).inc()
        fields = CIMultiDict(copy.fields)
        fields["Age"] = str(int(max(0.0, self._site.clock() - copy.at)))
        fields["Cache-Status"] = f"talon; {status}"
        add_cookies(fields, prepare(()))
        etag, asked = fields.get("ETag", ""), request.headers.get("If-None-Match", "")
        if etag and copy.status == 200 and etag.removeprefix("W/") in {_bare(one) for one in asked.split(",")}:
            return web.Response(status=304, headers=fields)
        return web.Response(status=copy.status, headers=fields, body=copy.body)


def _for_all(prepare: Prepare, said: Sequence[tuple[str, str]]) -> Sequence[str]:
    """Hear what a node says in an answer for all; it ends nobody's visit and carries nobody's cookies."""
    prepare([field for field in said if field[0] != VISIT_HEADER])
    return ()


def _bare(etag: str) -> str:
    return etag.strip().removeprefix("W/")


def _key(request: web.BaseRequest, kind: RequestClass, policy: CachePolicy) -> str:
    said: Mapping[str, str] = request.headers
    varied = (",".join(request.headers.getall(name, ())) for name in policy.vary)
    return "\n".join((kind.name, said.get("Host", ""), origin_form(request.raw_path), *varied))
