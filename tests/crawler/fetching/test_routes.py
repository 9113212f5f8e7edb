"""Both routes against a hostile server: the error of each page, and that nothing unwanted is dialled."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import trustme
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.errors import (
    AddressRefused,
    BodyTooLarge,
    ConnectionLost,
    ConnectionRefused,
    ContentRefused,
    FetchError,
    HeadersRefused,
    HostNotFound,
    MalformedResponse,
    TimedOut,
    TlsFailed,
    Truncated,
    UrlRefused,
)
from crawler.fetching.cookies import Jar
from crawler.fetching.guard import Guard
from crawler.fetching.request_headers import RequestHeaders
from crawler.fetching.routes.json_route import HttpxRoute
from crawler.fetching.routes.page_route import AiohttpRoute
from crawler.fetching.routes.route import ATTACHMENT, FIRST_BYTES, RECEIVED, Route
from crawler.fetching.site_pauses import SitePauses
from crawler.running.supervisor import utc_now
from tests.peers.web import PATIENCE_S, Site

SETTINGS = {"DOWNLOAD_MAXSIZE": 1_000_000, "CONCURRENT_REQUESTS": 4}


@dataclass
class Guarded:
    """The part of a visit that a route needs."""

    guard: Guard
    in_flight: set[asyncio.Timeout] = field(default_factory=set)
    pauses: SitePauses = field(default_factory=SitePauses)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    closed: FetchError | None = None
    circuit: str = "test"
    request_headers: RequestHeaders = field(
        default_factory=lambda: RequestHeaders({}, Jar((), clock=utc_now))
    )


def crawler_with(
    guard: Guard, *, timeout_s: float = PATIENCE_S, request_headers: RequestHeaders | None = None
) -> Crawler:
    crawler = Crawler(Spider, {**SETTINGS, "DOWNLOAD_TIMEOUT": timeout_s})
    spider = Spider(name="test")
    run = Guarded(guard)
    run.request_headers = request_headers or run.request_headers
    spider.run = run  # type: ignore[attr-defined]  # as our spiders have it
    crawler.spider = spider
    return crawler


async def fetch(
    kind: type[Route],
    url: str,
    *,
    private: tuple[str, ...] = ("127.0.0.1",),
    attachment: bool = False,
    timeout_s: float = PATIENCE_S,
) -> Response:
    """Fetch one page through a route made for it."""
    route = kind(crawler_with(Guard.of(private), timeout_s=timeout_s))
    try:
        return await route.download_request(Request(url, meta={ATTACHMENT: True} if attachment else None))
    finally:
        await route.close()


@pytest.fixture(params=[AiohttpRoute, HttpxRoute])
def kind(request: pytest.FixtureRequest) -> type[Route]:
    """Each of the two routes."""
    route: type[Route] = request.param
    return route


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/hangs", TimedOut),
        ("/one-byte-a-second", TimedOut),
        ("/slow-headers", TimedOut),
        ("/fifty-megabytes", BodyTooLarge),
        ("/announces-fifty-megabytes", BodyTooLarge),
        ("/truncated", Truncated),
        ("/drops", ConnectionLost),
        ("/many-headers", HeadersRefused),
        ("/megabyte-header", HeadersRefused),
        ("/not-http", MalformedResponse),
        ("/archive", ContentRefused),
    ],
)
def test_a_hostile_page_ends_in_an_error_of_ours(
    kind: type[Route], site: Site, path: str, error: type[FetchError]
) -> None:
    """It ends at its time limit or after about a megabyte, with a sentence that names only the host."""
    timeout_s = 1 if error is TimedOut else PATIENCE_S
    with pytest.raises(FetchError) as raised:
        asyncio.run(fetch(kind, site.url + path, timeout_s=timeout_s))

    assert type(raised.value) is error
    assert "/" not in str(raised.value).replace("text/*", "").replace("application/zip", "")


def test_the_first_bytes_of_a_page_may_be_enough(kind: type[Route], site: Site) -> None:
    """As for robots.txt, of which the first 500 KiB count (RFC 9309), whatever the limit of a page is."""
    request = Request(f"{site.url}/fifty-megabytes", meta={FIRST_BYTES: 3_000})

    async def run() -> Response:
        route = kind(crawler_with(Guard.of(("127.0.0.1",))))
        try:
            return await route.download_request(request)
        finally:
            await route.close()

    assert len(asyncio.run(run()).body) == 3_000


def test_a_page_comes_with_its_bytes_and_headers_as_sent(kind: type[Route], site: Site) -> None:
    """The body is not decompressed, the headers keep their order and case."""
    request = Request(f"{site.url}/gzip")

    async def run() -> Response:
        route = kind(crawler_with(Guard.of(["127.0.0.1"])))
        try:
            return await route.download_request(request)
        finally:
            await route.close()

    began = time.monotonic()
    response = asyncio.run(run())
    took = time.monotonic() - began

    assert (response.status, response.body[:2]) == (200, b"\x1f\x8b")
    names = [name for name, _ in request.meta[RECEIVED].headers]
    assert names == [b"Content-Length", b"Content-Type", b"Content-Encoding"]
    assert 0 < request.meta["download_latency"] <= took


def test_a_redirect_is_not_followed_by_the_route(kind: type[Route], site: Site) -> None:
    """The route returns the redirect, so that following it passes the guard again."""
    response = asyncio.run(fetch(kind, f"{site.url}/redirect-to-private"))

    assert (response.status, response.headers["Location"]) == (302, b"http://127.0.0.2:1/")


@pytest.mark.parametrize("private", [(), ("127.0.0.1",), ("market.example",)])
def test_a_name_that_stands_for_a_private_address_is_not_dialled(
    kind: type[Route], site: Site, private: tuple[str, ...]
) -> None:
    """`localhost` resolves to loopback and is not named in the source, so no connection is made."""
    port = site.url.rpartition(":")[2]

    with pytest.raises(AddressRefused, match=r"localhost .*(127|::1)"):
        asyncio.run(fetch(kind, f"http://localhost:{port}/offers", private=private))
    assert site.requests == []


def test_a_name_that_the_source_allows_is_dialled(kind: type[Route], site: Site) -> None:
    """The same name is allowed by the source."""
    port = site.url.rpartition(":")[2]

    response = asyncio.run(fetch(kind, f"http://localhost:{port}/offers", private=("localhost",)))

    assert response.status == 200


def test_a_number_that_the_system_reads_as_an_address_is_not_dialled(kind: type[Route], site: Site) -> None:
    """`http://2130706433/` is 127.0.0.1 to a resolver, and to the guard when it is dialled."""
    port = site.url.rpartition(":")[2]

    with pytest.raises((AddressRefused, UrlRefused)):
        asyncio.run(fetch(kind, f"http://2130706433:{port}/offers"))
    assert site.requests == []


def test_a_port_where_nobody_listens_is_refused(kind: type[Route]) -> None:
    """Port 1 does not accept connections."""
    with pytest.raises(ConnectionRefused, match=r"127\.0\.0\.1"):
        asyncio.run(fetch(kind, "http://127.0.0.1:1/"))


def test_a_name_that_does_not_exist_is_told_from_a_host_that_is_down(kind: type[Route]) -> None:
    """`.invalid` never resolves (RFC 2606)."""
    with pytest.raises(HostNotFound, match=r"nowhere\.invalid"):
        asyncio.run(fetch(kind, "http://nowhere.invalid/"))


def test_an_attachment_that_is_no_text_is_not_read(kind: type[Route], site: Site) -> None:
    """The headers say that it is a picture, so its body is not read."""
    with pytest.raises(ContentRefused, match=r"text/\*"):
        asyncio.run(fetch(kind, f"{site.url}/picture-named-txt.txt", attachment=True))


def test_the_signals_that_throttling_and_progress_need_are_sent(kind: type[Route], site: Site) -> None:
    """`headers_received` once, `bytes_received` with every chunk."""
    crawler = crawler_with(Guard.of(["127.0.0.1"]))
    heads: list[object] = []
    chunks: list[bytes] = []

    def on_headers(headers: object) -> None:
        heads.append(headers)

    def on_bytes(data: bytes) -> None:
        chunks.append(data)

    crawler.signals.connect(on_headers, signals.headers_received)
    crawler.signals.connect(on_bytes, signals.bytes_received)

    async def run() -> Response:
        route = kind(crawler)
        try:
            return await route.download_request(Request(f"{site.url}/offers"))
        finally:
            await route.close()

    response = asyncio.run(run())

    assert (len(heads), b"".join(chunks)) == (1, response.body)


class Quiet(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(params=["self-made", "expired", "another host's"])
def bad_certificate_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An HTTPS server with a certificate that must not be trusted."""
    authority = trustme.CA()
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    names = {"another host's": ["other.example"]}.get(request.param, ["127.0.0.1"])
    certificate = authority.issue_cert(*names, not_after=past if request.param == "expired" else None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server = HTTPServer(("127.0.0.1", 0), Quiet)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_that_cannot_be_verified_ends_the_request(
    kind: type[Route], bad_certificate_url: str
) -> None:
    """Scrapy's own handlers would fetch it."""
    with pytest.raises(TlsFailed, match="certificate of 127"):
        asyncio.run(fetch(kind, bad_certificate_url))
