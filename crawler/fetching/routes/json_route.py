"""The way out for JSON APIs: a route on httpx whose connections follow the guard's rules.

httpx hands its requests to a transport. Ours is a connection pool of httpcore with a network backend that
resolves the host, checks every address and dials one of them, so that no second look-up can answer
differently.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, cast

import httpcore
import httpx
from httpcore import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from crawler.errors import (
    ConnectionLost,
    ConnectionRefused,
    FetchError,
    HeadersRefused,
    HostNotFound,
    TlsFailed,
    Truncated,
    UrlRefused,
)
from crawler.fetching.guard import MAX_HEADERS, Guard, host_of
from crawler.fetching.routes.page_route import malformed
from crawler.fetching.routes.response_head import HeadBuffer
from crawler.fetching.routes.route import Exchange, Received, Route
from crawler.fetching.routes.trusted_authorities import json_context

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class GuardedBackend(AsyncNetworkBackend):
    """Dials only addresses that the guard allows."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._inner = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        for address in addresses:
            self._guard.check_address(host, address)
        failure: Exception = ConnectionRefused(f"{host} did not accept a connection.")
        for address in addresses:
            try:
                stream = await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
                return TolerantStream(stream)
            except httpcore.ConnectError as error:
                failure = error
        raise failure

    async def _resolve(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise HostNotFound(f"The host name {host} was not found.") from error
        return list(dict.fromkeys(str(each[4][0]) for each in found))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class TolerantStream(AsyncNetworkStream):
    """A connection that reads the heads that browsers read."""

    def __init__(self, inner: AsyncNetworkStream) -> None:
        self._inner = inner
        self._buffer = HeadBuffer()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's
        while data := await self._inner.read(max_bytes, timeout):
            if ready := self._buffer.feed(data):
                return ready
        return self._buffer.rest()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's
        self._buffer.expect()
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> AsyncNetworkStream:
        return TolerantStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's signature
        return self._inner.get_extra_info(info)


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx's transport interface over a pool that dials through the guard; raises httpcore's errors."""

    def __init__(self, guard: Guard, *, connections: int) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=json_context(),
            max_connections=connections,
            network_backend=GuardedBackend(guard),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        response = await self._pool.handle_async_request(
            httpcore.Request(request.method, url, headers=request.headers.raw, extensions=request.extensions)
        )
        stream = cast(httpx.AsyncByteStream, _ResponseStream(response))
        return httpx.Response(
            response.status, headers=response.headers, stream=stream, extensions=response.extensions
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _ResponseStream(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class HttpxRoute(Route):
    """The way out for JSON."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(self.guard, connections=self._connections),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=None,  # noqa: S113 - `Route` bounds the whole exchange
            trust_env=False,
        )
        # Remove the headers that httpx would add; all headers come from `RequestHeaders`.
        self._client.headers.clear()

    @asynccontextmanager
    async def exchange(self, request: Request) -> AsyncIterator[Exchange]:
        host = host_of(request)
        headers = self.request_headers.wire(request)
        try:
            async with self._client.stream(request.method, request.url, headers=headers) as response:
                raw = response.headers.raw
                if len(raw) > MAX_HEADERS:
                    raise HeadersRefused(f"{host} sent more than {MAX_HEADERS} headers.")
                received = Received(response.status_code, raw, datetime.now(UTC), response.http_version)
                yield Exchange(received, response.aiter_raw())
        except UnicodeEncodeError as error:
            raise UrlRefused(f"A header for {host} holds characters that are not ASCII.") from error
        except (ValueError, OverflowError) as error:
            raise UrlRefused("An invalid URL was refused.") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise _fetch_error(error, host) from error

    async def close(self) -> None:
        await self._client.aclose()


def _fetch_error(error: Exception, host: str) -> FetchError:
    """Translate an error. Order: TLS (a connect error here), connecting, reading, what was read."""
    if isinstance(error, httpcore.ConnectError) and isinstance(_root_cause(error), ssl.SSLError):
        return TlsFailed(f"The certificate of {host} could not be verified, so nothing was requested.")
    if isinstance(error, httpcore.ConnectError):
        return ConnectionRefused(f"{host} did not accept a connection.")
    if isinstance(error, httpcore.RemoteProtocolError) and "without sending complete" in str(error):
        return Truncated(f"{host} ended its response before it was complete.")
    if isinstance(error, httpcore.RemoteProtocolError) and "buffer too long" in str(error):
        return HeadersRefused(f"{host} sent headers of more than 100 kilobytes.")
    if isinstance(error, httpcore.RemoteProtocolError) and "disconnected" in str(error):
        return ConnectionLost(f"{host} closed the connection before it answered.")
    if isinstance(error, httpcore.NetworkError):
        return ConnectionLost(f"{host} closed the connection before it answered.")
    return malformed(host, str(error).lower()[:300])


def _root_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None or error.__context__ is not None:
        error = cast(BaseException, error.__cause__ or error.__context__)
    return error
