"""A site of one page in a real Chromium: gives the page and the now-serving document, and counts what is asked."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, Route

from gateway.web.pages.links import csp
from gateway.web.pages.render import Pages
from gateway.web.pages.views import WaitingView

SITE = "http://portal.test"
POLL = "/_talon/rooms/booking"
WIDTHS = (320, 1280)
SCHEMES = ("light", "dark")
_AXE_RUN = """async () => (await axe.run(document, {resultTypes: ['violations'],
  rules: {'color-contrast-enhanced': {enabled: true}}})).violations"""
_SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, summary, input:not([type=hidden])')]
  .map(e => [e.textContent, e.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < 44 || box.width < 44))
  .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""
_SMALL_TEXT = """() => [...document.querySelectorAll('body *')]
  .filter(e => e.offsetWidth && e.children.length === 0 && e.textContent.trim() &&
    parseFloat(getComputedStyle(e).fontSize) < 19).map(e => e.outerHTML)"""


def now_serving(serving: int, **changes: Any) -> dict[str, Any]:
    """A now-serving document whose regular lane has called `serving`."""
    lanes = {"regular": {"serving": serving, "rate": 4.2}, "urgent": {"serving": 9, "rate": 1.0}}
    return {"room": "booking", "epoch": "e3", "state": "queueing", "at": 1, "lanes": lanes} | changes


@dataclass
class Site:
    """One page under its own Content-Security-Policy; without `serving` every poll fails."""

    page: bytes
    nonce: str
    serving: dict[str, Any] | None = None
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._console(message.text))
        page.route("**/*", self._answer)
        page.goto(f"{SITE}/doctors?district=7")
        return page

    def _console(self, text: str) -> None:
        if "Failed to load resource" not in text:
            self.complaints.append(text)

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(SITE)
        self.asked.append(path)
        if path != POLL:
            headers = {"Content-Type": "text/html", "Content-Security-Policy": csp(self.nonce)}
            route.fulfill(body=self.page, headers=headers)
        elif self.serving is None:
            route.abort()
        else:
            route.fulfill(body=json.dumps(self.serving), headers={"Content-Type": "application/json"})

    def entries(self) -> int:
        """How often the page itself was asked for."""
        return sum(path.startswith("/doctors") for path in self.asked)


def site_of(pages: Pages, view: WaitingView, language: str = "en", serving: dict[str, Any] | None = None) -> Site:
    """The waiting page of one view, ready to be opened."""
    nonce = secrets.token_urlsafe(16)
    return Site(page=pages.waiting(view, language, nonce), nonce=nonce, serving=serving)


def tick(page: Page, seconds: int) -> None:
    """Let the page's clock run on until its next poll has been answered."""
    with page.expect_event("requestfinished", lambda request: request.url.endswith(POLL)):
        page.clock.run_for(seconds * 1000)


def barriers(page: Page) -> list[tuple[object, ...]]:
    """What keeps people out, narrow and wide, light and dark: axe finds it, it is too small, or it scrolls sideways.

    Contrast is held to 7:1, text to 19 px.
    """
    page.evaluate(Axe().axe_script)
    found: list[tuple[object, ...]] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found += [(width, scheme, one["id"], one["nodes"][0]["html"]) for one in page.evaluate(_AXE_RUN)]
        found += [(width, small) for small in page.evaluate(_SMALL_TARGETS)]
        found += [(width, small) for small in page.evaluate(_SMALL_TEXT)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append((width, "scrolls sideways"))
    return found
