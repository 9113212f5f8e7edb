"""`doctor`'s look at Tor: is it there, is it Tor, does it reach anything."""

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
#: SOCKS5, one way to authenticate: user name and password (RFC 1928, 3).
HELLO = b"\x05\x01\x02"
HELLO_ANSWERED = b"\x05\x02"

#: What was found, and what to do; `None`: well.
TorFinding = tuple[str, str | None]


def check_tor(configuration: Configuration) -> Iterator[TorFinding]:
    """Order: is it used; does something listen; is it Tor; does it reach an address. A "no" ends it."""
    settings = configuration.settings.crawler
    users = [each for each in configuration.sources if each.value.via == "tor" and each.value.enabled]
    if settings.tor_proxy is None:
        if users:
            yield (
                f'{len(users)} sources have via = "tor", and no tor_proxy is set: they are refused',
                "Set tor_proxy in [crawler], such as socks5://127.0.0.1:9050.",
            )
        return
    proxy = TorProxy.of(settings.tor_proxy)
    if proxy is None:
        yield f"tor_proxy is {settings.tor_proxy}, which names no host and port", "Correct it."
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
        return f"{proxy} does not answer", "Look at the network between, and at Tor's SocksPolicy."
    except OSError as error:
        return (
            f"nothing takes connections at {proxy}: {error.strerror or error}",
            "Start Tor (systemctl start tor), or correct tor_proxy in [crawler].",
        )
    if answer != HELLO_ANSWERED:
        return f"what listens at {proxy} does not speak SOCKS5", "Name Tor's SocksPort in tor_proxy."
    return None


def _robots_url(start: str) -> str:
    """The smallest thing that a site has for us, and the first that each run asks for anyway."""
    parts = urlsplit(start)
    return f"{parts.scheme}://{parts.netloc}/robots.txt"


def _fetch_through_tor(url: str, proxy: TorProxy, settings: CrawlerSettings) -> TorFinding:
    host, began = urlsplit(url).hostname, time.monotonic()
    asking = status_of(url, proxy, headers=settings.tor_headers, timeout_s=settings.request_timeout_s)
    try:
        status = asyncio.run(asking)
    except FetchError as error:
        return f"Tor is there, but: {error} [{error.reason}]", ADVICE.get(error.reason, OTHER_ADVICE)
    return f"{host} answers through Tor (HTTP {status}, {time.monotonic() - began:.1f} s)", None


OTHER_ADVICE = "Try another address with tor_check_url in [crawler]; docs/how-to/tor.md explains the reasons."
ADVICE = {
    "tor_timed_out": "Look whether Tor has bootstrapped (its log says 100%), and raise request_timeout_s.",
    "tor_failed": "Look whether Tor has bootstrapped (its log says 100%), and whether the site is up.",
    "onion_address_wrong": "Correct the source's start.",
    "onion_key_wanted": "Give Tor the key: ClientOnionAuthDir in torrc.",
}
