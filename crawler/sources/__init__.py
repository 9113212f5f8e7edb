"""The kinds of source: each is a model of its TOML file and an adapter that reads its pages."""

from __future__ import annotations

from collections.abc import Callable

from crawler.sources.definition import (
    FamilySource,
    FeedSource,
    HtmlSource,
    JsonSource,
    PasteHtmlSource,
    SourceDefinition,
    holds_keys,
    read_definition,
    read_stored,
    stored_definition,
)
from crawler.sources.errors import PageRefused
from crawler.sources.families import FAMILIES
from crawler.sources.feed import FeedAdapter
from crawler.sources.html import HtmlAdapter
from crawler.sources.json import JsonAdapter
from crawler.sources.page import LISTING_ROLES, Adapter, FieldFinding, Follow, Page, Parsed, Role
from crawler.sources.paste import PasteHtmlAdapter, PasteJsonAdapter

__all__ = [
    "LISTING_ROLES",
    "Adapter",
    "FamilySource",
    "FieldFinding",
    "Follow",
    "Page",
    "PageRefused",
    "Parsed",
    "Role",
    "SourceDefinition",
    "adapter_for",
    "holds_keys",
    "read_definition",
    "read_stored",
    "stored_definition",
]


def adapter_for(definition: SourceDefinition, *, digest: Callable[[str], str]) -> Adapter:
    """Return what reads a source's pages; `digest` is a keyed hash: a row's text may hold personal data."""
    match definition:
        case FamilySource():
            return FAMILIES[definition.kind].adapter(definition, digest)
        case HtmlSource():
            return HtmlAdapter(definition, digest=digest)
        case FeedSource():
            return FeedAdapter(definition, digest=digest)
        case JsonSource():
            return JsonAdapter(definition, digest=digest)
        case PasteHtmlSource():
            return PasteHtmlAdapter(definition, digest=digest)
        case _:
            return PasteJsonAdapter(definition, digest=digest)
