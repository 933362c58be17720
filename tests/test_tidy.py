"""Rules of the house that no linter knows: sizes, docstrings, words, and what must not stand in a file."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "forecasting", "loadtests", "talon")
FOLDERS = (*PACKAGES, "tests", "docs", "notebooks", "config", ".ci")
TEXTS = {".py", ".md", ".yaml", ".yml", ".toml", ".lua", ".html", ".css", ".js", ".po", ".ipynb", ".conf", ".service"}
MOST_LINES = 300
LONGEST_FUNCTION = 70
SLEEPERS = {
    "tests/conftest.py": "until() looks again after a moment, with a deadline",
    "tests/integration/processes.py": "wait_for() does the same without an event loop",
    "tests/integration/visitor.py": "a visitor asks again and again until admitted, with a deadline",
    "tests/integration/order.py": "a crowd asks in rounds, at most so many",
    "tests/integration/test_failover.py": "a claim is tried again while the store changes hands, with a limit",
    "tests/integration/store_crowd.py": "a crowd at the store comes at a pace, until the test ends it",
    "tests/bench/store.py": "the store's child ends its work, with a deadline",
    "tests/bench/clocks.py": "visits come and claim at a pace, for so many seconds of the store's clock",
    "tests/bench/attacks.py": "slow visitors are slow, for so many seconds of a benchmark",
    "tests/conformance/fuzz.py": "pieces come in turns of the loop, and the end is waited for with a limit",
    "tests/bench/open_loop.py": "requests come at random moments of a benchmark, for so many seconds",
    "tests/integration/faulty_node.py": "a node takes time to answer, and more when it is told to be slow",
    "tests/sim/": "the clock of its event loop is virtual: sleeping takes no time",
    "tests/contract/conftest.py": "World.passes lets time pass on a real server, whose clock cannot be moved",
}
"""Files and folders of tests that may sleep, and why."""
OTHER_WORDS = {"lobby", "tier", "permitted", "throughput", "traffic"}
"""Words for which the glossary has others; only those that mean nothing else in a gateway."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


ALL_PYTHON = python_files(*FOLDERS)
ALL_TEXTS = [
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.is_file()),
    ROOT / "pyproject.toml",
    ROOT / "Makefile",
    *ROOT.glob("*.md"),
]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def test_files_fit_in_the_head() -> None:
    """No file of Python is longer than 300 lines."""
    lengths = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in ALL_PYTHON}
    assert len(lengths) > 100
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_functions_fit_on_a_screen() -> None:
    """No function is longer than 70 lines."""
    lengths = {
        f"{named(path)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in ALL_PYTHON
        for node in functions(path)
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_every_test_says_what_it_shows() -> None:
    """The docstring of a test is a sentence about behaviour."""
    tests = [
        (path, node) for path in python_files("tests") for node in functions(path) if node.name.startswith("test_")
    ]
    silent = [
        f"{named(path)}: {node.name}" for path, node in tests if not (ast.get_docstring(node) or "").endswith(".")
    ]
    assert silent == []
    assert len(tests) > 100


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function | ast.ClassDef]]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{node.name}.")


def test_every_public_name_promises_something() -> None:
    """Modules, and their public classes, functions and methods, have a docstring."""
    silent = []
    for path in python_files(*PACKAGES, "docs"):
        module = tree(path)
        if module.body and ast.get_docstring(module) is None:
            silent.append(named(path))
        silent += [f"{named(path)}: {name}" for name, node in public(module.body) if ast.get_docstring(node) is None]
    assert silent == []


def sleeps(path: Path) -> bool:
    imported = any(
        isinstance(node, ast.ImportFrom)
        and node.module in ("time", "asyncio")
        and "sleep" in {a.name for a in node.names}
        for node in ast.walk(tree(path))
    )
    called = any(
        isinstance(node, ast.Attribute)
        and node.attr == "sleep"
        and isinstance(node.value, ast.Name)
        and node.value.id in ("time", "asyncio")
        for node in ast.walk(tree(path))
    )
    return imported or called


def test_tests_wait_for_something() -> None:
    """No test sleeps; the few helpers that must are listed here, each with its reason."""
    sleeping = {named(path) for path in python_files("tests") if sleeps(path)}
    assert {name for name in sleeping if not name.startswith(tuple(SLEEPERS))} == set()
    unneeded = {place for place in SLEEPERS if not any(name.startswith(place) for name in sleeping)}
    assert unneeded == set(), "take it out of the list"


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a path of somebody's machine", r"(?<![\w.$}])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me|Us" + r"ers)/\w"),
        ("an unfinished thing", r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b"),
        ("a conflict of a merge", r"(?m)^(?:<{7}|>{7}) "),
    ],
)
def test_no_file_holds(what: str, pattern: str) -> None:
    """Nothing is left in the files that means something to one person only."""
    found = {}
    for path in ALL_TEXTS:
        if path.suffix not in TEXTS and path.suffix:
            continue
        if match := re.search(pattern, path.read_text(encoding="utf-8")):
            found[named(path)] = match[0]
    assert found == {}, what


def words(identifier: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", identifier)}


def identifiers(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        for name in ("id", "attr", "arg", "name"):
            if isinstance(value := getattr(node, name, None), str):
                yield value


def test_one_word_per_thing() -> None:
    """The gateway's identifiers and scripts use the glossary's words, not the others."""
    found = {
        f"{named(path)}: {name}"
        for path in python_files("gateway")
        for name in identifiers(path)
        if words(name) & OTHER_WORDS
    }
    scripts = (ROOT / "gateway" / "store" / "lua").glob("*.lua")
    found |= {named(path) for path in scripts if words(path.read_text(encoding="utf-8")) & OTHER_WORDS}
    assert found == set()


def test_licences_are_told() -> None:
    """The licence is Apache-2.0, and every shipped piece of data has its source and licence beside it."""
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    sample = ROOT / "forecasting" / "sample"
    readme = (sample / "README.md").read_text(encoding="utf-8")
    data = {path.name for path in sample.iterdir() if path.is_file()} - {"README.md"}
    assert data
    assert {name for name in data if f"`{name}`" not in readme} == set()
    assert "Internet Traffic Archive" in readme
    assert "freely redistributed" in readme


def test_no_artefacts_are_kept_with_the_sources() -> None:
    """No pickles and no outputs of models beside the code; notebooks hold no outputs (see test_notebooks.py)."""
    kept = [
        named(path) for folder in PACKAGES for path in (ROOT / folder).rglob("*") if path.suffix in (".pkl", ".joblib")
    ]
    assert kept == []
