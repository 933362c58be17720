"""A node's health follows its checks, but not the first odd one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.health import Health, HealthPolicy


def test_a_node_starts_up_and_falls_after_several_bad_checks() -> None:
    """One bad check is no outage; `fall` in a row are, and `rise` good ones end it."""
    health = Health(HealthPolicy(rise=2, fall=3))
    assert [health.note(good) for good in (False, False, True, False, False, False)] == [True] * 5 + [False]
    assert [health.note(good) for good in (True, False, True, True)] == [False, False, False, True]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 4), st.integers(1, 4))
def test_the_state_is_that_of_the_last_run_long_enough(checks: list[bool], rise: int, fall: int) -> None:
    """The node is up unless the last run of `rise` good or `fall` bad checks was a bad one."""
    health = Health(HealthPolicy(rise=rise, fall=fall))
    expected, run, last = True, 0, True
    for good in checks:
        run = run + 1 if good == last else 1
        last = good
        if good != expected and run >= (rise if good else fall):
            expected = good
        assert health.note(good) is expected


@pytest.mark.parametrize(
    ("values", "said"),
    [({"path": "x"}, "path"), ({"interval": 0.0}, "interval"), ({"timeout": -1.0}, "timeout"), ({"rise": 0}, "rise")],
)
def test_impossible_policies_are_refused(values: dict[str, object], said: str) -> None:
    """A health policy that cannot work is refused by the name of its field."""
    with pytest.raises(ValueError, match=said):
        HealthPolicy(**values)  # type: ignore[arg-type]
