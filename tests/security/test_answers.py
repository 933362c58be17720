"""What goes out: flags of cookies, caches, the shared document, addresses on pages and in redirects."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from tests.gateway.web.conftest import ROOM
from tests.security.conftest import Answer, Entrance

Start = Callable[..., Any]
BROWSER = "Accept: text/html"
CACHING = (
    "Cache-Control: public, max-age=600",
    "Expires: Thu, 01 Jan 2099 00:00:00 GMT",
    "Surrogate-Control: max-age=600",
    "CDN-Cache-Control: max-age=600",
    "Cloudflare-CDN-Cache-Control: max-age=600",
)
ATTRIBUTE = re.compile(rb"""\b(?:href|src|action|formaction|content|value|data-[a-z-]+)=["']([^"']*)["']""")


def is_private(answer: Answer) -> bool:
    """Whether no cache may keep the answer, whichever field it goes by."""
    others = [name for name in ("Expires", *(c.partition(":")[0] for c in CACHING[2:])) if answer.all(name)]
    return answer.all("Cache-Control") == ["no-store"] and not others


async def every_answer(entrance: Entrance) -> list[Answer]:
    """One answer of each kind that hands a token out or takes it back, behind a backend that wants to be cached."""
    entrance.backend.fields = CACHING
    answers = [await entrance.ask("/booking")]
    admission = answers[0].cookie("talon_pass")
    entrance.now += 400
    await entrance.tick()
    answers.append(await entrance.ask("/booking", f"Cookie: talon_pass={admission}"))
    answers.append(await entrance.ask("/_talon/tickets", method="POST"))
    await entrance.close()
    answers.append(await entrance.ask("/booking"))
    answers.append(await entrance.ask("/booking", BROWSER))
    answers.append(await entrance.ask("/_talon/tickets", method="POST"))
    held = answers[-1].cookie("talon_ticket")
    answers.append(await entrance.ask(f"/_talon/tickets/{held}", method="DELETE"))
    answers.append(await entrance.ask("/_talon/preferences?language=ru&auto=on"))
    entrance.backend.fields = (*CACHING, "Talon-Visit: end")
    answers.append(await entrance.ask("/booking", f"Cookie: talon_pass={admission}"))
    return answers


@pytest.mark.parametrize("secure", [False, True])
async def test_every_cookie_is_out_of_reach(free: Entrance, secure: bool) -> None:
    """All cookies are `HttpOnly; SameSite=Lax; Path=/` without a domain, and `Secure` where visitors come over TLS."""
    free.site.tokens.secure = secure
    cookies = [cookie for answer in await every_answer(free) for cookie in answer.all("Set-Cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "talon_pass",
        "talon_ticket",
        "talon_language",
        "talon_auto",
    }
    for cookie in cookies:
        flags = {flag.strip() for flag in cookie.split(";")[1:]}
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= flags
        assert ("Secure" in flags) is secure
        assert not any(flag.lower().startswith("domain") for flag in flags)


async def test_no_cache_keeps_an_answer_with_a_cookie(free: Entrance) -> None:
    """Whatever the backend says of caching, an answer that sets a cookie of ours is `no-store` and nothing else."""
    answers = await every_answer(free)
    assert all(answer.all("Set-Cookie") for answer in answers)
    assert [answer.head for answer in answers if not is_private(answer)] == []


async def test_no_cache_keeps_an_answer_with_a_ticket_in_it(full: Entrance) -> None:
    """Also the later answers, which set no cookie, hold the ticket in their body and are kept by nobody."""
    held = await full.waiting()
    answers = [
        await full.ask("/booking", f"Cookie: talon_ticket={held}"),
        await full.ask("/booking", f"Cookie: talon_ticket={held}", BROWSER),
        await full.ask(f"/_talon/tickets/{held}"),
    ]
    assert [answer.all("Set-Cookie") for answer in answers] == [[], [], []]
    assert [answer.head for answer in answers if not is_private(answer)] == []


async def test_the_backends_caching_is_left_alone_otherwise(free: Entrance) -> None:
    """Without a cookie of ours the backend's fields pass as they are, for a pass and for what needs none."""
    admission = await free.admitted()
    free.backend.fields = CACHING
    for target, field in (("/booking", f"Cookie: talon_pass={admission}"), ("/about", "X: y")):
        answer = await free.ask(target, field)
        assert answer.all("Set-Cookie") == []
        for line in CACHING:
            name, _, value = line.partition(": ")
            assert answer.all(name) == [value]


