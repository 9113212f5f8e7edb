"""How a request presents itself: which headers, in which order, with which cookies.

A direct request says who we are. A request through Tor looks like Tor Browser's, because everybody else
stands out there: its headers in its order, and never a Referer. A source's `headers` change single headers,
for the sites that its file names: one may hold a key, and a listing links to whatever its author likes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from crawler.fetching.cookies import Jar
from crawler.sites import site_of

if TYPE_CHECKING:
    from scrapy import Request

    from crawler.settings import CrawlerSettings

ACCEPT = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,application/json;q=0.9,text/plain;q=0.8,*/*;q=0.5"
)
#: What `crawler.fetching.decompression` can undo.
ENCODINGS = "gzip, deflate, br, zstd"


def direct_headers(settings: CrawlerSettings) -> dict[str, str]:
    """Return the headers of a direct request."""
    return {
        "User-Agent": settings.agent,
        "Accept": ACCEPT,
        "Accept-Language": settings.accept_language,
        "Accept-Encoding": ENCODINGS,
    }


class RequestHeaders:
    """The headers and cookies of one visit's requests."""

    def __init__(
        self, headers: Mapping[str, str], jar: Jar, *, by_site: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """`by_site`: headers that a site gets instead of `headers`."""
        self._headers = headers
        self._by_site = by_site or {}
        self.jar = jar

    @classmethod
    def of(
        cls,
        settings: CrawlerSettings,
        *,
        via: str,
        changes: Mapping[str, str],
        sites: Collection[str],
        jar: Jar,
    ) -> RequestHeaders:
        """Apply `changes` for these sites: a value replaces the old one in its place, a new header comes
        last, an empty value removes the header.
        """
        base = dict(settings.tor_headers) if via == "tor" else direct_headers(settings)
        spelling = {name.lower(): name for name in base}
        changed = base | {spelling.get(name.lower(), name): value for name, value in changes.items()}
        return cls(base, jar, by_site=dict.fromkeys(sites, changed) if changes else None)

    def wire(self, request: Request) -> list[tuple[str, str]]:
        """Return the request's headers as they are to be sent, except Host, which comes before them.

        The request's own headers (a condition) come last; its cookies stand where a browser puts them.
        """
        ours = self._by_site.get(site_of(request.url), self._headers) if self._by_site else self._headers
        headers = [(name, value) for name, value in ours.items() if value]
        if (cookies := self.jar.header(request.url)) is not None:
            headers.insert(_place_of_cookies(headers), ("Cookie", cookies))
        named = {name.lower() for name in ours}
        for name, values in request.headers.items():
            spelling = name.decode("latin-1")
            if spelling.lower() not in named:
                headers += [(spelling, value.decode("latin-1")) for value in values]
        return headers


def _place_of_cookies(headers: list[tuple[str, str]]) -> int:
    """Return the index behind Connection, where Firefox sends cookies; else the end."""
    places = [place for place, (name, _) in enumerate(headers, 1) if name.lower() == "connection"]
    return places[0] if places else len(headers)
