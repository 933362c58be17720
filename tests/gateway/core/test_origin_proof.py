"""The proof to nodes: what it covers, and that a node can check it with a plain HMAC."""

import hashlib
import hmac

from gateway.core.origin_proof import prove

SECRET = b"s" * 32


def test_a_node_can_check_it_with_nothing_but_an_hmac() -> None:
    """The value is the time and the HMAC-SHA256 of time, method and target, in hex."""
    time, _, signature = prove(SECRET, 1_000_000.7, "GET", "/slots?day=1").partition(".")
    expected = hmac.new(SECRET, f"{time}\nGET\n/slots?day=1".encode(), hashlib.sha256).hexdigest()
    assert (time, signature) == ("1000000", expected)


def test_another_time_method_target_or_secret_gives_another_proof() -> None:
    """A proof covers all of them, and no two requests that differ can share one by moving a line end."""
    values = {
        prove(SECRET, 1.0, "GET", "/a"),
        prove(SECRET, 2.0, "GET", "/a"),
        prove(SECRET, 1.0, "POST", "/a"),
        prove(SECRET, 1.0, "GET", "/b"),
        prove(SECRET, 1.0, "GE", "T/a"),
        prove(b"t" * 32, 1.0, "GET", "/a"),
    }
    assert len(values) == 6
