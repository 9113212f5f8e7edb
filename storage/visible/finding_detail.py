"""One finding as its page shows it: the alert with its history, its listings, their versions and captures.

Listings are those that the finding's messages are about, and those of the same data in which something of a
visible company was found. Every list has a bound; `more_...` says what a
page has to say about the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from storage import alerts, companies, triage
from storage.alert_listings import AlertListing
from storage.alerts import Alert, AlertKind, AlertRevision, TriageState
from storage.captures import Capture
from storage.companies import Company
from storage.data_sets import first_offer_of
from storage.deliveries import Delivery, recent_deliveries
from storage.listing_tables import Attachment, Listing, ListingVersion
from storage.matches import MatchSummary
from storage.triage import FindingAct, FindingLink, FindingNote, TriageEvent
from storage.users import User
from storage.visible.findings import finding_by_reference
from storage.visible.visibility import Visibility

OFFERS = 30
OFFERS_NUMBERED = 1_000
VERSIONS = 20
CAPTURES_SHOWN = 20
CANDIDATES = 30
VIEWERS = 50
HISTORY = 1_000  # entries of each kind in the whole timeline
REVISIONS = 200  # of them; each holds a whole message
RECENT = 40  # the same on the page of the finding
TEXT_CHARS = 20_000  # of one text of a version


class LinkedFinding(NamedTuple):
    finding: Alert
    link: FindingLink


class Offer(NamedTuple):
    """A listing of the finding's data set. `number`: which offer it is; None: a reply, or too far behind."""

    listing: Listing
    source: str
    number: int | None


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """A version without its texts."""

    number: int
    seen_at: datetime
    title: str
    changes: Sequence[Mapping[str, Any]]
    capture_id: int | None


@dataclass(frozen=True, slots=True)
class VersionText:
    """The texts of a version, each cut at TEXT_CHARS; `cut` names those that are longer."""

    number: int
    seen_at: datetime
    title: str
    seller: str | None
    price: str
    claimed_records: int | None
    body: str
    sample: str
    cut: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingHistory:
    """What the timeline is made of: the newest rows of each kind, oldest first; `cut`: there are older."""

    listing: Listing | None
    matched_at: datetime | None
    revisions: Sequence[AlertRevision]
    deliveries: Sequence[Delivery]
    events: Sequence[TriageEvent]
    acts: Sequence[FindingAct]
    views: Sequence[tuple[str, datetime]]
    notes: Sequence[FindingNote]
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDetail:
    alert: Alert
    company: Company | None
    revision: AlertRevision
    history: FindingHistory
    owner: str | None
    summary: MatchSummary | None
    listing: Listing | None
    offers: Sequence[Offer]
    more_offers: bool
    versions: Sequence[VersionEntry]
    captures: Sequence[Capture]
    labels: Sequence[str]
    links: Sequence[LinkedFinding]
    merged_into: Alert | None
    below: Sequence[Alert]
    candidates: Sequence[Alert]  # findings of the company to merge into or to link
    certain: FindingAct | None
    sees_numbers: bool
    is_first_view: bool  # of this person, since the last revision


def finding_detail(
    session: Session, view: Visibility, reference: str, *, viewer: str
) -> FindingDetail | None:
    """Return a finding with all that its page shows; None: it does not exist, or may not be seen.

    `viewer`: the person who opens the page.
    """
    alert = finding_by_reference(session, view, reference)
    if alert is None:
        return None
    revision = alerts.last_revision(session, alert)
    listing = _first_listing(session, alert)
    offers = [] if listing is None else _offers(session, view, alert, listing)
    versions = [] if listing is None else _version_entries(session, listing.id)
    return FindingDetail(
        alert=alert,
        company=None if alert.company_id is None else companies.company_by_id(session, alert.company_id),
        revision=revision,
        history=_history(session, alert, listing, limit=RECENT),
        owner=_owner_name(session, alert.owner_id),
        summary=_summary_of(session, alert, revision),
        listing=listing,
        offers=offers[:OFFERS],
        more_offers=len(offers) > OFFERS,
        versions=versions,
        captures=[] if listing is None else _captures_of(session, listing.id, versions),
        labels=triage.labels_of(session, alert.id),
        links=_links_of(session, view, alert.id),
        merged_into=_finding_above(session, view, alert),
        below=[each for each in triage.merged_below(session, alert.id) if view.includes(each.company_id)],
        candidates=_candidates(session, view, alert),
        certain=triage.certain_since(session, alert.id),
        sees_numbers=sees_numbers(session, view),
        is_first_view=not triage.has_viewed(session, alert, viewer),
    )


