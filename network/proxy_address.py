"""The address of an HTTP proxy, as settings and source files write it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

MAX_PORT = 65_535
#: What has to be percent-encoded in a login, and how.
ENCODED = {"@": "%40", "/": "%2F", ":": "%3A", "#": "%23", "?": "%3F", "[": "%5B", "]": "%5D", " ": "%20"}
EXPECTED = "http://HOST:PORT or https://HOST:PORT, with a login http://USER:PASSWORD@HOST:PORT"
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*):(\d{1,5})/?")


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """A proxy. `login`: user name and password, decoded; None if it wants none."""

    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The proxy's URL without the login."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_proxy(text: str) -> ProxyAddress:
    """Read an address; raises ValueError, which says what was wanted and repeats nothing of the text."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise ValueError(
            f"{EXPECTED}; SOCKS proxies are not supported here" if "socks" in scheme.lower() else EXPECTED
        )
    login, at, address = rest.rpartition("@")
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found[2]) <= MAX_PORT:
        raise ValueError(f"{EXPECTED}, with a port from 1 to {MAX_PORT} and without a path")
    user, colon, password = login.partition(":")
    wrong = [sign for sign in ENCODED if sign in user or sign in password]
    if wrong:
        ways = ", ".join(f"{sign!r} as {ENCODED[sign]}" for sign in wrong)
        raise ValueError(f"a login in which these characters are percent-encoded: {ways}")
    if "%3a" in user.lower():
        raise ValueError("a user name without a colon (RFC 7617)")
    if at and not (user and colon):
        raise ValueError("USER:PASSWORD before the @")
    return ProxyAddress(
        scheme.lower(),
        found[1].strip("[]"),
        int(found[2]),
        (unquote(user), unquote(password)) if at else None,
    )
