"""Parses pages with the adapter of a source, as a run does, without a run."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from crawler.listing import ParsedListing
from crawler.sources import Adapter, Follow, Page, PageRole, Parsed, adapter_for, read_definition
from tests.peers.programs import Content, Program
from tests.peers.web import Asked

#: When every page was fetched.
NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
URL = "https://market.example/offers"
SITE = "https://board.example"


def toml_adapter(toml: str) -> Adapter:
    """Return the adapter of a source file. Its digest of a row is the text of the row."""
    return adapter_for(read_definition(tomllib.loads(toml)), digest=str)


def family_adapter(kind: str, start: str | list[str] = f"{SITE}/", **keys: object) -> Adapter:
    """Return the adapter of a family. Its digest of a row is the text of the row."""
    return adapter_for(read_definition({"kind": kind, "start": start, **keys}), digest=str)


def parse_page(
    reader: Adapter,
    body: str | bytes,
    url: str = URL,
    *,
    role: PageRole = PageRole.LIST,
    follow: Follow | None = None,
) -> Parsed:
    """Parse one page. The charset is declared for a text, and must be detected for bytes."""
    return reader.parse(
        Page(
            url=url,
            body=body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body,
            role=role,
            fetched_at=NOW,
            charset="utf-8" if isinstance(body, str) else None,
            key=follow.key if follow else None,
            partial=follow.partial if follow else None,
        )
    )


def json_page(
    document: object,
    url: str,
    *,
    role: PageRole = PageRole.API,
    key: str | None = None,
    partial: ParsedListing | None = None,
) -> Page:
    """Return a page with a JSON document, or with the given bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Page(url, body, role, NOW, key=key, partial=partial)


def followed_page(document: object, follow: Follow) -> Page:
    """Return the page with this document that an adapter asked for."""
    return json_page(document, follow.url, role=follow.role, key=follow.key, partial=follow.partial)


def answered_page(program: Program, content: Content, follow: Follow) -> Page:
    """Return the page with which a practice program answers the request of an adapter."""
    parts = urlsplit(follow.url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    answer = program(content, Asked("GET", parts.path, query, {}), f"{parts.scheme}://{parts.netloc}")
    assert answer is not None, follow.url
    return followed_page(answer.body, follow)


def row_listings(reader: Adapter, body: str, url: str) -> list[ParsedListing]:
    """Return what the rows of a list page give."""
    return [each.partial for each in parse_page(reader, body, url).follows if each.partial is not None]


def thread_posts(reader: Adapter, body: str, url: str) -> tuple[ParsedListing, ...]:
    """Return the first post and the replies on the first page of a thread."""
    follow = Follow(url, PageRole.ITEM, "t1", ParsedListing(key="t1", url=url))
    return parse_page(reader, body, url, role=PageRole.ITEM, follow=follow).listings


def item_listing(reader: Adapter, body: str | bytes, follow: Follow) -> ParsedListing:
    """Return the one listing of a followed page."""
    return single_listing(parse_page(reader, body, follow.url, role=follow.role, follow=follow))


def single_listing(parsed: Parsed) -> ParsedListing:
    """Return the listing of a page that has exactly one."""
    [listing] = parsed.listings
    return listing
