"""The PROXY protocol: whom a connection is for, told in one of two forms, and nothing believed that is neither."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.proxy_protocol import SIGNATURE, BadPreface, Preface, read_preface

ports = st.integers(0, 65535)


def version_2(source: str, port: int, command: int = 0x21, tail: bytes = b"") -> bytes:
    """The binary form for a connection from an address to itself, with further fields behind it."""
    packed = ipaddress.ip_address(source).packed
    body = packed * 2 + struct.pack("!HH", port, 443) + tail
    return SIGNATURE + bytes([command, 0x11 if len(packed) == 4 else 0x21]) + struct.pack("!H", len(body)) + body


@given(st.ip_addresses(), ports, st.integers(0, 200))
def test_both_forms_say_the_same(source: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, cut: int) -> None:
    """Cut anywhere they are incomplete, whole they name address, port and their own length."""
    family = "TCP4" if source.version == 4 else "TCP6"
    for data in (f"PROXY {family} {source} {source} {port} 443\r\n".encode(), version_2(str(source), port)):
        assert read_preface(data + b"GET /") == Preface((str(source), port), len(data))
        if 0 < cut < len(data):
            assert read_preface(data[:cut]) is None


def test_a_proxys_own_connections_are_for_nobody() -> None:
    """Health checks say LOCAL or UNKNOWN; further fields and other families are skipped."""
    assert read_preface(version_2("192.0.2.1", 1, command=0x20)) == Preface(None, 28)
    assert read_preface(b"PROXY UNKNOWN\r\n") == Preface(None, 15)
    assert read_preface(version_2("192.0.2.1", 7, tail=b"\x04\0\x01x")) == Preface(("192.0.2.1", 7), 32)
    assert read_preface(SIGNATURE + b"\x21\x00\0\0") == Preface(None, 16)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY \r\n",
        b"PROXY TCP4\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 99999 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 x 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1_0 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 \t1 2\r\n",
        b"PROXY TCP6 fe80::1%a\nb ::1 1 2\r\n",
        b"PROXY TCP9 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY " + b"x" * 120,
        SIGNATURE + b"\x31\x11\0\x0c" + b"\0" * 12,
        SIGNATURE + b"\x21\x11\0\x04" + b"\0" * 4,
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_neither_form_is_refused(data: bytes) -> None:
    """Nobody is let in as somebody by half a header."""
    with pytest.raises(BadPreface):
        read_preface(data)


@given(st.binary(max_size=150))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """There is no third outcome."""
    for start in (b"", b"PROXY ", SIGNATURE):
        try:
            read_preface(start + data)
        except BadPreface:
            continue
