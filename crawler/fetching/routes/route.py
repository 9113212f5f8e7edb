"""What every way out shares: a Scrapy download handler that bounds each exchange in time and size.

Scrapy's own handlers connect to any address and bound neither total time nor headers. Steps of an exchange:
the guard; connect; headers; body; response. Redirects are not followed here: `crawler.fetching.redirects`
turns them into new requests, which pass the guard again.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Response

from crawler.errors import BodyTooLarge, FetchError, TimedOut, TorTimedOut
from crawler.fetching.guard import check_content, host_of
from crawler.fetching.routes.port_check import accepts_connections
from crawler.fetching.routes.proxy_errors import (
    proxy_timed_out,
    proxy_unreachable,
    waits_for_proxy,
)
from crawler.fetching.routes.tor import waits_for_tor
from crawler.fetching.site_pauses import SENT_AT
from crawler.fetching.visit import visit_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

#: In a request's meta: the head of its response (`Received`), for the capture.
RECEIVED = "spillwatch_received"
#: In the meta of a request for an attachment, which must be text.
ATTACHMENT = "spillwatch_attachment"
#: In the meta of a request of which only so many bytes are wanted, whatever follows.
FIRST_BYTES = "spillwatch_first_bytes"


@dataclass(frozen=True, slots=True)
class Received:
    """The head of a response: `headers` in their order, `at` the moment when they had arrived."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    at: datetime
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A response whose body has yet to be read; `chunks` are bytes as received, not decompressed."""

    received: Received
    chunks: AsyncIterator[bytes]


class Route(BaseDownloadHandler):
    """One way out, without its HTTP library."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._maxsize = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self._timeout = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        self._connections = crawler.settings.getint("CONCURRENT_REQUESTS")
        self._visit = visit = visit_of(crawler)
        self.guard = visit.guard
        self.request_headers = visit.request_headers
        self._in_flight = visit.in_flight

    @abstractmethod
    def exchange(self, request: Request) -> AbstractAsyncContextManager[Exchange]:
        """Send `request` and yield its response; raises a `FetchError` for the library's own errors."""

    async def download_request(self, request: Request) -> Response:
        """Return the response with its body as received; the only error that a site can cause is
        `FetchError`.
        """
        self.guard.check_request(request.method, request.url)
        # The site may have asked for a pause while this request waited for its turn.
        await self._visit.pauses.wait(request.url, closing=self._visit.closing)
        if self._visit.closed is not None:
            raise self._visit.closed.with_traceback(None)
        request.meta[SENT_AT] = asyncio.get_running_loop().time()
        timeout = float(request.meta.get("download_timeout", self._timeout))
        began = time.monotonic()
        try:
            async with self._time_limit(timeout), self.exchange(request) as exchange:
                # AutoThrottle reads it.
                request.meta["download_latency"] = time.monotonic() - began
                return await self._read_response(request, exchange)
        except TimeoutError as error:
            raise await _timeout_error(host_of(request), timeout) from error

    @asynccontextmanager
    async def _time_limit(self, timeout_s: float) -> AsyncIterator[None]:
        """Bound the block in time; a run that is stopped ends at once what is in flight."""
        async with asyncio.timeout(timeout_s) as bound:
            self._in_flight.add(bound)
            try:
                yield
            finally:
                self._in_flight.discard(bound)

    async def _read_response(self, request: Request, exchange: Exchange) -> Response:
        received = exchange.received
        request.meta[RECEIVED] = received
        headers = Headers(received.headers)
        self.request_headers.jar.take(request.url, map(_latin1_text, headers.getlist("Set-Cookie")))
        check_content(_latin1_text(headers.get("Content-Type")), attachment=ATTACHMENT in request.meta)
        length = _declared_length(headers)
        limit = int(request.meta.get("download_maxsize", self._maxsize))
        first = request.meta.get(FIRST_BYTES)
        if first is None and length is not None and length > limit:
            raise BodyTooLarge(f"{host_of(request)} declared {length} bytes; the limit is {limit} bytes.")
        self._send_signal(signals.headers_received, request, headers=headers, body_length=length)
        body = await self._read_body(request, exchange.chunks, limit)
        return Response(request.url, received.status, headers, body, protocol=received.protocol)

    async def _read_body(self, request: Request, chunks: AsyncIterator[bytes], limit: int) -> bytes:
        body, first = bytearray(), request.meta.get(FIRST_BYTES)
        async for chunk in chunks:
            body += chunk
            if first is not None and len(body) >= first:
                return bytes(body[:first])
            if len(body) > limit:
                raise BodyTooLarge(f"{host_of(request)} sent more than the limit of {limit} bytes.")
            self._send_signal(signals.bytes_received, request, data=chunk)
        return bytes(body)

    def _send_signal(self, signal: object, request: Request, **values: object) -> None:
        for _, result in self.crawler.signals.send_catch_log(
            signal, request=request, spider=self.crawler.spider, **values
        ):
            if isinstance(getattr(result, "value", None), StopDownload):
                raise result.value


async def _timeout_error(host: str, timeout_s: float) -> FetchError:
    if (proxy := waits_for_proxy.get()) is not None:
        answers = await accepts_connections(proxy.host, proxy.port)
        return proxy_timed_out(proxy, host, timeout_s) if answers else proxy_unreachable(proxy)
    if waits_for_tor.get():
        return TorTimedOut(f"Tor did not connect to {host} within {timeout_s:g} s.")
    return TimedOut(f"{host} did not complete its response within {timeout_s:g} s.")


def _latin1_text(value: bytes | None) -> str:
    return (value or b"").decode("latin-1")


def _declared_length(headers: Headers) -> int | None:
    value = _latin1_text(headers.get("Content-Length"))
    return int(value) if value.isdecimal() else None
