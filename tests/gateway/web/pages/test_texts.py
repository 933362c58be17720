import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.pages.assets import read_asset, squeeze_script, squeeze_style
from gateway.web.pages.compiled import load_catalogues
from gateway.web.pages.extract import messages, write_template
from gateway.web.pages.texts import ERRORS, WAITING, PageText, wait_text
from gateway.web.pages.views import WaitingState

VAGUE = re.compile(
    r"maintenance|technical|works\b(?! for everyone)|unavailable|oops|sorry|something went wrong|temporar|"
    r"техническ|профилактик|обслуживани|недоступн(?!а или)|извинит|что-то пошло не так|неполадк",
    re.IGNORECASE,
)
SCRIPTS = ("waiting.js", "entry.js", "proof.js", "charts.js", "panels.js", "dashboard.js")


def every_text() -> list[str]:
    """Every text of the pages in every language."""
    translated = [form for one in load_catalogues().values() for entry in one.messages.values() for form in entry.forms]
    return [*messages(), *translated]


@pytest.mark.parametrize("text", every_text())
def test_no_text_hides_behind_a_vague_word(text: str) -> None:
    """Words that explain nothing are banned in both languages, and no text shouts."""
    assert not VAGUE.search(text)
    assert "!" not in text


@pytest.mark.parametrize("text", [*WAITING.values(), *ERRORS.values()], ids=lambda text: text.title)
def test_every_state_says_why_and_what_to_do(text: PageText) -> None:
    """Reason and advice are full sentences; the headline is short and says what is so."""
    assert text.why.endswith(".")
    assert text.act.endswith(".")
    assert len(text.title) <= 60
    assert not text.title.endswith(".")
    assert text.button


def test_every_state_has_its_text() -> None:
    """No state is left without words."""
    assert set(WAITING) == set(WaitingState)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 20, "up to 1 min"),
        (30, 290, "up to 5 min"),
        (250, 402, "4–7 min"),
        (300, 300, "5 min"),
        (3000, 7200, "50–120 min"),
        (3500, 7201, "up to 3 h"),
        (7300, 14000, "2–4 h"),
    ],
)
def test_waits_are_rounded_outward(low: float, high: float, expected: str) -> None:
    """The range never promises less than the estimate: down below, up above, hours from two hours on."""
    assert wait_text(low, high, str) == expected


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_a_shown_range_holds_the_estimate(one: float, other: float) -> None:
    """Read back, the shown range contains the whole estimated one."""
    low, high = sorted((one, other))
    shown = wait_text(low, high, str)
    numbers = [int(number) for number in re.findall(r"\d+", shown)]
    unit = 3600 if shown.endswith("h") else 60
    bottom = 0 if shown.startswith("up to") else numbers[0]
    assert bottom * unit <= low
    assert numbers[-1] * unit >= high


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_keep_to_what_squeezing_needs(name: str) -> None:
    """No quote but the double one, no regular expression, no trailing comment, no doubled sign after a space."""
    lines = [line.strip() for line in read_asset(name).splitlines()]
    code = "\n".join(re.sub(r'"(?:[^"\\]|\\.)*"', '""', line) for line in lines if not line.startswith("//"))
    assert "'" not in code
    assert "//" not in code
    assert "/*" not in code
    assert not re.search(r"[=(,]\s*/", code)
    assert not re.search(r"\+ \+|- -", code)
    unfinished = [line for line in code.splitlines() if line and not re.search(r"[;{},(:?|&=\[]$", line)]
    assert [line for line in unfinished if not re.search(r'^(else|first|.*"")|\)$|to$', line)] == []


def test_squeezing_keeps_strings_and_drops_the_rest() -> None:
    """Space inside a string stays; comments and indents go."""
    assert squeeze_script('// note\n  var a = " x = 1 ; ";\n\n  b( a , 2 );') == 'var a=" x = 1 ; ";b(a,2);'
    assert squeeze_style("/* note */\na { color: red; }\n") == "a{color:red}"


def test_the_template_for_translators_holds_every_text(tmp_path: Path) -> None:
    """The `.pot` file lists each text once, with two empty forms where there is a plural."""
    path = tmp_path / "pages.pot"
    with path.open("w", encoding="utf-8") as stream:
        write_template(stream)
    written = path.read_text(encoding="utf-8")
    assert written.count("\nmsgid ") == len(messages())
    assert written.count("msgid_plural") == sum(plural is not None for plural in messages().values())
