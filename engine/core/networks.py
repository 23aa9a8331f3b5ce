"""IP networks: those of a block list, found by an address in a few look-ups however long the list is."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

# A slip of the finger must not lock everybody out: shorter prefixes are refused.
SHORTEST = {4: 8, 6: 16}


def parse(text: str) -> IPv4Network | IPv6Network | None:
    """The network of `203.0.113.0/24`, `2001:db8::/48` or one address; bits behind the prefix are cleared. None for anything else, and
    for a network that is too wide."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None and network.prefixlen >= 96:
        network = IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network if network.prefixlen >= SHORTEST[network.version] else None


def address_of(ip: Any) -> IPv4Address | IPv6Address | None:
    """The address as networks are written: `::ffff:192.0.2.1` is 192.0.2.1. None for what is no address."""
    try:
        address = ip_address(ip)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class Networks:
    """A set of networks. Falsy when empty."""

    __slots__ = ("_by_length", "_number")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._number = 0
        self._by_length: dict[tuple[int, int], set[int]] = {}  # (version, length of the prefix) -> prefixes
        for text in texts:
            network = parse(text)
            if network is None:
                continue
            shift = network.max_prefixlen - network.prefixlen
            self._by_length.setdefault((network.version, network.prefixlen), set()).add(int(network.network_address) >> shift)
            self._number += 1

    def __len__(self) -> int:
        return self._number

    def holding(self, ip: Any) -> str | None:
        """The widest network of the set in which an address lies."""
        address = address_of(ip) if self._number else None
        if address is None:
            return None
        number = int(address)
        for version, length in sorted(self._by_length):
            shift = address.max_prefixlen - length
            if version == address.version and number >> shift in self._by_length[version, length]:
                return str(ip_network((number >> shift << shift, length)))
        return None
