"""`kind = "paste"`: a list of recent pastes (HTML or JSON), and the raw text of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crawler.clean.text import line, verbatim
from crawler.listing import ParsedListing
from crawler.sources.adapter import Follow, Page, PageRole, Parsed
from crawler.sources.definition import PasteHtmlSource, PasteJsonSource
from crawler.sources.field_reader import FieldReader
from crawler.sources.kinds.html import HtmlListAdapter
from crawler.sources.kinds.json import JsonListAdapter
from crawler.sources.markup import text_of_markup
from crawler.sources.row_text import has_own_page
from crawler.sources.urls import fill_template
from text.charset import Decoded

#: Paste servers also hold files. A text has no null byte in its first bytes.
MAX_SEARCHED_BYTES = 1_024
_NOT_TEXT = ("image/", "audio/", "video/", "font/", "application/zip", "application/pdf", "application/x-")


class RawText:
    """What HTML and JSON paste sites share: each row leads to a raw text."""

    definition: Any

    def own_page(self, listing: ParsedListing) -> Follow | None:
        if not has_own_page(listing):
            return None
        return Follow(fill_template(self.definition.raw, key=listing.key), PageRole.RAW, listing.key, listing)

    def read_raw_text(self, page: Page, decoded: Decoded) -> Parsed:
        """Return the listing with the raw text as its body. Binary data gives a listing without a body."""
        before = page.partial or ParsedListing(key=page.key or page.url, url=page.url)
        body = "" if _is_binary(page, decoded) else verbatim(decoded.text)
        if page.content_type.startswith("text/html"):
            body = text_of_markup(body)
        title = before.title or line(body.lstrip().partition("\n")[0], limit=200)
        return Parsed(listings=(replace(before, body=body, title=title),))


def _is_binary(page: Page, decoded: Decoded) -> bool:
    wide = decoded.charset.startswith(("utf-16", "utf-32"))
    return page.content_type.startswith(_NOT_TEXT) or (not wide and b"\0" in page.body[:MAX_SEARCHED_BYTES])


class PasteHtmlAdapter(RawText, HtmlListAdapter[PasteHtmlSource]):
    """Reads a paste site whose list is HTML."""

    def parse_by_role(self, page: Page, decoded: Decoded, reader: FieldReader) -> Parsed:
        return (
            self.read_raw_text(page, decoded)
            if page.role is PageRole.RAW
            else super().parse_by_role(page, decoded, reader)
        )


class PasteJsonAdapter(RawText, JsonListAdapter[PasteJsonSource]):
    """Reads a paste site whose list is JSON."""

    def parse_by_role(self, page: Page, decoded: Decoded, reader: FieldReader) -> Parsed:
        return (
            self.read_raw_text(page, decoded)
            if page.role is PageRole.RAW
            else super().parse_by_role(page, decoded, reader)
        )
