"""Rechecks: known listings whose own page is read again although no list page asks for it.

A listing's own page rarely says everything; the rest came from its row. So the page is read together with
what the row said, taken from the newest version. Its text comes from the evidence, because the database holds
it masked.
"""

from __future__ import annotations

from typing import Any

import structlog

from crawler.listing import ParsedListing, ParsedPrice
from crawler.running.run_context import RunContext
from crawler.sources import FamilySource, Follow, SourceDefinition
from crawler.sources.definition import Fields, PasteBase
from crawler.sources.families import FAMILIES
from storage import listings
from storage.errors import EvidenceFailed
from storage.evidence.warc import EvidenceStore
from storage.listings import ListingVersion

log = structlog.get_logger()

#: The text fields of a `ParsedListing` as the evidence names them.
TEXT_FIELDS = ("title", "body", "seller", "sample", "row")


def due_rechecks(run: RunContext) -> tuple[set[str], list[Follow]]:
    """Return the stored keys that are due, and the pages of those that can be requested.

    Nothing for a source whose listings have no page of their own: its list pages are read again instead
    (`crawler.progress.rereading`). It reads the database and the evidence.
    """
    item_fields = _fields_of_item_page(run.definition)
    if item_fields is None:
        return set(), []
    with run.database.reading() as session:
        due = listings.listings_to_recheck(session, run.job.source_id, run.definition.budget.recheck_items)
        newest = listings.newest_versions(session, run.job.source_id, [key for key, _ in due])
    known = [_stored_row(run.evidence, newest[key], item_fields) for key, _ in due if key in newest]
    follows = [run.adapter.own_page(listing) for listing in known if listing is not None]
    return {key for key, _ in due}, [follow for follow in follows if follow is not None]


def _fields_of_item_page(definition: SourceDefinition) -> frozenset[str] | None:
    """Return the fields that a listing's own page gives; None for a source without such pages."""
    if isinstance(definition, FamilySource):
        by_page = FAMILIES[definition.kind].by_page
        return by_page | _fields_of(definition.entry) if by_page else None
    if isinstance(definition, PasteBase):
        return frozenset({"body"}) | _fields_of(definition.entry)
    if definition.item is None:
        return None
    return _fields_of(definition.item)


def _fields_of(fields: Fields[Any]) -> frozenset[str]:
    return frozenset(name for name in type(fields).model_fields if getattr(fields, name))


def _stored_row(
    evidence: EvidenceStore, version: ListingVersion, item_fields: frozenset[str]
) -> ParsedListing | None:
    """Return what a listing's row said; None if its page cannot be found again."""
    row = version.listing
    if "*" in row.url or version.place is None:
        # A masked URL leads nowhere.
        return None
    try:
        texts = evidence.read_text(version.place).parts
    except EvidenceFailed as error:
        log.warning(
            f"A listing could not be checked again: {error}", action="recheck_left_out", reason=error.reason
        )
        return None
    fields: dict[str, Any] = {name: texts.get(name) or None for name in TEXT_FIELDS}
    fields |= {
        "claimed_records": version.claimed_records,
        "data_classes": tuple(version.data_classes),
        "posted_at": version.posted_at,
        "posted_at_uncertain": version.posted_at_uncertain,
    }
    if version.price_amount is not None and version.price_currency is not None:
        fields["price"] = ParsedPrice(version.price_amount, version.price_currency)
    of_row = {name: value for name, value in fields.items() if name not in item_fields and value is not None}
    return ParsedListing(key=row.key, url=row.url, row_digest=row.row_digest, **of_row)