async def test_an_error_that_carries_a_pass_is_private(free: Entrance) -> None:
    """When the backend hangs up under the first request, the page of error with the pass is kept by nobody."""
    free.backend.broken = True
    answer = await free.ask("/booking", BROWSER)
    assert (answer.status, answer.cookie("talon_pass") != "") == (502, True)
    assert is_private(answer)


async def test_the_shared_document_knows_nobody(free: Entrance) -> None:
    """The now-serving document has no cookie, no token and the same bytes whoever asks with whatever."""
    admission = await free.admitted()
    held = await free.waiting()
    await free.tick(1)
    seen = set()
    for fields in (
        (),
        (f"Cookie: talon_ticket={held}; talon_pass={admission}", f"Talon-Ticket: {held}"),
        ("Accept-Language: ru", "X-Forwarded-For: 203.0.113.7", "User-Agent: Ann", BROWSER),
    ):
        for target in (f"/_talon/rooms/{ROOM}", f"/_talon/rooms/{ROOM}?name=Ann"):
            answer = await free.ask(target, *fields)
            assert (answer.status, answer.all("Set-Cookie"), answer.all("Vary")) == (200, [], [])
            assert answer.all("Cache-Control") == ["public, max-age=1"]
            seen.add(answer.body)
    assert len(seen) == 1
    document = seen.pop().decode()
    for personal in (held, admission, held.split(".")[2], "Ann", "203.0.113.7", "127.0.0.1"):
        assert personal not in document


AWAY = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "%2f%2fevil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "%20//evil.example",
    "/%5cevil.example",
    "/booking%0d%0aSet-Cookie:a=b",
    "/booking%0d%0a%0d%0a<script>",
    "@evil.example",
    "/..//evil.example",
    "/.//evil.example",
]


async def test_preferences_lead_nowhere_else(full: Entrance) -> None:
    """The redirect after a choice stays on this site and adds no field, whatever address is asked for."""
    for back in AWAY:
        for query in (f"back={back}", f"back=/&back={back}", f"language=en&back={back}"):
            answer = await full.ask(f"/_talon/preferences?{query}")
            (location,) = answer.all("Location")
            assert (answer.status, urlsplit(urljoin("https://portal/x", location)).netloc) == (303, "portal"), query
            assert not [cookie for cookie in answer.all("Set-Cookie") if not cookie.startswith("talon_")]
            assert answer.body == b""


async def test_pages_lead_nowhere_else(full: Entrance) -> None:
    """Links and forms of the waiting page stay on this site, however the request was addressed."""
    targets = ["//evil.example/../booking", "http://evil.example/booking", "/\\evil.example/..\\booking", "/booking"]
    for target in targets:
        answer = await full.ask(target, BROWSER, "X-Forwarded-Host: evil.example", "Referer: http://evil.example/")
        assert answer.status == 202, target
        assert b"evil.example" not in answer.body.replace(b"/evil.example/..", b""), target
        found = [unescape(a.decode()) for a in ATTRIBUTE.findall(answer.body)]
        addresses = [a for a in found if a.startswith(("/", "\\", "http", "javascript"))]
        assert addresses
        assert {urlsplit(urljoin("https://portal/x", a)).netloc for a in addresses} == {"portal"}, target


async def test_pages_of_error_lead_nowhere_else(free: Entrance) -> None:
    """The way back from a page of error stays on this site too."""
    free.backend.broken = True
    for target in ("//evil.example/about", "http://evil.example//evil.example/about", "/\\evil.example"):
        answer = await free.ask(target, BROWSER)
        assert (answer.status, b"evil.example" in answer.body) == (502, False), target


async def test_nothing_sent_becomes_markup(free: Entrance) -> None:
    """Text of path, query, cookies and fields never stands in a page as markup."""
    script = '"><script>alert(1)</script>'
    await free.close()
    for target in (f"/booking/{script}", f"/booking?a={script}", f"/booking/{script}?b='{script}"):
        answer = await free.ask(target, BROWSER, f"Cookie: talon_language={script}", f"Accept-Language: {script}")
        assert (answer.status, b"alert(1)</script>" in answer.body, b"<script>alert" in answer.body) == (
            202,
            False,
            False,
        )