def finding_history(
    session: Session, view: Visibility, reference: str
) -> tuple[Alert, FindingHistory] | None:
    """Return a finding with its whole timeline, up to HISTORY rows of each kind."""
    alert = finding_by_reference(session, view, reference)
    if alert is None:
        return None
    listing = _first_listing(session, alert)
    return alert, _history(session, alert, listing, limit=HISTORY)


def _history(session: Session, alert: Alert, listing: Listing | None, *, limit: int) -> FindingHistory:
    revisions = _last_revisions(session, alert, min(limit, REVISIONS))
    deliveries = recent_deliveries(session, alert_id=alert.id, limit=limit)[::-1]
    events = _last_events(session, alert.id, limit)
    acts = triage.acts_of(session, alert.id, limit=limit)
    notes = triage.notes_of(session, alert.id, limit=limit)
    return FindingHistory(
        listing=listing,
        matched_at=_matched_at(session, alert),
        revisions=revisions,
        deliveries=deliveries,
        events=events,
        acts=acts,
        views=triage.first_views(session, alert.id, limit=VIEWERS),
        notes=notes,
        cut=len(revisions) == min(limit, REVISIONS)
        or any(len(rows) == limit for rows in (deliveries, events, acts, notes)),
    )


def sees_numbers(session: Session, view: Visibility) -> bool:
    """Return whether a person may see the numbers of rows, which count those of all companies."""
    if view.companies is None:
        return True
    others = select(Company.id).where(Company.id.not_in(sorted(view.companies))).limit(1)
    return session.scalar(others) is None


def other_alert(
    session: Session, view: Visibility, reference: str
) -> tuple[Alert, Sequence[AlertRevision], Sequence[Delivery]] | None:
    """Return an alert that is no finding with its last revisions and deliveries. It belongs to the whole
    installation, so a view of some companies has none.
    """
    if view.companies is not None:
        return None
    query = select(Alert).where(Alert.reference == reference, Alert.kind != AlertKind.FINDING)
    alert = session.scalar(query)
    if alert is None:
        return None
    sent = recent_deliveries(session, alert_id=alert.id, limit=RECENT)[::-1]
    return alert, _last_revisions(session, alert, RECENT), sent


def lock_with_revision(
    session: Session, view: Visibility, reference: str
) -> tuple[Alert, AlertRevision] | None:
    """Return a finding, locked, with its last revision, for whoever may see numbers of rows."""
    alert = lock_finding(session, view, reference)
    if alert is None or not sees_numbers(session, view):
        return None
    return alert, alerts.last_revision(session, alert)


def merged_into(session: Session, view: Visibility, alert: Alert) -> str:
    """Return the reference of the finding that a finding is merged into; "" if it is not."""
    query = select(Alert.reference).where(Alert.id == alert.merged_into_id, view.of(Alert.company_id))
    return session.scalar(query) or ""


def lock_finding(session: Session, view: Visibility, reference: str) -> Alert | None:
    """Return a finding, locked for the rest of the transaction."""
    found = finding_by_reference(session, view, reference)
    return None if found is None else alerts.lock_alert(session, found.id)


def lock_findings(
    session: Session, view: Visibility, reference: str, other: str
) -> tuple[Alert, Alert] | None:
    """Return two findings, locked in the order of their ids; None: one of them may not be seen."""
    found = [finding_by_reference(session, view, each) for each in (reference, other)]
    ids = [each.id for each in found if each is not None]
    locked = {each: alerts.lock_alert(session, each) for each in sorted(set(ids))}
    both = [row for each in ids if (row := locked[each]) is not None]
    return (both[0], both[1]) if len(both) == len(found) else None


def address_in_clear(session: Session, view: Visibility, reference: str, listing_id: int) -> str | None:
    """Return the address of a listing of a finding as the crawler knows it; None: it may not be seen."""
    alert = finding_by_reference(session, view, reference)
    first = None if alert is None else _first_listing(session, alert)
    if alert is None or first is None:
        return None
    if listing_id not in _listing_ids(session, alert, first):
        return None
    return session.scalar(select(Listing.url).where(Listing.id == listing_id, _may_be_seen(view, alert)))


