"""The PROXY protocol, versions 1 and 2: who a connection is for, said by the proxy that made it, before anything else.

Format: haproxy.org, doc/proxy-protocol.txt. Addresses of other families than IP count as unknown, and so does a
connection that the proxy made for itself (`LOCAL`, `UNKNOWN`): then the proxy's own address stands.
"""

import ipaddress
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LONGEST_1 = 107
LONGEST_2 = 16 + 4096
_ADDRESSES = {0x11: (4, 12), 0x21: (16, 36)}
"""Length of one address, and of both with their ports, by family and transport (TCP over IPv4 and IPv6)."""


class BadPreface(Exception):
    """What came first is no header of the protocol."""


@dataclass(frozen=True, slots=True)
class Preface:
    """Who the connection is for, None if unknown, and how many bytes the header took."""

    peer: tuple[str, int] | None
    length: int


def read_preface(data: bytes) -> Preface | None:
    """Return the header at the beginning of `data`, None while it is incomplete; raises BadPreface."""
    if data[:12] == SIGNATURE[: len(data)]:
        return _version_2(data)
    if data[:6] == b"PROXY "[: len(data)]:
        return _version_1(data)
    raise BadPreface("no header of the PROXY protocol")


def _version_1(data: bytes) -> Preface | None:
    end = data.find(b"\r\n", 0, LONGEST_1)
    if end < 0:
        if len(data) >= LONGEST_1:
            raise BadPreface("the line does not end")
        return None
    words = data[:end].split(b" ")
    if words[1] == b"UNKNOWN":
        return Preface(None, end + 2)
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise BadPreface("expected PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT")
    if b"%" in words[2] or not words[4].isdigit():
        raise BadPreface("an address with a zone, or a port that is no number")  # Python would read both
    try:
        source = ipaddress.ip_address(words[2].decode("ascii"))
        port = int(words[4])
    except ValueError as error:
        raise BadPreface(f"not an address: {error}") from error
    if source.version != (4 if words[1] == b"TCP4" else 6) or port > 65535:
        raise BadPreface("the address is of another family")
    return Preface((str(source), port), end + 2)


def _version_2(data: bytes) -> Preface | None:
    if len(data) < 16:
        return None
    command, family, length = data[12], data[13], int.from_bytes(data[14:16], "big")
    if command not in (0x20, 0x21) or length > LONGEST_2 - 16:
        raise BadPreface("an unknown command or a header that is too long")
    if len(data) < 16 + length:
        return None
    if command == 0x20 or family not in _ADDRESSES:
        return Preface(None, 16 + length)
    size, both = _ADDRESSES[family]
    if length < both:
        raise BadPreface("too short for its addresses")
    source = ipaddress.ip_address(data[16 : 16 + size])
    port = int.from_bytes(data[16 + 2 * size : 18 + 2 * size], "big")
    return Preface((str(source), port), 16 + length)
