"""Visits go to the primaries while those have room; backups get a trickle, and the rest only when they are needed."""

from collections import Counter
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pool_choice import PoolChoice, PoolUse


def picked(pools: dict[str, PoolUse], count: int, *, short: bool = False) -> "Counter[str]":
    choice = PoolChoice()
    return Counter(choice.pick(pools, short=short) for _ in range(count))


def test_a_primary_with_room_takes_all_but_the_trickle() -> None:
    """Of a thousand visits the open backup gets its tenth, the first of them at once; a closed one none."""
    pools = {"primary": PoolUse(used=0.5), "backup": PoolUse(used=0.1, trickle=0.1)}
    assert picked(pools, 1000) == {"primary": 900, "backup": 100}
    assert picked(pools, 1) == {"backup": 1}
    assert picked({**pools, "backup": PoolUse(used=inf, trickle=0.0)}, 100) == {"primary": 100}


def test_people_who_wait_fill_the_primary_first_and_then_whoever_is_used_least() -> None:
    """Short or not, a primary below its window takes the visit; beyond it the backup with more room does."""
    backup = PoolUse(used=0.9, trickle=0.0)
    assert picked({"primary": PoolUse(used=0.95), "backup": backup}, 10, short=True) == {"primary": 10}
    assert picked({"primary": PoolUse(used=1.05), "backup": backup}, 10, short=True) == {"backup": 10}
    assert picked({"primary": PoolUse(used=1.05), "backup": backup}, 10) == {"primary": 10}


def test_without_a_primary_the_backup_takes_all() -> None:
    """Primaries that are down leave everything to the backup, however full it is."""
    assert picked({"primary": PoolUse(used=inf), "backup": PoolUse(used=1.7, trickle=0.1)}, 10) == {"backup": 10}


def test_the_trickle_begins_anew_with_the_next_opening() -> None:
    """What a backup got at its last opening does not count for this one."""
    choice, opened = PoolChoice(), PoolUse(used=0.1, trickle=0.5)
    primary = PoolUse(used=0.5)
    for _ in range(10):
        choice.pick({"primary": primary, "backup": opened}, short=False)
    choice.pick({"primary": primary, "backup": PoolUse(used=inf, trickle=0.0)}, short=False)
    assert choice.pick({"primary": primary, "backup": opened}, short=False) == "backup"


uses = st.one_of(st.floats(0, 3), st.just(inf))


@given(st.lists(st.tuples(uses, uses, st.floats(0, 1)), max_size=200))
def test_a_backup_never_gets_more_than_its_largest_trickle_while_nobody_is_short(
    story: list[tuple[float, float, float]],
) -> None:
    """However uses change, while the primary is there: at most the trickle of all visits, and one more."""
    choice, sent, seen, most = PoolChoice(), 0, 0, 0.0
    for primary, backup, trickle in story:
        if primary == inf:
            continue
        name = choice.pick(
            {"primary": PoolUse(used=primary), "backup": PoolUse(used=backup, trickle=trickle)}, short=False
        )
        sent, seen, most = (0, 0, 0.0) if backup == inf else (sent + (name == "backup"), seen + 1, max(most, trickle))
        assert sent <= most * seen + 1
