from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.pages.links import LONGEST_PATH, csp, read_preferences, same_site_path


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/doctors?day=1&x=%20", "/doctors?day=1&x=%20"),
        ("/врачи", "/%D0%B2%D1%80%D0%B0%D1%87%D0%B8"),
        ("", "/"),
        ("doctors", "/"),
        ("javascript:alert(1)", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("https://evil.example/", "/"),
        ('/"><script>', "/%22%3E%3Cscript%3E"),
        ("/a?" + "b" * LONGEST_PATH, "/a"),
        ("/" + "b" * LONGEST_PATH, "/"),
    ],
)
def test_only_paths_of_this_site_survive(url: str, expected: str) -> None:
    """A path is kept and encoded; anything that could lead elsewhere becomes the start page."""
    assert same_site_path(url) == expected


@given(st.text(alphabet=st.sampled_from('/\\.\t\n:@ae%?#й<"'), max_size=12))
def test_no_address_leaves_the_site(url: str) -> None:
    """Resolved as a browser would resolve it, the result stays on the same host, and doing it twice changes nothing."""
    path = same_site_path(url)
    assert urlsplit(urljoin("https://portal.example/x", path)).netloc == "portal.example"
    assert same_site_path(path) == path


def test_known_preferences_become_cookies() -> None:
    """The page's form sets what it knows and leads back to where the visitor was."""
    read = read_preferences({"language": "ru", "auto": "on", "back": "/doctors"}, ("en", "ru"))
    assert read.cookies == (("talon_language", "ru"), ("talon_auto", "on"))
    assert read.back == "/doctors"


def test_unknown_preferences_are_left_out() -> None:
    """Nothing that a client invents is echoed into a cookie or an address."""
    read = read_preferences({"language": "x; Path=/", "auto": "1", "back": "//evil.example"}, ("en", "ru"))
    assert read.cookies == ()
    assert read.back == "/"


def test_the_policy_allows_nothing_but_the_nonce() -> None:
    """No unsafe source, no other host, no framing."""
    policy = csp("dGVzdC1ub25jZS0xMjM0")
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert policy.count("'nonce-dGVzdC1ub25jZS0xMjM0'") == 2


@pytest.mark.parametrize("nonce", ["", "short", "a'; script-src *; x='aaaaaaa"])
def test_a_nonce_that_could_widen_the_policy_is_refused(nonce: str) -> None:
    """A nonce is base64 of a decent length, nothing else."""
    with pytest.raises(ValueError, match="a nonce is 16 to 128 characters"):
        csp(nonce)
