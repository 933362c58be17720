"""The access log tells what people wanted: `talon forecast ingest` counts each of them once."""

import io
from collections.abc import Callable
from typing import Any

import aiohttp

from forecasting.sources.cleaning import Reason, Rules
from forecasting.sources.ingest import Ingested
from forecasting.sources.parsers import LineParser
from forecasting.sources.run import HowToRead, ingest
from tests.gateway.web.conftest import Portal

Come = Callable[[Portal], aiohttp.ClientSession]
Start = Callable[..., Any]


def counted(portal: Portal) -> Ingested:
    """Return what an ingest of the portal's log counts; its clock of 1970 is one that was never set, so it is moved."""
    portal.site.access_log.flush()
    log = portal.folder / "access.log"
    log.write_bytes(log.read_bytes().replace(b'"ts":"1970-', b'"ts":"2026-'))
    how = HowToRead(rules=Rules(), salt=b"salt", parser=LineParser())
    return ingest([str(log)], io.BytesIO(), width=300.0, how=how)


async def ask(visitor: aiohttp.ClientSession, agent: str, path: str = "/booking") -> int:
    async with visitor.get(path, headers={"User-Agent": agent}) as answer:
        return answer.status


async def test_who_waits_and_polls_and_goes_in_is_one_arrival(portal: Portal, visitor: Come) -> None:
    """Two people, one of whom waits: two arrivals, whatever they ask for after that."""
    first, second = visitor(portal), visitor(portal)
    assert await ask(first, "one") == 200
    await portal.close()
    for _ in range(3):
        assert await ask(second, "two") == 503
    await portal.open()
    assert await ask(second, "two") == 200
    assert await ask(first, "one", "/booking/slots") == 200
    found = counted(portal)
    assert found.quality.kept == 2
    assert list(found.groups) == [("booking", "visit", "")]


async def test_who_is_turned_away_counts_once_and_is_the_same_when_let_in(start: Start, visitor: Come) -> None:
    """A full room refuses the second and third person; the second comes in at last. Three people, three arrivals."""
    portal = await start(max_waiting=1)
    await portal.close()
    assert await ask(visitor(portal), "one") == 503
    for agent in ("two", "three"):
        for _ in range(3):
            assert await ask(visitor(portal), agent) == 503
            portal.now += 20
    await portal.open()
    assert await ask(visitor(portal), "two") == 200
    assert [line["reason"] for line in portal.log_lines()].count("full") == 6
    found = counted(portal)
    assert found.quality.kept == 3
    assert found.quality.dropped == {Reason.SAME_VISIT: 5}


async def test_what_is_only_observed_counts_a_person_once(start: Start, visitor: Come) -> None:
    """In observe mode nobody gets a place or a pass; a person who asks for five pages is one arrival."""
    portal = await start(mode="observe")
    for number in range(5):
        assert await ask(visitor(portal), "one", f"/booking/{number}") == 200
    assert await ask(visitor(portal), "two") == 200
    assert counted(portal).quality.kept == 2


async def test_the_name_of_a_person_is_another_one_each_day(portal: Portal, visitor: Come) -> None:
    """Nobody can be followed from day to day by what the log says, and no address stands in it."""
    await ask(visitor(portal), "one")
    portal.now += 86400
    await ask(visitor(portal), "one")
    names = [line["person"] for line in portal.log_lines()]
    assert len(set(names)) == 2
    assert all(len(name) == 12 for name in names)
    assert "127.0.0.1" not in str(portal.log_lines())
