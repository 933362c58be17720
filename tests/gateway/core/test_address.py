"""Who a visitor is by address: proxies, lists of hops, prefixes, and what is malformed."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.address import MAX_HOPS, is_trusted, origin_of, read_address, read_networks

PROXIES = ("10.0.0.0/8", "192.0.2.7", "2001:db8:ff::/48")
V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)


@pytest.mark.parametrize(
    ("peer", "forwarded", "visitor"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["198.51.100.1, 10.9.9.9", "192.0.2.7"], "198.51.100.1"),
        ("192.0.2.7", ["198.51.100.1:4711"], "198.51.100.1"),
        ("192.0.2.7", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("192.0.2.7", [" , 198.51.100.1 , "], "198.51.100.1"),
        ("2001:db8:ff::5", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.1.2.3", ["::ffff:198.51.100.1"], "198.51.100.1"),
    ],
)
def test_the_rightmost_address_that_no_proxy_has_is_the_visitors(peer: str, forwarded: list[str], visitor: str) -> None:
    """All fields are read as one list from the right, and only as far as trusted proxies vouch for it."""
    origin = origin_of(peer, forwarded, PROXIES)
    assert (str(origin.address), origin.exempt) == (visitor, False)


@pytest.mark.parametrize(
    ("peer", "forwarded"),
    [
        ("127.0.0.1", []),
        ("::1", ["198.51.100.1"]),
        ("10.1.2.3", []),
        ("10.1.2.3", ["unknown"]),
        ("10.1.2.3", ["198.51.100.1, garbage"]),
        ("10.1.2.3", ["198.51.100.1, <script>, 10.0.0.1"]),
        ("10.1.2.3", ["10.4.4.4"]),
        ("", []),
        ("unknown", ["198.51.100.1"]),
    ],
)
def test_the_machine_itself_and_a_proxy_that_names_nobody_are_exempt(peer: str, forwarded: list[str]) -> None:
    """What is malformed hides all that stands left of it; then the connection counts, which is not one visitor's."""
    origin = origin_of(peer, forwarded, PROXIES)
    assert origin.exempt
    assert origin.address == read_address(peer)


def test_hops_beyond_the_limit_are_not_read() -> None:
    """A list of thousands of a proxy's own addresses costs no more than one of thirty."""
    origin = origin_of("10.0.0.1", ["198.51.100.1" + ", 10.0.0.2" * MAX_HOPS], PROXIES)
    assert origin.exempt


@pytest.mark.parametrize(
    ("text", "narrow", "wide"),
    [
        ("203.0.113.9", "cb007109", ""),
        ("::ffff:203.0.113.9", "cb007109", ""),
        ("64:ff9b::203.0.113.9", "cb007109", ""),
        ("2001:db8:1:2:3:4:5:6", "20010db800010002", "20010db80001"),
        ("fe80::1%eth0", "fe80000000000000", "fe8000000000"),
    ],
)
def test_ipv6_counts_by_prefix_and_ipv4_by_address(text: str, narrow: str, wide: str) -> None:
    """A /64 and a /48 stand for households and sites; IPv4 that is written as IPv6 is IPv4."""
    origin = origin_of(text, [], ())
    assert (origin.narrow.hex(), origin.wide.hex()) == (narrow, wide)


@given(V4 | V6, st.lists(st.text(max_size=30) | V4 | V6, max_size=6))
def test_whatever_a_stranger_writes_the_connection_counts(peer: str, hops: list[str]) -> None:
    """Without trusted proxies no field changes who a visitor is."""
    assert origin_of(peer, [", ".join(hops)], ()).address == read_address(peer)


@given(V4 | V6, st.lists(st.text(max_size=30) | V4 | V6, max_size=6))
def test_what_a_visitor_puts_before_the_proxys_own_entry_changes_nothing(visitor: str, forged: list[str]) -> None:
    """A proxy appends; what stood there before it is the visitor's to write and nobody's to believe."""
    plain = origin_of("10.0.0.1", [visitor], ("10.0.0.1",))
    assert origin_of("10.0.0.1", [*forged, visitor], ("10.0.0.1",)) == plain


@given(st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_prefixes_are_equal_exactly_for_neighbours(one: IPv6Address, other: IPv6Address) -> None:
    """Two addresses share a budget if and only if their first 64 bits are equal."""
    a, b = (origin_of(str(address), [], ()) for address in (one, other))
    if isinstance(a.address, IPv6Address) and isinstance(b.address, IPv6Address):
        assert (a.narrow == b.narrow) is (int(one) >> 64 == int(other) >> 64)


def test_networks_are_read_or_refused_by_name() -> None:
    """Addresses and networks are accepted; what is neither is named with what was expected."""
    assert len(read_networks(("10.0.0.0/8", "192.0.2.1", "2001:db8::/32"))) == 3
    for bad in ("10.0.0.1/8", "proxy.example", "10.0.0.0/33", "*", ""):
        with pytest.raises(ValueError, match="expected an address or a network"):
            read_networks((bad,))


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_none(text: str) -> None:
    """Reading never fails."""
    read = read_address(text)
    assert read is None or isinstance(read, IPv4Address | IPv6Address)
    assert is_trusted(text, ()) is False
