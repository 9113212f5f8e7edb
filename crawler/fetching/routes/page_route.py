"""The way out for pages, directly, through a proxy or through Tor: a route on aiohttp.

It checks each address that it dials.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import LineTooLong
from yarl import URL

from crawler.errors import (
    AddressRefused,
    ConnectionLost,
    ConnectionRefused,
    FetchError,
    HeadersRefused,
    HostNotFound,
    MalformedResponse,
    RouteMissing,
    TlsFailed,
    Truncated,
    UrlRefused,
)
from crawler.fetching.guard import MAX_HEADER_BYTES, MAX_HEADERS, Guard, host_of
from crawler.fetching.routes.port_check import accepts_connections
from crawler.fetching.routes.proxy_errors import (
    answer_problem,
    no_answer,
    proxy_unreachable,
    tunnel_refused,
    waits_for_proxy,
)
from crawler.fetching.routes.response_head import make_tolerant
from crawler.fetching.routes.route import Exchange, Received, Route
from crawler.fetching.routes.tor import TorConnector, TorProxy, waits_for_tor
from crawler.fetching.routes.trusted_authorities import page_context
from crawler.fetching.visit import visit_of
from network.proxy_address import ProxyAddress

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


@dataclass(slots=True)
class _Dial:
    """The host that a connection is made for, and what the guard refused (aiohttp hides it in its own
    errors).
    """

    host: str
    refused: AddressRefused | None = None
    #: Whether a connection exists on which the site, and not a proxy, is asked.
    connected: bool = False


_current_dial: ContextVar[_Dial] = ContextVar("current_dial")


class AiohttpRoute(Route):
    """The way out for pages."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._tor = _required_proxy(self.guard) if self.guard.via == "tor" else None
        self._proxy = self.guard.proxy
        connector = self._direct_connector() if self._tor is None else self._tor_connector(self._tor)
        self._session = aiohttp.ClientSession(
            connector=make_tolerant(connector),
            proxy=self._proxy.url if self._proxy else None,
            trace_configs=[_connection_trace()],
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )

    def _direct_connector(self) -> aiohttp.BaseConnector:
        return aiohttp.TCPConnector(
            limit=self._connections, ssl=page_context(), socket_factory=self._make_socket
        )

    def _tor_connector(self, proxy: TorProxy) -> aiohttp.BaseConnector:
        circuit = visit_of(self.crawler).circuit
        return TorConnector(proxy, circuit=circuit, connections=self._connections, timeout_s=self._timeout)

    def _make_socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Make the socket for one address, which is the last moment before anything leaves this machine."""
        family, kind, protocol, _, target = address
        if self._proxy is not None:
            return socket.socket(family, kind, protocol)  # the proxy's address, which the operator chose
        dial = _current_dial.get()
        try:
            self.guard.check_address(dial.host, target[0])
        except AddressRefused as refused:
            dial.refused = refused
            raise PermissionError(str(refused)) from refused
        return socket.socket(family, kind, protocol)

    @asynccontextmanager
    async def exchange(self, request: Request) -> AsyncIterator[Exchange]:
        dial = _Dial(host_of(request))
        _current_dial.set(dial)
        headers = self.request_headers.wire(request)
        tunnelled = urlsplit(request.url).scheme == "https"
        login = _login_header(self._proxy)
        waits_for_tor.set(False)
        waits_for_proxy.set(self._proxy)
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=headers if tunnelled else [*headers, *login],
                proxy_headers=dict(login) if tunnelled and login else None,
                allow_redirects=False,
            ) as response:
                version = response.version
                protocol = f"HTTP/{version.major}.{version.minor}" if version else "HTTP/1.1"
                received = Received(response.status, response.raw_headers, datetime.now(UTC), protocol)
                if self._proxy is not None and not tunnelled:
                    problem = answer_problem(self._proxy, dial.host, response.status, response.raw_headers)
                    if problem is not None:
                        raise problem
                yield Exchange(received, response.content.iter_any())
        except (aiohttp.ClientError, ValueError, OverflowError) as error:
            if self._proxy is not None:
                raise await _proxied_error(error, dial, self._proxy, tunnelled=tunnelled) from error
            raise await self._check_tor(_fetch_error(error, dial)) from error

    async def _check_tor(self, problem: FetchError) -> FetchError:
        """Return the error to raise: where a connection was cut, Tor may have ended and not the site."""
        cut = isinstance(problem, ConnectionLost | Truncated)
        if cut and self._tor is not None and not await self._tor.answers():
            return self._tor.unreachable()
        return problem

    async def close(self) -> None:
        await self._session.close()


def _required_proxy(guard: Guard) -> TorProxy:
    proxy = TorProxy.of(guard.tor_proxy or "")
    if proxy is None:
        raise RouteMissing("No tor_proxy is set in [crawler]: nothing was requested.")
    return proxy


def _login_header(proxy: ProxyAddress | None) -> list[tuple[str, str]]:
    """Return the header with the proxy's login. Over https it goes with CONNECT, and never to the site."""
    if proxy is None or proxy.login is None:
        return []
    return [("Proxy-Authorization", aiohttp.encode_basic_auth(*proxy.login))]


