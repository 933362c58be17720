"""Addresses on a page: only paths of this very site, and the visitor's choices as cookies."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote

PREFERENCES_PATH = "/_talon/preferences"
ENTER_PATH = "/_talon/enter"
PLACES_PATH = "/_talon/places"
LANGUAGE_COOKIE = "talon_language"
AUTO_COOKIE = "talon_auto"
LONGEST_PATH = 1024

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


def same_site_path(url: str) -> str:
    """Return `url` if it can only lead to this site, percent-encoded; else `/`.

    Browsers drop tabs and line ends inside an address and read a backslash as a slash, so both are
    refused: `/\\t/evil.example` would be `//evil.example`. A path that is too long loses its query.
    """
    if not url.startswith("/") or url.startswith("//") or _UNSAFE.search(url):
        return "/"
    path = quote(url, safe="/?&=%:@!$'()*+,;~-._[]", errors="replace")
    if len(path) > LONGEST_PATH:
        path = path.partition("?")[0]
    return path if len(path) <= LONGEST_PATH else "/"


def enter_path(url: str) -> str:
    """Return the address that looks whether the visitor's cookies come back, and leads on to `url`."""
    return f"{ENTER_PATH}?back={quote(same_site_path(url), safe='/')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The answer to a visit of the preferences address: set `cookies`, then go `back` with status 303.

    The cookies hold no secret and no identity: `talon_language` is a language, `talon_auto` is `on` or `off`.
    """

    cookies: tuple[tuple[str, str], ...]
    back: str


def read_preferences(query: Mapping[str, str], available: Collection[str]) -> Preferences:
    """Read the page's own form (`language`, `auto`, `back`); what is not known is left out, never echoed."""
    cookies = []
    if query.get("language") in available:
        cookies.append((LANGUAGE_COOKIE, query["language"]))
    if query.get("auto") in ("on", "off"):
        cookies.append((AUTO_COOKIE, query["auto"]))
    return Preferences(cookies=tuple(cookies), back=same_site_path(query.get("back", "/")))


def csp(nonce: str) -> str:
    """Return the Content-Security-Policy of every page: nothing but the inline style and script with `nonce`."""
    if not re.fullmatch(r"[A-Za-z0-9+/_=-]{16,128}", nonce):
        raise ValueError("a nonce is 16 to 128 characters of base64")
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
