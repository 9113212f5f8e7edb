"""The adapter of every source with list pages, in any language.

A list page gives rows, each with a key and some fields, and the next list page. An item page adds to the
fields of its row. Subclasses in `html` and `json` implement the parts that depend on the language.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from crawler.clean import Clock
from crawler.clean.text import line
from crawler.listing import ParsedListing
from crawler.sources.adapter import FieldFinding, Follow, Page, PageRole, Parsed
from crawler.sources.definition import HtmlSource, ItemFields, JsonSource, PasteHtmlSource, PasteJsonSource
from crawler.sources.field_reader import (
    FieldReader,
    Language,
    Node,
    SelectorCounts,
    Values,
    apply_options,
)
from crawler.sources.row_text import PAGELESS_KEY, complete_row, has_own_page
from crawler.sources.urls import MAX_URL_CHARS, canonical_url, fill_template, may_be_text, number_in_url
from text.charset import Decoded, decode_page

#: A page with more rows than this is a trap.
MAX_ROWS = 2_000
MAX_ATTACHMENTS = 20
MAX_LINKS = 200
#: Fields of a later page of a thread. It has no title: each page would mention its names again.
_LATER_FIELDS = ("body", "sample", "links", "attachments")
PAGE_KEY_CHARS = 16
#: Begins an address that a page shows as text.
_ADDRESS = re.compile(r"\s*(?:https?:|[/?])", re.IGNORECASE)

S = TypeVar("S", bound=HtmlSource | JsonSource | PasteHtmlSource | PasteJsonSource)


class ListAdapter(ABC, Generic[S]):
    """Reads list pages and item pages. `digest` is the keyed hash of a row."""

    list_role = PageRole.LIST
    language: Language

    def __init__(self, definition: S, *, digest: Callable[[str], str]) -> None:
        self.definition = definition
        self.digest = digest

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(url, self.list_role) for url in self.definition.start]

    def parse(self, page: Page) -> Parsed:
        decoded = decode_page(page.body, declared=page.charset)
        findings = SelectorCounts()
        reader = FieldReader(self.language, self.source_clock(page), self.definition.currency, findings)
        parsed = self.parse_by_role(page, decoded, reader)
        report = findings.report()
        if lost := _lost_fields(report):
            parsed = replace(
                parsed,
                listings=tuple(replace(one, lost=lost) for one in parsed.listings),
                follows=tuple(
                    replace(each, partial=each.partial and replace(each.partial, lost=lost))
                    for each in parsed.follows
                ),
            )
        return replace(parsed, findings=report, charset=decoded.charset)

    def source_clock(self, page: Page) -> Clock:
        source = self.definition
        return Clock.of(page.fetched_at, timezone=source.timezone, order=source.date_order)

    @abstractmethod
    def parse_document(self, decoded: Decoded) -> Node | None:
        """Return the root of the document, or `None` if the page is not in this language."""

    def base_address(self, page: Page, root: Node) -> str | None:
        """Return what the page's links count from, or `None` for its own address."""
        return None

    @abstractmethod
    def find_rows(self, root: Node) -> list[Node] | None:
        """Return the rows, or `None` if the page shows neither rows nor that it is empty."""

    @abstractmethod
    def row_text(self, row: Node) -> str:
        """Return the whole text of a row, for sources that name none of its fields."""

    def row_name(self, row: Node) -> str:
        """Return what a row is probably named by, for sources that name none of its fields."""
        return ""

    def is_heading(self, row: Node) -> bool:
        """Return whether a row without a listing is a heading or holds no text, so that nothing is lost."""
        return False

    def next_is_off(self, root: Node) -> bool:
        """Return whether what `next` finds shows that there is no next page."""
        return False

    def next_is_text(self, root: Node) -> bool:
        """Return whether `next` finds an element that has no address, such as a button for a script."""
        return False

    @abstractmethod
    def item_values(self, page: Page, root: Node, reader: FieldReader) -> Values | None:
        """Return the values of an item page, or `None` if a required field is missing."""

    def parse_by_role(self, page: Page, decoded: Decoded, reader: FieldReader) -> Parsed:
        root = self.parse_document(decoded)
        if root is None:
            return Parsed(recognised=False)
        if (base := self.base_address(page, root)) is not None:
            page = replace(page, base=base)
        own = page.role in (PageRole.ITEM, PageRole.REPLIES)
        read = self._read_item_page if own else self._read_list_page
        return read(page, root, reader)

    def _read_item_page(self, page: Page, root: Node, reader: FieldReader) -> Parsed:
        values = self.item_values(page, root, reader)
        if values is None:
            return Parsed(recognised=False)
        item = getattr(self.definition, "item", None)
        return parsed_item_page(
            page, values, digest=self.digest, following=next_of_thread(page, root, item, self.language)
        )

    def _read_list_page(self, page: Page, root: Node, reader: FieldReader) -> Parsed:
        nodes = self.find_rows(root)
        if nodes is None:
            return Parsed(recognised=False)
        read = [self._read_row(page, node, reader) for node in nodes[:MAX_ROWS]]
        rows = self._unique_rows(read)
        total = self._pages_total(root, reader)
        recognised = bool(rows) or not nodes
        onward, end, nowhere = self._next_page(page, root, reader, total) if rows else (None, not nodes, "")
        return Parsed(
            listings=tuple(row for row in rows if self.own_page(row) is None),
            follows=tuple(follow for row in rows if (follow := self.own_page(row)) is not None),
            next_page=onward,
            next_nowhere=nowhere,
            recognised=recognised,
            end=end,
            # A row that could not be read may be a known listing.
            whole=None not in read and len(nodes) <= MAX_ROWS,
            rows_left=self._count_left(nodes, read),
            pages_total=total,
        )

    def own_page(self, listing: ParsedListing) -> Follow | None:
        item = getattr(self.definition, "item", None)
        if item is None or not has_own_page(listing):
            return None
        url = fill_template(item.url, key=listing.key) if item.url else listing.url
        return Follow(url, PageRole.ITEM, listing.key, listing)

    def _count_left(self, nodes: list[Node], read: list[ParsedListing | None]) -> int:
        """Return the number of rows without a listing, except headings."""
        left = [node for node, row in zip(nodes, read, strict=False) if row is None]
        return len(nodes[MAX_ROWS:]) + sum(not self.is_heading(node) for node in left)

    def _unique_rows(self, rows: Iterable[ParsedListing | None]) -> list[ParsedListing]:
        """Return the rows that could be read, the first one per key."""
        unique: dict[str, ParsedListing] = {}
        for row in rows:
            if row is not None:
                unique.setdefault(row.key, row)
        return list(unique.values())

    def _read_row(self, page: Page, node: Node, reader: FieldReader) -> ParsedListing | None:
        """Return the listing of one row, or `None` for a row with neither link nor title, such as a heading.

        A row whose link leads to no page is a listing as well: it may name a company.
        """
        source = self.definition
        key, link = (self._list_text(node, name, reader) for name in ("key", "link"))
        if source.list.url is not None:
            link = fill_template(source.list.url, key=key) if key else ""
        url = self._row_address(page, link)
        key = line(key or url or "", limit=MAX_URL_CHARS)
        if not key or (url is None and source.kind != "paste"):
            return self._read_pageless_row(page, node, reader, key=key, link=link)
        values = reader.field_values(node, source.row, part="row")
        if values is None:
            return None
        shown = url or page.url
        digest = self.digest(self._row_state(node, values, shown, reader))
        said = "" if values else self.row_name(node)
        return ParsedListing(key=key, url=shown, row_digest=digest, row=said, **values)

    def _row_address(self, page: Page, link: str) -> str | None:
        """Return the address that a row's link leads to; `None` if it leads nowhere or to the list itself."""
        url = canonical_url(link, base=page.links_from) if link and not link.startswith("#") else None
        own = url is not None and url == canonical_url(page.url, base=page.url)
        return None if own and self.definition.kind != "paste" else url

    def _read_pageless_row(
        self, page: Page, node: Node, reader: FieldReader, *, key: str, link: str
    ) -> ParsedListing | None:
        """Return the listing of a row without an address: its link is `javascript:`, `magnet:`, or broken.

        Its key is the row's own, or stands for its link and its title.
        """
        if not link and not key:
            # A heading is no place in which a selector should find something.
            reader = replace(reader, findings=SelectorCounts())
        values = reader.field_values(node, self.definition.row, part="row")
        if values is None or not (values.get("title") or link):
            return None
        said = "" if values else self.row_name(node)
        digest = self.digest(self._row_state(node, values, link, reader))
        key = PAGELESS_KEY + self.digest(key or f"{link}\x1f{values.get('title') or said}")
        return ParsedListing(key=key, url=page.url, row_digest=digest, row=said, **values)

    def _list_text(self, node: Node, name: str, reader: FieldReader) -> str:
        options = getattr(self.definition.list, name)
        texts = reader.field_texts(node, options, part="list", name=name) if options is not None else []
        return texts[0].strip() if texts else ""

    def _row_state(self, node: Node, values: Values, url: str, reader: FieldReader) -> str:
        """Return the text that decides, when it changes, that a listing is read again.

        Dates are left out, because "3 hours ago" changes all the time. A row with a `state` also says what is
        offered and for how much.
        """
        if self.definition.list.state is not None:
            offer = [str(values.get(name) or "") for name in ("title", "price")]
            return "\x1f".join([url, self._list_text(node, "state", reader) or "", *offer])
        kept = sorted(
            (name, str(value)) for name, value in values.items() if not name.startswith("posted_at")
        )
        return f"{url}\x1f{kept or self.row_text(node)}"

    def _pages_total(self, root: Node, reader: FieldReader) -> int | None:
        if self.definition.list.last_page is None:
            return None
        found = reader.field_texts(root, self.definition.list.last_page, part="list", name="last_page")
        numbers = [int(number) for text in found for number in re.findall(r"\d{1,6}", text[:200])]
        return max(numbers, default=None)

    def _next_page(
        self, page: Page, root: Node, reader: FieldReader, total: int | None
    ) -> tuple[str | None, bool, str]:
        """Return the next list page, whether this page shows that there is none, and what leads nowhere."""
        pages = self.definition.list
        if pages.page_url is not None and "{page}" in pages.page_url:
            return *self._next_numbered_page(page, pages.page_url, total), ""
        if pages.next is None:
            return None, False, ""  # the list may show only the newest listings
        found = self._list_text(root, "next", reader)
        if not found or self.next_is_off(root):
            return None, True, ""
        url = (
            fill_template(pages.page_url, cursor=found)
            if pages.page_url
            else canonical_url(found, base=page.links_from)
        )
        if pages.page_url is None and not _ADDRESS.match(found) and self.next_is_text(root):
            return None, False, found[:MAX_URL_CHARS]
        here = canonical_url(page.url, base=page.url)
        if url is None or canonical_url(url, base=page.url) == here:
            return None, False, found[:MAX_URL_CHARS]
        return url, False, ""

    def _next_numbered_page(self, page: Page, template: str, total: int | None) -> tuple[str | None, bool]:
        pages = self.definition.list
        number = number_in_url(template, page.url)
        number = pages.page_first if number is None else number
        # `total` is a number of pages; `page_url` may count rows.
        if total is not None and (number - pages.page_first) // pages.page_step + 1 >= total:
            return None, True
        return fill_template(template, page=str(number + pages.page_step)), False