def _connection_trace() -> aiohttp.TraceConfig:
    """Return the trace that notes when a request has its connection, through a proxy's tunnel or not."""

    async def note(*_: object) -> None:
        _current_dial.get().connected = True
        waits_for_proxy.set(None)

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(note)
    trace.on_connection_reuseconn.append(note)
    return trace


async def _proxied_error(
    error: Exception, dial: _Dial, proxy: ProxyAddress, *, tunnelled: bool
) -> FetchError:
    """Translate an error of a request through a proxy. Order: what the proxy answered; TLS; no connection to
    the proxy; what happened before the site could be asked; what the site did.
    """
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return tunnel_refused(proxy, dial.host, error.status)
    if isinstance(error, aiohttp.ClientSSLError):
        if error.host == proxy.host and (proxy.scheme, error.port) == ("https", proxy.port):
            return proxy_unreachable(proxy, "its certificate cannot be verified")
        return _fetch_error(error, dial)
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientConnectorDNSError):
        number = error.os_error.errno
        return proxy_unreachable(proxy, os.strerror(number) if number and number > 0 else "unknown name")
    problem = _fetch_error(error, dial)
    if isinstance(problem, ConnectionLost | ConnectionRefused | Truncated | MalformedResponse):
        if not await accepts_connections(proxy.host, proxy.port):
            return proxy_unreachable(proxy)
        # A proxy passes on whole responses only: over http, what is cut or garbled before is its own.
        if not dial.connected or (not tunnelled and not isinstance(problem, Truncated)):
            return no_answer(proxy, dial.host)
    return problem


def _fetch_error(error: Exception, dial: _Dial) -> FetchError:
    """Translate an error. Order: what the guard refused, then aiohttp's errors from the narrowest to the
    widest.
    """
    host = dial.host
    if dial.refused is not None:
        return dial.refused
    if isinstance(error, aiohttp.ClientPayloadError):
        return Truncated(f"{host} ended its response before it was complete.")
    if isinstance(error, aiohttp.ClientSSLError):
        return TlsFailed(f"The certificate of {host} could not be verified, so nothing was requested.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return HostNotFound(f"The host name {host} was not found.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectionRefused(
            f"{host} did not accept a connection ({error.os_error.strerror or 'no reason given'})."
        )
    if isinstance(error, aiohttp.ClientResponseError):
        return _head_error(host, error.__cause__)
    if isinstance(error, aiohttp.InvalidURL | ValueError | OverflowError):
        return UrlRefused("An invalid URL was refused.")
    return ConnectionLost(f"{host} closed the connection before it answered.")


def _head_error(host: str, cause: BaseException | None) -> FetchError:
    # aiohttp has no class for "too many headers", and wraps the one for "too long".
    said = str(cause).lower()[:300]
    if cause is not None and (isinstance(cause.__cause__, LineTooLong) or "too many headers" in said):
        return HeadersRefused(
            f"{host} sent more than {MAX_HEADERS} headers or one of more than {MAX_HEADER_BYTES} bytes."
        )
    return malformed(host, said)


def malformed(host: str, said: str) -> MalformedResponse:
    """Return the error for a response that the parser refuses; `said`: its words, in lower case."""
    for header in ("content-length", "transfer-encoding"):
        if header in said or header.replace("-", " ") in said:
            return MalformedResponse(
                f"The header {header} of {host} is invalid, or is there twice and differs."
            )
    if "header" in said:
        return MalformedResponse(f"{host} sent a header that is invalid.")
    return MalformedResponse(f"The response of {host} is not HTTP.")
