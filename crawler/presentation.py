"""How a request presents itself: which headers, in which order, with which cookies.

Directly we say who we are. Through Tor we look like Tor Browser, for there everybody who does not stands out:
its headers in its order, and no Referer ever. A source's `headers` change single ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crawler.cookies import Jar

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

    def __init__(self, headers: Mapping[str, str], jar: Jar) -> None:
        self._headers = tuple((name, value) for name, value in headers.items() if value)
        self._ours = frozenset(name.lower() for name in headers)
        self.jar = jar

    @classmethod
    def of(cls, settings: CrawlerSettings, *, via: str, changes: Mapping[str, str], jar: Jar) -> Presentation:
        """`changes`: a value takes the old one's place, a new one comes last, an empty one leaves it out."""
        base = dict(settings.tor_headers) if via == "tor" else honest(settings)
        spelt = {name.lower(): name for name in base}
        base.update({spelt.get(name.lower(), name): value for name, value in changes.items()})
        return cls(base, jar)

    def wire(self, request: Request) -> list[tuple[str, str]]:
        """The request's headers as they are to be sent, but for Host, which comes before them.

        What the request has of its own (a condition) comes last; its cookies stand where a browser has them.
        """
        headers = list(self._headers)
        if (cookies := self.jar.header(request.url)) is not None:
            headers.insert(_after_connection(headers), ("Cookie", cookies))
        for name, values in request.headers.items():
            spelt = name.decode("latin-1")
            if spelt.lower() not in self._ours:
                headers += [(spelt, value.decode("latin-1")) for value in values]
        return headers


def _after_connection(headers: list[tuple[str, str]]) -> int:
    places = [place for place, (name, _) in enumerate(headers, 1) if name.lower() == "connection"]
    return places[0] if places else len(headers)
