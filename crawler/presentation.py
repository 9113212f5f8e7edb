"""How a request presents itself: which headers, in which order, with which cookies.

Directly we say who we are. Through Tor we look like Tor Browser, for there everybody who does not stands out:
its headers in its order, and no Referer ever. A source's `headers` change single ones, for the sites that its
file names: one may be a key, and a listing links to whatever its author likes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from crawler.cookies import Jar
from crawler.sites import site_of

if TYPE_CHECKING:
    from scrapy import Request

    from crawler.settings import CrawlerSettings

ACCEPT = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,application/json;q=0.9,text/plain;q=0.8,*/*;q=0.5"
)
#: What `crawler.middleware.Decompression` undoes.
ENCODINGS = "gzip, deflate, br, zstd"


def honest(settings: CrawlerSettings) -> dict[str, str]:
    """The headers of a direct request."""
    return {
        "User-Agent": settings.agent,
        "Accept": ACCEPT,
        "Accept-Language": settings.accept_language,
        "Accept-Encoding": ENCODINGS,
    }


class Presentation:
    """The headers and cookies of one run's requests."""

    def __init__(
        self, headers: Mapping[str, str], jar: Jar, *, at: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """`at`: what a site gets instead of `headers`."""
        self._headers = headers
        self._at = at or {}
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
    ) -> Presentation:
        """`changes`, at these sites: a value takes the old one's place, a new one comes last, an empty one
        leaves it out.
        """
        base = dict(settings.tor_headers) if via == "tor" else honest(settings)
        spelt = {name.lower(): name for name in base}
        changed = base | {spelt.get(name.lower(), name): value for name, value in changes.items()}
        return cls(base, jar, at=dict.fromkeys(sites, changed) if changes else None)

    def wire(self, request: Request) -> list[tuple[str, str]]:
        """The request's headers as they are to be sent, but for Host, which comes before them.

        What the request has of its own (a condition) comes last; its cookies stand where a browser has them.
        """
        ours = self._at.get(site_of(request.url), self._headers) if self._at else self._headers
        headers = [(name, value) for name, value in ours.items() if value]
        if (cookies := self.jar.header(request.url)) is not None:
            headers.insert(_after_connection(headers), ("Cookie", cookies))
        named = {name.lower() for name in ours}
        for name, values in request.headers.items():
            spelt = name.decode("latin-1")
            if spelt.lower() not in named:
                headers += [(spelt, value.decode("latin-1")) for value in values]
        return headers


def _after_connection(headers: list[tuple[str, str]]) -> int:
    places = [place for place, (name, _) in enumerate(headers, 1) if name.lower() == "connection"]
    return places[0] if places else len(headers)
