"""The adapter of every source that has pages of rows, whatever language they are in.

A list page gives its rows, each with a key and what the row says, and the way on; an item's page completes
what its row said. The language-specific parts are methods that `html` and `json` fill in.
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
from crawler.sources.definition import HtmlSource, ItemFields, JsonSource, PasteHtmlSource, PasteJsonSource
from crawler.sources.fields import FieldReader, Language, Node, SelectorCounts, Values
from crawler.sources.page import Follow, Page, Parsed, Role
from crawler.sources.urls import MAX_URL_CHARS, canonical, counted, filled, may_be_text
from text.charset import Decoded, decode_page

#: More rows than this on one page are bait, not offers.
MAX_ROWS = 2_000
MAX_ATTACHMENTS = 20
MAX_LINKS = 200

S = TypeVar("S", bound=HtmlSource | JsonSource | PasteHtmlSource | PasteJsonSource)


class ListedSource(ABC, Generic[S]):
    """Reads lists and items; `digest` is the keyed hash that stands for a row."""

    list_role = Role.LIST
    language: Language

    def __init__(self, definition: S, *, digest: Callable[[str], str]) -> None:
        self.definition = definition
        self.digest = digest

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(url, self.list_role) for url in self.definition.start]

    def parse(self, page: Page) -> Parsed:
        decoded = decode_page(page.body, declared=page.charset)
        findings = SelectorCounts()
        reader = FieldReader(self.language, self.clock(page), self.definition.currency, findings)
        parsed = self.parse_as(page, decoded, reader)
        return replace(parsed, findings=findings.report(), charset=decoded.charset)

    def clock(self, page: Page) -> Clock:
        source = self.definition
        return Clock.of(page.fetched_at, timezone=source.timezone, order=source.date_order)

    @abstractmethod
    def document(self, decoded: Decoded) -> Node | None:
        """Return the root of the page, or `None` for what is no page of this language."""

    @abstractmethod
    def rows(self, root: Node) -> list[Node] | None:
        """Return the rows, or `None` where the page shows neither rows nor that it is empty."""

    @abstractmethod
    def row_text(self, row: Node) -> str:
        """Return all that a row says, for sources that name no field of it."""

    @abstractmethod
    def item(self, page: Page, root: Node, reader: FieldReader) -> Values | None:
        """Return the values of an item's page, or `None` where a required field is missing."""

    def parse_as(self, page: Page, decoded: Decoded, reader: FieldReader) -> Parsed:
        root = self.document(decoded)
        if root is None:
            return Parsed(recognised=False)
        read = self._item_page if page.role is Role.ITEM else self._list_page
        return read(page, root, reader)

    def _item_page(self, page: Page, root: Node, reader: FieldReader) -> Parsed:
        values = self.item(page, root, reader)
        if values is None:
            return Parsed(recognised=False)
        before = page.partial or ParsedListing(key=page.key or page.url, url=page.url)
        return Parsed(listings=(replace(before, **values),))

    def _list_page(self, page: Page, root: Node, reader: FieldReader) -> Parsed:
        nodes = self.rows(root)
        if nodes is None:
            return Parsed(recognised=False)
        read = [self._row(page, node, reader) for node in nodes[:MAX_ROWS]]
        rows = self._unique(read)
        total = self._pages_total(root, reader)
        recognised = bool(rows) or not nodes
        onward, end = self._onward(page, root, reader, total) if rows else (None, not nodes)
        return Parsed(
            listings=tuple(row for row in rows if self.own_page(row) is None),
            follows=tuple(follow for row in rows if (follow := self.own_page(row)) is not None),
            next_page=onward,
            recognised=recognised,
            end=end,
            # A row that could not be read may be a listing that we know.
            whole=None not in read and len(nodes) <= MAX_ROWS,
            pages_total=total,
        )

    def own_page(self, listing: ParsedListing) -> Follow | None:
        item = getattr(self.definition, "item", None)
        if item is None:
            return None
        url = filled(item.url, key=listing.key) if item.url else listing.url
        return Follow(url, Role.ITEM, listing.key, listing)

    def _unique(self, rows: Iterable[ParsedListing | None]) -> list[ParsedListing]:
        """Return the rows that lead somewhere, the first of each key."""
        unique: dict[str, ParsedListing] = {}
        for row in rows:
            if row is not None:
                unique.setdefault(row.key, row)
        return list(unique.values())

    def _row(self, page: Page, node: Node, reader: FieldReader) -> ParsedListing | None:
        """Read one row, or return `None` for one that leads nowhere: a heading, an advertisement."""
        source = self.definition
        key, link = (self._text(node, name, reader) for name in ("key", "link"))
        if source.list.url is not None:
            link = filled(source.list.url, key=key) if key else ""
        url = canonical(link, base=page.url) if link else None
        key = line(key or url or "", limit=MAX_URL_CHARS)
        if not key or (url is None and source.kind != "paste"):
            return None
        values = reader.fields(node, source.row, part="row")
        if values is None:
            return None
        shown = url or page.url
        digest = self.digest(self._state(node, values, shown, reader))
        return ParsedListing(key=key, url=shown, row_digest=digest, **values)

    def _text(self, node: Node, name: str, reader: FieldReader) -> str:
        options = getattr(self.definition.list, name)
        texts = reader.texts(node, options, part="list", name=name) if options is not None else []
        return texts[0].strip() if texts else ""

    def _state(self, node: Node, values: Values, url: str, reader: FieldReader) -> str:
        """Return what of a row, when it changes, makes its listing worth another look.

        A date is left out, for hours "ago" always change.
        """
        if self.definition.list.state is not None:
            return f"{url}\x1f{self._text(node, 'state', reader)}"
        kept = sorted(
            (name, str(value)) for name, value in values.items() if not name.startswith("posted_at")
        )
        return f"{url}\x1f{kept or self.row_text(node)}"

    def _pages_total(self, root: Node, reader: FieldReader) -> int | None:
        if self.definition.list.last_page is None:
            return None
        found = reader.texts(root, self.definition.list.last_page, part="list", name="last_page")
        numbers = [int(number) for text in found for number in re.findall(r"\d{1,6}", text[:200])]
        return max(numbers, default=None)

    def _onward(
        self, page: Page, root: Node, reader: FieldReader, total: int | None
    ) -> tuple[str | None, bool]:
        """Return the next list page, and whether this one shows that there is none."""
        pages = self.definition.list
        if pages.page_url is not None and "{page}" in pages.page_url:
            return self._counted(page, pages.page_url, total)
        if pages.next is None:
            return None, False  # a window on the newest, for all we know
        found = self._text(root, "next", reader)
        if not found:
            return None, True
        url = filled(pages.page_url, cursor=found) if pages.page_url else canonical(found, base=page.url)
        return (url if url != page.url else None), False

    def _counted(self, page: Page, template: str, total: int | None) -> tuple[str | None, bool]:
        pages = self.definition.list
        number = counted(template, page.url)
        number = pages.page_first if number is None else number
        # `total` counts pages; `page_url` may count rows.
        if total is not None and (number - pages.page_first) // pages.page_step + 1 >= total:
            return None, True
        return filled(template, page=str(number + pages.page_step)), False


def targets(root: Node, wanted: ItemFields[Any], reader: FieldReader, *, base: str) -> Values:
    """Return the links and attachments that an item's page names."""
    values: Values = {}
    if wanted.links is not None:
        values["links"] = links(reader.texts(root, wanted.links, part="item", name="links"), base=base)
    if wanted.attachments is not None:
        files = links(reader.texts(root, wanted.attachments, part="item", name="attachments"), base=base)
        values["attachments"] = tuple(filter(may_be_text, files))[:MAX_ATTACHMENTS]
    return values


def links(texts: list[str], *, base: str) -> tuple[str, ...]:
    """Return the absolute URLs, each once."""
    urls = (canonical(text, base=base) for text in texts)
    return tuple(dict.fromkeys(url for url in urls if url))[:MAX_LINKS]
