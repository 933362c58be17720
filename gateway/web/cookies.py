"""Reading the gateway's own cookies among all those that a visitor sends.

Tokens need no quotes and no escapes, so nothing of the grammar of cookies is needed: a general parser costs more than
the rest of a status poll.
"""

from collections.abc import Iterable
from functools import lru_cache

from multidict import CIMultiDict

from gateway.core.caches import steers_caches

MAX_VALUES = 3


@lru_cache(maxsize=4096)
def cookie_values(fields: str, name: str) -> tuple[str, ...]:
    """Return what the cookies called `name` hold, the first few of them, empty ones left out.

    A neighbouring site of the same domain may have set a second one; neither hides the other. Browsers send the same
    cookies again and again.
    """
    if name not in fields:
        return ()
    pairs = (pair.partition("=") for pair in fields.split(";"))
    return tuple(value.strip() for key, _, value in pairs if key.strip() == name and value.strip())[:MAX_VALUES]


def add_cookies(fields: "CIMultiDict[str]", cookies: Iterable[str]) -> None:
    """Add cookies to an answer's fields; no shared cache may keep an answer that carries a token of one visit."""
    given = list(cookies)
    if not given:
        return
    for name in [name for name in fields if steers_caches(name)]:
        fields.popall(name, None)
    fields["Cache-Control"] = "no-store"
    for cookie in given:
        fields.add("Set-Cookie", cookie)
