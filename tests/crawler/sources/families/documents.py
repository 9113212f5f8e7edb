"""Pages of families as an adapter gets them, and adapters without a run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from crawler.listing import ParsedListing
from crawler.sources import Adapter, Follow, Page, Parsed, Role, adapter_for, read_definition
from tests.peers.programs import Content, Program
from tests.peers.web import Asked

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)


def adapter(kind: str, start: str, **changes: object) -> Adapter:
    """Row digests are the row's own text, so that a test can look into them."""
    return adapter_for(read_definition({"kind": kind, "start": start, **changes}), digest=str)


def page(
    document: object,
    url: str,
    *,
    role: Role = Role.API,
    key: str | None = None,
    partial: ParsedListing | None = None,
) -> Page:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Page(url, body, role, NOW, key=key, partial=partial)


def followed(document: object, follow: Follow) -> Page:
    return page(document, follow.url, role=follow.role, key=follow.key, partial=follow.partial)


def answered(program: Program, content: Content, follow: Follow) -> Page:
    """What a program answers to a request that an adapter makes."""
    parts = urlsplit(follow.url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    answer = program(content, Asked("GET", parts.path, query, {}), f"{parts.scheme}://{parts.netloc}")
    assert answer is not None, follow.url
    return followed(answer.body, follow)


def one(parsed: Parsed) -> ParsedListing:
    [listing] = parsed.listings
    return listing
