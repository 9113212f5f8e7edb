"""`[entry]` of a paste site or a family: fields that are cut out of the texts of a listing.

These sources need no selectors, so a price that a site's users write into their titles has no selector
either. A pattern finds it. What it finds takes precedence over what the adapter read; where it finds nothing,
that stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crawler.clean import Clock
from crawler.listing import ParsedListing
from crawler.sources.adapter import Adapter, Follow, Page, Parsed
from crawler.sources.definition import Fields, SourceBase, TextField, TextOptions
from crawler.sources.field_reader import FieldReader, SelectorCounts


class ListingTexts:
    """Finds the texts of a listing by their names."""

    def find(self, node: ParsedListing, options: TextOptions, *, link: bool = False) -> list[str]:
        text = getattr(node, options.select)
        return [text] if text else []


class EntryFieldsAdapter:
    """Another adapter, whose listings get the fields of `[entry]`. Replies keep theirs."""

    def __init__(self, adapter: Adapter, definition: SourceBase, entry: Fields[TextField]) -> None:
        self._adapter = adapter
        self._definition = definition
        self._entry = entry

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return self._adapter.start(cursor)

    def own_page(self, listing: ParsedListing) -> Follow | None:
        return self._adapter.own_page(listing)

    def parse(self, page: Page) -> Parsed:
        parsed, source = self._adapter.parse(page), self._definition
        clock = Clock.of(page.fetched_at, timezone=source.timezone, order=source.date_order)
        reader = FieldReader(ListingTexts(), clock, source.currency, SelectorCounts())
        parsed = replace(
            parsed,
            listings=tuple(self._with_fields(each, reader) for each in parsed.listings),
            follows=tuple(
                replace(each, partial=each.partial and self._with_fields(each.partial, reader))
                for each in parsed.follows
            ),
        )
        return replace(parsed, findings=(*parsed.findings, *reader.findings.report()))

    def _with_fields(self, listing: ParsedListing, reader: FieldReader) -> ParsedListing:
        if listing.thread is not None:
            return listing
        values: dict[str, Any] = reader.field_values(listing, self._entry, part="entry") or {}
        return replace(listing, **values)
