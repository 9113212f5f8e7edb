"""A site with one feed per source, which grows; it notes who asked for which feed, and when."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from tests.peers.http_peer import HttpPeer

_LETTERS = str.maketrans("0123456789", "ghijklmnop")
SHOWN = 40  # items of a feed
COMPANY = "Invented Lender"


class Visit(NamedTuple):
    source: str
    node: str  # its address
    at: float


@dataclass
class Offers:
    """What the feeds offer: `items[source]` counts up from 1, and the newest items are shown after
    `answer_s` seconds.
    """

    sources: tuple[str, ...]
    items: dict[str, int] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    answer_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def publish(self, count: int) -> None:
        """Let each feed have `count` more items."""
        with self.lock:
            for source in self.sources:
                self.items[source] = self.items.get(source, 0) + count

    def keys(self) -> set[tuple[str, str]]:
        """Return source and key of everything that was ever published."""
        with self.lock:
            return {
                (source, f"{source}-{number}")
                for source, count in self.items.items()
                for number in range(1, count + 1)
            }

    def feed(self, source: str) -> bytes:
        with self.lock:
            newest = self.items.get(source, 0)
        entries = "".join(
            f"<item><title>{_words(f'{number}-{source}')[:24]}</title><link>/{source}/{number}</link>"
            f"<guid>{source}-{number}</guid>"
            f"<description>{COMPANY}: {_words(f'{source}-{number}')}</description></item>"
            for number in range(newest, max(0, newest - SHOWN), -1)
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel>{entries}</channel></rss>'.encode()


def _words(seed: str) -> str:
    """Return words that no other offer has: alike offers would be the same data, and have one alert."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return " ".join(digest[at : at + 4].translate(_LETTERS) for at in range(0, len(digest), 4))


class FeedSite(HttpPeer):
    """Serves the feeds at `/SOURCE`. Use as a context manager."""

    def __init__(self, offers: Offers, *, address: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                source = self.path.strip("/")
                known = source in offers.sources
                if known:
                    offers.visits.append(Visit(source, self.client_address[0], time.monotonic()))
                time.sleep(offers.answer_s)
                body = offers.feed(source) if known else b""
                with suppress(ConnectionError):  # the run was killed meanwhile
                    self.send_response(200 if known else 404)
                    self.send_header("Content-Type", "application/rss+xml")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        super().__init__(Handler, name="feed-site", address=address)
