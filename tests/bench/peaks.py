"""`make bench`: the demo's peak over several seeds, without and with the gateway, as shares with their spread."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from talon.demo.stage import free_port

FIGURES = (
    "share_primary",
    "share_all",
    "latency_p95_ms",
    "errors_per_visit",
    "wait_p90_s",
    "waits_inside",
    "sent_back",
)


def measure(seed: int, minutes: float) -> dict[str, dict[str, Any]]:
    """Return the figures of one whole demo."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "talon", "demo", "--headless", "--out", str(out)]
        options = ["--seed", str(seed), "--minutes", str(minutes), "--port", str(free_port(neighbours=1))]
        subprocess.run([*command, *options], check=True, timeout=minutes * 60 + 120)
        figures: dict[str, dict[str, Any]] = json.loads(out.read_text())
        return figures


def spread(runs: list[dict[str, dict[str, Any]]], way: str, figure: str) -> str:
    """Return median and range of one figure."""
    values = sorted(run[way][figure] for run in runs if run[way][figure] is not None)
    if not values:
        return "-"
    return f"{median(values):.2f} ({values[0]:.2f}-{values[-1]:.2f})"


def main() -> None:
    """Run the seeds and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=2.7)
    given = parser.parse_args()
    runs = [measure(seed, given.minutes) for seed in range(1, given.seeds + 1)]
    print(f"\n| in the rush, median (range) of {given.seeds} seeds | without gateway | through Talon |\n|---|---|---|")
    for figure in FIGURES:
        print(f"| {figure} | {spread(runs, 'direct', figure)} | {spread(runs, 'talon', figure)} |")


if __name__ == "__main__":
    main()
