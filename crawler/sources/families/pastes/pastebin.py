"""Pastebin: its scraping API, which requires a Pro account that lists the address of this machine.

Otherwise the API answers with a text, which is reported as a refusal instead of an empty list.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urljoin

from crawler.clean import Clock, line
from crawler.clean.text import verbatim
from crawler.errors import NotThere
from crawler.listing import ParsedListing
from crawler.sources.adapter import Follow, Page, PageRole, Parsed
from crawler.sources.errors import ApiClosed
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.families.json_interfaces.json_family import (
    Json,
    JsonFamily,
    date_fields,
    objects_at,
    page_of_threads,
    seller_name,
    text_at,
)
from text.charset import Decoded

#: 250 is the maximum of the API.
API = "https://scrape.pastebin.com/api_scraping.php?limit=250"
_PASTE_KEY = re.compile(r"[A-Za-z0-9]{4,16}")
#: Messages of the API, which are neither JSON nor a paste.
_NO_ACCESS = "DOES NOT HAVE ACCESS"
_NO_SUCH_PASTE = "Error, we cannot find this paste."
_MAX_MESSAGE_CHARS = 400


class Pastebin(JsonFamily):
    """Reads the newest pastes, and the raw text of each."""

    def list_url(self, url: str) -> str:
        return url if "api_scraping" in url else API

    def own_page(self, listing: ParsedListing) -> Follow:
        url = urljoin(self.list_url(self.definition.start[0]), f"api_scrape_item.php?i={listing.key}")
        return Follow(url, PageRole.RAW, listing.key, listing)

    def parse_page(self, page: Page, decoded: Decoded, clock: Clock) -> Parsed | None:
        said = decoded.text[:_MAX_MESSAGE_CHARS]
        if _NO_ACCESS in said and "pastebin.com" in said:
            raise ApiClosed(
                "Pastebin's scraping API refuses this machine's address. Add its public address to the list "
                "of your Pro account (pastebin.com/doc_scraping_api)."
            )
        return (
            self._read_paste(page, decoded)
            if page.role is PageRole.RAW
            else super().parse_page(page, decoded, clock)
        )

    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects_at(document)
        if rows is None or not all(_PASTE_KEY.fullmatch(text_at(row, "key")) for row in rows):
            return None
        return page_of_threads((self._follow_paste(row, clock) for row in rows), next_page=None, end=False)

    def _follow_paste(self, row: Json, clock: Clock) -> Follow:
        key = text_at(row, "key")
        listing = ParsedListing(
            key=key,
            url=f"https://pastebin.com/{key}",
            title=line(text_at(row, "title")),
            seller=seller_name(text_at(row, "user")),
            row_digest=self.digest(f"{text_at(row, 'title')}\x1f{text_at(row, 'size')}"),
            **date_fields(text_at(row, "date"), clock),
        )
        return self.own_page(listing)

    def _read_paste(self, page: Page, decoded: Decoded) -> Parsed:
        if decoded.text.startswith(_NO_SUCH_PASTE) and len(decoded.text) < _MAX_MESSAGE_CHARS:
            raise NotThere("Pastebin says that the paste does not exist.")
        before = page.partial or ParsedListing(key=page.key or page.url, url=page.url)
        body = verbatim(decoded.text)
        title = before.title or line(body.lstrip().partition("\n")[0], limit=200)
        return Parsed(listings=(replace(before, body=body, title=title),))


def _scraping_start(page: UnknownPage) -> str:
    return API


PASTEBIN = Family(
    name="pastebin",
    title="Pastebin's scraping API",
    signs=(SoftwareSign(Where.URL, re.compile(r"^https://(?:scrape\.)?pastebin\.com(?:/|$)"), 5),),
    adapter=Pastebin,
    start=_scraping_start,
    by_page=frozenset({"body"}),
)
