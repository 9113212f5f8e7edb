"""Checks Tor for `spillwatch doctor`: whether it listens, is Tor, and reaches a site."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from configuration.configuration import Configuration
from crawler.errors import FetchError
from crawler.fetching.routes.tor import TorProxy, status_of
from crawler.settings import CrawlerSettings

CONNECT_TIMEOUT_S = 5.0
#: SOCKS5 greeting that offers one method, user name and password (RFC 1928, section 3).
HELLO = b"\x05\x01\x02"
HELLO_ANSWERED = b"\x05\x02"

#: What was found, and what to do. `None`: nothing to do.
TorFinding = tuple[str, str | None]


def check_tor(configuration: Configuration) -> Iterator[TorFinding]:
    """Check in this order: Tor is used, something listens, it is Tor, it reaches a site. A "no" ends it."""
    settings = configuration.settings.crawler
    users = [each for each in configuration.sources if each.value.via == "tor" and each.value.enabled]
    if settings.tor_proxy is None:
        return  # no enabled source needs it, or the configuration would have been refused
    proxy = TorProxy.of(settings.tor_proxy)
    if proxy is None:
        yield (
            f"tor_proxy is {settings.tor_proxy}, which has no host and port",
            "Set it to an address such as socks5://127.0.0.1:9050.",
        )
        return
    if (trouble := _socks_problem(proxy)) is not None:
        yield trouble
        return
    yield f"Tor listens at {proxy}", None
    url = settings.tor_check_url or (_robots_url(users[0].value.start[0]) if users else None)
    if url is not None:
        yield _fetch_through_tor(url, proxy, settings)


def _socks_problem(proxy: TorProxy) -> TorFinding | None:
    try:
        with socket.create_connection((proxy.host, proxy.port), timeout=CONNECT_TIMEOUT_S) as connection:
            connection.sendall(HELLO)
            answer = connection.recv(len(HELLO_ANSWERED))
    except TimeoutError:
        return f"{proxy} does not answer", "Check the network to that host, and Tor's SocksPolicy."
    except OSError as error:
        return (
            f"cannot connect to {proxy}: {error.strerror or error}",
            "Start Tor (systemctl start tor), or correct tor_proxy in [crawler].",
        )
    if answer != HELLO_ANSWERED:
        return f"the program at {proxy} does not speak SOCKS5", "Set tor_proxy to Tor's SocksPort."
    return None


def _robots_url(start: str) -> str:
    """Return the address of a site's robots.txt: small, and the first request of every run anyway."""
    parts = urlsplit(start)
    return f"{parts.scheme}://{parts.netloc}/robots.txt"


def _fetch_through_tor(url: str, proxy: TorProxy, settings: CrawlerSettings) -> TorFinding:
    host, began = urlsplit(url).hostname, time.monotonic()
    request = status_of(url, proxy, headers=settings.tor_headers, timeout_s=settings.request_timeout_s)
    try:
        status = asyncio.run(request)
    except FetchError as error:
        return f"Tor works, but: {error} [{error.reason}]", ADVICE.get(error.reason, OTHER_ADVICE)
    return f"{host} answers through Tor (HTTP {status}, {time.monotonic() - began:.1f} s)", None


OTHER_ADVICE = "Set tor_check_url in [crawler] to another address. docs/how-to/tor.md explains the reasons."
ADVICE = {
    "tor_timed_out": "Check that Tor has bootstrapped (its log says 100%), and raise request_timeout_s.",
    "tor_failed": "Check that Tor has bootstrapped (its log says 100%), and that the site is up.",
    "onion_address_wrong": "Correct start in the source's file.",
    "onion_key_wanted": "Give Tor the key: set ClientOnionAuthDir in torrc.",
}
