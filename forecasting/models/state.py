"""Series and arrays as plain JSON values: a gap is null, numbers keep seven significant digits."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecasting.core.series import FloatArray, Series


def dump_array(values: FloatArray) -> list[float | None]:
    """Return the values as a list with null for NaN."""
    return [None if value != value else float(f"{value:.7g}") for value in values.tolist()]


def load_array(values: list[float | None]) -> FloatArray:
    """Return the array that `dump_array` wrote."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def dump_series(series: Series) -> dict[str, Any]:
    """Return the series as a mapping."""
    return {"start": series.start, "step": series.step, "values": dump_array(series.values)}


def load_series(state: Mapping[str, Any]) -> Series:
    """Return the series that `dump_series` wrote."""
    return Series(start=state["start"], step=state["step"], values=load_array(state["values"]))
