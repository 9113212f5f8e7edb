"""What may be fetched: the one set of rules that every request of a run passes, whoever built it.

Order: method, length, scheme, name, kind of file; then, when the connection is made, the address really
dialled; then, when the headers are there, the kind of content. A source may name hosts whose private
address is meant (`allow_private_addresses`); nothing else lifts a rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from posixpath import normpath, splitext
from urllib.parse import urlsplit

from crawler.errors import (
    AddressRefused,
    ContentRefused,
    MethodRefused,
    OnionWithoutTor,
    RouteMissing,
    SchemeRefused,
    UrlRefused,
)

METHODS = frozenset({"GET", "HEAD"})
SCHEMES = frozenset({"http", "https"})
#: Longer ones come from traps that append to the address at each step.
MAX_URL_CHARS = 2083
MAX_REDIRECTS = 5
#: aiohttp counts them while they arrive; no site of ours sends more than 40.
MAX_HEADERS = 128
#: Of the status line, and of one header, in bytes.
MAX_HEADER_BYTES = 8190
#: `Content-Encoding: gzip, gzip, gzip`: each layer costs up to the response limit to undo.
MAX_ENCODINGS = 2

#: Archives and media are what is offered for sale: never fetched, whatever links to them.
REFUSED_SUFFIXES = frozenset(
    """
    .7z .ace .apk .arj .avi .bin .bmp .br .bz2 .cab .db .dmg .doc .docx .dump .exe .flac .gif .gz .iso .jpeg
    .jpg .lz .lz4 .lzma .mdb .mkv .mov .mp3 .mp4 .mpeg .mpg .msi .ogg .parquet .pdf .png .ppt .pptx .rar
    .sqlite .tar .tbz2 .tgz .torrent .txz .wav .webm .webp .wmv .xls .xlsx .xz .zip .zst
    """.split()  # noqa: SIM905 - one word a line would be 50 lines
)
REFUSED_TYPES = ("image/", "video/", "audio/", "font/", "model/")
_REFUSED_KINDS = """gzip java-archive msword octet-stream pdf vnd.rar x-7z-compressed x-ace-compressed
                 x-bittorrent x-bzip x-bzip2 x-compress x-compressed x-gzip x-iso9660-image x-lzma
                 x-msdownload x-rar x-rar-compressed x-sqlite3 x-tar x-xz x-zip x-zip-compressed zip zstd
                 """
REFUSED_APPLICATIONS = frozenset(f"application/{kind}" for kind in _REFUSED_KINDS.split())
ATTACHMENT_TYPES = ("text/",)

#: NAT64 carries an IPv4 address in its last four bytes, and so reaches whatever that one names (RFC 6052).
NAT64 = ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for one source. `private_hosts` are the names and literal addresses whose private address
    is meant.
    """

    private_hosts: frozenset[str] = frozenset()
    via: str = "direct"
    tor_proxy: str | None = None

    @classmethod
    def of(cls, hosts: Iterable[str], *, via: str = "direct", tor_proxy: str | None = None) -> Guard:
        return cls(frozenset(_folded(host) for host in hosts), via, tor_proxy)

    def check_request(self, method: str, url: str) -> None:
        """Raise a `FetchRefused` unless this may be asked for at all."""
        if method not in METHODS:
            raise MethodRefused(f"A {method} request was refused: this crawler only reads (GET and HEAD).")
        if len(url) > MAX_URL_CHARS:
            raise UrlRefused(
                f"An address of {len(url)} characters was refused: at most {MAX_URL_CHARS} are followed."
            )
        host = self._checked_host(url)
        # No pathlib: it interns each part of a path, and Python's table of those grows with every page.
        if splitext(normpath(urlsplit(url).path))[1].lower() in REFUSED_SUFFIXES:
            raise ContentRefused(f"A file on {host} was not fetched: archives and media never are.")

    def _checked_host(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            host = _folded(parts.hostname or "")
        except ValueError as error:
            raise UrlRefused("An address that is no valid URL was refused.") from error
        if parts.scheme not in SCHEMES:
            raise SchemeRefused(
                f"An address with the scheme {parts.scheme!r:.40} was refused: only http and https "
                "are followed."
            )
        if not host:
            raise UrlRefused("An address without a host was refused.")
        if self.via == "tor" and self.tor_proxy is None:
            raise RouteMissing(
                "This source goes out through Tor, and no tor_proxy is set in [crawler]: nothing was asked."
            )
        if is_onion(host) and self.via != "tor":
            raise OnionWithoutTor(
                f"{host} is an onion name and this source goes out directly: nothing was asked, no name "
                'resolved. Set via = "tor" in the source\'s file.'
            )
        if (address := _literal(host)) is not None:
            self.check_address(host, address)
        return host

    def check_address(self, host: str, address: str) -> None:
        """Raise `AddressRefused` unless `address`, which `host` stands for, is public or `host` is named as
        private.
        """
        if _folded(host) not in self.private_hosts and not is_public(address):
            raise AddressRefused(
                f"{host} stands for {address}, which is not a public address: nothing was asked. If "
                "this is meant, name the host "
                "in the source's allow_private_addresses."
            )


def check_content(content_type: str | None, *, attachment: bool) -> None:
    """Raise `ContentRefused` when the announced type is one that is not read; no type at all is taken for
    text.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if attachment and not kind.startswith(ATTACHMENT_TYPES):
        raise ContentRefused(f"An attachment is {kind or 'of no stated type'!r:.80}: only text/* is fetched.")
    if kind.startswith(REFUSED_TYPES) or kind in REFUSED_APPLICATIONS:
        raise ContentRefused(f"The site sent {kind!r:.80}: archives and media are never fetched.")


def is_onion(host: str) -> bool:
    """Whether this is a name that only Tor may be asked for."""
    return _folded(host).endswith(".onion")


def is_public(address: str) -> bool:
    """Whether `address` is one of the public internet, also when it only wraps another (mapped, NAT64,
    6to4, Teredo).
    """
    try:
        outer = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(each.is_global and not each.is_multicast and not each.is_reserved for each in _layers(outer))


def _layers(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    inner: list[IPv4Address | IPv6Address] = [address]
    if address in NAT64:
        # The prefix is "reserved" to ipaddress; what counts is what it leads to.
        return [IPv4Address(address.packed[-4:])]
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner.extend(address.teredo)
    return inner


def _folded(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _literal(host: str) -> str | None:
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        return None
