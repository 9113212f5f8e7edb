"""What may be fetched: the rules that every request of a visit passes, whichever code built it.

Order: method, length, scheme, host name, port, what the link does, type of file; then, when the connection is
made, the address that is really dialled; then, when the headers have arrived, the type of content. Through an
outgoing proxy the address is unknown, and the name is checked instead. A source may name hosts whose private
address is intended (`allow_private_addresses`); nothing else lifts a rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from posixpath import normpath, splitext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawler.errors import (
    AddressRefused,
    ContentRefused,
    MethodRefused,
    OnionWithoutTor,
    RouteMissing,
    SchemeRefused,
    StateLinkRefused,
    UrlRefused,
)
from crawler.fetching.state_links import changes_state, verbs_of
from network.internal_hosts import is_internal_name, literal_address
from network.proxy_address import ProxyAddress
from network.public_addresses import is_public

if TYPE_CHECKING:
    from scrapy import Request

METHODS = frozenset({"GET", "HEAD"})
SCHEMES = frozenset({"http", "https"})
MAX_PORT = 65_535
#: A host name and each of its labels, in characters (RFC 1035, 2.3.4).
MAX_HOST_CHARS = 253
MAX_LABEL_CHARS = 63
#: Longer URLs come from traps that append to the URL at each step.
MAX_URL_CHARS = 2083
#: aiohttp counts them while they arrive; the sites we know send at most 40.
MAX_HEADERS = 128
#: Limit of the status line, and of each header, in bytes.
MAX_HEADER_BYTES = 8190
#: `Content-Encoding: gzip, gzip, gzip`: decompressing each layer costs up to the response limit.
MAX_ENCODINGS = 2

#: Archives and media are the goods for sale: never fetched, whatever links to them.
REFUSED_SUFFIXES = frozenset(
    """
    .7z .ace .apk .arj .avi .bin .bmp .br .bz2 .cab .db .dmg .doc .docx .dump .exe .flac .gif .gz .iso .jpeg
    .jpg .lz .lz4 .lzma .mdb .mkv .mov .mp3 .mp4 .mpeg .mpg .msi .ogg .parquet .pdf .png .ppt .pptx .rar
    .sqlite .tar .tbz2 .tgz .torrent .txz .wav .webm .webp .wmv .xls .xlsx .xz .zip .zst
    """.split()  # noqa: SIM905 - one word per line would be 50 lines
)
REFUSED_TYPES = ("image/", "video/", "audio/", "font/", "model/")
_REFUSED_SUBTYPES = """gzip java-archive msword octet-stream pdf vnd.rar x-7z-compressed x-ace-compressed
                 x-bittorrent x-bzip x-bzip2 x-compress x-compressed x-gzip x-iso9660-image x-lzma
                 x-msdownload x-rar x-rar-compressed x-sqlite3 x-tar x-xz x-zip x-zip-compressed zip zstd
                 """
REFUSED_APPLICATIONS = frozenset(f"application/{subtype}" for subtype in _REFUSED_SUBTYPES.split())
ATTACHMENT_TYPES = ("text/",)


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for one source. `private_hosts`: names and literal addresses that may be private.

    `tor_proxy`: None if none is configured.
    """

    private_hosts: frozenset[str] = frozenset()
    via: str = "direct"
    tor_proxy: str | None = None
    #: The proxy that all requests go through, and that resolves the names. None: they are dialled here.
    proxy: ProxyAddress | None = None
    #: Verbs that the source's file names in its URLs.
    meant: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        hosts: Iterable[str],
        *,
        via: str = "direct",
        tor_proxy: str | None = None,
        proxy: ProxyAddress | None = None,
        named: Iterable[str] = (),
    ) -> Guard:
        """Return the rules; `named`: the URLs in the source's file."""
        meant = frozenset[str]().union(*map(verbs_of, named))
        private = frozenset(_normal_host(host) for host in hosts)
        return cls(private, via, tor_proxy, proxy, meant)

    def check_request(self, method: str, url: str) -> None:
        """Raise a `FetchRefused` unless this request may be sent."""
        _check_request(self, method, url)

    def _check_each_rule(self, method: str, url: str) -> None:
        if method not in METHODS:
            raise MethodRefused(f"A {method} request was refused: this crawler only reads (GET and HEAD).")
        if len(url) > MAX_URL_CHARS:
            raise UrlRefused(
                f"A URL of {len(url)} characters was refused: the limit is {MAX_URL_CHARS} characters."
            )
        host = self._check_host(url)
        if changes_state(url, meant=self.meant):
            raise StateLinkRefused(
                f"A link of {host} that changes something (logout, delete, vote, buy, ...) was refused: "
                "this crawler only reads."
            )
        # Not pathlib: it interns each part of a path, and Python's table of interned strings would grow with
        # every page.
        if splitext(normpath(urlsplit(url).path))[1].lower() in REFUSED_SUFFIXES:
            raise ContentRefused(f"A file on {host} was not fetched: archives and media are never fetched.")

    def _check_host(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            host = _normal_host(parts.hostname or "")
            if parts.port is not None and not 0 < parts.port <= MAX_PORT:
                raise UrlRefused(f"A URL with port {parts.port} was refused: there is no such port.")
        except ValueError as error:
            raise UrlRefused("An invalid URL was refused.") from error
        if parts.scheme not in SCHEMES:
            raise SchemeRefused(
                f"A URL with the scheme {parts.scheme!r:.40} was refused: only http and https are followed."
            )
        if not host:
            raise UrlRefused("A URL without a host was refused.")
        if not _is_possible_host(host):
            raise UrlRefused("A URL with an impossible host name was refused.")
        if self.via == "tor" and self.tor_proxy is None:
            raise RouteMissing(
                "This source is fetched through Tor, and no tor_proxy is set in [crawler]: nothing was "
                "requested."
            )
        if is_onion(host) and self.via != "tor":
            raise OnionWithoutTor(
                f"{host} is an onion name and this source is fetched directly: nothing was requested, and no "
                'name was resolved. Set via = "tor" in the source\'s file.'
            )
        if (address := literal_address(host)) is not None:
            self.check_address(host, address)
        elif self.proxy is not None and is_internal_name(host) and host not in self.private_hosts:
            # Nobody here sees the address: the name is all that can be checked.
            raise AddressRefused(
                f"{host} is a name of a private network, and the proxy would resolve it: nothing was "
                "requested. If this is intended, name the host in the source's allow_private_addresses."
            )
        return host

    def check_address(self, host: str, address: str) -> None:
        """Raise `AddressRefused` unless `address`, to which `host` resolves, is public or `host` may be
        private.
        """
        if _normal_host(host) not in self.private_hosts and not is_public(address):
            raise AddressRefused(
                f"{host} resolves to {address}, which is not a public address: nothing was requested. If "
                "this is intended, name the host in the source's allow_private_addresses."
            )


@lru_cache(256)
def _check_request(guard: Guard, method: str, url: str) -> None:
    """Check a request: the gate does so before it waits, and its route before it is sent."""
    guard._check_each_rule(method, url)


def check_content(content_type: str | None, *, attachment: bool) -> None:
    """Raise `ContentRefused` if the declared type is never read; a response without a type counts as text."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if attachment and not kind.startswith(ATTACHMENT_TYPES):
        raise ContentRefused(f"An attachment has the type {kind or 'none'!r:.80}: only text/* is fetched.")
    if kind.startswith(REFUSED_TYPES) or kind in REFUSED_APPLICATIONS:
        raise ContentRefused(f"The site sent {kind!r:.80}: archives and media are never fetched.")


def is_onion(host: str) -> bool:
    """Return whether only Tor may resolve this name."""
    return _normal_host(host).endswith(".onion")


def _normal_host(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _is_possible_host(host: str) -> bool:
    """Return whether a host name can be looked up: none of its labels is empty or too long."""
    if ":" in host:
        return True  # an IPv6 address
    labels = host.split(".")
    return len(host) <= MAX_HOST_CHARS and all(0 < len(label) <= MAX_LABEL_CHARS for label in labels)


def host_of(request: Request) -> str:
    """Return the host of a request, for messages: the rest of its URL may identify a person."""
    return urlsplit(request.url).hostname or ""
