"""A finding, read from the rows: what one company's matches in one version of a listing amount to.

Writes nothing. `CompanyFinding` holds the facts that the rules judge and the content that a message shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from sqlalchemy.orm import Session

from alerts.clean import defanged, lines, one_line
from alerts.message import (
    CANARIES,
    CAPTURES,
    EXCERPT_CHARS,
    EXCERPTS,
    LABEL_CHARS,
    TITLE_CHARS,
    Excerpt,
    MessageCanary,
    MessageCapture,
    MessageCompany,
    MessageCoverage,
    MessageListing,
    MessageMatches,
    MessagePrice,
    MessageSample,
    MessageSource,
)
from alerts.rules import CanaryFact, FindingFacts, SampleFact
from storage import alerts as rows
from storage import (
    canary_matches,
    captures,
    companies,
    data_sets,
    listings,
    matches,
    runs,
    sample_verdicts,
)
from storage.alerts import Alert
from storage.canary_matches import CanaryEvidence
from storage.captures import Capture
from storage.companies import Term, TermKind
from storage.data_sets import OfferNumber
from storage.errors import EvidenceUnreachable
from storage.evidence.warc import EvidenceStore, RecordPlace
from storage.listing_intake import REREAD_FIELD
from storage.listings import Listing as ListingRow
from storage.listings import ListingVersion
from storage.matches import MatchKind, MatchSummary
from storage.sources import Source as SourceRow

URL_CHARS = 500
CURRENCY_CHARS = 12
TERMS_READ = 500  # matched terms that are read from the database
TERMS_SHOWN = 20  # matched terms that a message names
DATA_CLASSES = 12
CANARIES_READ = 2_000  # canaries of a version that are judged
#: Between system and partner in the label of a set of canaries.
PARTNER_SIGN = "--"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyFinding:
    """What a company's matches in one version of a listing amount to, before it is judged."""

    company_id: int
    source_id: int
    listing_id: int
    root_listing_id: int
    company: MessageCompany
    source: MessageSource
    listing: MessageListing
    matches: MessageMatches
    canaries: tuple[MessageCanary, ...]
    sample: MessageSample | None
    excerpts: tuple[Excerpt, ...]
    coverage: MessageCoverage
    proof: tuple[MessageCapture, ...]
    proof_missing: int
    facts: FindingFacts

    @property
    def key_prefix(self) -> str:
        """The key of an alert about this company, without the number of its root listing."""
        return f"finding:{self.company.slug}:"

    def dedupe_key(self) -> str:
        """Return the key of this finding's alert, if no other offer of the data has one."""
        return f"{self.key_prefix}{self.root_listing_id}"


def may_hold(evidence: EvidenceStore, place: RecordPlace) -> bool:
    """Return whether the evidence has a record.

    While it cannot be asked, the rows are believed: an alert does not wait for a bucket, and does not say
    that proof is lost because of it.
    """
    try:
        return evidence.holds(place)
    except EvidenceUnreachable:
        return True


def read_finding(
    session: Session, summary: MatchSummary, *, evidence: EvidenceStore | None = None
) -> CompanyFinding | None:
    """Return the finding behind a summary; None if its company is no longer watched.

    With the `evidence`, only captures whose record is still there are proof.
    """
    company = companies.company_by_id(session, summary.company_id)
    version = listings.version_by_id(session, summary.version_id)
    if company is None or company.removed_at is not None or not company.active or version is None:
        return None
    row = version.listing
    root_id = _root_listing_id(session, row)
    offer = data_sets.offer_of(session, row)
    found_terms = companies.terms_named(session, company.id, summary.terms[:TERMS_READ])
    terms: dict[int | None, Term] = {term.id: term for term in found_terms}
    enrolled = _count_enrolled(session, company.id)
    named = matches.named_terms(session, summary.version_id, company.id)
    domains = tuple(
        defanged(term.text) for term in found_terms if term.kind is TermKind.DOMAIN and term.id in named
    )
    listing = listing_of(version, offer=offer)
    captured = _captures_of(session, version)
    canaries = tuple(_read_canaries(session, summary))
    sample = _read_sample(session, summary)
    there = [each for each in captured if evidence is None or (each.place and may_hold(evidence, each.place))]
    return CompanyFinding(
        company_id=company.id,
        source_id=row.source_id,
        listing_id=row.id,
        root_listing_id=root_id,
        company=MessageCompany(slug=company.slug, name=one_line(company.name, LABEL_CHARS)),
        source=source_of(row.source),
        listing=listing,
        matches=_message_matches(summary),
        canaries=tuple(_first_of_each_set(canaries)),
        sample=sample,
        excerpts=tuple(_read_excerpts(session, summary, terms)),
        coverage=_read_coverage(session, version, summary, enrolled=enrolled),
        proof=tuple(map(_proof_of, there)),
        proof_missing=len(captured) - len(there),
        facts=replace(
            _finding_facts(summary, listing, domains=domains, enrolled=enrolled),
            canaries=tuple(map(_canary_fact, canaries)),
            masked=_sample_fact(sample),
        ),
    )


