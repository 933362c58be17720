"""The gateway's cookies are found among others, as a general parser finds them."""

import string
from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.cookies import MAX_VALUES, cookie_values

NAMES = st.sampled_from(["talon_ticket", "talon_tickets", "x_talon_ticket", "lang", "sid"])
TOKENS = st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=40)


@given(st.dictionaries(NAMES, TOKENS, max_size=5))
def test_a_cookie_is_read_as_a_general_parser_reads_it(cookies: dict[str, str]) -> None:
    """Whatever other cookies stand around it, also ones whose names contain its name."""
    fields = "; ".join(f"{name}={value}" for name, value in cookies.items())
    parsed = {name: morsel.value for name, morsel in SimpleCookie(fields).items()}
    assert parsed == cookies
    for name in ("talon_ticket", "lang"):
        assert list(cookie_values(fields, name)) == [value for key, value in cookies.items() if key == name]


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ("", []),
        ("talon_ticket", []),
        ("talon_ticket=", []),
        ("talon_ticket=  ;a=b", []),
        ("a=talon_ticket=1", []),
        ("talon_ticket=a=b", ["a=b"]),
        ("lang=ru;talon_ticket = a ;x=y", ["a"]),
        ("talon_ticket=planted; talon_ticket=own", ["planted", "own"]),
        ("talon_ticket=1; " * 50, ["1"] * MAX_VALUES),
    ],
)
def test_odd_fields_are_read_with_care(fields: str, values: list[str]) -> None:
    """Nothing is no token; a second cookie of the name does not hide the first, and fifty are not tried."""
    assert list(cookie_values(fields, "talon_ticket")) == values
