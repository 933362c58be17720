"""Counts from Prometheus: a query over time, evaluated at the end of each bin, becomes series of arrivals.

A bin for which Prometheus has no value is a gap. Labels named room, class and region tell series apart.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import numpy as np

from forecasting.core.errors import InputError
from forecasting.core.series import FloatArray, Series
from forecasting.sources.columns import Group

POINTS = 10_000
"""Prometheus answers at most 11,000 points a series."""
MAX_BINS = 1_000_000
MAX_SERIES = 5_000
TIMEOUT = 60.0


def pull(url: str, query: str, *, begin: float, end: float, step: float) -> dict[Group, Series]:
    """Return arrivals per bin in [begin, end); `$bin` in the query is the width of a bin. Raises InputError."""
    count = round((end - begin) / step)
    if not 1 <= count <= MAX_BINS:
        raise InputError(f"--since: {count} bins; at most {MAX_BINS} are asked for")
    expression = query.replace("$bin", f"{step:.0f}s")
    values: dict[Group, FloatArray] = {}
    for first in range(0, count, POINTS):
        last = min(first + POINTS, count)
        for group, at, value in _asked(url, expression, begin + (first + 1) * step, begin + last * step, step):
            row = values.setdefault(group, np.full(count, np.nan))
            index = np.round((at - begin) / step).astype(np.int64) - 1
            # Two series of the same labels that are kept are added up, a gap in one being nothing.
            row[index] = np.where(np.isnan(row[index]), value, row[index] + np.nan_to_num(value))
        if len(values) > MAX_SERIES:
            raise InputError(f"--query: more than {MAX_SERIES} series; sum by room, class or region")
    if not values:
        raise InputError(f"--query: Prometheus knows nothing of {expression!r} in that time")
    return {group: Series(start=begin, step=step, values=np.maximum(row, 0)) for group, row in values.items()}


def _asked(url: str, query: str, begin: float, end: float, step: float) -> list[tuple[Group, FloatArray, FloatArray]]:
    fields = {"query": query, "start": begin, "end": end, "step": step}
    address = f"{url.rstrip('/')}/api/v1/query_range"
    request = urllib.request.Request(address, data=urllib.parse.urlencode(fields).encode())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            body: dict[str, Any] = json.load(answer)
        found = body["data"]["result"]
    except urllib.error.HTTPError as error:
        raise InputError(f"--query: {_reason(error)}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"--prometheus: {url} does not answer as Prometheus does: {reason}") from None
    return [_row(entry) for entry in found]


def _row(entry: dict[str, Any]) -> tuple[Group, FloatArray, FloatArray]:
    labels = entry["metric"]
    pairs = np.array([(float(at), float(value)) for at, value in entry["values"]], dtype=np.float64)
    group = (labels.get("room", ""), labels.get("class", ""), labels.get("region", ""))
    return group, pairs[:, 0], np.where(np.isfinite(pairs[:, 1]), pairs[:, 1], np.nan)


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"Prometheus answers {error.code}"