def _lost_fields(findings: Iterable[FieldFinding]) -> frozenset[str]:
    """Return the fields of rows whose selectors found nothing on the whole page: the site has changed."""
    rows = (each for each in findings if each.part == "row" and each.tried)
    return frozenset(each.field for each in rows if not each.found)


def next_of_thread(page: Page, root: Node, wanted: ItemFields[Any] | None, language: Language) -> str | None:
    """Return the next page of a thread; None on its last page, and without a `next` in `[item]`."""
    if wanted is None or wanted.next is None:
        return None
    texts = apply_options(language.find(root, wanted.next, link=True), wanted.next, several=False)
    url = canonical_url(texts[0], base=page.links_from) if texts else None
    return url if url != canonical_url(page.url, base=page.url) else None


def parsed_item_page(
    page: Page, values: Values, *, digest: Callable[[str], str], following: str | None
) -> Parsed:
    """Return the listing of its own page, or of a later page of a thread, which is a listing like a reply."""
    before = page.partial or ParsedListing(key=page.key or page.url, url=page.url)
    rest = (following,) if following is not None else ()
    if page.role is not PageRole.REPLIES:
        return Parsed(listings=(complete_row(before, values),), rest=rest)
    said = {name: values[name] for name in _LATER_FIELDS if name in values}
    state = digest("\x1f".join(str(said.get(name, "")) for name in ("body", "sample")))
    key = f"{before.key}/{digest(page.url)[:PAGE_KEY_CHARS]}"
    later = ParsedListing(key=key, url=page.url, thread=before.key, row_digest=state, **said)
    return Parsed(listings=(later,), rest=rest)


def links_and_attachments(root: Node, wanted: ItemFields[Any], reader: FieldReader, *, base: str) -> Values:
    """Return the links and attachments that an item page names."""
    values: Values = {}
    if wanted.links is not None:
        values["links"] = absolute_urls(
            reader.field_texts(root, wanted.links, part="item", name="links"), base=base
        )
    if wanted.attachments is not None:
        files = absolute_urls(
            reader.field_texts(root, wanted.attachments, part="item", name="attachments"), base=base
        )
        values["attachments"] = tuple(filter(may_be_text, files))[:MAX_ATTACHMENTS]
    return values


def absolute_urls(texts: list[str], *, base: str) -> tuple[str, ...]:
    """Return the absolute URLs without duplicates."""
    urls = (canonical_url(text, base=base) for text in texts)
    return tuple(dict.fromkeys(url for url in urls if url))[:MAX_LINKS]
