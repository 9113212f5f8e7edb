"""Tor: connections through its SOCKS port, and what its replies mean.

Tor resolves every name. Each source has a SOCKS user name of its own, and so circuits of its own, because
`IsolateSOCKSAuth` (the default) separates them. If the port has the flag `ExtendedErrors`, Tor reports
problems of an onion service with codes of its own (proposal 304; tor(1), SocksPort), otherwise with those of
SOCKS5.
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
from crawler.fetching.guard import is_onion
from crawler.fetching.routes.port_check import accepts_connections
from crawler.fetching.routes.response_head import TolerantHandler
from crawler.fetching.routes.trusted_authorities import page_context

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

#: By SOCKS reply code: tor(1) under `ExtendedErrors`, and RFC 1928 as Tor uses it (src/core/or/reasons.c).
REPLIES: dict[int, tuple[type[FetchError], str]] = {
    0x01: (
        TorFailed,
        "Tor could not reach {host} and gave no reason: the web server behind the service is down, Tor is "
        "not bootstrapped, or the address is wrong.",
    ),
    0x02: (TorFailed, "No Tor exit allows connections to {host} at this port."),
    0x03: (TorFailed, "Tor cannot reach {host}: it has no network or no circuit."),
    0x04: (OnionNotFound, "Tor found no descriptor of {host}: the service is down or has moved."),
    0x05: (OnionPortClosed, "The service {host} exists, but does not listen at this port."),
    0x06: (TorTimedOut, "Tor gave up on {host}: it took too long."),
    0xF0: (OnionNotFound, "Tor found no descriptor of {host}: the service is down or has moved."),
    0xF1: (OnionSilent, "The descriptor of {host} cannot be read by Tor."),
    0xF2: (
        OnionSilent,
        "Tor has the descriptor of {host}, but the service is not at its introduction points.",
    ),
    0xF3: (OnionSilent, "{host} did not come to the rendezvous point."),
    0xF4: (OnionKeyWanted, "{host} admits only clients whose key it knows, and Tor has no key for it."),
    0xF5: (OnionKeyWanted, "{host} admits only clients whose key it knows, and not the key that Tor has."),
    0xF6: (
        OnionAddressWrong,
        "{host} is not a valid onion address: it is mistyped, or of the old format with 16 characters.",
    ),
    0xF7: (TorTimedOut, "{host} did not answer Tor in time; it may be overloaded."),
}
_EXTENDED = re.compile(r"Invalid reply code: 0X([0-9A-F]{2})\b", re.IGNORECASE)

#: Whether the request of this context waits for Tor to connect, rather than for the site's response.
waits_for_tor: ContextVar[bool] = ContextVar("waits_for_tor", default=False)


@dataclass(frozen=True, slots=True)
class TorProxy:
    """The address of Tor's SOCKS port."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> TorProxy | None:
        """Read `socks5://host:port`; return None for anything else."""
        parts = urlsplit(url)
        return cls(parts.hostname, parts.port) if parts.hostname and parts.port else None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    async def answers(self) -> bool:
        """Return whether something accepts connections there."""
        return await accepts_connections(self.host, self.port)

    def unreachable(self) -> TorUnreachable:
        return TorUnreachable(
            f"Tor does not accept connections at {self} (tor_proxy in [crawler]): nothing was requested. "
            "Start Tor, or correct the address."
        )


class TorConnector(ProxyConnector):
    """aiohttp's connector through Tor, which raises our errors."""

    def __init__(self, proxy: TorProxy, *, circuit: str, connections: int, timeout_s: float) -> None:
        """`circuit`: the SOCKS user name; connectors with different ones share no circuit."""
        self._tor = proxy
        self._connect_timeout_s = timeout_s
        super().__init__(
            proxy.host,
            proxy.port,
            username=circuit,
            password="spillwatch",  # noqa: S106 - Tor only uses it to separate circuits
            rdns=True,
            limit=connections,
            ssl=page_context(),
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
            transport, plain = await super()._connect_via_proxy(
                host, port, ssl=ssl, timeout=self._connect_timeout_s
            )
        except (python_socks.ProxyError, OSError) as error:
            raise await self._fetch_error(error, host) from error
        waits_for_tor.set(False)
        handler = TolerantHandler(self._loop, keeps=plain)
        transport.set_protocol(handler)
        handler.connection_made(transport)
        return transport, handler

    async def _fetch_error(self, error: Exception, host: str) -> FetchError:
        """Translate an error. Order: no Tor; too slow; TLS with the site; Tor's reply; a cut connection."""
        if isinstance(error, python_socks.ProxyConnectionError):
            return self._tor.unreachable()
        if isinstance(error, TimeoutError):
            return TorTimedOut(f"Tor did not connect to {host} within {self._connect_timeout_s:g} s.")
        if isinstance(error, ssl.SSLError):
            return TlsFailed(f"The certificate of {host} could not be verified, so nothing was requested.")
        if isinstance(error, python_socks.ProxyError) and (code := _reply_code(error)) is not None:
            return reply_error(code, host)
        if not await self._tor.answers():
            return self._tor.unreachable()
        if isinstance(error, python_socks.ProxyError):
            return TorUnreachable(
                f"The program at {self._tor} (tor_proxy in [crawler]) does not speak SOCKS5 as Tor does: "
                "nothing was requested. Is it Tor's SocksPort?"
            )
        return ConnectionLost(f"The connection to {host} ended before anything was requested.")


async def status_of(url: str, proxy: TorProxy, *, headers: Mapping[str, str], timeout_s: float) -> int:
    """Request one URL through Tor, on a circuit of its own, and return the status; raises a `FetchError`.

    For `doctor`.
    """
    connector = TorConnector(proxy, circuit="doctor", connections=1, timeout_s=timeout_s)
    # As in `AiohttpRoute`: one way out, nothing from the environment, no redirects.
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
    ) as session:
        try:
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                return response.status
        except TimeoutError as error:
            raise TorTimedOut(f"No response came through Tor within {timeout_s:g} s.") from error
        except aiohttp.ClientError as error:
            raise ConnectionLost("The site closed the connection before it answered.") from error


def reply_error(code: int, host: str) -> FetchError:
    """Return the error that a SOCKS reply code means."""
    if code == 0x04 and not is_onion(host):
        return HostNotFound(f"Tor's exit found no address for {host}.")
    kind, message = REPLIES.get(code, (TorFailed, f"Tor could not reach {{host}} (SOCKS reply {code})."))
    return kind(message.format(host=host))


def _reply_code(error: python_socks.ProxyError) -> int | None:
    """Return the code of Tor's reply; python-socks only knows those of SOCKS5, and quotes others in its
    message.
    """
    if error.error_code is not None:
        return int(error.error_code)
    found = _EXTENDED.search(str(error))
    return int(found[1], 16) if found else None
