"""The room as a state machine: whatever visitors, callers and time do, places keep their meaning."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule

from gateway.core.room import SCAN_LIMIT, Claim, Joined, LaneView, RoomView, Standing
from gateway.core.room_model import RoomModel

LANES = ("urgent", "regular")
MAX_WAITING, GRACE, WINDOW, KEEP = 12, 20.0, 15.0, 60.0
Place = tuple[str, int]


class RoomMachine(RuleBasedStateMachine):
    """Plays joins, calls, claims, silence and leaving; keeps its own simple books beside the room's."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.room = RoomModel(room="booking", epoch="e1", lanes=LANES, max_waiting=MAX_WAITING, grace=GRACE)
        self.now = 0.0
        self.heard: dict[Place, float] = {}
        self.claimed: dict[Place, Claim] = {}
        self.left: set[Place] = set()
        self.misses: dict[Place, int] = {}

    @rule(target=tickets, lane=st.sampled_from(LANES))
    def join(self, lane: str) -> object:
        before, credit = self.room.view(self.now), self.room.credit
        joined = self.room.join(lane, self.now, "primary")
        if before.waiting >= MAX_WAITING:
            assert joined.standing is Standing.FULL
            assert self.room.view(self.now) == before
            return multiple()
        place = (lane, joined.number)
        assert joined.number == before.lanes[lane].issued + 1
        assert (joined.standing is Standing.CLAIMED) == (before.waiting == 0 and credit > 0)
        self.heard[place] = self.now
        if joined.standing is Standing.CLAIMED:
            assert self.room.credit == credit - 1
            self.claimed[place] = Claim(standing=Standing.CLAIMED, claimed_at=self.now, pool="primary")
        return place

    @rule(place=tickets, pool=st.sampled_from(["primary", "backup"]), epoch=st.sampled_from(["e1", "e1", "e0"]))
    def claim(self, place: Place, pool: str, epoch: str) -> None:
        called = place[1] in self.room.lanes[place[0]].called
        claim = self.room.claim(*place, epoch, self.now, pool)
        if epoch != "e1":
            assert claim.standing is Standing.STALE
            return
        if claim.standing is Standing.CLAIMED:
            assert called or self.claimed[place] == claim
            self.claimed.setdefault(place, claim)
        else:
            assert not called
            ended = place in self.left or place in self.claimed or self.misses.get(place, 0) >= 2
            assert (claim.standing is Standing.GONE) == ended
        if claim.standing is not Standing.GONE:
            self.heard[place] = self.now

    @rule(place=tickets)
    def poll(self, place: Place) -> None:
        self.room.touch({place[0]: [place[1]]}, self.now)
        self.heard[place] = self.now

    @rule(place=tickets)
    def leave(self, place: Place) -> None:
        had_one = place not in self.left and place not in self.claimed and self.misses.get(place, 0) < 2
        assert self.room.leave(*place, "e1") is had_one
        assert self.room.leave(*place, "e1") is False
        if had_one:
            self.left.add(place)

    @rule(urgent=st.integers(0, 4), regular=st.integers(0, 4), credit=st.integers(0, 2))
    def call(self, urgent: int, regular: int, credit: int) -> None:
        wanted = {"urgent": urgent, "regular": regular}
        before = {name: (set(lane.called), lane.serving) for name, lane in self.room.lanes.items()}
        counts = self.room.call(wanted, self.now, WINDOW, credit)
        for name, (called, serving) in before.items():
            lane = self.room.lanes[name]
            new = set(lane.called) - called
            assert len(new) == counts[name] <= wanted[name]
            passed = set(range(serving + 1, lane.serving + 1)) - new
            # Passed over are only the silent and those who have left; nobody present behind is called before.
            for number in passed:
                place = (name, number)
                assert place in self.left or self.heard[place] <= self.now - GRACE
            if len(new) < wanted[name]:
                assert lane.serving == lane.issued
                assert not lane.returning

    @rule(seconds=st.sampled_from([0.5, 5.0, WINDOW, GRACE]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(lane=st.sampled_from(LANES), count=st.integers(1, 3))
    def a_turn_is_missed(self, lane: str, count: int) -> None:
        self.call(urgent=count if lane == "urgent" else 0, regular=count if lane == "regular" else 0, credit=0)
        self.now += WINDOW
        self.sweep()

    @precondition(lambda self: any(self.misses.values()))
    @rule(data=st.data())
    def who_missed_a_turn_comes_back(self, data: st.DataObject) -> None:
        self.claim(place=data.draw(st.sampled_from(sorted(self.misses))), pool="backup", epoch="e1")

    @precondition(lambda self: any(lane.called or lane.claimed for lane in self.room.lanes.values()))
    @rule()
    def sweep(self) -> None:
        overdue = [
            (name, n) for name, lane in self.room.lanes.items() for n, until in lane.called.items() if until <= self.now
        ]
        assert self.room.sweep(self.now, KEEP) == len(overdue)
        for place in overdue:
            self.misses[place] = self.misses.get(place, 0) + 1

    @invariant()
    def serving_never_passes_issued(self) -> None:
        assert all(lane.serving <= lane.issued for lane in self.room.lanes.values())

    @invariant()
    def every_ticket_is_in_exactly_one_place(self) -> None:
        for lane in self.room.lanes.values():
            places = [set(lane.called), set(lane.claimed), lane.returning, lane.gone]
            assert sum(len(place) for place in places) == len(set().union(*places))
            assert not any(number > lane.serving for place in places[:3] for number in place)

    @invariant()
    def a_ticket_is_claimed_at_most_once(self) -> None:
        for name, view in self.room.view(self.now).lanes.items():
            assert view.claims == sum(1 for place in self.claimed if place[0] == name)
            assert view.leavers == sum(1 for place in self.left if place[0] == name)
            assert view.no_shows == sum(count for place, count in self.misses.items() if place[0] == name)

    @invariant()
    def every_call_is_open_or_has_ended_once(self) -> None:
        for view in self.room.view(self.now).lanes.values():
            ended_by_leaving = view.calls - view.claims - view.no_shows - view.called
            assert 0 <= ended_by_leaving <= view.leavers

    @invariant()
    def nobody_returns_more_than_once_after_a_miss(self) -> None:
        assert all(count <= 2 for count in self.misses.values())

    @invariant()
    def waiting_is_counted_without_those_who_left(self) -> None:
        for name, lane in self.room.lanes.items():
            behind = [n for n in range(lane.serving + 1, lane.issued + 1) if (name, n) not in self.left]
            assert self.room.view(self.now).lanes[name].waiting == len(behind) + len(lane.returning)


TestRoom = RoomMachine.TestCase
TestRoom.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


def model(**changes: object) -> RoomModel:
    values = {"room": "booking", "epoch": "e1", "lanes": LANES, "max_waiting": 10_000, "grace": GRACE, **changes}
    return RoomModel(**values)  # type: ignore[arg-type]


def test_a_scan_over_the_silent_is_bounded() -> None:
    """One call looks at a bounded number of silent places and goes on in the next one."""
    room = model()
    for _ in range(SCAN_LIMIT + 5):
        room.join("regular", 0.0, "p")
    last = SCAN_LIMIT + 5
    room.touch({"regular": [last]}, 100.0)
    assert room.call({"regular": 1}, 100.0, WINDOW, 0)["regular"] == 0
    assert room.lanes["regular"].serving == SCAN_LIMIT
    assert room.call({"regular": 1}, 100.0, WINDOW, 0)["regular"] == 1
    assert room.claim("regular", last, "e1", 100.0, "p").standing is Standing.CLAIMED


def test_returners_are_called_before_the_rest_of_their_lane() -> None:
    """Who missed a turn and is back goes first, by number."""
    room = model()
    for _ in range(4):
        room.join("regular", 0.0, "p")
    room.call({"regular": 2}, 0.0, WINDOW, 0)
    room.sweep(WINDOW, KEEP)
    for number in (2, 1):
        assert room.claim("regular", number, "e1", WINDOW, "p").standing is Standing.RETURNING
    room.touch({"regular": [3, 4]}, WINDOW)
    room.call({"regular": 3}, WINDOW, WINDOW, 0)
    assert list(room.lanes["regular"].called) == [1, 2, 3]


def test_a_ticket_beyond_the_counter_moves_it() -> None:
    """A signed ticket that the store does not know shows that it lost moments; no number is handed out twice."""
    room = model()
    assert room.claim("regular", 7, "e1", 0.0, "p").standing is Standing.WAITING
    joined = room.join("regular", 1.0, "p")
    assert joined == Joined(standing=Standing.WAITING, lane="regular", number=8, epoch="e1", now=1.0)


@given(st.lists(st.builds(LaneView, issued=st.integers(0, 50), serving=st.integers(0, 50), left=st.integers(0, 50))))
def test_a_view_never_counts_fewer_than_nobody(lanes: list[LaneView]) -> None:
    """Counters that were lost or restored give at least zero waiting."""
    view = RoomView(room="r", epoch="e", now=0.0, leader=True, lanes={str(n): lane for n, lane in enumerate(lanes)})
    assert view.waiting == sum(lane.waiting for lane in lanes) >= 0
