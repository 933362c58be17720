"""The way in: redirects stay here, cookies that are off are explained, tokens in addresses are worth nothing."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest

from gateway.core.joins import JoinPolicy
from tests.security.conftest import Entrance
from tests.security.test_answers import AWAY, BROWSER, is_private

Start = Callable[..., Any]
ENTER = "/_talon/enter"


async def test_the_look_for_cookies_leads_nowhere_else(full: Entrance) -> None:
    """With a cookie it leads on within this site, without one its page does; whatever address is asked for."""
    held = await full.waiting()
    for back in (*AWAY, "", "/booking?a=b&c=d"):
        for query in (f"back={back}", f"back={quote(back, safe='')}", f"back=/&back={back}"):
            answer = await full.ask(f"{ENTER}?{query}", f"Cookie: talon_ticket={held}")
            (location,) = answer.all("Location")
            assert (answer.status, urlsplit(urljoin("https://portal/x", location)).netloc) == (303, "portal"), query
            assert answer.all("Set-Cookie") == []
            page = await full.ask(f"{ENTER}?{query}", BROWSER)
            assert (page.status, b'href="//' in page.body, b"https://evil" in page.body) == (200, False, False)


@pytest.mark.parametrize("second_contact", [False, True])
async def test_cookies_that_are_off_are_found_out_and_explained(start: Start, second_contact: bool) -> None:
    """The first page leads over an address that sees whether its cookie came back, and on to the very same target."""
    entrance: Entrance = await start(joins=JoinPolicy(second_contact=second_contact))
    await entrance.close()
    first = await entrance.ask("/booking?doctor=7&day=1", BROWSER)
    onward = f"{ENTER}?back=/booking%3Fdoctor%3D7%26day%3D1"
    assert f'href="{onward}"' in first.body.decode()
    with_cookie = await entrance.ask(onward, BROWSER, f"Cookie: talon_ticket={first.cookie('talon_ticket')}")
    assert (with_cookie.status, with_cookie.all("Location")) == (303, ["/booking?doctor=7&day=1"])
    without = await entrance.ask(onward, BROWSER)
    assert (without.status, is_private(without)) == (200, True)
    assert "Your browser keeps no cookies of this site" in without.body.decode()
    assert 'href="/booking?doctor=7&amp;day=1"' in without.body.decode()
    assert without.all("Set-Cookie") == []
    forged = await entrance.ask(onward, BROWSER, "Cookie: talon_ticket=s1.k1.AAAA.AAAA")
    assert forged.status == 200


async def test_a_known_visitor_is_not_led_around(full: Entrance) -> None:
    """Who has shown the cookie gets a page that leads straight to where it was asked for."""
    held = await full.waiting()
    page = (await full.ask("/booking", BROWSER, f"Cookie: talon_ticket={held}")).body.decode()
    assert (ENTER in page, 'href="/booking"' in page) == (False, True)


async def test_the_page_before_the_queue_is_private_and_strict(start: Start) -> None:
    """It carries a slip, so no cache keeps it; its script has the nonce; the room's status is the waiting page's."""
    entrance: Entrance = await start(joins=JoinPolicy(second_contact=True, proof_of_work=8))
    await entrance.close()
    answer = await entrance.ask("/booking/%3Cscript%3E?a=</script>", BROWSER)
    assert (answer.status, is_private(answer)) == (202, True)
    page = answer.body.decode()
    slip = answer.cookie("talon_ticket")
    assert f'"slip":"{slip}"' in page
    assert page.count("<script") == 1
    assert 'http-equiv="refresh" content="21;url=/_talon/enter?back=' in page
    assert "unsafe" not in answer.all("Content-Security-Policy")[0]
    flags = {flag.strip() for flag in answer.all("Set-Cookie")[0].split(";")[1:]}
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=300"} <= flags


async def test_a_token_in_an_address_opens_nothing_and_is_written_nowhere(free: Entrance) -> None:
    """Tokens count in cookies and fields only; what stands in a query is not logged, here or on the way to the page."""
    admission = await free.admitted()
    held = await free.waiting()
    for query in (f"talon_pass={admission}", f"Talon-Pass={admission}", f"talon_ticket={held}", f"pass={admission}"):
        answer = await free.ask(f"/booking?{query}")
        assert (answer.status, free.backend.asked) == (503, [])
        assert json.loads(answer.body)["ticket"] != held
    await free.ask(f"/_talon/tickets/{held}")
    await free.ask(f"/_talon/rooms/booking?talon_ticket={held}")
    log = json.dumps(free.log_lines())
    assert held not in log
    assert admission not in log
    page = await free.ask(f"/booking?talon_pass={admission}", BROWSER)
    assert page.all("Referrer-Policy") == ["same-origin"]


async def test_tabs_share_one_place(full: Entrance) -> None:
    """However many tabs of a browser ask, also at once, the place stays one and their state is the same."""
    held = await full.waiting()
    before = json.loads((await full.ask("/booking", f"Cookie: talon_ticket={held}")).body)["number"]
    for target in ("/booking", "/booking/slots", "/booking?tab=2"):
        answer = await full.ask(target, f"Cookie: talon_ticket={held}")
        assert (json.loads(answer.body)["number"], answer.all("Set-Cookie")) == (before, [])
        assert (await full.ask(target, BROWSER, f"Cookie: talon_ticket={held}")).all("Set-Cookie") == []
    await full.tick(1)
    assert full.room.view is not None
    assert full.room.view.lanes["regular"].issued == before
