"""Pastebin: its scraping API, which needs a Pro account and the address of this machine on its list.

Without either it answers in words, which are told as a refusal and not as an empty list.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urljoin

from crawler.clean import Clock, line
from crawler.clean.text import verbatim
from crawler.errors import NotThere
from crawler.listing import ParsedListing
from crawler.sources.errors import ApiClosed
from crawler.sources.families.api import Json, JsonFamily, listed_threads, named, objects, posted, string
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.page import Follow, Page, Parsed, Role
from text.charset import Decoded

#: The API's own limit of a list is 250.
API = "https://scrape.pastebin.com/api_scraping.php?limit=250"
_KEY = re.compile(r"[A-Za-z0-9]{4,16}")
#: How the API says things that are no JSON and no paste.
_CLOSED = "DOES NOT HAVE ACCESS"
_NOT_THERE = "Error, we cannot find this paste."
_SAID_CHARS = 400


class Pastebin(JsonFamily):
    """A window on the newest pastes; each is read where it is raw."""

    def entry(self, url: str) -> str:
        return url if "api_scraping" in url else API

    def own_page(self, listing: ParsedListing) -> Follow:
        url = urljoin(self.entry(self.definition.start[0]), f"api_scrape_item.php?i={listing.key}")
        return Follow(url, Role.RAW, listing.key, listing)

    def read(self, page: Page, decoded: Decoded, clock: Clock) -> Parsed | None:
        said = decoded.text[:_SAID_CHARS]
        if _CLOSED in said and "pastebin.com" in said:
            raise ApiClosed(
                "Pastebin's scraping API does not know this machine's address. Its Pro account has a list "
                "of addresses (pastebin.com/doc_scraping_api): put this machine's public one there."
            )
        return self._paste(page, decoded) if page.role is Role.RAW else super().read(page, decoded, clock)

    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects(document)
        if rows is None or not all(_KEY.fullmatch(string(row, "key")) for row in rows):
            return None
        return listed_threads((self._row(row, clock) for row in rows), next_page=None, end=False)

    def _row(self, row: Json, clock: Clock) -> Follow:
        key = string(row, "key")
        listing = ParsedListing(
            key=key,
            url=f"https://pastebin.com/{key}",
            title=line(string(row, "title")),
            seller=named(string(row, "user")),
            row_digest=self.digest(f"{string(row, 'title')}\x1f{string(row, 'size')}"),
            **posted(string(row, "date"), clock),
        )
        return self.own_page(listing)

    def _paste(self, page: Page, decoded: Decoded) -> Parsed:
        if decoded.text.startswith(_NOT_THERE) and len(decoded.text) < _SAID_CHARS:
            raise NotThere("Pastebin has no such paste any more.")
        before = page.partial or ParsedListing(key=page.key or page.url, url=page.url)
        body = verbatim(decoded.text)
        title = before.title or line(body.lstrip().partition("\n")[0], limit=200)
        return Parsed(listings=(replace(before, body=body, title=title),))


def _start(seen: UnknownPage) -> str:
    return API


PASTEBIN = Family(
    name="pastebin",
    title="Pastebin's scraping API",
    signs=(SoftwareSign(Where.URL, re.compile(r"^https://(?:scrape\.)?pastebin\.com(?:/|$)"), 5),),
    adapter=Pastebin,
    start=_start,
    by_page=frozenset({"body"}),
)
