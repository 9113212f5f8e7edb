"""`kind = "paste"`: a list of recent pastes (HTML or JSON), and the raw text of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crawler.clean.text import line, verbatim
from crawler.listing import ParsedListing
from crawler.sources.definition import PasteHtmlSource, PasteJsonSource
from crawler.sources.fields import FieldReader
from crawler.sources.html import HtmlListing
from crawler.sources.json import JsonListing
from crawler.sources.markup import text_of_markup
from crawler.sources.page import Follow, Page, Parsed, Role
from crawler.sources.urls import filled
from text.charset import Decoded

#: Paste servers hold files, too; a null byte this early is none of a text's.
LOOKED_AT_BYTES = 1_024
_NOT_TEXT = ("image/", "audio/", "video/", "font/", "application/zip", "application/pdf", "application/x-")


class RawText:
    """What both shapes of paste site share: every row leads to its raw text."""

    definition: Any

    def own_page(self, listing: ParsedListing) -> Follow:
        return Follow(filled(self.definition.raw, key=listing.key), Role.RAW, listing.key, listing)

    def raw(self, page: Page, decoded: Decoded) -> Parsed:
        """The raw text is the listing's body; a paste that is no text is a listing without one."""
        before = page.partial or ParsedListing(key=page.key or page.url, url=page.url)
        body = "" if _binary(page, decoded) else verbatim(decoded.text)
        if page.content_type.startswith("text/html"):
            body = text_of_markup(body)
        title = before.title or line(body.lstrip().partition("\n")[0], limit=200)
        return Parsed(listings=(replace(before, body=body, title=title),))


def _binary(page: Page, decoded: Decoded) -> bool:
    wide = decoded.charset.startswith(("utf-16", "utf-32"))
    return page.content_type.startswith(_NOT_TEXT) or (not wide and b"\0" in page.body[:LOOKED_AT_BYTES])


class PasteHtmlAdapter(RawText, HtmlListing[PasteHtmlSource]):
    """A paste site whose list is a page."""

    def parse_as(self, page: Page, decoded: Decoded, reader: FieldReader) -> Parsed:
        return self.raw(page, decoded) if page.role is Role.RAW else super().parse_as(page, decoded, reader)


class PasteJsonAdapter(RawText, JsonListing[PasteJsonSource]):
    """A paste site whose list is JSON."""

    def parse_as(self, page: Page, decoded: Decoded, reader: FieldReader) -> Parsed:
        return self.raw(page, decoded) if page.role is Role.RAW else super().parse_as(page, decoded, reader)
