"""Pictures as SVG, PNG or PDF: panels drawn one below the other.

A panel is a function that draws into axes; what it shows comes in as numbers, so that it needs no model.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from forecasting.core.backtest import Issued, calibrations
from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.outcomes import Outcomes
from forecasting.core.series import FloatArray, Forecast, Series
from forecasting.core.spans import DAY, HOUR, format_span

FORMATS = (".svg", ".png", ".pdf")
HISTORY_SHOWN = 7 * DAY
LEVELS = (0.1, 0.5, 0.9, 0.95)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Panel = Callable[[Axes], None]


def draw(panels: Sequence[Panel], path: Path) -> None:
    """Write the panels, one below the other; raises InputError where that cannot be done."""
    check_format(path)
    figure = _figure(panels)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def check_format(path: Path) -> None:
    """Raise InputError for a name that tells of no format that can be drawn."""
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"--output: {path.name} must end in one of {', '.join(FORMATS)}")


def as_svg(panels: Sequence[Panel]) -> str:
    """Return the panels as an SVG element that can stand in a page."""
    text = io.StringIO()
    _figure(panels).savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def forecast_panel(series: Series, forecast: Forecast, *, title: str) -> Panel:
    """Show the last week of history, more if the forecast reaches further, and the forecast with its band."""
    reach = max(HISTORY_SHOWN, len(forecast) * forecast.step * 2)
    past = series.upto(len(series), at_most=round(reach / series.step))

    def panel(axes: Axes) -> None:
        ahead = _stamps(forecast.times)
        axes.plot(_stamps(past.times), past.values, color="0.25", linewidth=1.0, label="arrivals")
        axes.fill_between(
            ahead, forecast.q10, forecast.q90, color="tab:blue", alpha=0.25, linewidth=0, label="80 % band"
        )
        axes.plot(ahead, forecast.q50, color="tab:blue", linewidth=1.6, label="forecast")
        axes.plot(ahead, forecast.q95, color="tab:red", linewidth=0.9, linestyle="--", label="95 % quantile")
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"arrivals per {format_span(series.step)}")
        _timeline(axes, title)

    return panel


def components_panel(times: FloatArray, components: Mapping[str, FloatArray]) -> Panel:
    """Show by what each part of the curve multiplies, over the given times."""

    def panel(axes: Axes) -> None:
        for name, values in components.items():
            shown = values - values.mean() if name == "trend" else values
            axes.plot(_stamps(times), np.exp(shown), linewidth=1.2, label=name.replace("_", " "))
        axes.axhline(1.0, color="0.6", linewidth=0.8)
        axes.set_yscale("log")
        axes.set_ylabel("times the level")
        _timeline(axes, "Components of Prophet's curve")

    return panel


def week_panel(series: Series, calendar: Calendar) -> Panel:
    """Show the mean of every hour of the week, in local time."""
    hourly = series.summed(max(HOUR, series.step))
    slots = calendar.slots(hourly.times, HOUR)
    known = ~np.isnan(hourly.values)
    total = np.bincount(slots[known], hourly.values[known], 168)
    mean = total / np.maximum(np.bincount(slots[known], minlength=168), 1)

    def panel(axes: Axes) -> None:
        shown = axes.imshow(mean.reshape(7, 24), aspect="auto", cmap="viridis")
        axes.set_yticks(range(7), DAYS)
        axes.set_xticks(range(0, 24, 2))
        axes.set_xlabel(f"hour of the day ({calendar.zone}); holidays count as Sundays")
        axes.set_title("Arrivals an hour, by hour of the week", loc="left")
        assert axes.figure is not None
        axes.figure.colorbar(shown, ax=axes, pad=0.01)

    return panel


def calibration_panel(issued: Sequence[Issued], step: float) -> Panel:
    """Show which share of arrivals came out under each quantile; on the diagonal the band is honest."""
    folds = [
        (fold, band.forecast(fold.times, step, fold.point))
        for fold, band in list(zip(issued, calibrations(issued), strict=False))[2 if len(issued) > 2 else 0 :]
    ]
    actual = np.concatenate([fold.actual for fold, _ in folds]) if folds else np.zeros(0)
    quantiles = {
        level: np.concatenate([getattr(band, f"q{round(level * 100)}") for _, band in folds]) if folds else actual
        for level in LEVELS
    }
    known = ~np.isnan(actual)
    under = [float(np.count_nonzero(actual[known] <= q[known])) / max(known.sum(), 1) for q in quantiles.values()]

    def panel(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
        axes.plot(LEVELS, under, "o-", color="tab:blue")
        for level, share in zip(LEVELS, under, strict=True):
            axes.annotate(f"{share:.0%}", (level, share), textcoords="offset points", xytext=(6, -12))
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("quantile")
        axes.set_ylabel("share of arrivals under it")
        axes.set_title(f"Calibration over {len(folds)} forecasts of the backtest", loc="left")
        axes.grid(alpha=0.2)

    return panel


def horizon_panel(issued: Sequence[Issued], naive: Sequence[Issued], step: float) -> Panel:
    """Show the error by how far ahead it was forecast, beside that of copying last week."""

    def errors(folds: Sequence[Issued]) -> FloatArray:
        misses = np.array([np.abs(fold.actual - fold.point) for fold in folds])
        came = np.array([fold.actual for fold in folds])
        return np.asarray(np.nansum(misses, axis=0) / np.maximum(np.nansum(came, axis=0), 1e-9))

    def panel(axes: Axes) -> None:
        for name, folds, colour in (("model", issued, "tab:blue"), ("same time last week", naive, "0.6")):
            found = errors(folds)
            axes.plot((np.arange(len(found)) + 1) * step / HOUR, found, color=colour, label=name)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("hours ahead")
        axes.set_ylabel("WAPE")
        axes.set_title(f"Error by horizon, {len(issued)} forecasts", loc="left")
        axes.legend(frameon=False)
        axes.grid(alpha=0.2)

    return panel


def outcomes_picture(outcomes: Outcomes, calendar: Calendar, *, days: int) -> str:
    """Return what was issued beside what came in the last days, as an SVG element."""
    shown = outcomes.where(outcomes.times >= outcomes.times[-1] - days * DAY)

    def panel(axes: Axes) -> None:
        at = _stamps(calendar.local(shown.times))
        axes.fill_between(at, shown.q10, shown.q90, color="tab:blue", alpha=0.25, linewidth=0, label="80 % band")
        axes.plot(at, shown.q50, color="tab:blue", linewidth=1.2, label="forecast")
        axes.plot(at, shown.actual, color="0.25", linewidth=0.9, label="arrivals")
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"arrivals per {format_span(shown.step)}")
        _timeline(axes, "", zone=calendar.zone)

    return as_svg([panel])


def _figure(panels: Sequence[Panel]) -> Figure:
    figure = Figure(figsize=(10, 4.2 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    places: Any = figure.subplots(len(panels), 1, squeeze=False)
    for panel, (axes,) in zip(panels, places, strict=True):
        panel(axes)
    return figure


def _timeline(axes: Axes, title: str, *, zone: str = "UTC") -> None:
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_xlabel(f"time ({zone})")
    axes.set_title(title, loc="left")
    axes.legend(loc="upper left", frameon=False, ncols=4)
    axes.grid(alpha=0.2)


def _stamps(times: FloatArray) -> np.typing.NDArray[np.datetime64]:
    return (times * 1000).astype("int64").astype("datetime64[ms]")
