"""The real scripts against the reference model: the same story told to both has the same end.

Nothing is waited for: a missed turn is a call with a claim window of nothing, silence is two sweeps with a grace of
nothing, and old claims are forgotten by a sweep that keeps them for less than nothing.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from gateway.core.cohort import Cohort
from gateway.core.room import NOWHERE, LaneView, Standing
from gateway.core.room_model import RoomModel
from gateway.store.connect import connect
from gateway.store.redis_room import RedisRooms
from gateway.store.room_options import RoomOptions
from tests.conftest import running_store

ROOM, LANES = "booking", ("urgent", "regular")
PERSONS = [bytes([0, 0, person]) * 4 for person in range(3)]
LONG = 1e6
PATIENT = RoomOptions(lanes=LANES, max_waiting=10, grace=LONG, claim_window=LONG, keep_claims=LONG)
STRICT = replace(PATIENT, claim_window=0.0)
SILENT = replace(PATIENT, grace=0.0)
FORGETFUL = replace(PATIENT, keep_claims=-1.0)
GRACE = 1.0
"""Of the model, far below LONG: its silence must not end any call."""


class StoreMachine(RuleBasedStateMachine):
    """Tells every event to the scripts and to the model, and compares what they say."""

    tickets = Bundle("tickets")

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        super().__init__()
        self.run = runner.run
        client = connect(url)
        self.real, self.strict = RedisRooms(client, {ROOM: PATIENT}), RedisRooms(client, {ROOM: STRICT})
        self.run(client.flushdb())
        self.epoch = self.run(self.real.open(ROOM, None))
        self.run(self.real.view(ROOM, owner="me", lease=LONG, report=b""))
        self.opening = 0
        self.model = RoomModel(room=ROOM, epoch=self.epoch, lanes=LANES, max_waiting=10, grace=GRACE)
        self.now = 0.0

    def with_options(self, options: RoomOptions) -> RedisRooms:
        """The same room with other times, led by the same owner under the fence in force."""
        rooms = RedisRooms(self.real._client, {ROOM: options})
        self.run(rooms.view(ROOM, owner="me", lease=LONG, report=b""))
        return rooms

    def teardown(self) -> None:
        self.run(self.real.close())

    @rule(target=tickets, lane=st.sampled_from(LANES))
    def join(self, lane: str) -> object:
        joined = self.run(self.real.join(ROOM, lane, pool="primary"))
        expected = self.model.join(lane, self.now, "primary")
        assert (joined.standing, joined.number, joined.epoch) == (expected.standing, expected.number, self.epoch)
        return multiple() if joined.standing is Standing.FULL else (lane, joined.number, self.epoch)

    @rule(target=tickets, lane=st.sampled_from(LANES), person=st.sampled_from(PERSONS), used_up=st.booleans())
    def join_as_person(self, lane: str, person: bytes, used_up: bool) -> object:
        over = self.model.persons.get(person, NOWHERE) if used_up else NOWHERE
        joined = self.run(self.real.join(ROOM, lane, pool="primary", person=person, over=over))
        expected = self.model.join(lane, self.now, "primary", person, over)
        assert (joined.standing, joined.lane, joined.number) == (expected.standing, expected.lane, expected.number)
        return multiple() if joined.standing is Standing.FULL else (joined.lane, joined.number, self.epoch)

    @rule(place=tickets, pool=st.sampled_from(["primary", "backup"]))
    def claim(self, place: tuple[str, int, str], pool: str) -> None:
        claim = self.run(self.real.claim(ROOM, *place, pool=pool))
        expected = self.model.claim(*place, self.now, pool)
        assert (claim.standing, claim.pool, claim.let_in) == (expected.standing, expected.pool, expected.let_in)

    @rule(place=tickets)
    def leave(self, place: tuple[str, int, str]) -> None:
        left = self.run(self.real.leave(ROOM, *place))
        assert left is self.model.leave(*place)

    @rule(place=tickets)
    def look(self, place: tuple[str, int, str]) -> None:
        assert self.run(self.real.standing(ROOM, *place)) is self.model.standing(*place)

    @rule(place=tickets)
    def poll(self, place: tuple[str, int, str]) -> None:
        if place[2] == self.epoch:  # the gate hands over only heartbeats of the epoch in force
            self.run(self.real.touch(ROOM, {place[0]: [place[1]]}))
            self.model.touch({place[0]: [place[1]]}, self.now)

    @rule(urgent=st.integers(0, 3), regular=st.integers(0, 3), credit=st.integers(0, 2), missed=st.booleans())
    def call(self, urgent: int, regular: int, credit: int, missed: bool) -> None:
        wanted = {"urgent": urgent, "regular": regular}
        rooms = self.strict if missed else self.real
        self.run(rooms.view(ROOM, owner="me", lease=LONG, report=b""))
        called = self.run(rooms.call(ROOM, wanted, owner="me", credit=credit))
        assert called == self.model.call(wanted, self.now, 0.0 if missed else LONG, credit)
        if missed:
            assert self.run(rooms.sweep(ROOM, owner="me")) == self.model.sweep(self.now, LONG)

    @rule(later=st.integers(0, 1), opened=st.booleans(), seed=st.binary(min_size=32, max_size=32))
    def hold_cohort(self, later: int, opened: bool, seed: bytes) -> None:
        """The leader begins or opens this or the next opening; only the first seed counts."""
        self.opening += later
        wanted = Cohort(opens_at=1000 + self.opening, seed=seed, opened=opened)
        self.run(self.real.view(ROOM, owner="me", lease=LONG, report=b""))
        change = self.run(self.real.hold_cohort(ROOM, wanted, owner="me"))
        assert change is self.model.hold_cohort(wanted)

    @rule()
    def a_stranger_changes_nothing(self) -> None:
        assert self.run(self.real.call(ROOM, {"regular": 9}, owner="other", credit=9)) is None
        assert self.run(self.real.sweep(ROOM, owner="other")) is None
        stranger = Cohort(opens_at=9, seed=bytes(32))
        assert self.run(self.real.hold_cohort(ROOM, stranger, owner="other")) is None
        assert self.run(self.real.claim(ROOM, "regular", 1, "old", pool="p")).standing is Standing.STALE
        assert self.run(self.real.leave(ROOM, "regular", 1, "old")) is False

    @rule()
    def everybody_falls_silent(self) -> None:
        rooms = self.with_options(SILENT)
        assert [self.run(rooms.sweep(ROOM, owner="me")) for _ in range(2)] == [0, 0]
        self.now += 2 * GRACE

    @rule()
    def old_claims_are_forgotten(self) -> None:
        assert self.run(self.with_options(FORGETFUL).sweep(ROOM, owner="me")) == 0
        assert self.model.sweep(self.now, -1.0) == 0

    @rule()
    def a_stopped_leader_goes_on(self) -> None:
        stopped, other = self.with_options(PATIENT), RedisRooms(self.real._client, {ROOM: PATIENT})
        self.run(self.real.view(ROOM, owner="me", lease=0.0, report=b""))
        assert self.run(other.view(ROOM, owner="other", lease=LONG, report=b"")).leader
        self.run(other.view(ROOM, owner="other", lease=0.0, report=b""))
        self.run(self.real.view(ROOM, owner="me", lease=LONG, report=b""))
        assert self.run(stopped.call(ROOM, {"regular": 9}, owner="me", credit=9)) is None
        assert self.run(stopped.sweep(ROOM, owner="me")) is None
        assert self.run(stopped.roll(ROOM, owner="me")) is None

    @rule()
    def who_is_present(self) -> None:
        self.run(self.real.count_present(ROOM))
        real, model = self.run(self.real.presence(ROOM)), self.model.presence(self.now)
        assert real == model

    @rule(after=st.integers(1, 12))
    def roll(self, after: int) -> None:
        rooms = self.with_options(replace(PATIENT, roll_after=after, quiet=-1.0))
        now = self.run(rooms.roll(ROOM, owner="me"))
        assert now is not None
        assert self.model.roll(self.now, roll_after=after, quiet=-1.0, epoch=now) == now
        self.epoch = now

    @invariant()
    def both_count_the_same(self) -> None:
        real = self.run(self.real.view(ROOM, owner="me", lease=LONG, report=b""))
        model = self.model.view(self.now)
        assert {name: _counts(lane) for name, lane in real.lanes.items()} == {
            name: _counts(lane) for name, lane in model.lanes.items()
        }
        assert (real.waiting, real.credit, real.leader) == (model.waiting, model.credit, True)
        assert real.cohort == model.cohort


def _counts(lane: LaneView) -> tuple[int, ...]:
    return (
        lane.issued,
        lane.serving,
        lane.left,
        lane.called,
        lane.returning,
        lane.calls,
        lane.claims,
        lane.no_shows,
        lane.leavers,
    )


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.mark.parametrize("engine", ["valkey", "redis"])
def test_the_scripts_do_what_the_model_does(
    engine: str, runner: asyncio.Runner, short_tmp: Path, request: pytest.FixtureRequest
) -> None:
    """Over random stories of joins, calls, claims, misses and silence, every answer and counter is the same."""
    binary = request.getfixturevalue("redis_binary") if engine == "redis" else None
    serving = running_store(short_tmp / f"machine-{engine}", binary)
    url = runner.run(serving.__aenter__())
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            lambda: StoreMachine(runner, url),
            settings=settings(
                max_examples=40,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        runner.run(serving.__aexit__(None, None, None))
