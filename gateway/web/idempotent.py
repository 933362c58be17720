"""Writes with an `Idempotency-Key`: carried out once, answered as often as they are repeated.

The record is looked up before anything else is asked, so that a repetition gets its answer even if the visit has ended
meanwhile or the room is full. Without the store a write goes through unprotected, with its key, and the backend's own
uniqueness is all there is (ADR 0010).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b

from aiohttp import web
from multidict import CIMultiDict

from gateway.core import idempotency
from gateway.core.classify import origin_form
from gateway.core.idempotency import Answer, KeyInvalid, Meaning
from gateway.errors import StoreUnavailable, UpstreamFailed
from gateway.expect import invite_body
from gateway.web.answers import problem
from gateway.web.site import Site
from gateway.wire.relayed import Response

FIELD = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
BODY_TIMEOUT = 30.0
_SKIPPED = frozenset({"x-request-id", "date", "content-length", "transfer-encoding", "connection", "keep-alive"})
Send = Callable[[bytes | None], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A request with a key: where its record lies, its fingerprint, and its body, which has been read."""

    place: str
    mark: str
    body: bytes


class Idempotent:
    """Guards writes by their keys."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def concerns(self, request: web.BaseRequest) -> bool:
        """Whether the request is a write with a key."""
        return request.method in idempotency.METHODS and FIELD in request.headers

    async def read(
        self, request: web.BaseRequest, visit: Callable[[], str], request_id: str
    ) -> Keyed | web.Response | None:
        """Return what the key protects, None when nothing is asked or can be protected, or the answer if there is one.

        `visit` tells the visit that the request proves to belong to, "" for none.
        """
        policy = self._site.settings.proxy.idempotency
        if request.method not in idempotency.METHODS or FIELD not in request.headers or not policy.enabled:
            return None
        try:
            key = idempotency.read_key(request.headers[FIELD])
        except KeyInvalid as error:
            self._count("invalid")
            return problem(400, "idempotency_key_invalid", f"{FIELD}: {error}.", reference=request_id)
        length = request.content_length if request.can_read_body else 0
        if length is None or length > policy.max_body:
            self._count("too_large")
            return None
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                await invite_body(request)
                body = await request.content.readexactly(length) if length else b""
        except (TimeoutError, asyncio.IncompleteReadError):
            return problem(408, "body_timeout", "The body did not come in time.", reference=request_id)
        mark = idempotency.fingerprint(
            request.method, origin_form(request.raw_path), request.headers.get("Content-Type", ""), body
        )
        keyed = Keyed(place=idempotency.place_of(self._sender(request, visit()), key), mark=mark, body=body)
        try:
            there = await self._site.answers.look(keyed.place)
        except StoreUnavailable:
            return keyed
        return self._answer(there, keyed, request_id) if there else keyed

    async def carry_out(self, keyed: Keyed, request_id: str, send: Send) -> Response:
        """Send the request unless somebody else does or has, and keep its answer."""
        policy = self._site.settings.proxy.idempotency
        mine = idempotency.under_way(keyed.mark, secrets.token_hex(8))
        longest = self._site.settings.proxy.read_timeout + self._site.settings.proxy.queue_timeout
        try:
            there = await self._site.answers.begin(keyed.place, mine, longest + policy.unknown)
        except StoreUnavailable:
            self._count("unprotected")
            return await send(keyed.body)
        if there:
            return self._answer(there, keyed, request_id)
        try:
            response = await send(keyed.body)
        except UpstreamFailed as failed:
            # What was not sent may be tried at once. Whether the rest was done nobody knows: it gets time to end.
            known = failed.kind in ("connect", "overloaded")
            await self._settle(keyed, mine, b"" if known else mine, policy.unknown)
            raise
        except BaseException:
            await self._settle(keyed, mine, mine, policy.unknown)
            raise
        await self._keep(keyed, mine, response, policy.keep)
        return response

    async def _keep(self, keyed: Keyed, mine: bytes, response: Response, life: float) -> None:
        body = response.body if isinstance(response, web.Response) else None
        if not isinstance(body, bytes) or len(body) > idempotency.MAX_ANSWER:
            self._count("not_kept")
            await self._settle(keyed, mine, b"", life)
        elif not idempotency.is_final(response.status):
            await self._settle(keyed, mine, b"", life)
        else:
            self._count("kept")
            answer = Answer(status=response.status, fields=_kept(response.headers), body=body)
            await self._settle(keyed, mine, idempotency.answered(keyed.mark, answer), life)

    async def _settle(self, keyed: Keyed, mine: bytes, record: bytes, life: float) -> None:
        try:
            await self._site.answers.settle(keyed.place, mine, record, life)
        except StoreUnavailable:
            self._count("unprotected")  # the record ends by itself

    def _answer(self, there: bytes, keyed: Keyed, request_id: str) -> web.Response:
        meaning, answer = idempotency.read_record(there, keyed.mark)
        self._count(meaning.value)
        if answer is not None:
            fields = CIMultiDict(answer.fields)
            fields[REPLAYED] = "true"
            return web.Response(status=answer.status, headers=fields, body=answer.body)
        if meaning is Meaning.OTHER:
            title = f"This {FIELD} was used for another request. Send a new key with a new request."
            return problem(422, "idempotency_key_reused", title, reference=request_id)
        title = "The same request is under way. Ask again for its answer."
        return problem(409, "idempotency_under_way", title, 1 + round(self._site.chance()), reference=request_id)

    def _sender(self, request: web.BaseRequest, visit: str) -> str:
        """Return who sends a request as far as it can be told: its visit, else its address and what it shows."""
        if visit:
            return f"visit {visit}"
        parts = (part.strip() for part in request.headers.get("Cookie", "").split(";"))
        cookies = sorted(part for part in parts if not part.startswith("talon_"))
        shown = "\n".join((request.headers.get("Authorization", ""), *cookies)).encode(errors="replace")
        return "shown " + blake2b(shown, key=self._site.origin(request)[:64], digest_size=16).hexdigest()

    def _count(self, result: str) -> None:
        self._site.metrics.idempotency.labels(result).inc()


def _kept(fields: "CIMultiDict[str]") -> list[tuple[str, str]]:
    """Return the fields that a repetition gets too: not those of one connection, nor the gateway's own cookies."""
    return [
        (name, value)
        for name, value in fields.items()
        if name.lower() not in _SKIPPED and not (name.lower() == "set-cookie" and value.startswith("talon_"))
    ]
