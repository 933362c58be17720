"""The operators' dashboard in a real Chromium."""

import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from gateway.web.pages.links import csp
from gateway.web.pages.render import Pages

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"
Answers = dict[str, Any]


def room(name: str = "booking", **changes: Any) -> dict[str, Any]:
    """A room with a queue in two lanes."""
    base = {
        "name": name,
        "state": "queueing",
        "epoch": 3,
        "waiting": {"urgent": 4, "regular": 412},
        "issued": {"urgent": 40, "regular": 1713},
        "serving": {"urgent": 36, "regular": 1301},
        "inside": 87,
        "admission_rate": 4.25,
        "reason": "forecast",
        "inflow": 9.5,
        "outflow": 3.5,
        "no_show_share": 0.04,
        "claims": 1280,
        "no_shows": 53,
        "eta": {"urgent": [5, 40], "regular": [250, 402]},
        "leader": True,
        "paused_by": None,
    }
    return base | changes


def node(url: str, state: str = "up", **changes: Any) -> dict[str, Any]:
    """A node under load."""
    base = {"url": url, "state": state, "inflight": 9, "limit": 12, "waiting": 1, "latency_ms": 84.0}
    return base | {"requests_per_s": 31.5, "errors_per_s": 0.0} | changes


def forecast(now: float) -> dict[str, Any]:
    """A good forecast whose steps reach from before the charts to after them."""
    series = [{"at": now - 600 + 60 * i, "q10": 5.0, "q50": 8.0, "q90": 12.0} for i in range(20)]
    now_step = {"q10": 5.0, "q50": 8.0, "q90": 12.0, "q95": 13.0, "admission_rate": 4.5, "pool_share": {"primary": 1.0}}
    return {
        "room": "booking",
        "state": "ok",
        "reason": "",
        "model": "combination",
        "version": "7",
        "made_at": now - 120,
        "expires_at": now + 3600,
        "age_seconds": 120,
        "now": now_step,
        "series": series,
        "capacity": {"primary": 3.0, "backup": 2.5},
    }


def full(now: float) -> Answers:
    """What the admin address answers in the middle of a peak."""
    nodes = [node("http://10.0.0.1:9001"), node("http://10.0.0.2:9001", "down", inflight=0)]
    primary = {"name": "primary", "role": "primary", "state": "open", "share": 0.6, "reason": "none"}
    backup = {"name": "backup", "role": "backup", "state": "warming", "share": 0.4, "reason": "forecast"}
    return {
        "rooms": {"rooms": [room(), room("results", state="open", waiting={"regular": 0})]},
        "pools": {"pools": [primary | {"nodes": nodes}, backup | {"nodes": [node("http://10.0.0.3:9003")]}]},
        "forecast": {"forecasts": [forecast(now)]},
    }


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def opened(page: Page) -> Callable[[Answers], list[str]]:
    """Open the dashboard over the given answers; they may be changed while it runs."""
    nonce, complaints = secrets.token_urlsafe(16), list[str]()
    html = Pages().dashboard(nonce)

    def open_page(answers: Answers) -> list[str]:
        def answer(route: Route) -> None:
            name = route.request.url.rpartition("/")[2]
            if name == "dashboard":
                headers = {"Content-Type": "text/html", "Content-Security-Policy": csp(nonce)}
                route.fulfill(body=html, headers=headers)
            elif answers.get(name) is None:
                route.fulfill(status=503, body="")
            else:
                route.fulfill(json=answers[name])

        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.route("**/*", answer)
        page.goto("http://admin.test/dashboard")
        return complaints

    return open_page


def time_of(page: Page) -> float:
    """The browser's clock, in seconds."""
    return float(page.evaluate("Date.now() / 1000"))


def test_the_dashboard_shows_what_the_api_says(page: Page, opened: Callable[[Answers], list[str]]) -> None:
    """State with its reason, figures, lanes, forecast and nodes stand on one page."""
    complaints = opened(full(time_of(page)))
    expect(page.locator("#state")).to_contain_text("Queueing")
    expect(page.locator("#state")).to_contain_text("Admission rate: the published plan.")
    tiles = page.locator("#tiles")
    for text in (
        "416 people",
        "4.3 visits/s",
        "9.5 visits/s",
        "87 visits",
        "1,280 came in",
        "53 of those called",
        "4–7 min",
        "4.0 %",
    ):
        expect(tiles).to_contain_text(text)
    expect(page.locator("#lanes tbody tr")).to_have_count(2)
    expect(page.locator("#pools")).to_contain_text("share 60 %")
    expect(page.locator("#pools")).to_contain_text("9 / 12")
    expect(page.locator("#pools")).to_contain_text("opened ahead: the forecast exceeds")
    expect(page.locator("#forecast")).to_contain_text("combination, version 7")
    assert complaints == []


