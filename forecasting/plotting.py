"""One picture of history, forecast and band, as SVG, PNG or PDF."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from forecasting.core.errors import InputError
from forecasting.core.series import FloatArray, Forecast, Series
from forecasting.core.spans import DAY, format_span

FORMATS = (".svg", ".png", ".pdf")
HISTORY_SHOWN = 7 * DAY


def draw(series: Series, forecast: Forecast, path: Path, *, title: str) -> None:
    """Write the picture; the last week of history is shown, more if the forecast reaches further."""
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"--output: {path.name} must end in one of {', '.join(FORMATS)}")
    reach = max(HISTORY_SHOWN, len(forecast) * forecast.step * 2)
    past = series.upto(len(series), at_most=round(reach / series.step))
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    ahead = _stamps(forecast.times)
    axes.plot(_stamps(past.times), past.values, color="0.25", linewidth=1.0, label="arrivals")
    axes.fill_between(ahead, forecast.q10, forecast.q90, color="tab:blue", alpha=0.25, linewidth=0, label="80 % band")
    axes.plot(ahead, forecast.q50, color="tab:blue", linewidth=1.6, label="forecast")
    axes.plot(ahead, forecast.q95, color="tab:red", linewidth=0.9, linestyle="--", label="95 % quantile")
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"arrivals per {format_span(series.step)}")
    axes.set_xlabel("time (UTC)")
    axes.set_title(title, loc="left")
    axes.legend(loc="upper left", frameon=False, ncols=4)
    axes.grid(alpha=0.2)
    try:
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def _stamps(times: FloatArray) -> np.typing.NDArray[np.datetime64]:
    return (times * 1000).astype("int64").astype("datetime64[ms]")
