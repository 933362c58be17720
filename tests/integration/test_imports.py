"""The gateway's process stays small: it never loads what only forecasting and rehearsal need."""

import subprocess
import sys

import pytest

from tests.integration.processes import environment, run

pytestmark = pytest.mark.integration

HEAVY = ("pandas", "prophet", "numpy", "sklearn", "duckdb", "locust", "gevent", "matplotlib", "cmdstanpy", "holidays")
STARTED = "import sys, {modules}; print(' '.join(name for name in {heavy} if name in sys.modules))"


@pytest.mark.parametrize("modules", ["gateway.app, gateway.cli, gateway.explain, gateway.status", "talon.cli"])
def test_nothing_heavy_is_imported(modules: str) -> None:
    """Neither the gateway nor the command line that starts it holds pandas, prophet, numpy and the like."""
    done = run(sys.executable, "-c", STARTED.format(modules=modules, heavy=HEAVY))
    assert (done.code, done.out.strip()) == (0, ""), done


def test_the_check_itself_sees_a_heavy_import() -> None:
    """The same script names numpy when something does import it."""
    done = run(sys.executable, "-c", STARTED.format(modules="forecasting.publish", heavy=HEAVY))
    assert "numpy" in done.out.split()


def test_help_is_quick() -> None:
    """`talon --help` needs less than two seconds of processor time, most of which is Python's own start."""
    clock = "import resource, subprocess, sys; subprocess.run([sys.executable, '-m', 'talon', '--help'], stdout=-3);"
    clock += "u = resource.getrusage(resource.RUSAGE_CHILDREN); print(u.ru_utime + u.ru_stime)"
    out = subprocess.run([sys.executable, "-c", clock], capture_output=True, check=True, env=environment(), timeout=30)
    assert float(out.stdout) < 2.0
