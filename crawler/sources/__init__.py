"""The kinds of source: for each kind, the model of its TOML file and the adapter that reads its pages.

How the modules work together, in this order:

1. `definition` checks a source file. It uses `visit_settings` and `quiet_hours` (when and how often to
   visit), `expressions` (selectors, patterns, URLs) and `family_headers` (keys of interfaces).
2. `adapter` defines the interface of all adapters: a `Page` goes in, a `Parsed` comes out. `adapter_for`
   below chooses the adapter: one of `kinds` (html, json, feed, paste) or of `families` (forum programs and
   others).
3. The adapter's `Language` (`kinds.html`, `kinds.json`, `kinds.feed`) finds texts in a document.
   `markup` parses HTML and turns it into text.
4. `field_reader` cuts and cleans these texts into the fields of a listing.
5. The adapter returns complete listings, and the pages to follow. `urls` gives each page one spelling.
   `entry_fields` cuts further fields out of the texts of listings that were read without selectors.

Beside these: `bare_links` (addresses in plain text), `paste_links` (links to pastes of configured sites),
`selector_hints` (for `source try`), `privatebin_cipher` and `unrecognised_page`.

To add a forum program, read `families`.
"""

from __future__ import annotations

from collections.abc import Callable

from crawler.sources.adapter import LISTING_ROLES, Adapter, FieldFinding, Follow, Page, PageRole, Parsed
from crawler.sources.definition import (
    FamilySource,
    FeedSource,
    HtmlSource,
    JsonSource,
    PasteBase,
    PasteHtmlSource,
    SourceDefinition,
    holds_keys,
    read_definition,
    read_stored,
    stored_definition,
)
from crawler.sources.entry_fields import EntryFieldsAdapter
from crawler.sources.errors import PageRefused
from crawler.sources.families import FAMILIES
from crawler.sources.kinds.feed import FeedAdapter
from crawler.sources.kinds.html import HtmlAdapter
from crawler.sources.kinds.json import JsonAdapter
from crawler.sources.kinds.paste import PasteHtmlAdapter, PasteJsonAdapter

__all__ = [
    "LISTING_ROLES",
    "Adapter",
    "FamilySource",
    "FieldFinding",
    "Follow",
    "Page",
    "PageRefused",
    "PageRole",
    "Parsed",
    "SourceDefinition",
    "adapter_for",
    "holds_keys",
    "read_definition",
    "read_stored",
    "stored_definition",
]


def adapter_for(definition: SourceDefinition, *, digest: Callable[[str], str]) -> Adapter:
    """Return the adapter of a source.

    `digest` is a keyed hash for the rows of list pages, because a row may hold personal data.
    """
    adapter = _plain_adapter(definition, digest)
    entry = definition.entry if isinstance(definition, FamilySource | PasteBase) else None
    wanted = entry is not None and any(options is not None for _, options in entry)
    return EntryFieldsAdapter(adapter, definition, entry) if entry is not None and wanted else adapter


def _plain_adapter(definition: SourceDefinition, digest: Callable[[str], str]) -> Adapter:
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
