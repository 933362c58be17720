"""Visits go to the primaries while those have room; backups get a trickle, and the rest only when they are needed."""

from collections import Counter
from dataclasses import replace
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


AMUR = PoolUse(used=0.5, regions=("amur", "sakha"))


def test_a_region_has_its_pool_first_then_the_one_for_everybody() -> None:
    """Beyond its window the visits of the region go where everybody goes, not into a queue."""
    pools = {"amur": AMUR, "main": PoolUse(used=0.9)}
    assert PoolChoice().pick(pools, short=False, region="sakha") == "amur"
    assert PoolChoice().pick({**pools, "amur": replace(AMUR, used=1.1)}, short=False, region="sakha") == "main"
    assert PoolChoice().pick({**pools, "amur": replace(AMUR, used=inf)}, short=False, region="sakha") == "main"


def test_others_come_into_a_regions_pool_only_when_nobody_else_has_room() -> None:
    """Visits were called for its room too; without it they would fill the others beyond their windows."""
    pools = {"amur": AMUR, "main": PoolUse(used=0.99)}
    for region in ("", "tomsk"):
        assert PoolChoice().pick(pools, short=False, region=region) == "main"
        assert PoolChoice().pick({**pools, "main": PoolUse(used=1.1)}, short=True, region=region) == "amur"


def test_a_backup_of_a_region_helps_out_and_does_no_more() -> None:
    """It gets its trickle of the region's visits, nothing of others', and what the primary cannot take."""
    backup = PoolUse(used=0.1, trickle=0.1, regions=("amur",))
    choice, pools = PoolChoice(), {"main": PoolUse(used=0.5), "amur": backup}
    assert Counter(choice.pick(pools, short=False, region="amur") for _ in range(100)) == {"main": 90, "amur": 10}
    assert picked(pools, 100) == {"main": 100}
    full = {**pools, "main": PoolUse(used=1.2)}
    assert choice.pick(full, short=True, region="amur") == "amur"


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.builds(PoolUse, used=st.floats(0, 2), regions=st.sampled_from([(), ("amur",), ("tomsk",)])),
        min_size=1,
    ),
    st.sampled_from(["", "amur", "tomsk", "sakha"]),
)
def test_nobody_is_sent_beyond_a_window_while_another_pool_has_room(pools: dict[str, PoolUse], region: str) -> None:
    """Whatever regions they are for: the sum of the windows is what visits were called by."""
    chosen = PoolChoice().pick(pools, short=True, region=region)
    assert pools[chosen].used < 1 or all(pool.used >= 1 for pool in pools.values())