def test_charts_draw_every_series(page: Page, opened: Callable[[Answers], list[str]]) -> None:
    """After two rounds the first chart has a band, two dashed lines and two full ones, the second one per lane."""
    opened(full(time_of(page)))
    expect(page.locator("#demand path.area")).to_have_count(1)
    expect(page.locator("#demand path.thin")).to_have_count(2)
    expect(page.locator("#waiting path.line")).to_have_count(2)
    expect(page.locator("#legend-demand")).to_contain_text("capacity 5.5/s")
    expect(page.locator("#demand path.line").last).to_have_attribute("d", re.compile("M.+L"))


def test_rooms_can_be_chosen(page: Page, opened: Callable[[Answers], list[str]]) -> None:
    """With several rooms each has a button; the chosen one stays chosen from round to round."""
    opened(full(time_of(page)))
    page.get_by_role("button", name="results").click()
    expect(page.locator("#state")).to_contain_text("Nobody has to wait.")
    with page.expect_response("**/api/forecast"):
        pass
    expect(page.get_by_role("button", name="results")).to_have_attribute("aria-pressed", "true")


def test_a_pause_names_who_and_why(page: Page, opened: Callable[[Answers], list[str]]) -> None:
    """A room stopped by hand says by whom, for what reason and what to do."""
    paused = room(state="paused", reason="manual", paused_by={"author": "duty", "reason": "clinic move", "until": None})
    opened(full(time_of(page)) | {"rooms": {"rooms": [paused]}})
    expect(page.locator("#state")).to_contain_text("Set by duty: clinic move.")
    expect(page.locator("#state")).to_contain_text("Resume when the cause is gone")


def test_an_empty_gateway_says_so(page: Page, opened: Callable[[Answers], list[str]]) -> None:
    """Without rooms, pools or forecasts each panel has a sentence instead of a hole."""
    complaints = opened({"rooms": {"rooms": []}, "pools": {"pools": []}, "forecast": {"forecasts": []}})
    expect(page.locator("#state")).to_contain_text("No rooms")
    expect(page.locator("#pools")).to_contain_text("No pools are configured.")
    expect(page.locator("#forecast")).to_contain_text("No forecast is published")
    assert complaints == []


def test_a_silent_admin_address_is_told_and_forgiven(page: Page, opened: Callable[[Answers], list[str]]) -> None:
    """When an answer is missing the older figures stay under a warning, which goes when answers return."""
    answers = full(time_of(page))
    opened(answers)
    expect(page.locator("#tiles")).to_contain_text("416 people")
    rooms = answers["rooms"]
    answers["rooms"] = None
    expect(page.locator("#lost")).to_contain_text("/api/rooms answered 503")
    expect(page.locator("#tiles")).to_contain_text("416 people")
    answers["rooms"] = rooms
    expect(page.locator("#lost")).to_be_hidden()


def test_hostile_names_stay_text(page: Page, opened: Callable[[Answers], list[str]]) -> None:
    """Names and reasons from the API are shown as text, never as markup."""
    answers = full(time_of(page))
    answers["rooms"]["rooms"][0] |= {"name": HOSTILE, "reason": HOSTILE, "waiting": {HOSTILE: 3}}
    answers["pools"]["pools"][0] |= {"name": HOSTILE, "reason": HOSTILE}
    complaints = opened(answers)
    expect(page.locator("#pools")).to_contain_text(HOSTILE)
    expect(page.locator("#state")).to_contain_text(HOSTILE)
    assert page.locator("img").count() == 0
    assert complaints == []


def test_the_dashboard_is_accessible(page: Page, opened: Callable[[Answers], list[str]]) -> None:
    """No axe violation at both widths and in both schemes, and nothing scrolls sideways."""
    opened(full(time_of(page)))
    expect(page.locator("#tiles")).to_contain_text("416 people")
    problems: list[tuple[object, ...]] = []
    for width in (800, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page).response["violations"]
            problems += [(width, scheme, one["id"], one["nodes"][0]["html"]) for one in found]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append((width, "scrolls sideways"))
    assert problems == []
