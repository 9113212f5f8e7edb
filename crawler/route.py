"""The way out for pages: a Scrapy download handler on aiohttp which checks the address really dialled and
bounds everything.

Scrapy's own handlers dial any address and bound neither total time nor headers. `Route` is what every way
out shares (steps: the guard; connect; headers; body; response); `AiohttpRoute` is the one for pages,
`crawler.api_route` the one for JSON. Redirects are not followed here: Scrapy's middleware turns them into
new requests, which pass the guard again.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import LineTooLong
from scrapy import signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Response
from yarl import URL

from crawler.errors import (
    AddressRefused,
    BodyTooLarge,
    ConnectionLost,
    ConnectionRefused,
    FetchError,
    HeadersRefused,
    HostNotFound,
    MalformedResponse,
    RouteMissing,
    TimedOut,
    TlsFailed,
    TorTimedOut,
    Truncated,
    UrlRefused,
)
from crawler.guard import MAX_HEADER_BYTES, MAX_HEADERS, Guard, check_content
from crawler.presentation import Presentation
from crawler.tor import TorConnector, TorProxy, waits_for_tor

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

#: Where `Route` leaves what came in, for the capture: the headers in their order and the moment they were
#: there.
RECEIVED = "spillwatch_received"
#: Set by whoever asks for an attachment, which must be text.
ATTACHMENT = "spillwatch_attachment"


@dataclass(frozen=True, slots=True)
class Received:
    """The head of a response as it came in."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    at: datetime
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A response whose body is still to be read, as it comes: not decompressed."""

    received: Received
    chunks: AsyncIterator[bytes]


class Route(BaseDownloadHandler):
    """One way out: everything but the HTTP library."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._maxsize = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self._timeout = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        self._connections = crawler.settings.getint("CONCURRENT_REQUESTS")
        run = cast(Any, crawler.spider).run
        self.guard: Guard = run.guard
        self.presentation: Presentation = run.presentation
        self._in_flight: set[asyncio.Timeout] = run.in_flight

    @abstractmethod
    def exchange(self, request: Request) -> AbstractAsyncContextManager[Exchange]:
        """Send `request` and yield its response; the library's own errors come out as a `FetchError`."""

    async def download_request(self, request: Request) -> Response:
        """Return the response with its body as received; raises a `FetchError` and nothing else for a bad
        site.
        """
        self.guard.check_request(request.method, request.url)
        timeout = float(request.meta.get("download_timeout", self._timeout))
        began = time.monotonic()
        try:
            async with self._bounded(timeout), self.exchange(request) as exchange:
                # AutoThrottle reads it.
                request.meta["download_latency"] = time.monotonic() - began
                return await self._read(request, exchange)
        except TimeoutError as error:
            raise _too_slow(host_of(request), timeout) from error

    @asynccontextmanager
    async def _bounded(self, timeout_s: float) -> AsyncIterator[None]:
        """At most so long; a run that is told to stop gives up at once what is in flight."""
        async with asyncio.timeout(timeout_s) as bound:
            self._in_flight.add(bound)
            try:
                yield
            finally:
                self._in_flight.discard(bound)

    async def _read(self, request: Request, exchange: Exchange) -> Response:
        received = exchange.received
        request.meta[RECEIVED] = received
        headers = Headers(received.headers)
        self.presentation.jar.take(request.url, map(_text, headers.getlist("Set-Cookie")))
        check_content(_text(headers.get("Content-Type")), attachment=ATTACHMENT in request.meta)
        length = _length(headers)
        limit = int(request.meta.get("download_maxsize", self._maxsize))
        if length is not None and length > limit:
            raise BodyTooLarge(f"{host_of(request)} announced {length} bytes; at most {limit} are fetched.")
        self._signal(signals.headers_received, request, headers=headers, body_length=length)
        body = await self._body(request, exchange.chunks, limit)
        return Response(request.url, received.status, headers, body, protocol=received.protocol)

    async def _body(self, request: Request, chunks: AsyncIterator[bytes], limit: int) -> bytes:
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge(
                    f"{host_of(request)} sent more than the {limit} bytes that are fetched at most."
                )
            self._signal(signals.bytes_received, request, data=chunk)
        return bytes(body)

    def _signal(self, signal: object, request: Request, **values: object) -> None:
        for _, result in self.crawler.signals.send_catch_log(
            signal, request=request, spider=self.crawler.spider, **values
        ):
            if isinstance(getattr(result, "value", None), StopDownload):
                raise result.value


