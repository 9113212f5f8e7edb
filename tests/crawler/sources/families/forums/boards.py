"""Reads pages of a board as a run does, without a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from crawler.listing import ParsedListing
from crawler.sources import Adapter, Follow, Page, Parsed, Role, adapter_for, read_definition

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
SITE = "https://board.example"


def board(kind: str, start: str | list[str] = f"{SITE}/", **keys: Any) -> Adapter:
    """The adapter of a family; digests are the text they stand for, so that a test can look into them."""
    return adapter_for(read_definition({"kind": kind, "start": start, **keys}), digest=str)


def parse(
    reader: Adapter, body: str, url: str, *, role: Role = Role.LIST, follow: Follow | None = None
) -> Parsed:
    """Parse one page that was fetched at `NOW`."""
    return reader.parse(
        Page(
            url=url,
            body=body.encode(),
            role=role,
            fetched_at=NOW,
            charset="utf-8",
            key=follow.key if follow else None,
            partial=follow.partial if follow else None,
        )
    )


def rows(reader: Adapter, body: str, url: str) -> list[ParsedListing]:
    """What the rows of a list page say."""
    return [each.partial for each in parse(reader, body, url).follows if each.partial is not None]


def posts(reader: Adapter, body: str, url: str) -> tuple[ParsedListing, ...]:
    """The first post and the replies of a thread's first page."""
    follow = Follow(url, Role.ITEM, "t1", ParsedListing(key="t1", url=url))
    return parse(reader, body, url, role=Role.ITEM, follow=follow).listings
