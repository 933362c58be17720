import socket
import time
from pathlib import Path

import numpy as np
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from forecasting.contract import ForecastRecord, plan_key, pool_shares
from forecasting.core.errors import InputError
from forecasting.core.series import Forecast
from forecasting.publish import build_record, compress, rooms_in, safe_url, write_records

CAPACITY = {"primary": 25.0, "backup": 25.0}
RATES = st.floats(0, 1e6)


def forecast(per_second: float = 10.0, *, bins: int = 4, step: float = 300.0) -> Forecast:
    """Return a forecast whose median is `per_second` and whose 90 % quantile is twice that."""
    count = np.full(bins, per_second * step)
    return Forecast(
        times=1e9 + step * np.arange(bins, dtype=np.float64),
        step=step,
        q10=count / 2,
        q50=count,
        q90=count * 2,
        q95=count * 3,
    )


def record(per_second: float = 10.0, *, made_at: float = 1e9, headroom: float = 0.1) -> ForecastRecord:
    """Return the record of `forecast`."""
    return build_record(
        forecast(per_second), room="booking", version="v1", model="combination", made_at=made_at,
        age_limit=600.0, capacity=CAPACITY, headroom=headroom,
    )  # fmt: skip


def test_counts_become_rates_and_the_record_survives_json() -> None:
    """Quantiles per bin are divided by the bin; the admission rate is capacity less headroom."""
    made = record()
    step = made.steps[0]
    assert (step.q10, step.q50, step.q90, step.q95) == (5, 10, 20, 30)
    assert step.admission_rate == pytest.approx(45)
    assert made.expires_at == made.made_at + 600
    assert ForecastRecord.from_json(made.to_json()) == made


@given(RATES, st.dictionaries(st.sampled_from("abcdef"), RATES, min_size=1), st.floats(0, 0.9))
def test_shares_sum_to_one_and_no_pool_is_planned_over_what_it_can_take(
    arrivals: float, others: dict[str, float], headroom: float
) -> None:
    """What is served by each pool stays within its capacity less headroom."""
    capacity = {"primary": 10.0, **others}
    shares = pool_shares(arrivals, capacity, headroom=headroom)
    assert sum(shares.values()) == pytest.approx(1)
    served = min(arrivals, sum(capacity.values()) * (1 - headroom))
    for pool, share in shares.items():
        assert 0 <= share <= 1
        assert share * served <= capacity[pool] * (1 - headroom) * (1 + 1e-9) + 1e-9


def test_the_primary_pool_takes_all_until_it_would_be_short() -> None:
    """Backups enter when the 90 % quantile passes what the primary can take, and share by capacity."""
    capacity = {"a": 10.0, "primary": 20.0, "b": 30.0}
    assert pool_shares(18.0, capacity, headroom=0.1) == {"a": 0, "primary": 1, "b": 0}
    assert pool_shares(36.0, capacity, headroom=0.1) == pytest.approx({"a": 0.125, "primary": 0.5, "b": 0.375})
    assert pool_shares(1.0, {"east": 5.0, "west": 5.0}, headroom=0.1) == {"east": 1, "west": 0}
    assert pool_shares(1.0, {}, headroom=0.1) == {}


def test_a_record_is_replayed_faster_and_larger() -> None:
    """Trace time becomes wall time, steps shrink, arrivals grow, and the plan is made anew."""
    made = record(headroom=0.2)
    fast = compress(made, start=5000.0, begin=1e9 + 300, speed=60.0, scale=2.0)
    assert [step.at for step in fast.steps] == [4995, 5000, 5005, 5010]
    assert fast.step_seconds == 5
    assert fast.steps[0].q90 == 40
    assert fast.steps[0].admission_rate == pytest.approx(40)
    assert made.steps[0].pool_share == {"primary": 1, "backup": 0}
    assert fast.steps[0].pool_share == pytest.approx({"primary": 0.5, "backup": 0.5})


def test_without_capacities_the_plan_sets_no_limits() -> None:
    """Arrivals are told, rate and shares are left to the gateway."""
    made = build_record(forecast(), room="booking", version="v", model="m", made_at=1.0, age_limit=1.0, capacity={})
    assert made.steps[0].admission_rate is None
    assert made.steps[0].pool_share == {}
    assert compress(made, start=0.0, begin=1e9, speed=1.0, scale=1.0).steps[0].q50 == 10


@pytest.mark.integration
def test_the_record_is_in_the_store_with_its_age_limit(store_url: str) -> None:
    """What is read back is what was written, and it expires with the record."""
    made = record(made_at=time.time())
    write_records([made], store_url)
    with redis.Redis.from_url(store_url) as store:
        text = store.get(plan_key("booking"))
        assert isinstance(text, bytes)
        assert ForecastRecord.from_json(text) == made
        left = store.pttl(plan_key("booking"))
        assert isinstance(left, int)
        assert 590_000 < left <= 600_000


def test_a_store_that_is_not_there_is_one_sentence_without_the_password() -> None:
    """Nobody answers, the address is no URL, or the record is old: each is an InputError."""
    made = record(made_at=time.time())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"redis://user:secret@127.0.0.1:{taken.getsockname()[1]}/0?x=secret"
        assert "secret" not in safe_url(url)
        with pytest.raises(InputError, match=r"^--redis: redis://127\.0\.0\.1:\d+/0 does not answer") as caught:
            write_records([made], url.partition("?")[0])
    assert "secret" not in str(caught.value)
    with pytest.raises(InputError, match="--redis: "):
        write_records([made], "http://example")
    with pytest.raises(InputError, match="past its age limit"):
        write_records([record(made_at=1e9)], "redis://127.0.0.1:1")


def test_a_folder_of_folders_is_published_room_by_room(tmp_path: Path) -> None:
    """One folder of versions is one room; of many, each is called like its room, and one may be picked."""
    for room in ("kids", "adults"):
        (tmp_path / room / "20261101T000000000000Z-1").mkdir(parents=True)
        (tmp_path / room / "20261101T000000000000Z-1" / "manifest.json").write_text("{}")
    assert rooms_in(tmp_path, None) == {"adults": tmp_path / "adults", "kids": tmp_path / "kids"}
    assert rooms_in(tmp_path, "kids") == {"kids": tmp_path / "kids"}
    assert rooms_in(tmp_path / "kids", None) == {"booking": tmp_path / "kids"}
    assert rooms_in(tmp_path / "kids", "desk") == {"desk": tmp_path / "kids"}
    with pytest.raises(InputError, match=r"--room: .* holds no models of 'desk'; it holds adults, kids"):
        rooms_in(tmp_path, "desk")
