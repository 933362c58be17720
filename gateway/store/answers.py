"""Records of idempotency keys, in Redis or Valkey and in memory: the port AnswerStore."""

from collections.abc import Callable
from importlib.resources import files
from typing import cast

from gateway.errors import StoreUnavailable
from gateway.store.connect import FAILURES, Client
from gateway.store.keys import answer_key

MAX_RECORDS = 10_000
"""Records that memory keeps; the oldest go first."""


class RedisAnswers:
    """Each record is one key that ends by itself; a change is one command or one script."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._settle = client.register_script((files("gateway.store") / "lua" / "answer.lua").read_text())

    async def look(self, place: str) -> bytes:
        """Return the record, b"" for none."""
        try:
            return cast(bytes, await self._client.get(answer_key(place)) or b"")
        except FAILURES as error:
            raise StoreUnavailable(f"look: {error}") from error

    async def begin(self, place: str, record: bytes, life: float) -> bytes:
        """Store the record for `life` seconds if there is none, and return b""; else return the one that is there."""
        try:
            there = await self._client.set(answer_key(place), record, nx=True, get=True, px=round(life * 1000))
            return cast(bytes, there or b"")
        except FAILURES as error:
            raise StoreUnavailable(f"begin: {error}") from error

    async def settle(self, place: str, mine: bytes, record: bytes, life: float) -> bool:
        """Put `record` in the place of `mine` for `life` seconds, b"" to delete it; False if that is not there."""
        try:
            done = await self._settle(keys=[answer_key(place)], args=[mine, record, max(1, round(life * 1000))])
        except FAILURES as error:
            raise StoreUnavailable(f"settle: {error}") from error
        return bool(done)


class MemoryAnswers:
    """The reference: the same promises within one process; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._records: dict[str, tuple[bytes, float]] = {}

    async def look(self, place: str) -> bytes:
        """Return the record, b"" for none."""
        record, until = self._records.get(place, (b"", 0.0))
        return record if self._clock() < until else b""

    async def begin(self, place: str, record: bytes, life: float) -> bytes:
        """Store the record for `life` seconds if there is none, and return b""; else return the one that is there."""
        there = await self.look(place)
        if not there:
            self._put(place, record, life)
        return there

    async def settle(self, place: str, mine: bytes, record: bytes, life: float) -> bool:
        """Put `record` in the place of `mine` for `life` seconds, b"" to delete it; False if that is not there."""
        if await self.look(place) != mine:
            return False
        if record:
            self._put(place, record, life)
        else:
            del self._records[place]
        return True

    def _put(self, place: str, record: bytes, life: float) -> None:
        self._records.pop(place, None)
        self._records[place] = record, self._clock() + life
        if len(self._records) > MAX_RECORDS:
            del self._records[next(iter(self._records))]
