"""Names of fields that steer caches."""

from gateway.core.caches import steers_caches


def test_fields_for_caches_are_known_whatever_their_vendor() -> None:
    """CDNs have fields of their own; others are left alone."""
    assert all(steers_caches(name) for name in ("Cache-Control", "EXPIRES", "CDN-Cache-Control", "Surrogate-Control"))
    assert not any(steers_caches(name) for name in ("ETag", "Set-Cookie", "Cache-Status"))
