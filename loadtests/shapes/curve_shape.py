"""A locust shape whose number of users follows a curve; for use beside `loadtests/locustfile.py`.

Locust counts users, not arrivals. By Little's law a rate of r visits per second keeps r times the
length of a visit under way, so the shape asks for that many users. `talon loadtest` does not need this:
it starts each arrival itself and stays open-loop when visits take longer than usual.
"""

from math import ceil
from pathlib import Path
from typing import Any

from locust import LoadTestShape, events

from loadtests.inputs import BadInput
from loadtests.shapes.curve import Curve, read_curve
from loadtests.shapes.profiles import profile

DEFAULT_RATE = 25.0
DEFAULT_SECONDS = 120.0


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    """The options of the shape."""
    group = parser.add_argument_group("Curve of visits")
    group.add_argument("--curve", default="", help="CSV seconds,visits_per_s; a morning peak if not given.")
    group.add_argument("--visit-length", type=float, default=5.0, help="Seconds that one visit takes.")


class CurveShape(LoadTestShape):
    """Users = rate x length of a visit, once a second, until the curve ends."""

    _curve: Curve | None = None

    def tick(self) -> tuple[int, float] | None:
        """The number of users now and how fast to get there; None at the end."""
        options = self.runner.environment.parsed_options
        if self._curve is None:
            self._curve = chosen_curve(options.curve)
        now = self.get_run_time()
        if now > self._curve.seconds:
            return None
        users = ceil(self._curve.rate(now) * options.visit_length)
        return users, float(max(1, abs(users - self.get_current_user_count())))


def chosen_curve(path: str) -> Curve:
    """The curve in a file, or the built-in morning peak; a bad file ends the process with one line."""
    if not path:
        return profile("morning-peak").scaled(DEFAULT_RATE).stretched(DEFAULT_SECONDS)
    try:
        return read_curve(Path(path))
    except BadInput as error:
        raise SystemExit(f"--curve: {error}") from None
