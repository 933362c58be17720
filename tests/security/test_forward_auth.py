"""Forward-auth: what a visitor adds to the fields of the asking proxy opens nothing."""

import pytest

from tests.security.conftest import Entrance

ADDRESS = "/_talon/authorize"


@pytest.mark.parametrize(
    "fields",
    [
        ("X-Forwarded-Uri: /booking", "X-Original-URI: /about"),
        ("X-Original-URI: /booking", "X-Forwarded-Uri: /about"),
        ("X-Forwarded-Uri: /booking", "X-Original-URI: /style.css"),
        ("X-Forwarded-Uri: /booking/7/cancel", "X-Forwarded-Method: GET", "X-Original-Method: POST"),
        ("X-Original-URI: /booking/7/cancel", "X-Original-Method: POST", "X-HTTP-Method-Override: GET"),
        ("X-Forwarded-Uri: /booking",),
        ("X-Original-URI: http://portal/booking",),
        ("X-Original-URI: //booking;x",),
    ],
)
async def test_a_harmless_name_beside_the_true_one_opens_nothing(free: Entrance, fields: tuple[str, ...]) -> None:
    """Every request that is named must be allowed; with a pass they are."""
    admission = await free.admitted()
    assert (await free.ask(ADDRESS, *fields)).status == 401
    assert (await free.ask(ADDRESS, *fields, f"Talon-Pass: {admission}")).status == 204


@pytest.mark.parametrize(
    "fields",
    [
        ("X-Original-URI: /about", "X-Original-URI: /booking"),
        ("X-Forwarded-Uri: /booking", "X-Forwarded-Uri: /about"),
        ("X-Original-URI: /about", "X-Original-Method: GET", "X-Original-Method: POST"),
        ("X-Original-URI: /booking%00",),
        ("X-Forwarded-Uri: /about", "X-Original-URI: /boo%0aking"),
    ],
)
async def test_what_is_unclear_is_forbidden(free: Entrance, fields: tuple[str, ...]) -> None:
    """A field given twice, or a path that servers read differently, is refused, with a pass too."""
    admission = await free.admitted()
    for held in ((), (f"Talon-Pass: {admission}",)):
        assert (await free.ask(ADDRESS, *fields, *held)).status == 403


@pytest.mark.parametrize("fields", [("X-Original-URI: /about",), ("X-Forwarded-Uri: /about", "X-Original-URI: /about")])
async def test_what_needs_no_room_passes(full: Entrance, fields: tuple[str, ...]) -> None:
    """Unprotected paths need no pass, and no cache keeps the answer."""
    answer = await full.ask(ADDRESS, *fields)
    assert (answer.status, answer.all("Cache-Control")) == (204, ["no-store"])
