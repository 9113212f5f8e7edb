"""A web server that behaves like hostile and broken sites: each page is named after what it does wrong.

It writes HTTP by hand, because a web framework would refuse to send most of this. `Site.requests` holds the
requests that came.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import brotli
from backports import zstd

from tests.peers.patience import PATIENCE_S as PATIENCE_S

MEBIBYTE = 1024 * 1024
PAGE_SIZE = 5
#: Longer than any test waits, so the page never comes.
HANGS_S = 600.0


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    head: str = ""
    at: float = field(default_factory=time.monotonic)


@dataclass
class Answer:
    """A well-formed response."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)

    def raw(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Some Words", f"Content-Length: {len(self.body)}"]
        lines += [f"Content-Type: {self.content_type}"] if self.content_type else []
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


Writer = asyncio.StreamWriter
Page = Callable[["Site", Asked, Writer], Awaitable[Answer | None]]
PAGES: dict[str, Page] = {}


def page(path: str) -> Callable[[Page], Page]:
    def register(handler: Page) -> Page:
        PAGES[path] = handler
        return handler

    return register


@dataclass
class Offer:
    """One listing of the site. Tests change it between runs."""

    title: str
    body: str = "Fresh database, 120w rows."
    price: str = "$500"
    seller: str = "vendor"
    status: int = 200
    #: The address to which its page redirects.
    leads_to: str = ""
    attachments: list[str] = field(default_factory=list)


class Site:
    """The server, in a thread with its own event loop: `with Site() as site: site.url`."""

    def __init__(self, *, offers: int = 12) -> None:
        self.offers = {str(number): Offer(f"Database number {number}") for number in range(1, offers + 1)}
        self.requests: list[Asked] = []
        self.robots: Answer = Answer(status=404)
        self.failures_left = 0
        #: Answer everything with 404, like a host that was given to somebody else.
        self.dead = False
        #: Pages of the list that hang while they are in this set.
        self.held: set[str] = set()
        #: Pages of the list that are answered with 429 and "Retry-After: 3600".
        self.limited: set[str] = set()
        self.url = ""
        #: Answers of a test's own, by path; they come before all others.
        self.answers: dict[str, Answer] = {}
        self._released = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="site")

    def __enter__(self) -> Self:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result(PATIENCE_S)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(_cancel_everything(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def release(self) -> None:
        """Let /offers-when-released answer from now on."""
        self._loop.call_soon_threadsafe(self._released.set)

    async def wait_for_release(self) -> None:
        await self._released.wait()

    def asked_for(self, path: str) -> list[Asked]:
        return [asked for asked in self.requests if asked.path == path]

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while (asked := await _read_request(reader)) is not None:
                self.requests.append(asked)
                answer = await self._answer(asked, writer)
                if answer is None:
                    break
                writer.write(answer.raw())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, asked: Asked, writer: Writer) -> Answer | None:
        if self.dead:
            return Answer(b"<p>No such page", status=404)
        if asked.path in self.answers:
            return self.answers[asked.path]
        if asked.path == "/robots.txt":
            return self.robots
        if asked.path in PAGES:
            return await PAGES[asked.path](self, asked, writer)
        if asked.path.startswith("/offer/"):
            return self.offer(asked.path.removeprefix("/offer/"))
        return Answer(b"<p>No such page", status=404)

    def offer(self, key: str) -> Answer:
        offer = self.offers.get(key)
        if offer is None or offer.status != 200:
            return Answer(b"<p>No such offer", status=offer.status if offer else 404)
        if offer.leads_to:
            return Answer(status=302, headers=[("Location", offer.leads_to)])
        links = "".join(f'<a class="attachment" href="{url}">file</a>' for url in offer.attachments)
        return Answer(
            f"<html><body><h1>{offer.title}</h1><div class='description'>{offer.body}</div>"
            f"<span class='seller'>{offer.seller}</span>{links}</body></html>".encode()
        )


async def _cancel_everything() -> None:
    """Cancel the tasks of connections that hang."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _read_request(reader: asyncio.StreamReader) -> Asked | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    parts = urlsplit(target)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return Asked(method, parts.path, query, headers, head.decode("latin-1"))


def listing_page(site: Site, number: int = 1, *, more: bool = False) -> Answer:
    """Return one page of the site's offers; with `more`, with a link to the next page if there is one."""
    keys = list(site.offers)[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    rows = "".join(
        f"<tr class='row'><td><a href='/offer/{key}'>{site.offers[key].title}</a></td>"
        f"<td class='price'>{site.offers[key].price}</td></tr>"
        for key in keys
    )
    more = more and len(site.offers) > number * PAGE_SIZE
    following = f"<a rel='next' href='/offers?page={number + 1}'>next</a>" if more else ""
    return Answer(f"<html><body><table>{rows}</table>{following}</body></html>".encode())


# --- correct pages


@page("/offers")
async def offers(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The list of offers, five per page."""
    number = asked.query.get("page", "1")
    if number in site.held:
        await asyncio.sleep(HANGS_S)
    if number in site.limited:
        return Answer(b"<p>Later", status=429, headers=[("Retry-After", "3600")])
    return listing_page(site, int(number), more=True)


@page("/slow-offers")
async def slow_offers(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The list of offers, whose first page takes four seconds."""
    number = int(asked.query.get("page", "1"))
    if number == 1:
        await asyncio.sleep(4)
    answer = listing_page(site, number, more=True)
    return Answer(answer.body.replace(b"/offers?", b"/slow-offers?"))


@page("/offers-when-released")
async def offers_when_released(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The list of offers, of which no page comes before `release`."""
    await site.wait_for_release()
    answer = listing_page(site, int(asked.query.get("page", "1")), more=True)
    return Answer(answer.body.replace(b"/offers?", b"/offers-when-released?"))


@page("/feed")
async def feed(site: Site, asked: Asked, writer: Writer) -> Answer:
    """An RSS feed of the offers that supports conditional requests."""
    items = "".join(
        f"<item><title>{offer.title}</title><link>{site.url}/offer/{key}</link><guid>{key}</guid>"
        f"<description>{offer.body}</description></item>"
        for key, offer in site.offers.items()
    )
    body = (
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>x</title>{items}</channel></rss>".encode()
    )
    tag = f'"{zlib.crc32(body):x}"'
    if asked.headers.get("if-none-match") == tag:
        return Answer(status=304, headers=[("ETag", tag)])
    return Answer(body, content_type="application/rss+xml", headers=[("ETag", tag)])


@page("/api")
async def api(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The offers as JSON, with a `next` link."""
    number = int(asked.query.get("page", "1"))
    keys = list(site.offers)[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    rows = ",".join(
        f'{{"id": "{key}", "title": "{site.offers[key].title}", "text": "{site.offers[key].body}"}}'
        for key in keys
    )
    more = len(site.offers) > number * PAGE_SIZE
    following = f'"{site.url}/api?page={number + 1}"' if more else "null"
    return Answer(f'{{"rows": [{rows}], "next": {following}}}'.encode(), content_type="application/json")


@page("/tagged-offers")
async def tagged_offers(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The list of offers, in which each page has its own ETag, as in some forums."""
    number = int(asked.query.get("page", "1"))
    answer = listing_page(site, number, more=True)
    body = answer.body.replace(b"/offers?", b"/tagged-offers?")
    tag = f'"{zlib.crc32(body):x}"'
    if asked.headers.get("if-none-match") == tag:
        return Answer(status=304, headers=[("ETag", tag)])
    return Answer(body, headers=[("ETag", tag)])


@page("/dated-api")
async def dated_api(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The offers as JSON, last changed on a fixed day."""
    day = "Sun, 01 Mar 2026 12:00:00 GMT"
    if asked.headers.get("if-modified-since") == day:
        return Answer(status=304)
    answer = await api(site, asked, writer)
    assert answer is not None
    return Answer(answer.body, content_type="application/json", headers=[("Last-Modified", day)])


@page("/gzip-layers")
async def gzip_layers(site: Site, asked: Asked, writer: Writer) -> Answer:
    """A page that is compressed five times."""
    body = listing_page(site).body
    for _ in range(5):
        body = gzip.compress(body)
    return Answer(body, headers=[("Content-Encoding", ", ".join(["gzip"] * 5))])


def _register_compressed_page(coding: str, pack: Callable[[bytes], bytes]) -> None:
    @page(f"/{coding}")
    async def compressed(site: Site, asked: Asked, writer: Writer) -> Answer:
        return Answer(pack(listing_page(site).body), headers=[("Content-Encoding", coding)])

    @page(f"/{coding}-bomb")
    async def bomb(site: Site, asked: Asked, writer: Writer) -> Answer:
        """40 MB of zeros, twenty times the limit in the tests."""
        if coding not in BOMBS:
            BOMBS[coding] = pack(bytes(40 * MEBIBYTE))
        return Answer(BOMBS[coding], headers=[("Content-Encoding", coding)])


BOMBS: dict[str, bytes] = {}
_register_compressed_page("gzip", lambda body: gzip.compress(body, 1))
_register_compressed_page("deflate", lambda body: zlib.compress(body, 1))
_register_compressed_page("br", lambda body: brotli.compress(body, quality=1))
_register_compressed_page("zstd", lambda body: zstd.compress(body, 1))


@page("/sets-cookies")
async def sets_cookies(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The offers, with a synthetic session in a cookie, as forums send it."""
    set_ = [("Set-Cookie", "sid=fresh-session; path=/; HttpOnly"), ("Set-Cookie", "once=gone; Max-Age=0")]
    answer = listing_page(site)
    return Answer(answer.body, headers=set_)


# --- bodies


@page("/empty")
async def empty(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(b"")


@page("/redesigned")
async def redesigned(site: Site, asked: Asked, writer: Writer) -> Answer:
    """A page in which no selector of the old design finds anything."""
    return Answer(b"<html><body><main>Welcome to our new market!</main></body></html>")


@page("/just-a-moment")
async def just_a_moment(site: Site, asked: Asked, writer: Writer) -> Answer:
    """A robot check; its title contains a synthetic telephone number."""
    return Answer(b"<html><title>Just a moment, 13800138000</title><h1>Checking</h1>")


@page("/fifty-megabytes")
async def fifty_megabytes(site: Site, asked: Asked, writer: Writer) -> None:
    """50 MB without a Content-Length."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n")
    for _ in range(50):
        writer.write(b"<p>" + b"x" * MEBIBYTE)
        await writer.drain()


@page("/announces-fifty-megabytes")
async def announces_fifty_megabytes(site: Site, asked: Asked, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 52428800\r\n\r\n<p>")
    await writer.drain()
    await asyncio.sleep(HANGS_S)


@page("/invalid-utf8")
async def invalid_utf8(site: Site, asked: Asked, writer: Writer) -> Answer:
    body = listing_page(site).body.replace(b"Database", b"Data\xff\xfe\xc3(base")
    return Answer(body)


@page("/number-for-a-charset")
async def number_for_a_charset(site: Site, asked: Asked, writer: Writer) -> Answer:
    """A 404 page whose header has a synthetic telephone number as its charset."""
    return Answer(b"<p>No such page", status=404, content_type="text/html; charset=13800138000")


@page("/megabyte-title")
async def megabyte_title(site: Site, asked: Asked, writer: Writer) -> Answer:
    body = listing_page(site).body.replace(b"Database number 1<", b"Database " + b"x" * MEBIBYTE + b"<")
    return Answer(body)


@page("/script-and-ansi")
async def script_and_ansi(site: Site, asked: Asked, writer: Writer) -> Answer:
    title = b"&lt;script&gt;alert(1)&lt;/script&gt; \x1b[31mred\x1b[0m \x1b]0;owned\x07 =cmd|' /C calc'!A0"
    return Answer(listing_page(site).body.replace(b"Database number 1<", title + b"<"))


@page("/archive")
async def archive(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(b"PK\x03\x04" + bytes(1000), content_type="application/zip")


@page("/sample.txt")
async def sample(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(b"name,phone\nAda,none\n", content_type="text/plain; charset=utf-8")


@page("/late-sample.txt")
async def late_sample(site: Site, asked: Asked, writer: Writer) -> Answer | None:
    """500 as often as the test sets, then the text."""
    if site.failures_left > 0:
        site.failures_left -= 1
        return Answer(b"Sorry", status=500)
    return await sample(site, asked, writer)


@page("/picture-named-txt.txt")
async def picture(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(b"\x89PNG", content_type="image/png")


@page("/broken-gzip")
async def broken_gzip(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(b"this is no gzip", headers=[("Content-Encoding", "gzip")])


# --- connections


@page("/truncated")
async def truncated(site: Site, asked: Asked, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<p>half of it")
    await writer.drain()


@page("/drops")
async def drops(site: Site, asked: Asked, writer: Writer) -> None:
    """The connection ends without an answer."""


@page("/hangs")
async def hangs(site: Site, asked: Asked, writer: Writer) -> None:
    await asyncio.sleep(HANGS_S)


@page("/one-byte-a-second")
async def one_byte_a_second(site: Site, asked: Asked, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(60):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(1)


@page("/slow-headers")
async def slow_headers(site: Site, asked: Asked, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(60):
        writer.write(f"X-{number}: y\r\n".encode())
        await writer.drain()
        await asyncio.sleep(1)


@page("/many-headers")
async def many_headers(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(b"<p>", headers=[(f"X-{number}", "y") for number in range(1000)])


@page("/megabyte-header")
async def megabyte_header(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(b"<p>", headers=[("X-Long", "y" * MEBIBYTE)])


@page("/not-http")
async def not_http(site: Site, asked: Asked, writer: Writer) -> None:
    writer.write(b"220 ftp.example ready\r\n\r\n")
    await writer.drain()


# --- statuses and redirects


def _register_status_page(path: str, status: int, *headers: tuple[str, str]) -> None:
    @page(path)
    async def answer(site: Site, asked: Asked, writer: Writer) -> Answer:
        return Answer(b"<p>Sorry", status=status, headers=list(headers))


_register_status_page("/401", 401)
_register_status_page("/403", 403)
_register_status_page("/404", 404)
_register_status_page("/500s", 500)
_register_status_page("/429", 429, ("Retry-After", "3600"))
_register_status_page("/429-for-ever", 429)
_register_status_page("/429-until-the-end-of-time", 429, ("Retry-After", "Fri, 31 Dec 9999 23:59:59 -1200"))
_register_status_page("/redirect-to-file", 302, ("Location", "file:///etc/passwd"))
_register_status_page("/redirect-to-data", 302, ("Location", "data:text/html,<p>hello"))
_register_status_page("/redirect-to-ftp", 302, ("Location", "ftp://127.0.0.1/x"))
_register_status_page("/redirect-to-private", 302, ("Location", "http://127.0.0.2:1/"))
_register_status_page("/redirect-to-metadata", 302, ("Location", "http://169.254.169.254/latest/meta-data/"))
_register_status_page("/redirect-to-mapped", 302, ("Location", "http://[::ffff:127.0.0.1]:1/"))
_register_status_page("/redirect-to-localhost", 302, ("Location", "http://localhost:1/"))
_register_status_page("/redirect-to-clearnet", 302, ("Location", "http://shop.example/offers"))
_register_status_page("/redirect-to-onion", 302, ("Location", "http://no-such-service.onion/"))
_register_status_page("/redirect-loop", 302, ("Location", "/redirect-loop"))


@page("/redirect-on-and-on")
async def redirect_on_and_on(site: Site, asked: Asked, writer: Writer) -> Answer:
    step = int(asked.query.get("step", "0")) + 1
    return Answer(status=302, headers=[("Location", f"/redirect-on-and-on?step={step}")])


@page("/redirect-to-offers")
async def redirect_to_offers(site: Site, asked: Asked, writer: Writer) -> Answer:
    return Answer(status=301, headers=[("Location", "/offers")])


@page("/fails-at-first")
async def fails_at_first(site: Site, asked: Asked, writer: Writer) -> Answer:
    """500 as often as the test sets, then the offers."""
    if site.failures_left > 0:
        site.failures_left -= 1
        return Answer(b"<p>Sorry", status=500)
    return listing_page(site)


@page("/429-retry-after")
async def retry_after(site: Site, asked: Asked, writer: Writer) -> Answer:
    """429 with "Retry-After: 1" once, then the offers."""
    if len(site.asked_for(asked.path)) == 1:
        return Answer(b"<p>Later", status=429, headers=[("Retry-After", "1")])
    return listing_page(site)


@page("/endless-pages")
async def endless_pages(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Each page has a next page, with new offers."""
    number = int(asked.query.get("page", "1"))
    rows = "".join(
        f"<tr class='row'><td><a href='/offer/1?n={number}-{row}'>Offer {number}-{row}</a></td></tr>"
        for row in range(5)
    )
    return Answer(f"<table>{rows}</table><a rel='next' href='?page={number + 1}'>next</a>".encode())


@page("/two-rows-one-link")
async def two_rows_one_link(site: Site, asked: Asked, writer: Writer) -> Answer:
    """Two offers in one thread."""
    rows = "".join(
        f"<tr class='row'><td><a href='/offer/1'>Offer {number}</a></td><td class='price'>${number}</td></tr>"
        for number in (1, 2)
    )
    return Answer(f"<table>{rows}</table>".encode())


@page("/same-page-for-ever")
async def same_page_for_ever(site: Site, asked: Asked, writer: Writer) -> Answer:
    """The link to the next page leads to the page itself."""
    return Answer(listing_page(site).body + b"<a rel='next' href='/same-page-for-ever'>next</a>")
