"""The curve of a fitted Prophet model, read from its own JSON and worked out with numpy.

Loading Prophet takes seconds, so the model in service is evaluated without it; tests hold this against Prophet's own
predict. y(t) = g(t) + the sum of seasonalities and holidays (Taylor and Letham 2018, equation 1): g is piecewise
linear with change points s, g(t) = (k + sum of delta_j) t + (m - sum of delta_j s_j) over the j with s_j <= t, or the
constant m; a seasonality is a Fourier series in days since the epoch; a holiday adds a constant on its local date.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.series import FloatArray
from forecasting.core.spans import DAY

WORKING, FREE = "working_day", "free_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seasonality:
    """A Fourier series: sine and cosine of each order in turn; `condition` names the days on which it counts."""

    period: float
    condition: str | None
    weights: FloatArray

    def values(self, days: FloatArray) -> FloatArray:
        """Return the series at times in days since the epoch."""
        angles = 2 * np.pi * days[:, None] * np.arange(1, len(self.weights) // 2 + 1) / self.period
        return np.asarray(np.sin(angles) @ self.weights[::2] + np.cos(angles) @ self.weights[1::2], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProphetCurve:
    """Trend, seasonalities and holidays; `holidays` maps local dates, in days since the epoch, to what they add."""

    growth: str
    origin: float
    span: float
    scale: float
    slope: float
    offset: float
    knots: FloatArray
    changes: FloatArray
    seasonalities: Mapping[str, Seasonality]
    holidays: Mapping[int, float]

    def predict(self, times: FloatArray, calendar: Calendar) -> FloatArray:
        """Return the curve, in the unit that was fitted, at the given instants."""
        return np.asarray(sum(self.components(times, calendar).values()), dtype=np.float64)

    def components(self, times: FloatArray, calendar: Calendar) -> dict[str, FloatArray]:
        """Return what trend, each seasonality and the holidays add at the given instants."""
        times = np.asarray(times, dtype=np.float64)
        local = np.floor(calendar.local(times) * 1000) / 1000
        days = local / DAY
        free = calendar.is_weekend(times)
        counts: dict[str | None, Any] = {None: 1.0, WORKING: ~free, FREE: free}
        found = {"trend": self._trend((local - self.origin) / self.span) * self.scale}
        for name, seasonality in self.seasonalities.items():
            found[name] = seasonality.values(days) * counts[seasonality.condition] * self.scale
        if self.holidays:
            dates, where = np.unique(np.floor(days).astype(np.int64), return_inverse=True)
            effects = np.array([self.holidays.get(int(date), 0.0) for date in dates])
            found["holidays"] = effects[where] * self.scale
        return found

    def _trend(self, at: FloatArray) -> FloatArray:
        if self.growth == "flat":
            return np.full(len(at), self.offset)
        passed = (self.knots <= at[:, None]) * self.changes
        trend = (self.slope + passed.sum(axis=1)) * at + self.offset - (passed * self.knots).sum(axis=1)
        return np.asarray(trend, dtype=np.float64)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read the curve from what `prophet.serialize.model_to_dict` returns; raises KeyError or ValueError."""
        if document["growth"] not in ("linear", "flat") or document["y_min"]:
            raise ValueError(f"a Prophet model with growth {document['growth']!r} is not one of Talon's")
        params = document["params"]
        beta = np.asarray(params["beta"][0], dtype=np.float64)
        columns = json.loads(document["train_component_cols"])["data"]
        if len(columns) != len(beta):
            raise ValueError(f"{len(beta)} weights for {len(columns)} columns")

        def weights(name: str) -> FloatArray:
            return beta[[bool(column[name]) for column in columns]]

        names, each = document["seasonalities"]
        seasonalities = {
            name: Seasonality(
                period=each[name]["period"], condition=each[name]["condition_name"], weights=weights(name)
            )
            for name in names
        }
        rows = json.loads(document["holidays"])["data"] if document["holidays"] else ()
        known = columns[0] if columns else {}
        holidays: dict[int, float] = {}
        for row in rows:
            if row["holiday"] in known:
                date = int(np.datetime64(row["ds"][:10]).astype("datetime64[D]").astype(np.int64))
                holidays[date] = holidays.get(date, 0.0) + float(weights(row["holiday"]).sum())
        return cls(
            growth=document["growth"],
            origin=float(document["start"]),
            span=float(document["t_scale"]),
            scale=float(document["y_scale"]),
            slope=float(params["k"][0][0]),
            offset=float(params["m"][0][0]),
            knots=np.asarray(document["changepoints_t"], dtype=np.float64),
            changes=np.asarray(params["delta"][0], dtype=np.float64),
            seasonalities=seasonalities,
            holidays=holidays,
        )
