"""Reads pages with a definition, as a run does, without a run."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime

from crawler.listing import ParsedListing
from crawler.sources import Adapter, Follow, Page, Parsed, Role, adapter_for, read_definition

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
URL = "https://market.example/offers"


def adapter(toml: str) -> Adapter:
    """The adapter of a source file; row digests are the row's text, so that a test can look into them."""
    return adapter_for(read_definition(tomllib.loads(toml)), digest=str)


def read(
    reader: Adapter,
    body: str | bytes,
    *,
    url: str = URL,
    role: Role = Role.LIST,
    follow: Follow | None = None,
) -> Parsed:
    """Parse one page that was fetched at `NOW`."""
    return reader.parse(
        Page(
            url=url,
            body=body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body,
            role=role,
            fetched_at=NOW,
            key=follow.key if follow else None,
            partial=follow.partial if follow else None,
        )
    )


def item(reader: Adapter, body: str | bytes, follow: Follow) -> ParsedListing:
    """The one listing of a followed page."""
    (listing,) = read(reader, body, url=follow.url, role=follow.role, follow=follow).listings
    return listing
