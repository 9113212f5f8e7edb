"""The way to Tor: connections through its SOCKS port, and what its replies mean.

Tor resolves every name. A SOCKS user name of its own gives each source circuits of its own, as
`IsolateSOCKSAuth` (the default) tells them apart. Where the port has the flag `ExtendedErrors`, Tor says what
went wrong with an onion service in codes of its own (proposal 304; tor(1), SocksPort); without it they are
folded into SOCKS5's.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import python_socks
from aiohttp_socks import ProxyConnector

from crawler.errors import (
    ConnectionLost,
    FetchError,
    HostNotFound,
    OnionAddressWrong,
    OnionKeyWanted,
    OnionNotFound,
    OnionPortClosed,
    OnionSilent,
    TlsFailed,
    TorFailed,
    TorTimedOut,
    TorUnreachable,
)
from crawler.guard import is_onion

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

#: Whether a dead connection means a dead Tor is asked within this.
ANSWERS_WITHIN_S = 2.0
#: tor(1) under `ExtendedErrors`, and RFC 1928 as tor uses it (src/core/or/reasons.c).
REPLIES: dict[int, tuple[type[FetchError], str]] = {
    0x01: (
        TorFailed,
        "Tor could not reach {host} and does not say why: the web server behind the service is down, Tor is "
        "not bootstrapped, or the address is wrong.",
    ),
    0x02: (TorFailed, "No exit of Tor's goes to {host} at this port."),
    0x03: (TorFailed, "Tor has no way to {host}: no network, or no circuit."),
    0x04: (OnionNotFound, "Tor found no descriptor of {host}: the service is down, or has moved."),
    0x05: (OnionPortClosed, "The service {host} is there, but not at this port."),
    0x06: (TorTimedOut, "Tor gave up on {host}: it took too long."),
    0xF0: (OnionNotFound, "Tor found no descriptor of {host}: the service is down, or has moved."),
    0xF1: (OnionSilent, "The descriptor of {host} cannot be read by Tor."),
    0xF2: (OnionSilent, "The descriptor of {host} is there, but the service is not at its meeting points."),
    0xF3: (OnionSilent, "{host} did not come to the point where Tor waited for it."),
    0xF4: (OnionKeyWanted, "{host} lets in only those whose key it knows, and Tor has none for it."),
    0xF5: (OnionKeyWanted, "{host} lets in only those whose key it knows, and not the one that Tor has."),
    0xF6: (OnionAddressWrong, "{host} is no onion address: a letter is wrong, or it is one of the old ones."),
    0xF7: (TorTimedOut, "{host} did not answer Tor in time: it may be overloaded."),
}
_EXTENDED = re.compile(r"Invalid reply code: 0X([0-9A-F]{2})\b", re.IGNORECASE)

#: Whether the request of this context waits for Tor's connection, rather than for the site's answer.
waits_for_tor: ContextVar[bool] = ContextVar("waits_for_tor", default=False)


@dataclass(frozen=True, slots=True)
class TorProxy:
    """Where Tor's SOCKS port is."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> TorProxy | None:
        """`socks5://host:port`; None for anything else."""
        parts = urlsplit(url)
        return cls(parts.hostname, parts.port) if parts.hostname and parts.port else None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    async def answers(self) -> bool:
        """Whether something takes connections there."""
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                _, writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            return False
        writer.close()
        return True

    def unreachable(self) -> TorUnreachable:
        return TorUnreachable(
            f"Tor takes no connection at {self} (tor_proxy in [crawler]): nothing was asked. "
            "Start it, or correct the address."
        )


class TorConnector(ProxyConnector):
    """aiohttp's connector through Tor, whose errors are ours."""

    def __init__(self, proxy: TorProxy, *, circuit: str, connections: int, timeout_s: float) -> None:
        """`circuit`: sources with different ones share no circuit."""
        self._tor = proxy
        self._patience_s = timeout_s
        super().__init__(
            proxy.host,
            proxy.port,
            username=circuit,
            password="spillwatch",  # noqa: S106 - Tor only tells circuits apart by it
            rdns=True,
            limit=connections,
            ssl=ssl.create_default_context(),
        )

    async def _connect_via_proxy(
        self,
        host: str,
        port: int,
        ssl: ssl.SSLContext | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - aiohttp-socks' signature
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        waits_for_tor.set(True)
        try:
            made = await super()._connect_via_proxy(host, port, ssl=ssl, timeout=self._patience_s)
        except (python_socks.ProxyError, OSError) as error:
            raise await self._translated(error, host) from error
        waits_for_tor.set(False)
        return made

    async def _translated(self, error: Exception, host: str) -> FetchError:
        """Order: nobody there; too slow; TLS with the site; what Tor replied; a connection that was cut."""
        if isinstance(error, python_socks.ProxyConnectionError):
            return self._tor.unreachable()
        if isinstance(error, TimeoutError):
            return TorTimedOut(f"Tor had no connection to {host} within {self._patience_s:g} s.")
        if isinstance(error, ssl.SSLError):
            return TlsFailed(f"The certificate of {host} could not be verified, so nothing was asked.")
        if isinstance(error, python_socks.ProxyError) and (code := _code(error)) is not None:
            return problem_of(code, host)
        if not await self._tor.answers():
            return self._tor.unreachable()
        if isinstance(error, python_socks.ProxyError):
            return TorUnreachable(
                f"What listens at {self._tor} (tor_proxy in [crawler]) does not speak SOCKS5 as Tor does: "
                "nothing was asked. Is it Tor's SocksPort?"
            )
        return ConnectionLost(f"The connection to {host} ended before anything was asked.")


async def status_of(url: str, proxy: TorProxy, *, headers: Mapping[str, str], timeout_s: float) -> int:
    """Ask for one address through Tor, on a circuit of its own; raises a `FetchError`. For `doctor`."""
    connector = TorConnector(proxy, circuit="doctor", connections=1, timeout_s=timeout_s)
    # As in `AiohttpRoute`: one way out, nothing from the environment, no redirect followed.
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
    ) as session:
        try:
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except TimeoutError as error:
            raise TorTimedOut(f"No answer came through Tor within {timeout_s:g} s.") from error
        except aiohttp.ClientError as error:
            raise ConnectionLost("The site closed the connection before it answered.") from error


def problem_of(code: int, host: str) -> FetchError:
    """What a SOCKS reply means."""
    if code == 0x04 and not is_onion(host):
        return HostNotFound(f"Tor's exit found no address of {host}.")
    kind, told = REPLIES.get(code, (TorFailed, f"Tor could not reach {{host}} (SOCKS reply {code})."))
    return kind(told.format(host=host))


def _code(error: python_socks.ProxyError) -> int | None:
    """The reply's code; python-socks knows those of SOCKS5 alone and quotes any other in its message."""
    if error.error_code is not None:
        return int(error.error_code)
    found = _EXTENDED.search(str(error))
    return int(found[1], 16) if found else None
