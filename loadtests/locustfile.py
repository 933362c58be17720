"""For plain locust: `locust -f loadtests/locustfile.py --host http://127.0.0.1:8080`, with its web page or
headless.

Each locust user makes one visit after another, each as a new person. To let the number of users follow
a curve, add the shape: `locust -f loadtests/locustfile.py,loadtests/shapes/curve_shape.py --curve
FILE.csv`.
"""

from typing import Any

from locust import events

from loadtests.users.habits import Habits
from loadtests.users.run import Run
from loadtests.users.visitor import Visitor


class BookingVisitor(Visitor):
    """A person who books an appointment, and then the next person."""

    host = "http://127.0.0.1:8080"


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    """The options of a visitor, also as fields of the web page's form."""
    group = parser.add_argument_group("Booking visitors")
    group.add_argument("--patience", type=float, default=60.0, help="Seconds visitors put up with errors.")
    group.add_argument("--visit-timeout", type=float, default=5.0, help="Seconds until they reload.")
    group.add_argument("--browsers", type=float, default=0.0, help="Share that asks for pages, not JSON.")
    group.add_argument("--visit-seed", type=int, default=1, help="The same seed gives the same people.")


@events.test_start.add_listener
def begin_run(environment: Any, **_: object) -> None:
    """Give the visitors of this test their habits."""
    options = environment.parsed_options
    habits = Habits(patience=options.patience, timeout=options.visit_timeout, browser_share=options.browsers)
    environment.talon_run = Run(habits=habits, seed=options.visit_seed)
