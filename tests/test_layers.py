"""The direction of imports, and what the gateway's process must not hold."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"pandas", "prophet", "numpy", "lightgbm", "duckdb", "locust", "matplotlib", "holidays", "gevent"}


def test_imports_point_inwards() -> None:
    """import-linter keeps every contract of pyproject.toml."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert len(contracts) >= 5
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert f"{len(contracts)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    "modules",
    ["gateway.app, gateway.cli, gateway.settings, gateway.explain, gateway.status", "talon.cli"],
    ids=["gateway", "talon"],
)
def test_heavy_libraries_stay_out(modules: str) -> None:
    """A fresh process with the gateway, or with the whole command line, holds none of the heavy libraries."""
    code = f"import sys, {modules}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    assert modules.partition(".")[0] in loaded
    assert loaded & HEAVY == set()


def test_the_command_starts_without_the_servers() -> None:
    """`talon --help` loads neither aiohttp nor the redis client."""
    code = "import sys, talon.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert set(done.stdout.split()) & {"aiohttp", "redis", "uvloop", "jinja2"} == set()


def test_forecasting_runs_without_the_gateway() -> None:
    """The contract that both share needs the standard library alone."""
    code = "import sys; before = set(sys.modules); import forecasting.contract; print(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    foreign = {name.partition(".")[0] for name in done.stdout.split()} - set(sys.stdlib_module_names)
    assert foreign == {"forecasting"}
