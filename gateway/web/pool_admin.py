"""`POST /api/pools/NAME`: take a node out of choice or put it back, at all gateways of the store."""

from collections.abc import Mapping, Sequence

import orjson
from aiohttp import web

from gateway.core.control import MAX_TTL, ControlInvalid
from gateway.core.node_change import NodeChange
from gateway.core.units import parse_duration
from gateway.errors import StoreUnavailable
from gateway.ports import Measured
from gateway.web.answers import problem
from gateway.web.audit import Audit
from gateway.web.site import Site


class PoolAdmin:
    """Changes nodes; what it stores every gateway follows within a second or two."""

    def __init__(self, site: Site, pools: Mapping[str, Measured], audit: Audit) -> None:
        self._site = site
        self._pools = pools
        self._audit = audit

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Answer one command."""
        name = request.match_info["name"]
        pool = self._pools.get(name)
        if pool is None:
            return problem(404, "no_such_pool", f"There is no pool {name!r}.")
        try:
            change = read_change(await request.read(), name, pool.urls(), self._site.wall())
        except ControlInvalid as error:
            return problem(422, "invalid", str(error))
        try:
            await self._site.store.change_node(change.place, change.to_bytes())
        except StoreUnavailable as error:
            return problem(503, "store_down", f"The change was not stored: {error}", 3)
        pool.drain(change.node, change.action == "drain")
        stored = orjson.loads(change.to_bytes())
        self._audit.note("node_changed", **stored)
        return web.json_response({"change": stored}, headers={"Cache-Control": "no-store"})


def read_change(raw: bytes, pool: str, nodes: Sequence[str], now: float) -> NodeChange:
    """Read `{"action", "node", "author", "reason", "ttl"}` about one of `nodes`.

    Raises ControlInvalid that says what was expected.
    """
    try:
        body = orjson.loads(raw)
        ttl = parse_duration(body["ttl"]) if "ttl" in body else 0.0
        change = NodeChange(
            pool=pool,
            node=str(body.get("node", "")),
            action=body.get("action", ""),
            author=str(body.get("author", "")),
            reason=str(body.get("reason", "")),
            until=now + ttl if ttl else 0.0,
        )
    except ControlInvalid:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise ControlInvalid(
            f"expected JSON with action, node, author, reason and, to end by itself, ttl: {error}"
        ) from error
    if change.node not in nodes:
        raise ControlInvalid(f"node: expected one of {', '.join(nodes)}; got {change.node!r}")
    if ttl > MAX_TTL:
        raise ControlInvalid("ttl: expected at most 1d")
    return change
