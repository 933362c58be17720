"""Records of idempotency keys behave alike in memory, on the bundled Valkey and on a Redis."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.ports import AnswerStore
from gateway.store.answers import MemoryAnswers, RedisAnswers
from gateway.store.connect import close_client, connect
from tests.conftest import running_store

_folders = itertools.count()


@pytest.fixture(params=["memory", "valkey", "redis"])
async def answers(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[AnswerStore]:
    if request.param == "memory":
        yield MemoryAnswers(asyncio.get_running_loop().time)
        return
    binary = request.getfixturevalue("redis_binary") if request.param == "redis" else None
    async with running_store(short_tmp / f"answers{next(_folders)}", binary) as url:
        client = connect(url)
        yield RedisAnswers(client)
        await close_client(client)


async def test_the_first_to_begin_carries_it_out(answers: AnswerStore) -> None:
    """Of many who begin at once one does; all others see its record."""
    found = await asyncio.gather(*(answers.begin("p", b"owner %d" % number, 60.0) for number in range(20)))
    assert found.count(b"") == 1
    winner = b"owner %d" % found.index(b"")
    assert set(found) == {b"", winner}
    assert await answers.look("p") == winner
    assert await answers.look("q") == b""


async def test_only_the_owner_settles(answers: AnswerStore) -> None:
    """Whoever comes late with another record changes nothing, be it to answer or to delete."""
    await answers.begin("p", b"mine", 60.0)
    assert not await answers.settle("p", b"another's", b"answer", 60.0)
    assert not await answers.settle("p", b"another's", b"", 60.0)
    assert await answers.settle("p", b"mine", b"answer", 60.0)
    assert await answers.look("p") == b"answer"
    assert not await answers.settle("p", b"mine", b"", 60.0)
    assert await answers.settle("p", b"answer", b"", 60.0)
    assert await answers.begin("p", b"next", 60.0) == b""


async def test_a_record_ends_by_itself(answers: AnswerStore) -> None:
    """A gateway that dies leaves nothing that lasts."""
    await answers.begin("p", b"mine", 0.05)
    ends = asyncio.get_running_loop().time() + 5.0
    while await answers.look("p"):
        assert asyncio.get_running_loop().time() < ends
    assert await answers.begin("p", b"next", 60.0) == b""
