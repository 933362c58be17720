"""Metrics of several workers, as those of one gateway."""

from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.merge import merge

ONE = """# HELP talon_requests_total Requests.
# TYPE talon_requests_total counter
talon_requests_total{room="booking",said="a \\"b\\""} 3.0
# HELP talon_seconds Time.
# TYPE talon_seconds histogram
talon_seconds_bucket{le="0.1"} 1.0
talon_seconds_bucket{le="+Inf"} 2.0
talon_seconds_count 2.0
talon_seconds_sum 5.5
# HELP talon_upstream_inflight Open.
# TYPE talon_upstream_inflight gauge
talon_upstream_inflight{node="n"} 4.0
# HELP talon_room_waiting Waiting.
# TYPE talon_room_waiting gauge
talon_room_waiting{room="booking"} 7.0
# HELP talon_store_up Store.
# TYPE talon_store_up gauge
talon_store_up 1.0
# HELP talon_room_no_shows_total Called in vain.
# TYPE talon_room_no_shows_total counter
talon_room_no_shows_total{room="booking"} 9.0
"""


def values(text: str) -> dict[str, float]:
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {f"{sample.name}{sorted(sample.labels.items())}": sample.value for sample in samples}


def test_one_workers_metrics_stay_as_they_are() -> None:
    """What is merged of one is the same, odd labels among it."""
    assert values(merge([ONE])) == values(ONE)


def test_counts_are_summed_and_shared_readings_are_not() -> None:
    """Counters, histograms and what is under way add up; what all read from the store is there once."""
    other = ONE.replace("talon_store_up 1.0", "talon_store_up 0.0").replace("} 7.0", "} 8.0")
    merged = {name.partition("[")[0]: value for name, value in values(merge([ONE, other])).items()}
    assert merged["talon_requests_total"] == 6.0
    assert (merged["talon_seconds_count"], merged["talon_seconds_sum"]) == (4.0, 11.0)
    assert merged["talon_upstream_inflight"] == 8.0
    assert merged["talon_room_waiting"] == 8.0
    assert merged["talon_room_no_shows_total"] == 9.0, "the store counts it for all"
    assert merged["talon_store_up"] == 0.0


def test_nobody_has_no_metrics() -> None:
    """While all workers are being started there is nothing to show."""
    assert merge([]) == ""
