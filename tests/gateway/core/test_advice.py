"""When it will be quieter: from the plan, or not at all."""

from forecasting.contract import ForecastRecord
from gateway.core.advice import quieter_after
from tests.plans import plan

EIGHT = 1_000_000.0


def record(*demand: float, rate: float | None = 10.0) -> ForecastRecord:
    """A plan from eight o'clock on, half an hour a step."""
    return plan(EIGHT, 1800.0, *((expected, rate) for expected in demand))


def test_the_first_quiet_hour_is_advised() -> None:
    """After two busy half hours and one quiet one that does not last, the hour that lasts is named."""
    assert quieter_after(record(20, 15, 5, 12, 8, 8, 3), EIGHT + 60) == EIGHT + 4 * 1800


def test_nothing_is_advised_where_nothing_is_known() -> None:
    """No record, no rate, no quiet hour in sight, or one that the forecast does not reach: no advice."""
    assert quieter_after(None, EIGHT) is None
    assert quieter_after(record(20, 5, 5, 5, rate=None), EIGHT) is None
    assert quieter_after(record(20, 20, 20), EIGHT) is None
    assert quieter_after(record(20, 20, 5), EIGHT) is None


def test_a_quiet_morning_needs_no_advice() -> None:
    """Where it is quiet now for an hour, nobody is sent away."""
    assert quieter_after(record(5, 5, 5, 20, 20), EIGHT + 60) is None


def test_a_margin_is_kept() -> None:
    """Demand just below the rate is not quiet."""
    assert quieter_after(record(20, 9.5, 9.5, 9.5), EIGHT) is None
    assert quieter_after(record(20, 9.0, 9.0, 9.0), EIGHT) == EIGHT + 1800