@dataclass(slots=True)
class _Dial:
    """The host a connection is made for, and what was refused on the way (aiohttp hides it among other
    errors).
    """

    host: str
    refused: AddressRefused | None = None


_dialling: ContextVar[_Dial] = ContextVar("dialling")


class AiohttpRoute(Route):
    """The way out for pages."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._tor = _proxy_of(self.guard) if self.guard.via == "tor" else None
        connector = self._direct() if self._tor is None else self._through(self._tor)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )

    def _direct(self) -> aiohttp.BaseConnector:
        return aiohttp.TCPConnector(
            limit=self._connections, ssl=ssl.create_default_context(), socket_factory=self._socket
        )

    def _through(self, proxy: TorProxy) -> aiohttp.BaseConnector:
        run = cast(Any, self.crawler.spider).run
        return TorConnector(
            proxy, circuit=run.circuit, connections=self._connections, timeout_s=self._timeout
        )

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Make the socket for one address: the last moment before something leaves this machine."""
        family, kind, protocol, _, target = address
        dial = _dialling.get()
        try:
            self.guard.check_address(dial.host, target[0])
        except AddressRefused as refused:
            dial.refused = refused
            raise PermissionError(str(refused)) from refused
        return socket.socket(family, kind, protocol)

    @asynccontextmanager
    async def exchange(self, request: Request) -> AsyncIterator[Exchange]:
        dial = _Dial(host_of(request))
        _dialling.set(dial)
        headers = self.presentation.wire(request)
        waits_for_tor.set(False)
        try:
            async with self._session.request(
                request.method, URL(request.url, encoded=True), headers=headers, allow_redirects=False
            ) as response:
                version = response.version
                protocol = f"HTTP/{version.major}.{version.minor}" if version else "HTTP/1.1"
                received = Received(response.status, response.raw_headers, datetime.now(UTC), protocol)
                yield Exchange(received, response.content.iter_any())
        except (aiohttp.ClientError, ValueError) as error:
            raise await self._told(_translated(error, dial)) from error

    async def _told(self, problem: FetchError) -> FetchError:
        """A connection that ended under our hands may be Tor's end, not the site's."""
        cut = isinstance(problem, ConnectionLost | Truncated)
        if cut and self._tor is not None and not await self._tor.answers():
            return self._tor.unreachable()
        return problem

    async def close(self) -> None:
        await self._session.close()


def _proxy_of(guard: Guard) -> TorProxy:
    proxy = TorProxy.of(guard.tor_proxy or "")
    if proxy is None:
        raise RouteMissing("No tor_proxy is set in [crawler]: nothing was asked.")
    return proxy


def _too_slow(host: str, timeout_s: float) -> FetchError:
    if waits_for_tor.get():
        return TorTimedOut(f"Tor had no connection to {host} within {timeout_s:g} s.")
    return TimedOut(f"{host} did not finish its answer within {timeout_s:g} s.")


def _translated(error: Exception, dial: _Dial) -> FetchError:
    """Order: what we refused, then from the narrowest of aiohttp's errors to the widest."""
    host = dial.host
    if dial.refused is not None:
        return dial.refused
    if isinstance(error, aiohttp.ClientPayloadError):
        return Truncated(f"{host} ended its answer before it was complete.")
    if isinstance(error, aiohttp.ClientSSLError):
        return TlsFailed(f"The certificate of {host} could not be verified, so nothing was asked.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return HostNotFound(f"The name {host} was not found.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectionRefused(
            f"{host} took no connection ({error.os_error.strerror or 'no reason given'})."
        )
    if isinstance(error, aiohttp.ClientResponseError):
        return _unreadable(host, error.__cause__)
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return UrlRefused("An address that is no valid URL was refused.")
    return ConnectionLost(f"{host} closed the connection before it answered.")


def _unreadable(host: str, cause: BaseException | None) -> FetchError:
    # aiohttp has no class for "too many headers", and wraps the one for "too long".
    if cause is not None and (
        isinstance(cause.__cause__, LineTooLong) or "headers" in str(cause)[:60].lower()
    ):
        return HeadersRefused(
            f"{host} sent more than {MAX_HEADERS} headers or one of more than {MAX_HEADER_BYTES} bytes."
        )
    return MalformedResponse(f"What {host} sent is not HTTP.")


def host_of(request: Request) -> str:
    """The host that `request` is for; what else its address holds may be somebody's."""
    return urlsplit(request.url).hostname or ""


def _text(value: bytes | None) -> str:
    return (value or b"").decode("latin-1")


def _length(headers: Headers) -> int | None:
    value = _text(headers.get("Content-Length"))
    return int(value) if value.isdecimal() else None