def version_texts(
    session: Session, view: Visibility, reference: str, *, listing_id: int | None, numbers: tuple[int, int]
) -> tuple[Listing, Sequence[VersionEntry], Sequence[VersionText]] | None:
    """Return a listing of a finding, its versions, and the texts of those with these numbers.

    `listing_id` None: the listing that the finding began with. A number of 0 or less counts from the last
    version: 0 is the last one, -1 the one before it.
    """
    alert = finding_by_reference(session, view, reference)
    first = None if alert is None else _first_listing(session, alert)
    if alert is None or first is None:
        return None
    if listing_id is not None and listing_id not in _listing_ids(session, alert, first):
        return None
    query = select(Listing).where(Listing.id == (listing_id or first.id), _may_be_seen(view, alert))
    listing = session.scalar(query.options(joinedload(Listing.source)))
    if listing is None:
        return None
    wanted = [number if number > 0 else listing.version_number + number for number in numbers]
    texts = [text for number in wanted if (text := _version_text(session, listing.id, number)) is not None]
    return listing, _version_entries(session, listing.id), texts


def _may_be_seen(view: Visibility, alert: Alert) -> ColumnElement[bool]:
    """Condition for the listings of a finding that may be seen: its messages are about them, or something of
    a visible company was found in them.
    """
    if view.companies is None:
        return true()
    named = select(MatchSummary.id).where(MatchSummary.listing_id == Listing.id)
    told = select(AlertListing.listing_id).where(
        AlertListing.alert_id == alert.id, AlertListing.listing_id == Listing.id
    )
    return or_(
        Listing.id == alert.listing_id,
        told.exists(),
        named.where(view.of(MatchSummary.company_id)).exists(),
    )


def _listing_ids(session: Session, alert: Alert, first: Listing) -> list[int]:
    """Return the listings of the finding, oldest first: its data set, and those that its messages are about.

    Each part is read by its index. One condition for all of them would read every listing there is.
    """
    root = first_offer_of(first)
    parts = (
        select(Listing.id).where(Listing.data_set_id == root).order_by(Listing.id),
        select(Listing.id).where(Listing.repost_of_id == root).order_by(Listing.id),
        select(AlertListing.listing_id).where(AlertListing.alert_id == alert.id),
    )
    found = {root, first.id}
    for part in parts:
        found |= set(session.scalars(part.limit(OFFERS_NUMBERED)))
    return sorted(found)


def _first_listing(session: Session, alert: Alert) -> Listing | None:
    """Return the listing that a finding began with: who may see the finding may see it."""
    query = select(Listing).where(Listing.id == alert.listing_id)
    return session.scalar(query.options(joinedload(Listing.source)))


def _offers(session: Session, view: Visibility, alert: Alert, first: Listing) -> list[Offer]:
    """Return the listings of the finding, oldest first, one more than are shown."""
    ids = _listing_ids(session, alert, first)
    query = (
        select(Listing)
        .where(Listing.id.in_(ids), _may_be_seen(view, alert))
        .options(joinedload(Listing.source))
    )
    found = session.scalars(query.order_by(Listing.id).limit(OFFERS + 1)).all()
    offering = select(Listing.id).where(Listing.id.in_(ids), Listing.thread_key.is_(None))
    numbers = {each: number for number, each in enumerate(sorted(session.scalars(offering)), 1)}
    return [Offer(each, each.source.name, numbers.get(each.id)) for each in found]


def _last_revisions(session: Session, alert: Alert, limit: int) -> Sequence[AlertRevision]:
    query = select(AlertRevision).where(AlertRevision.alert_id == alert.id)
    return session.scalars(query.order_by(AlertRevision.number.desc()).limit(limit)).all()[::-1]


def _last_events(session: Session, alert_id: int, limit: int) -> Sequence[TriageEvent]:
    query = select(TriageEvent).where(TriageEvent.alert_id == alert_id)
    return session.scalars(query.order_by(TriageEvent.id.desc()).limit(limit)).all()[::-1]


def _finding_above(session: Session, view: Visibility, alert: Alert) -> Alert | None:
    query = select(Alert).where(Alert.id == alert.merged_into_id, view.of(Alert.company_id))
    return session.scalar(query)


def _owner_name(session: Session, owner_id: int | None) -> str | None:
    return None if owner_id is None else session.scalar(select(User.name).where(User.id == owner_id))


