"""Host names that can only belong to a private network, told by the name alone.

Where a proxy resolves names, nobody here sees the address that is dialled. What is left to check is the name:
an address in any of the ways in which resolvers read one, and names that never are public ones.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, ip_address

#: Names of private networks: RFC 6761 (localhost), 6762 (local), 8375 (home.arpa), ICANN 2024 (internal), and
#: what routers and companies use although no rule keeps it for them.
INTERNAL_SUFFIXES = (
    *("localhost", "localdomain", "local", "internal", "intranet", "home.arpa", "lan", "home", "corp"),
    *("private", "svc"),
)
#: The last label of a name that resolvers read as an IPv4 address: 2130706433, 0x7f.1, 127.1.
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


def literal_address(host: str) -> str | None:
    """Return the address that a host is, however it is written; None: it is a name."""
    bare = host.strip("[]").partition("%")[0].rstrip(".")
    try:
        return str(ip_address(bare))
    except ValueError:
        pass
    if not _NUMBER.fullmatch(bare.rpartition(".")[2]):
        return None
    try:
        return str(IPv4Address(socket.inet_aton(bare)))
    except (OSError, UnicodeError):
        return None


def is_internal_name(host: str) -> bool:
    """Return whether a name, which is no address, can only be one of a private network."""
    labels = host.rstrip(".").lower().split(".")
    if len(labels) == 1:
        return True
    ends = {".".join(labels[-count:]) for count in (1, 2)}
    return not ends.isdisjoint(INTERNAL_SUFFIXES)
