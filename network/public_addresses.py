"""Which addresses belong to the public internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

# An address of this network carries an IPv4 address in its last four bytes, and reaches that one (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


def is_public(address: Address | str) -> bool:
    """Return whether an address, and each one that it wraps (mapped, NAT64, 6to4), is public.

    False for text that is no address, and for what only one machine can mean: a zone (`%eth0`) and Teredo.
    """
    try:
        outer = ip_address(address)
    except ValueError:
        return False
    return all(each.is_global and not each.is_multicast and not each.is_reserved for each in _reached(outer))


def _reached(address: Address) -> tuple[Address, ...]:
    """Return the addresses that decide about this one; `::` stands for "it is never public"."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.scope_id is not None or address.teredo is not None:
        return (IPv6Address(0),)
    if address in _NAT64:  # reserved itself, for ipaddress
        return (IPv4Address(address.packed[-4:]),)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    return (address, address.sixtofour) if address.sixtofour is not None else (address,)
