"""Which addresses belong to the public internet."""

from __future__ import annotations

import ipaddress

# An address of this network (NAT64) contains an IPv4 address to which a gateway connects for us.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the public internet.

    An IPv6 address that contains an IPv4 address is as public as that one.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.scope_id is not None or address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast
