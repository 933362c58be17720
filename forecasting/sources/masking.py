"""Samples of dropped lines that may be shown: nothing in them tells who somebody is."""

import re

from forecasting.core.spans import format_instant
from forecasting.sources.parsers import Event

LONGEST = 160

_STAMP = re.compile(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]|\d{4}-\d\d-\d\dT[\d:.]+Z?")
_QUERY = re.compile(r"\?[^\s\"]*")
_FIRST = re.compile(r"^[^{]\S*")
_PERSON = re.compile(r"^(\*\*\* \S+) [^\[]*\[")
_NAMED = re.compile(r'"(?!(?:ts|time|method|path|status|class|decision)")(\w+)"\s*:\s*"[^"]*"?')
_DOTTED = re.compile(r"[\w%-]*(?:[.@:]+[\w%-]+){2,}|[\w-]+::[\w:]*|[\w.%+-]+@[\w.-]+|\b[\w-]+(?:\.[\w-]+)+\b")
_SECRET = re.compile(r"\d{5,}|\b[0-9A-Za-z_-]{20,}\b")


def masked(line: bytes) -> str:
    """Return an unreadable line without its first word, names, addresses, queries, long numbers and tokens."""
    text = "".join(c if c.isprintable() else "." for c in line[: 4 * LONGEST].decode("utf-8", "replace").strip())
    stamp = _STAMP.search(text)
    kept = stamp.group(0) if stamp else ""
    text = _PERSON.sub(r"\1 *** [", _FIRST.sub("***", text))
    before, found, after = text.partition(kept) if kept else (text, "", "")
    return _cut(_without_names(before) + found + _without_names(after))


def described(event: Event) -> str:
    """Return what a dropped request was, and nothing of who sent it."""
    path = _SECRET.sub("***", event.path.partition("?")[0])
    agent = f" {_SECRET.sub('***', event.agent[:60])!r}" if event.agent else ""
    return _cut(f"{format_instant(event.at)} {event.method} {path} {event.status}{agent}")


def _without_names(text: str) -> str:
    text = _NAMED.sub(r'"\1":"***"', _QUERY.sub("?***", text))
    return _SECRET.sub("***", _DOTTED.sub("***", text))


def _cut(text: str) -> str:
    text = "".join(c if c.isprintable() else "." for c in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
