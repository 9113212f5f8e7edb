"""`kind = "feed"`: RSS and Atom through feedparser, and JSON Feed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

from crawler.clean import Clock, line
from crawler.listing import ParsedListing
from crawler.sources.adapter import Follow, Page, PageRole, Parsed
from crawler.sources.definition import EntryOptions, FeedSource
from crawler.sources.errors import PageRefused
from crawler.sources.field_reader import FieldReader, Node, SelectorCounts, Values
from crawler.sources.kinds.html import MarkupLanguage, read_item_page
from crawler.sources.kinds.json import load_json
from crawler.sources.kinds.list_adapter import absolute_urls, next_of_thread, parsed_item_page
from crawler.sources.markup import base_address, links_of, text_of_markup, tree
from crawler.sources.urls import canonical_url, fill_template
from text.charset import decode_page

#: Feeds have tens of entries. feedparser is slow on large ones.
MAX_FEED_CHARS = 4 << 20
MAX_ENTRIES = 500

_NAMED_ADDRESS = re.compile(r"\S+@\S+ \((.+)\)|(.+) \(\S+@\S+\)")


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of any format. `summary` is markup, and the whole content if the feed has it."""

    id: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    author: str = ""
    published: str = ""
    updated: str = ""
    tags: tuple[str, ...] = ()


class EntryLanguage:
    """Finds the parts of an entry by their names."""

    def find(self, node: FeedEntry, options: EntryOptions, *, link: bool = False) -> list[str]:
        value = getattr(node, options.select)
        texts = value if isinstance(value, tuple) else (value,)
        return [text_of_markup(text) for text in texts if text]


class FeedAdapter:
    """Reads a feed and, with an `[item]`, the page behind each entry."""

    def __init__(self, definition: FeedSource, *, digest: Callable[[str], str]) -> None:
        self.definition = definition
        self.digest = digest

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        return [Follow(url, PageRole.FEED) for url in self.definition.start]

    def parse(self, page: Page) -> Parsed:
        decoded = decode_page(page.body, declared=page.charset)
        source, findings = self.definition, SelectorCounts()
        clock = Clock.of(page.fetched_at, timezone=source.timezone, order=source.date_order)
        if page.role in (PageRole.ITEM, PageRole.REPLIES):
            parsed = self._read_item_page(
                page, decoded.text, FieldReader(MarkupLanguage(), clock, source.currency, findings)
            )
        else:
            parsed = self._read_entries(
                page, decoded.text, FieldReader(EntryLanguage(), clock, source.currency, findings)
            )
        return replace(parsed, findings=findings.report(), charset=decoded.charset)

    def _read_item_page(self, page: Page, text: str, reader: FieldReader) -> Parsed:
        wanted = self.definition.item
        root = tree(text)
        page = replace(page, base=base_address(page.url, root))
        values = read_item_page(page, root, reader, wanted) if wanted is not None else None
        if values is None:
            return Parsed(recognised=False)
        following = next_of_thread(page, root, wanted, MarkupLanguage())
        return parsed_item_page(page, values, digest=self.digest, following=following)

    def _read_entries(self, page: Page, text: str, reader: FieldReader) -> Parsed:
        read = read_feed(text)
        if read is None:
            return Parsed(recognised=False)
        entries, onward = read
        found = [self._entry_listing(page, entry, reader) for entry in entries]
        listings = tuple({one.key: one for one in reversed(found) if one is not None}.values())[::-1]
        url = canonical_url(onward, base=page.url) if onward else None
        parsed = Parsed(next_page=url if url != page.url else None)
        if self.definition.item is None:
            return replace(parsed, listings=tuple(listings))
        follows = (self.own_page(one) for one in listings)
        return replace(
            parsed,
            listings=tuple(one for one in listings if self.own_page(one) is None),
            follows=tuple(follow for follow in follows if follow is not None),
        )

    def own_page(self, listing: ParsedListing) -> Follow | None:
        item = self.definition.item
        if item is None or (item.url is None and listing.url in self.definition.start):
            return None  # an entry without a link has the feed's address
        url = fill_template(item.url, key=listing.key) if item.url else listing.url
        return Follow(url, PageRole.ITEM, listing.key, listing)

    def _entry_listing(self, page: Page, entry: FeedEntry, reader: FieldReader) -> ParsedListing | None:
        url = canonical_url(entry.link, base=page.url) if entry.link else None
        key = line(entry.id or url or "")
        if not key:
            return None
        values = _default_values(entry, reader) | (
            reader.field_values(entry, self.definition.entry, part="entry") or {}
        )
        markup = tree(entry.summary) if "<" in entry.summary else None
        hrefs = links_of(markup) if markup is not None else []
        state = f"{url}\x1f{entry.title}\x1f{entry.summary}\x1f{entry.updated}"
        return ParsedListing(
            key=key,
            url=url or page.url,
            links=absolute_urls(hrefs, base=page.url),
            row_digest=self.digest(state),
            **values,
        )


