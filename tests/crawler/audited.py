"""`python -m tests.crawler.audited FILE`: the real child; FILE gets a line for every address that it passes
to the system, as a name or a connection.
"""

from __future__ import annotations

import os
import sys

from tests.crawler.child import main

#: Events that CPython raises before it passes an address to the system (audit events in its documentation).
EVENTS = frozenset(
    f"socket.{call}"
    for call in ("connect", "sendto", "sendmsg", "getaddrinfo", "gethostbyname", "gethostbyaddr")
)


def watch(path: str) -> None:
    """Install an audit hook, which cannot be removed."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in EVENTS:
            # In these events a name comes first, and an address comes after its socket.
            asked = arguments[0] if event.startswith("socket.get") else arguments[1]
            os.write(file, f"{event} {asked!r}\n".encode())

    sys.addaudithook(hook)


if __name__ == "__main__":
    watch(sys.argv[1])
    sys.exit(main())
