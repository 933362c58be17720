"""Retries stay within their budget and where they do no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.retry_budget import FIRST, RESERVE, Failed, RetryBudget, RetryPolicy


def filled(**rules: float) -> RetryBudget:
    return RetryBudget(RetryPolicy(**rules), saved=RESERVE)  # type: ignore[arg-type]


@given(st.lists(st.booleans(), max_size=400), st.floats(0, 1))
def test_retries_never_exceed_their_share(story: list[bool], share: float) -> None:
    """However many attempts fail, the retries are at most the share of the requests and those at the start."""
    budget, retries = RetryBudget(RetryPolicy(share=share)), 0
    for number, fails in enumerate(story, 1):
        budget.note_request()
        if fails and budget.spend(Failed.NO_ANSWER, "GET", attempt=1, keyed=False):
            retries += 1
        assert retries <= FIRST + share * number + 1e-6


@pytest.mark.parametrize(
    ("how", "method", "keyed", "again"),
    [
        (Failed.NOT_SENT, "POST", False, True),
        (Failed.NO_ANSWER, "GET", False, True),
        (Failed.NO_ANSWER, "HEAD", False, True),
        (Failed.NO_ANSWER, "POST", False, False),
        (Failed.NO_ANSWER, "PUT", False, False),
        (Failed.NO_ANSWER, "DELETE", False, False),
        (Failed.NO_ANSWER, "POST", True, True),
        (Failed.TIMEOUT, "GET", False, False),
        (Failed.TIMEOUT, "POST", True, False),
    ],
)
def test_only_what_does_no_harm_is_repeated(how: Failed, method: str, keyed: bool, again: bool) -> None:
    """What was not sent, safe methods, writes with a key; never a timeout, never a bare write that was sent."""
    assert filled(keyed=True).spend(how, method, attempt=1, keyed=keyed) is again
    if keyed:
        assert not filled().spend(how, method, attempt=1, keyed=keyed), "only if the nodes honour keys"


def test_attempts_of_one_request_are_bounded() -> None:
    """With two attempts the second failure is the last."""
    budget = filled(attempts=2)
    assert budget.spend(Failed.NOT_SENT, "GET", attempt=1, keyed=False)
    assert not budget.spend(Failed.NOT_SENT, "GET", attempt=2, keyed=False)


def test_little_is_saved_for_later() -> None:
    """A quiet day without failures saves up RESERVE retries, not a storm."""
    budget = RetryBudget(RetryPolicy())
    for _ in range(10_000):
        budget.note_request()
    assert budget.saved == RESERVE


@pytest.mark.parametrize("rules", [{"share": -0.1}, {"share": 1.1}, {"attempts": 0}, {"attempts": 6}])
def test_impossible_policies_are_refused(rules: dict[str, float]) -> None:
    """Shares beyond 0..1 and attempts beyond 1..5 are refused by name."""
    with pytest.raises(ValueError, match=next(iter(rules))):
        RetryPolicy(**rules)  # type: ignore[arg-type]