def read_feed(text: str) -> tuple[list[FeedEntry], str] | None:
    """Return the entries of a feed and the address of its next page (or ""). `None`: not a feed.

    Raises `PageRefused` for a feed longer than `MAX_FEED_CHARS`.
    """
    if len(text) > MAX_FEED_CHARS:
        raise PageRefused(f"The feed has {len(text)} characters; at most {MAX_FEED_CHARS} are parsed.")
    return _read_json_feed(text) if text.lstrip("\ufeff \t\r\n").startswith("{") else _read_xml_feed(text)


def _default_values(entry: FeedEntry, reader: FieldReader) -> Values:
    """Return the fields that the parts of an entry give unless the source file says otherwise."""
    parts = {
        "title": entry.title,
        "body": entry.summary,
        "seller": entry.author,
        "posted_at": entry.published or entry.updated,
    }
    values: Values = {}
    for name, text in parts.items():
        texts = [text_of_markup(text)] if text else []
        read = reader.clean_value(name, texts)
        reader.findings.note("entry", name, f"({name})", texts, read.get(name, "unreadable"))
        values |= read
    return values


def _read_xml_feed(text: str) -> tuple[list[FeedEntry], str] | None:
    import feedparser  # here: a run of another source does not need it

    # Pass a stream, never a string: feedparser opens a string that looks like a URL or a file name.
    stream = BytesIO(text.encode("utf-8", "replace"))
    headers = {"content-type": "application/xml; charset=utf-8"}
    feed = feedparser.parse(
        stream, response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    if not feed.get("version"):
        return None
    onward = [link.get("href", "") for link in feed.feed.get("links", []) if link.get("rel") == "next"]
    return [_xml_entry(entry) for entry in feed.entries[:MAX_ENTRIES]], onward[0] if onward else ""


def _xml_entry(entry: Node) -> FeedEntry:
    content = max((str(part.get("value") or "") for part in entry.get("content", [])), key=len, default="")
    return FeedEntry(
        id=entry.get("id", ""),
        link=entry.get("link", ""),
        title=entry.get("title", ""),
        summary=content or entry.get("summary", ""),
        author=_author_name(entry.get("author", "")),
        published=entry.get("published", ""),
        # Read without feedparser, which returns `published` if `updated` is missing.
        updated=dict.get(entry, "updated", ""),
        tags=tuple(str(tag.get("term") or "") for tag in entry.get("tags", [])),
    )


def _author_name(author: str) -> str:
    """Return the name in "a@b.example (Name)" (RSS) or "Name (a@b.example)" (Atom in feedparser)."""
    found = _NAMED_ADDRESS.fullmatch(author.strip())
    return found[1] or found[2] if found else author


def _read_json_feed(text: str) -> tuple[list[FeedEntry], str] | None:
    document = load_json(text)
    if not isinstance(document, dict) or "jsonfeed.org" not in _as_text(document.get("version")):
        return None
    items = document.get("items")
    entries = (
        [_json_entry(item) for item in items[:MAX_ENTRIES] if isinstance(item, dict)]
        if isinstance(items, list)
        else []
    )
    return entries, _as_text(document.get("next_url"))


def _json_entry(item: dict[str, Any]) -> FeedEntry:
    authors = item.get("authors") or [item.get("author")]
    first = authors[0] if isinstance(authors, list) and isinstance(authors[0], dict) else {}
    tags = item.get("tags")
    return FeedEntry(
        id=_as_text(item.get("id")),
        link=_as_text(item.get("url")) or _as_text(item.get("external_url")),
        title=_as_text(item.get("title")),
        summary=_as_text(item.get("content_html"))
        or _as_text(item.get("content_text"))
        or _as_text(item.get("summary")),
        author=_as_text(first.get("name")),
        published=_as_text(item.get("date_published")),
        updated=_as_text(item.get("date_modified")),
        tags=tuple(_as_text(tag) for tag in tags) if isinstance(tags, list) else (),
    )


def _as_text(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) else ""