def lock_alert_of(session: Session, finding: CompanyFinding) -> Alert | None:
    """Return the finding's alert, locked for the rest of the transaction; None: it has none yet.

    The alert may be that of another offer, opened before the two were known to offer the same data.
    """
    alert = rows.alert_by_key(session, finding.dedupe_key(), for_update=True)
    if alert is not None:
        return alert
    return rows.lock_oldest_of_data_set(session, finding.key_prefix, finding.root_listing_id)


def _root_listing_id(session: Session, row: ListingRow) -> int:
    """Return the listing that the finding belongs to: the thread of a reply, the first offer of the same
    data.
    """
    first = listings.listing_by_id(session, data_sets.first_offer_of(row))
    if first is None or first.thread_key is None:
        return data_sets.first_offer_of(row)
    thread = listings.listing_by_key(session, first.source_id, first.thread_key)
    return first.id if thread is None else data_sets.first_offer_of(thread)


def source_of(row: SourceRow) -> MessageSource:
    """Return a source as messages show it."""
    return MessageSource(name=row.name, kind=row.kind, health=row.health.value, health_since=row.health_since)


def listing_of(version: ListingVersion, *, offer: OfferNumber) -> MessageListing:
    """Return a listing as messages show it: the text of this version, the life of the listing."""
    row = version.listing
    return MessageListing(
        id=row.id,
        key=one_line(row.key, LABEL_CHARS),
        url=one_line(row.url, URL_CHARS),
        title=one_line(version.title, TITLE_CHARS),
        seller=one_line(version.seller, LABEL_CHARS) if version.seller else None,
        price=_message_price(version),
        claimed_records=version.claimed_records,
        data_classes=tuple(one_line(name, LABEL_CHARS) for name in version.data_classes[:DATA_CLASSES]),
        posted_at=version.posted_at,
        posted_at_uncertain=version.posted_at_uncertain,
        life=row.life.value,
        version=version.number,
        reread=any(change["field"] == REREAD_FIELD for change in version.changes),
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        gone_at=row.gone_at,
        offer_number=offer.number,
        first_offered_at=offer.first_offered_at if offer.number > 1 else None,
    )


def _message_price(version: ListingVersion) -> MessagePrice | None:
    if version.price_amount is None:
        return None
    amount = f"{version.price_amount:f}"
    trimmed = amount.rstrip("0").rstrip(".") if "." in amount else amount
    return MessagePrice(amount=trimmed, currency=one_line(version.price_currency or "", CURRENCY_CHARS))


def _message_matches(summary: MatchSummary) -> MessageMatches:
    return MessageMatches(
        mentions=dict(summary.mention_fields),
        terms=tuple(one_line(term, LABEL_CHARS) for term in summary.terms[:TERMS_SHOWN]),
        coherent_rows=summary.coherent_rows,
        customers=summary.customers,
        single_hits=summary.single_hits,
        hits=dict(summary.hits),
    )


def _read_excerpts(
    session: Session, summary: MatchSummary, terms: Mapping[int | None, Term]
) -> Iterator[Excerpt]:
    """Yield the first EXCERPTS different excerpts: a name that is in every line would fill the message."""
    shown: set[str] = set()
    found = matches.matches_of_version(
        session, summary.version_id, company_id=summary.company_id, kind=MatchKind.MENTION, limit=EXCERPTS * 4
    )
    for match in found:
        text = lines(match.excerpt or "", EXCERPT_CHARS)
        if not text or text in shown or len(shown) == EXCERPTS:
            continue
        shown.add(text)
        yield Excerpt(
            field=match.field,
            place=one_line(match.place, LABEL_CHARS),
            term=one_line(terms[match.term_id].text, LABEL_CHARS) if match.term_id in terms else None,
            text=text,
        )


def _read_canaries(session: Session, summary: MatchSummary) -> Iterator[MessageCanary]:
    found = canary_matches.canaries_of_version(
        session, summary.version_id, summary.company_id, limit=CANARIES_READ
    )
    for match in found:
        system, _, partner = match.label.partition(PARTNER_SIGN)
        yield MessageCanary(
            system=one_line(system, LABEL_CHARS),
            partner=one_line(partner, LABEL_CHARS) or None,
            issued=match.issued,
            expires=match.expires,
            evidence=match.evidence.value,
            fields=tuple(match.fields),
            rows=match.rows,
            place=one_line(match.place, LABEL_CHARS),
            number=match.ordinal,
            chance=match.chance,
        )


