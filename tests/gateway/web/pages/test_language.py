import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.pages.language import pick_language

AVAILABLE = ("en", "ru", "pt-br")


@pytest.mark.parametrize(
    ("header", "cookie", "expected"),
    [
        ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", None, "ru"),
        ("en-US,en;q=0.9,ru;q=0.8", None, "en"),
        ("de,en;q=0.3,ru;q=0.7", None, "ru"),
        ("pt-BR", None, "pt-br"),
        ("EN", None, "en"),
        ("en, ru", "ru", "ru"),
        ("en", "tlh", "en"),
        ("de", None, "ru"),
        ("", None, "ru"),
        ("*", None, "ru"),
        ("en;q=0, *", None, "ru"),
        ("en;q=0,de", None, "ru"),
        ("en;q=oops,,;q=1", None, "ru"),
        ("en;q=7", None, "ru"),
    ],
)
def test_the_language_is_the_visitors_choice_then_the_browsers(header: str, cookie: str | None, expected: str) -> None:
    """The cookie wins, then the best range of the header, then the default."""
    assert pick_language(header, cookie, AVAILABLE, "ru") == expected


@given(st.text(), st.none() | st.text())
def test_any_header_ends_in_an_available_language(header: str, cookie: str | None) -> None:
    """Whatever a client sends, the answer is a language there is."""
    assert pick_language(header, cookie, AVAILABLE, "en") in AVAILABLE
