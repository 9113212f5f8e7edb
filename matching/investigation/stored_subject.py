"""A listing or an alert as a subject: its newest texts from the evidence, and where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy.orm import Session

from matching.investigation.subject import (
    PARTS_LISTED,
    OpenSubject,
    SeenAlert,
    SeenCapture,
    SeenListing,
    Subject,
    SubjectKind,
    digest_of_parts,
    hashed_text,
    shown_name,
)
from storage import companies, listings
from storage.alerts import Alert
from storage.captures import Capture
from storage.errors import EvidenceExpired, EvidenceFailed
from storage.evidence.verification import evidence_row, verify_record
from storage.evidence.warc import EvidenceStore
from storage.listing_tables import Attachment
from storage.listings import Listing, ListingVersion

_PARTS = ("title", "body", "seller", "sample", "row")


def open_listing(
    session: Session, evidence: EvidenceStore, listing_id: int, *, alert: Alert | None = None
) -> OpenSubject | None:
    """Return the newest version of a listing; None: there is no such listing.

    A text that the evidence no longer has is left out, and `unread` has the reason. Masked texts of the
    database do not take its place: they would only show that nothing can be found in them.
    """
    version = listings.latest_version(session, listing_id)
    if version is None:
        return None
    unread: list[str] = []
    texts = list(_texts(version, evidence, unread))
    parts = [hashed_text(name, text) for name, text in texts]
    names = [name.encode() for name, _ in texts]
    subject = Subject(
        SubjectKind.LISTING if alert is None else SubjectKind.ALERT,
        shown_name(version.title),
        digest_of_parts(zip(names, parts, strict=True)),
        tuple(parts[:PARTS_LISTED]),
        len(parts),
        _seen_listing(session, version, evidence, unread),
        None if alert is None else _seen_alert(session, alert),
    )
    return OpenSubject(subject, texts=tuple(texts))


def _texts(
    version: ListingVersion, evidence: EvidenceStore, unread: list[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield the texts that can be read; a reason for each record that cannot goes to `unread`."""
    records: list[tuple[str, ListingVersion | Attachment]] = [("", version)]
    records += [(f"attachment {each.id}", each) for each in version.attachments]
    for label, row in records:
        try:
            if row.evidence_gone:
                raise EvidenceExpired
            if row.place is None:
                continue
            found = evidence.read_text(row.place).parts
        except EvidenceFailed as error:
            unread.append(error.reason)
            continue
        names = ((label, "attachment"),) if label else tuple((name, name) for name in _PARTS)
        for name, key in names:
            if found.get(key):
                yield name, found[key].encode(errors="replace")


def _seen_listing(
    session: Session, version: ListingVersion, evidence: EvidenceStore, unread: Iterable[str]
) -> SeenListing:
    listing = version.listing
    price = listing.price_amount
    captures = [version.capture, *(each.capture for each in version.attachments)]
    by_id = {one.id: one for one in captures if one is not None}
    return SeenListing(
        id=listing.id,
        source=listing.source.name,
        url=listing.url,
        title=listing.title,
        seller=listing.seller,
        price=None if price is None else f"{price:,f} {listing.price_currency or ''}".rstrip(),
        claimed_records=listing.claimed_records,
        posted_at=listing.posted_at,
        first_seen_at=listing.first_seen_at,
        last_seen_at=listing.last_seen_at,
        gone_at=listing.gone_at,
        versions=listing.version_number,
        same_offers=tuple(one.id for one in _other_offers(session, listing)),
        captures=tuple(_seen_capture(one, evidence) for one in by_id.values()),
        unread=tuple(unread),
    )


def _other_offers(session: Session, listing: Listing) -> list[Listing]:
    return [one for one in listings.reposts_of(session, listing.id) if one.id != listing.id]


def _seen_capture(capture: Capture, evidence: EvidenceStore) -> SeenCapture:
    row = evidence_row(capture)
    fault = None if row is None or capture.evidence_gone else verify_record(evidence, row)
    return SeenCapture(
        url=capture.url,
        fetched_at=capture.fetched_at,
        status=capture.status,
        bytes=capture.size,
        sha256=capture.sha256,
        file=capture.evidence_file,
        offset=capture.evidence_offset,
        gone=capture.evidence_gone and capture.evidence_gone.value,
        fault=None if fault is None else fault.reason,
    )


def _seen_alert(session: Session, alert: Alert) -> SeenAlert:
    slugs = companies.slugs_by_id(session)
    return SeenAlert(
        id=alert.id,
        company=slugs.get(alert.company_id) if alert.company_id is not None else None,
        severity=alert.severity.value,
        state=alert.state.value,
        opened_at=alert.opened_at,
        updated_at=alert.updated_at,
        messages=alert.revision,
        acknowledged_at=alert.acknowledged_at,
    )
