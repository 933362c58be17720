"""Header fields that steer caches."""

_CACHING = frozenset({"cache-control", "edge-control", "expires", "surrogate-control"})


def steers_caches(name: str) -> bool:
    """Whether a field of this name tells a cache, any vendor's, what it may keep."""
    lower = name.lower()
    return lower in _CACHING or lower.endswith("-cache-control")
