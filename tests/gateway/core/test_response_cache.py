"""Copies for everybody: what may be kept, for how long, within how many bytes, and what ends them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.response_cache import OVERHEAD, CachePolicy, Copy, ResponseCache, may_keep, may_share

POLICY = CachePolicy(ttl=2.0, stale_if_error=10.0)


def copy(body: bytes = b"x", at: float = 0.0, kind: str = "slots", target: str = "/doctors?a=1") -> Copy:
    return Copy(status=200, fields=(), body=body, at=at, kind=kind, target=target)


@pytest.mark.parametrize(
    "fields",
    [
        [("Set-Cookie", "a=b")],
        [("Cache-Control", "private, max-age=60")],
        [("cache-control", "No-Store")],
        [("Cache-Control", 'no-cache="x"')],
        [("Vary", "*")],
        [("Vary", "Accept, Cookie")],
        [("Content-Range", "bytes 0-1/2")],
    ],
)
def test_what_is_somebodys_own_is_never_kept(fields: list[tuple[str, str]]) -> None:
    """A cookie, a private or partial answer, or one that differs by something else than the key holds."""
    assert not may_keep(200, fields, POLICY)
    assert may_keep(200, [("Vary", "Accept-Encoding"), ("Cache-Control", "max-age=0"), ("ETag", '"1"')], POLICY)


def test_only_whole_answers_of_a_working_backend_are_kept() -> None:
    """No redirect that may be personal, no error that passes."""
    assert [
        status for status in (200, 206, 301, 302, 304, 404, 403, 429, 500, 503) if may_keep(status, [], POLICY)
    ] == [*(200, 301, 404)]


def test_who_shows_who_it_is_gets_its_own_answer() -> None:
    """Authorization and ranges are not shared; a cookie alone hinders nothing: the shared request carries none."""
    assert not may_share({"authorization": "Bearer x"})
    assert not may_share({"range": "bytes=0-1"})
    assert may_share({"cookie": "session=1", "accept": "text/html"})


def test_a_copy_is_fresh_for_its_time_and_serves_longer_when_the_backend_fails() -> None:
    """Two seconds fresh, ten more while it fails, then gone."""
    cache = ResponseCache(10_000)
    cache.put("k", copy())
    assert [cache.get("k", at, POLICY) is not None for at in (0.0, 1.9, 2.0)] == [True, True, False]
    assert [cache.get("k", at, POLICY, stale=True) is not None for at in (2.0, 11.9, 12.0)] == [True, True, False]


def test_a_write_ends_the_copies_of_classes_and_targets() -> None:
    """By class, or by path whatever the query; others stay."""
    cache = ResponseCache(100_000)
    for key, kind, target in (("a", "slots", "/d/1/slots?p=1"), ("b", "slots", "/d/2/slots"), ("c", "doctors", "/d")):
        cache.put(key, copy(kind=kind, target=target))
    assert cache.purge(targets=["/d/1/slots"]) == 1
    assert cache.purge(kinds=["doctors"]) == 1
    assert [key for key in "abc" if cache.get(key, 0.0, POLICY)] == ["b"]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 3000)), max_size=60), st.integers(1000, 20_000))
def test_never_more_bytes_than_allowed(story: list[tuple[str, int]], most: int) -> None:
    """However copies come, their sizes add up to what is counted, and that is within the bound."""
    cache = ResponseCache(most)
    for key, size in story:
        kept = cache.put(key, copy(b"x" * size))
        assert kept == (size + OVERHEAD <= most / 8)
        assert cache.size == sum(one.size for one in cache._copies.values()) <= most


@pytest.mark.parametrize("rules", [{"ttl": 0.0}, {"ttl": 61.0}, {"stale_if_error": -1.0}, {"vary": ("Accept",)}])
def test_impossible_policies_are_refused(rules: dict[str, object]) -> None:
    """Times out of their bounds and fields that would never match are refused by name."""
    with pytest.raises(ValueError, match=next(iter(rules))):
        CachePolicy(**{"ttl": 1.0, **rules})  # type: ignore[arg-type]
