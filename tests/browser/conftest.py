"""One Chromium for each module of browser tests: the system's own, never a downloaded one."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.conftest import require


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver.

    The scope is a module and not the session: while Playwright's blocking interface is started, its event
    loop counts as running in this thread, and tests of asyncio code in other modules could not run theirs.
    """
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Start the system's Chromium; a machine without it fails with the sentence that says how to get it."""
    path = require("chromium", "chromium")
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    yield browser
    browser.close()