def _first_of_each_set(canaries: Sequence[MessageCanary]) -> Iterator[MessageCanary]:
    """Yield the canaries to show: the first of each set, then the others."""
    firsts: dict[tuple[str, str | None, str], MessageCanary] = {}
    for canary in canaries:
        firsts.setdefault((canary.system, canary.partner, canary.evidence), canary)
    others = (canary for canary in canaries if canary not in firsts.values())
    yield from islice(chain(firsts.values(), others), CANARIES)


def _canary_fact(canary: MessageCanary) -> CanaryFact:
    return CanaryFact(
        evidence=CanaryEvidence(canary.evidence),
        system=canary.system,
        partner=canary.partner,
        issued=canary.issued,
        expires=canary.expires,
        fields=canary.fields,
    )


def _read_sample(session: Session, summary: MatchSummary) -> MessageSample | None:
    """Return what was read of the masked rows of the version, with the company's answer if it has one."""
    read = sample_verdicts.sample_of_version(session, summary.version_id)
    if read is None:
        return None
    answer = sample_verdicts.verdict_of(session, summary.version_id, summary.company_id)
    if answer is None:
        return MessageSample(verdict=None, rows=read.rows, unread_rows=read.unread_rows, cut=read.cut)
    return MessageSample(
        verdict=answer.verdict,
        rows=read.rows,
        unread_rows=read.unread_rows,
        cut=read.cut,
        distinct_rows=answer.distinct_rows,
        usable_rows=answer.usable_rows,
        share_low=answer.share_low,
        share_middle=answer.share_middle,
        share_high=answer.share_high,
        assumption=one_line(answer.assumption, EXCERPT_CHARS),
        detail=one_line(answer.detail, EXCERPT_CHARS),
        more_rows=answer.more_rows,
    )


def _sample_fact(sample: MessageSample | None) -> SampleFact | None:
    if sample is None or sample.verdict is None:
        return None
    return SampleFact(
        verdict=sample.verdict,
        rows=sample.usable_rows or sample.rows,
        share_low=sample.share_low,
        share_middle=sample.share_middle,
        share_high=sample.share_high,
        assumption=sample.assumption.rstrip("."),
        detail=sample.detail,
    )


def _count_enrolled(session: Session, company_id: int) -> int:
    """Return the number of enrolled customers; canaries and people of known breaches are none."""
    segments = companies.active_segments(session)
    own = [segment for segment in segments if segment.company_id == company_id]
    return sum(segment.customers for segment in own if segment.purpose == companies.CUSTOMERS)


def _read_coverage(
    session: Session, version: ListingVersion, summary: MatchSummary, *, enrolled: int
) -> MessageCoverage:
    parts = [name for name in ("title", "body", "sample") if getattr(version, name)]
    if count := len(version.attachments):
        parts.append("1 text attachment" if count == 1 else f"{count} text attachments")
    capture = captures.capture_by_id(session, version.capture_id) if version.capture_id else None
    run = runs.run_by_id(session, capture.run_id) if capture else None
    return MessageCoverage(
        parts=tuple(parts),
        rows_scanned=summary.rows_scanned,
        candidates=summary.candidates,
        enrolled_customers=enrolled,
        pages_read=run.pages if run else None,
        pages_unread=run.pages_unread if run else None,
    )


def _captures_of(session: Session, version: ListingVersion) -> list[Capture]:
    """Return the captures that a version and its attachments were read from, up to CAPTURES."""
    ids = [version.capture_id, *(attachment.capture_id for attachment in version.attachments)]
    known: Sequence[int] = [capture_id for capture_id in ids if capture_id is not None]
    found = (captures.capture_by_id(session, capture_id) for capture_id in known[:CAPTURES])
    return [capture for capture in found if capture is not None]


def _proof_of(capture: Capture) -> MessageCapture:
    return MessageCapture(
        id=capture.id,
        role=capture.role.value,
        url=one_line(capture.url, URL_CHARS),
        fetched_at=capture.fetched_at,
        sha256=capture.sha256,
        size=capture.size,
        file=capture.evidence_file,
        offset=capture.evidence_offset,
        length=capture.evidence_length,
    )


def _finding_facts(
    summary: MatchSummary, listing: MessageListing, *, domains: tuple[str, ...], enrolled: int
) -> FindingFacts:
    return FindingFacts(
        mentions=dict(summary.mention_fields),
        domains=domains,
        coherent_rows=summary.coherent_rows,
        customers=summary.customers,
        single_hits=summary.single_hits,
        known_rows=dict(summary.known_rows),
        recycled_rows=dict(summary.recycled_rows),
        candidates=summary.candidates,
        enrolled=enrolled,
        claimed_records=listing.claimed_records,
        price=listing.price.label if listing.price else None,
        data_classes=listing.data_classes,
        offer_number=listing.offer_number,
        first_offered_at=listing.first_offered_at,
    )
