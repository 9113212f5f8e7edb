"""From a listing as it was published to the record that a row may hold: masked.

The text as published goes to the evidence store, and nowhere else.
"""

from __future__ import annotations

from posixpath import basename
from urllib.parse import unquote, urlsplit

from crawler.running.run_context import RunContext
from crawler.storing.spider_notes import FetchedText, FoundListing
from storage.evidence.warc import ListingText
from storage.listings import AttachmentRecord, ListingRecord

#: A key that holds an identifier is stored as a digest of this many characters: masked, two could be equal.
KEY_DIGEST_CHARS = 32


def stored_key(run: RunContext, key: str) -> str:
    """Return the key as a row may hold it."""
    return key if run.mask_url(key) == key else run.digest(key)[:KEY_DIGEST_CHARS]


def listing_record(run: RunContext, found: FoundListing) -> ListingRecord:
    """Write a listing's text as evidence, and return its masked record."""
    listing, mask = found.listing, run.mask
    parts = {
        "title": listing.title,
        "body": listing.body,
        "seller": listing.seller or "",
        "sample": listing.sample,
        "links": "\n".join(listing.links),
    }
    if listing.row:
        parts["row"] = listing.row
    place = run.writer.text(ListingText(parts), refers_to=found.captured.place, url=listing.url)
    content = "\0".join(
        [
            listing.title,
            listing.body,
            listing.sample,
            *(each.text for each in found.attachments),
            *([listing.row] if listing.row else []),
        ]
    )
    price = listing.price
    return ListingRecord(
        key=stored_key(run, listing.key),
        url=run.mask_url(listing.url),
        title=mask(listing.title),
        body=mask(listing.body),
        content_digest=run.digest(content),
        row_digest=listing.row_digest,
        seller=None if listing.seller is None else mask(listing.seller),
        price_amount=price.amount if price else None,
        price_currency=price.currency if price else None,
        claimed_records=listing.claimed_records,
        posted_at=listing.posted_at,
        posted_at_uncertain=listing.posted_at_uncertain,
        data_classes=tuple(mask(each) for each in listing.data_classes),
        sample=mask(listing.sample),
        links=tuple(run.mask_url(each) for each in listing.links),
        attachments=tuple(_attachment_record(run, each) for each in found.attachments),
        capture_id=found.captured.id,
        place=place,
        lost=listing.lost,
        reread_before=run.progress.reread_before,
        thread_key=None if listing.thread is None else stored_key(run, listing.thread),
    )


def _attachment_record(run: RunContext, text: FetchedText) -> AttachmentRecord:
    name = basename(unquote(urlsplit(text.url).path).rstrip("/"))
    return AttachmentRecord(
        name=run.mask_url(name) or "attachment",
        content_type=run.mask(text.captured.content_type) or None,
        size=text.size,
        place=run.writer.text(
            ListingText({"attachment": text.text}), refers_to=text.captured.place, url=text.url
        ),
        capture_id=text.captured.id,
    )