def _summary_of(session: Session, alert: Alert, revision: AlertRevision) -> MatchSummary | None:
    """Return the company's summary of the version that the revision is about."""
    told = revision.content.get("listing") or {}
    version = select(ListingVersion.id).where(
        ListingVersion.listing_id == told.get("id"), ListingVersion.number == told.get("version")
    )
    query = select(MatchSummary).where(MatchSummary.version_id == version.scalar_subquery())
    return session.scalar(query.where(MatchSummary.company_id == alert.company_id))


def _matched_at(session: Session, alert: Alert) -> datetime | None:
    query = select(MatchSummary.found_at).where(
        MatchSummary.listing_id == alert.listing_id, MatchSummary.company_id == alert.company_id
    )
    return session.scalar(query.order_by(MatchSummary.version_id).limit(1))


def _version_entries(session: Session, listing_id: int) -> list[VersionEntry]:
    """Return the newest versions, newest first."""
    names = ("number", "seen_at", "title", "changes", "capture_id")
    query = select(*(getattr(ListingVersion, name) for name in names))
    query = query.where(ListingVersion.listing_id == listing_id).order_by(ListingVersion.number.desc())
    return [VersionEntry(*row) for row in session.execute(query.limit(VERSIONS))]


def _version_text(session: Session, listing_id: int, number: int) -> VersionText | None:
    """Return a version's texts; what is longer than TEXT_CHARS stays in the database."""
    short = {name: getattr(ListingVersion, name) for name in ("body", "sample")}
    columns = [func.substr(column, 1, TEXT_CHARS).label(name) for name, column in short.items()]
    lengths = [func.length(column).label(f"{name}_length") for name, column in short.items()]
    names = ("number", "seen_at", "title", "seller", "price_amount", "price_currency", "claimed_records")
    query = select(*(getattr(ListingVersion, name) for name in names), *columns, *lengths)
    row = session.execute(
        query.where(ListingVersion.listing_id == listing_id, ListingVersion.number == number)
    ).one_or_none()
    if row is None:
        return None
    price = "" if row.price_amount is None else f"{row.price_amount:,f} {row.price_currency or ''}".strip()
    return VersionText(
        number=row.number,
        seen_at=row.seen_at,
        title=row.title,
        seller=row.seller,
        price=price,
        claimed_records=row.claimed_records,
        body=row.body,
        sample=row.sample,
        cut=tuple(name for name in short if getattr(row, f"{name}_length") > TEXT_CHARS),
    )


def _captures_of(session: Session, listing_id: int, versions: Sequence[VersionEntry]) -> Sequence[Capture]:
    """Return the captures that these versions and their attachments were read from, newest first."""
    ids = {each.capture_id for each in versions} - {None}
    numbers = [each.number for each in versions]
    attached = select(Attachment.capture_id).join(ListingVersion, ListingVersion.id == Attachment.version_id)
    attached = attached.where(ListingVersion.listing_id == listing_id, ListingVersion.number.in_(numbers))
    ids |= set(session.scalars(attached.limit(CAPTURES_SHOWN)))
    known = sorted((each for each in ids if each is not None), reverse=True)[:CAPTURES_SHOWN]
    found = session.scalars(select(Capture).where(Capture.id.in_(known)).order_by(Capture.id.desc()))
    return found.all()


def _links_of(session: Session, view: Visibility, alert_id: int) -> list[LinkedFinding]:
    of_it = or_(FindingLink.alert_id == alert_id, FindingLink.other_id == alert_id)
    query = select(FindingLink).where(of_it).order_by(FindingLink.id).limit(triage.LINKS)
    found = []
    for link in session.scalars(query):
        other = session.get(Alert, link.other_id if link.alert_id == alert_id else link.alert_id)
        if other is not None and view.includes(other.company_id):
            found.append(LinkedFinding(other, link))
    return found


def _candidates(session: Session, view: Visibility, alert: Alert) -> Sequence[Alert]:
    """Return the newest findings of the same company that stand for themselves.

    State by state, because an index has them in this order.
    """
    ids: list[int] = []
    for state in TriageState:
        query = select(Alert.id).where(
            Alert.company_id == alert.company_id,
            Alert.state == state,
            Alert.merged_into_id.is_(None),
            Alert.id != alert.id,
            view.of(Alert.company_id),
        )
        ids += session.scalars(query.order_by(Alert.id.desc()).limit(CANDIDATES))
    newest = sorted(ids, reverse=True)[:CANDIDATES]
    return session.scalars(select(Alert).where(Alert.id.in_(newest)).order_by(Alert.id.desc())).all()
