"""The quality report as a page: what was read, what was dropped and why, where gaps lie."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecasting.core.series import Series
from forecasting.core.spans import DAY, format_instant, format_span
from forecasting.pages.render import page

WIDTH, HEIGHT, MOST_BARS = 900, 140, 450

REASONS = {
    "blank": "empty lines",
    "broken": "in no form that is known; see --log-format",
    "too_long": "longer than 32 KiB",
    "clock_step": "stray times that no 20 lines in a row confirm",
    "monitor": "health checks, by path or user agent",
    "bot": "user agents of robots and command-line tools; see --bots",
    "static": "images, styles, scripts, fonts; see --static",
    "preflight": "OPTIONS",
    "gateway_own": "polls and pages of the waiting room",
    "refusal": "turned away, and by nothing known who it was",
    "no_visit": "requests that belong to no visit",
    "same_visit": "later lines of a visit or a person that was counted",
    "retry": "the same request of the same client, soon after or after a refusal",
}


def quality_page(document: Mapping[str, Any], series: Series) -> str:
    """Return the page of a quality report and its arrivals."""
    bars, bar_width = _bars(series)
    read = max(document["lines_read"], 1)
    lists = [
        (
            "Gaps of the log", document["gaps"], document["gaps_in_all"],
            "Not a line was written. No model learns from these bins, and no score counts them.",
        ),
        (
            "Suspected outages", document["suspected_outages"], document["suspected_outages_in_all"],
            "Lines were written, but far fewer people came than in the same hours of other weeks: an outage, a holiday "
            "or a change of the site. Models leave these hours out.",
        ),
    ]  # fmt: skip
    return page(
        "quality.html.j2", q=document, reasons=REASONS, bars=bars, bar_width=bar_width, lists=lists, w=WIDTH, h=HEIGHT,
        width=format_span(document["bin_seconds"]), share=lambda count: f"{count / read:.1%}",
    )  # fmt: skip


def _bars(series: Series) -> tuple[list[dict[str, Any]], str]:
    """Return the bars of the picture: sums over spans wide enough that there are not too many."""
    spans = [s for s in (series.step, 900, 3600, 6 * 3600, DAY) if s % series.step == 0]
    span = next((s for s in spans if len(series) * series.step / s <= MOST_BARS), spans[-1])
    shown = series.summed(span)
    width = WIDTH / len(shown)
    top = float(np.nanmax(shown.values)) if shown.known else 1.0
    bars = []
    for number, (at, value) in enumerate(zip(shown.times.tolist(), shown.values.tolist(), strict=True)):
        gap = value != value
        height = 4.0 if gap else HEIGHT * value / max(top, 1e-9)
        title = f"{format_instant(at)}: {'nothing is known' if gap else f'{value:,.0f}'}"
        bars.append(
            {
                "x": f"{number * width:.2f}", "w": f"{width * 0.9:.2f}", "y": f"{HEIGHT - height:.1f}",
                "h": f"{height:.1f}", "gap": gap, "title": title,
            }
        )  # fmt: skip
    return bars, format_span(shown.step)
