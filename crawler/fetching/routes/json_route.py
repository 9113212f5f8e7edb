"""The way out for JSON APIs: a route on httpx whose connections follow the guard's rules.

httpx hands its requests to a transport. Ours is a connection pool of httpcore with a network backend that
resolves the host, checks every address and dials one of them, so that no second look-up can answer
differently.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpcore
import httpx
from httpcore import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from crawler.errors import (
    ConnectionLost,
    ConnectionRefused,
    FetchError,
    HeadersRefused,
    HostNotFound,
    MalformedResponse,
    TlsFailed,
    Truncated,
    UrlRefused,
)
from crawler.fetching.guard import MAX_HEADERS, Guard, host_of
from crawler.fetching.routes.page_route import malformed
from crawler.fetching.routes.port_check import accepts_connections
from crawler.fetching.routes.proxy_errors import (
    answer_problem,
    no_answer,
    proxy_unreachable,
    tunnel_refused,
    waits_for_proxy,
)
from crawler.fetching.routes.response_head import HeadBuffer
from crawler.fetching.routes.route import Exchange, Received, Route
from crawler.fetching.routes.trusted_authorities import json_context
from network.proxy_address import ProxyAddress

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class GuardedBackend(AsyncNetworkBackend):
    """Dials only addresses that the guard allows, or the proxy alone."""

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
        if (proxy := self._guard.proxy) is not None:
            return await self._connect_proxy(proxy, timeout, local_address, socket_options)
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

    async def _connect_proxy(
        self,
        proxy: ProxyAddress,
        timeout: float | None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> AsyncNetworkStream:
        try:
            stream = await self._inner.connect_tcp(
                proxy.host, proxy.port, timeout, local_address, socket_options
            )
        except (httpcore.ConnectError, OSError) as error:
            raise proxy_unreachable(proxy) from error
        return TolerantStream(stream)

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
        backend, context = GuardedBackend(guard), json_context()
        self._pool: httpcore.AsyncConnectionPool
        if guard.proxy is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=context, max_connections=connections, network_backend=backend
            )
            return
        user, password = guard.proxy.login or ("", "")
        self._pool = httpcore.AsyncHTTPProxy(
            guard.proxy.url,
            proxy_auth=(user.encode(), password.encode()) if guard.proxy.login else None,
            ssl_context=context,
            proxy_ssl_context=ssl.create_default_context() if guard.proxy.scheme == "https" else None,
            max_connections=connections,
            network_backend=backend,
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
        host, proxy = host_of(request), self.guard.proxy
        tunnelled = urlsplit(request.url).scheme == "https"
        headers = self.request_headers.wire(request)
        phase = _Phase()
        waits_for_proxy.set(proxy)
        try:
            async with self._client.stream(
                request.method, request.url, headers=headers, extensions={"trace": phase.note}
            ) as response:
                raw = response.headers.raw
                if proxy is not None and not tunnelled:
                    problem = answer_problem(proxy, host, response.status_code, raw)
                    if problem is not None:
                        raise problem
                if len(raw) > MAX_HEADERS:
                    raise HeadersRefused(f"{host} sent more than {MAX_HEADERS} headers.")
                received = Received(response.status_code, raw, datetime.now(UTC), response.http_version)
                yield Exchange(received, response.aiter_raw())
        except UnicodeEncodeError as error:
            raise UrlRefused(f"A header for {host} holds characters that are not ASCII.") from error
        except (ValueError, OverflowError) as error:
            raise UrlRefused("An invalid URL was refused.") from error
        except httpcore.ProxyError as error:
            assert proxy is not None
            raise _tunnel_error(error, proxy, host) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, httpx.InvalidURL) as error:
            problem = _fetch_error(error, host)
            if proxy is not None and phase.proxy_unverified:
                problem = proxy_unreachable(proxy, "its certificate cannot be verified")
            elif proxy is not None:
                problem = await _proxied_problem(
                    problem, proxy, host, site_asked=phase.connected and tunnelled
                )
            raise problem from error

    async def close(self) -> None:
        await self._client.aclose()


@dataclass(slots=True)
class _Phase:
    """How far a request has come. `connected`: the site is asked, over a tunnel if there is a proxy;
    `proxy_unverified`: there was no TLS with the proxy itself.
    """

    connected: bool = False
    proxy_unverified: bool = False

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        """httpcore's trace callback."""
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.connected = True
            waits_for_proxy.set(None)
        # TLS inside a tunnel is "proxy.start_tls".
        self.proxy_unverified |= event == "connection.start_tls.failed"


def _tunnel_error(error: httpcore.ProxyError, proxy: ProxyAddress, host: str) -> FetchError:
    """Return the error for an answer other than 2xx to CONNECT, which httpcore quotes as "407 Words"."""
    status = str(error).partition(" ")[0]
    return tunnel_refused(proxy, host, int(status)) if status.isdecimal() else no_answer(proxy, host)


async def _proxied_problem(
    problem: FetchError, proxy: ProxyAddress, host: str, *, site_asked: bool
) -> FetchError:
    """Return the error to raise for a request through a proxy: what is cut or garbled may be the proxy's."""
    if not isinstance(
        problem, ConnectionLost | Truncated | MalformedResponse | ConnectionRefused | TlsFailed
    ):
        return problem
    if not await accepts_connections(proxy.host, proxy.port):
        return proxy_unreachable(proxy)
    keeps = site_asked or isinstance(problem, Truncated | TlsFailed)
    return problem if keeps else no_answer(proxy, host)


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
