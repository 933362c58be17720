"""Names of rooms, lanes and pools: short, lower case, safe in keys, tokens, metrics and URLs."""

import re

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def check_name(kind: str, name: str) -> str:
    """Return `name`, or raise ValueError that says what a name may look like."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{kind} name {name!r}: expected a lower-case letter, then up to 31 of a-z, 0-9, '_' or '-'")
    return name
