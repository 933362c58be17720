"""Choice of a page's language: the visitor's own choice first, then what the browser asks for."""

from collections.abc import Collection, Iterator

LONGEST_HEADER = 1000


def pick_language(accept_language: str, cookie: str | None, available: Collection[str], default: str) -> str:
    """Return one of `available`: the cookie's if it is one, else the best match of the header, else `default`.

    Follows RFC 9110, 12.5.4 with the lookup of RFC 4647, 3.4: `ru-RU` is served by `ru`, a quality of 0
    excludes a language, `*` stands for the default. Unreadable parts of the header are passed over.
    """
    if cookie is not None and cookie in available:
        return cookie
    ranked = sorted(_ranges(accept_language), key=lambda item: -item[1])
    refused = {tag for tag, quality in ranked if quality == 0}
    for tag, quality in ranked:
        if quality == 0:
            continue
        if tag == "*" and default not in refused:
            return default
        for candidate in _shorter(tag):
            if candidate in available and candidate not in refused:
                return candidate
    return default


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for part in header[:LONGEST_HEADER].split(","):
        tag, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        if tag and quality is not None:
            yield tag, quality


def _quality(parameters: list[str]) -> float | None:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return None
            return quality if 0 <= quality <= 1 else None
    return 1.0


def _shorter(tag: str) -> Iterator[str]:
    subtags = tag.split("-")
    for length in range(len(subtags), 0, -1):
        yield "-".join(subtags[:length])
