"""Who a visitor is by address, when requests come through proxies; and the prefixes by which addresses are counted.

Only the address of the connection is sure. If it is that of a trusted proxy, the rightmost address of
`X-Forwarded-For` that is not itself one of a trusted proxy is the visitor's: what stands left of it was written by
somebody whom nobody vouches for. `Forwarded` is not read, since a proxy that writes one of the two fields hands the
other on as the visitor sent it. A subscriber of IPv6 is given at least a /64, a site a /48: these are counted, not
single addresses. IPv4 inside IPv6 (mapped, or by the well-known prefix of NAT64) is counted as IPv4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
MAX_HOPS = 30
_NAT64 = IPv6Network("64:ff9b::/96")


@lru_cache(maxsize=16)
def read_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks; a plain address is a network of one. Raises ValueError that names the bad one."""
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise ValueError(f"expected an address or a network such as 10.0.0.0/8: {error}") from None
    return tuple(networks)


def read_address(text: str) -> Address | None:
    """Return the address of a text, with or without port, or None when it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@lru_cache(maxsize=4096)
def is_trusted(peer: str, proxies: tuple[str, ...]) -> bool:
    """Whether `peer` is in one of the networks of `proxies`."""
    address = read_address(peer) if proxies else None
    return address is not None and any(address in network for network in read_networks(proxies))


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request comes from; `exempt` is the machine itself, or a proxy that does not say for whom it asks."""

    address: Address | None
    exempt: bool

    @property
    def narrow(self) -> bytes:
        """What stands for one visitor or household: the IPv4 address, or the /64."""
        if self.address is None:
            return b""
        return self.address.packed if self.address.version == 4 else self.address.packed[:8]

    @property
    def wide(self) -> bytes:
        """The /48 around an IPv6 address; empty for IPv4, where one address is as wide as it gets."""
        return self.address.packed[:6] if self.address is not None and self.address.version == 6 else b""


def origin_of(peer: str, forwarded_for: Sequence[str], proxies: tuple[str, ...]) -> Origin:
    """Return the origin of a request from its connection and all its `X-Forwarded-For` fields."""
    own = read_address(peer)
    if own is None:
        return Origin(address=None, exempt=True)
    if not is_trusted(peer, proxies):
        return Origin(address=own, exempt=own.is_loopback)
    hops = [hop for hop in ",".join(forwarded_for).split(",") if hop.strip()]
    for hop in reversed(hops[-MAX_HOPS:]):
        address = read_address(hop)
        if address is None:
            break
        if not is_trusted(str(address), proxies):
            return Origin(address=address, exempt=False)
    return Origin(address=own, exempt=True)
