"""The signed field: one line, one key, a short time."""

import subprocess
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.identity import IdentityInvalid, IdentityResult
from gateway.core.signed_header import MAX_AHEAD, MAX_FIELD, SignedHeaderPolicy, sign, verify

NOW = 1_785_000_000.0
KEY, OLD_KEY = bytes(range(32)), bytes(32)
SAID = "sub=12345&lane=urgent&region=amur"


def refused(text: str, now: float = NOW) -> IdentityResult:
    with pytest.raises(IdentityInvalid) as caught:
        verify(text, [KEY], now, 60.0)
    return caught.value.result


def test_what_the_portal_signs_counts() -> None:
    """The pairs come back as they were written, under the new key and the old."""
    for key in (KEY, OLD_KEY):
        said = verify(sign(SAID, int(NOW), key), [KEY, OLD_KEY], NOW, 60.0)
        assert said == {"sub": "12345", "lane": "urgent", "region": "amur"}


def test_openssl_makes_the_same_field() -> None:
    """A portal without any library signs with one command of the shell."""
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{KEY.hex()}"]
    done = subprocess.run(command, input=f"{SAID}|{int(NOW)}".encode(), capture_output=True, check=True)
    assert sign(SAID, int(NOW), KEY) == f"{SAID}|{int(NOW)}|{done.stdout.decode().split()[-1]}"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (sign(SAID, int(NOW), b"x" * 32), IdentityResult.FORGED),
        (sign(SAID, int(NOW), KEY).replace("urgent", "staff"), IdentityResult.FORGED),
        (sign(SAID, int(NOW) - 1, KEY).replace(f"|{int(NOW) - 1}|", f"|{int(NOW)}|"), IdentityResult.FORGED),
        (sign(SAID, int(NOW), KEY).upper(), IdentityResult.MALFORMED),
        (sign(SAID, int(NOW), KEY)[:-1], IdentityResult.MALFORMED),
        (sign("sub=a|lane=b", int(NOW), KEY), IdentityResult.MALFORMED),
        (sign("sub", int(NOW), KEY), IdentityResult.MALFORMED),
        (sign("sub=%ff", int(NOW), KEY), IdentityResult.MALFORMED),
        (sign("&".join(f"a{i}=b" for i in range(40)), int(NOW), KEY), IdentityResult.MALFORMED),
        (sign("sub=a&sub=b", int(NOW), KEY), IdentityResult.TWICE),
        (sign(SAID, int(NOW) - 61, KEY), IdentityResult.EXPIRED),
        (sign(SAID, int(NOW + MAX_AHEAD) + 1, KEY), IdentityResult.NOT_YET),
        ("x" * (MAX_FIELD + 1), IdentityResult.TOO_LONG),
    ],
)
def test_what_is_not_signed_for_now_does_not_count(text: str, result: IdentityResult) -> None:
    """Other keys, other values, other times and other forms say nothing."""
    assert refused(text) is result


@given(st.text(max_size=100) | st.text("0123456789abcdef|=&", max_size=120))
def test_nothing_else_is_a_field(text: str) -> None:
    """Any text is refused without an error of another kind."""
    assert refused(text) in (IdentityResult.MALFORMED, IdentityResult.FORGED)


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("xyzäж |&=", min_size=1, max_size=8), max_size=4)
)
def test_any_values_can_be_said(values: dict[str, str]) -> None:
    """Values of any language, written as a query writes them, come back."""
    assert verify(sign(urlencode(values), int(NOW), KEY), [KEY], NOW + 59, 60.0) == values


@pytest.mark.parametrize("named", [{"header": ""}, {"max_age": 0.0}, {"max_age": 3601.0}])
def test_impossible_policies_are_refused(named: dict[str, object]) -> None:
    """A field has a name, and counts for some time but not for ever."""
    with pytest.raises(ValueError, match=next(iter(named))):
        SignedHeaderPolicy(**named)  # type: ignore[arg-type]
