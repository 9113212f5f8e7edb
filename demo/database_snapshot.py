"""Reads from the database what the live view shows, counts, and whether work is pending.

Everything here only reads: the demo watches its daemon's work as any other program can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, joinedload

from demo.postings import Posting, SiteSection, Step
from storage import alerts, runs
from storage.alerts import Alert, AlertKind
from storage.companies import Company
from storage.database.base import Base, Database
from storage.deliveries import Delivery, DeliveryState
from storage.listing_tables import Life, Listing, ListingVersion, MatchState
from storage.matches import MatchSummary
from storage.runs import Run, RunState
from storage.sources import AlertState, Source, SourceChange
from storage.watch import Rematch, RematchState

SHOWN = 24  # rows of each kind; a tall terminal has room for that many


@dataclass(frozen=True, slots=True)
class ListingEvent:
    """A change of a listing, with its title and price at that time."""

    at: datetime
    life: Life
    source: str
    title: str
    price: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of rows. `mentions` and `fingerprint_hits` are sums over the latest version of each listing."""

    runs: int
    listings: int
    versions: int
    mentions: int
    fingerprint_hits: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows at one moment. Each sequence is newest first."""

    runs: Sequence[Run]
    events: Sequence[ListingEvent]
    alerts: Sequence[Alert]
    deliveries: Sequence[Delivery]
    counts: Counts


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """An alert as the expectations describe it. None: it is not about a company or a listing."""

    alert_id: int
    kind: AlertKind
    company: str | None
    source: str | None
    url: str | None
    revision: int
    title: str


def read_snapshot(database: Database) -> Snapshot:
    with database.reading() as session:
        return Snapshot(
            runs=runs.recent_runs(session, limit=SHOWN),
            events=_listing_events(session),
            alerts=alerts.recent_alerts(session, limit=SHOWN),
            deliveries=session.scalars(select(Delivery).order_by(Delivery.id.desc()).limit(SHOWN)).all(),
            counts=_counts(session),
        )


def read_alerts(database: Database) -> list[AlertFacts]:
    """Return every alert, oldest first."""
    query = (
        select(Alert.id, Alert.kind, Company.slug, Source.name, Listing.url, Alert.revision, Alert.title)
        .outerjoin(Company, Alert.company_id == Company.id)
        .outerjoin(Listing, Alert.listing_id == Listing.id)
        .outerjoin(Source, or_(Listing.source_id == Source.id, Alert.source_id == Source.id))
        .order_by(Alert.id)
    )
    with database.reading() as session:
        return [AlertFacts(*row) for row in session.execute(query)]


def pending_work(database: Database) -> Mapping[str, int]:
    """Return the numbers of rows with pending work, by kind of work and without runs; none that is 0.

    Tables are counted in the order in which work passes through them. So work that leaves a table during the
    count is still counted in a later one.
    """
    waiting: Mapping[str, ColumnElement[bool]] = {
        "rematches": Rematch.state.in_((RematchState.QUEUED, RematchState.RUNNING)),
        "versions to match": ListingVersion.match_state == MatchState.PENDING,
        "matches to judge": MatchSummary.alert_state == AlertState.PENDING,
        "source changes to judge": SourceChange.alert_state == AlertState.PENDING,
    }
    sending = Delivery.state.in_((DeliveryState.PENDING, DeliveryState.SENDING))
    with database.reading() as session:
        pending = {kind: _count_where(session, condition) for kind, condition in waiting.items()}
        gone_or_back = alerts.alerts_with_life_changes(session, now=datetime.now(UTC), limit=SHOWN)
        pending["removals to judge"] = len(gone_or_back)
        pending["deliveries to send"] = _count_where(session, sending)
    return {kind: count for kind, count in pending.items() if count}


def _count_where(session: Session, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(condition)) or 0


def running_runs(database: Database) -> Sequence[Run]:
    with database.reading() as session:
        return session.scalars(select(Run).where(Run.state == RunState.RUNNING)).all()


def postings_not_stored(
    database: Database, steps: Sequence[Step], sections: Collection[SiteSection] = tuple(SiteSection)
) -> Sequence[str]:
    """Return section and path of each posting whose listing differs from the steps; only of these sections.

    Each `puts` makes one version.
    """
    put = Counter(posting for step in steps for posting in map(_posting_place, step.puts))
    gone = {posting for step in steps for posting in map(_posting_place, step.takes)}
    query = select(Source.name, Listing.url, Listing.version_number, Listing.gone_at).join(Source)
    with database.reading() as session:
        rows = {
            (name, _url_path(url)): (number, at is not None)
            for name, url, number, at in session.execute(query)
        }
    return [
        "".join(slot)
        for slot, number in put.items()
        if slot[0] in sections and rows.get(slot) != (number, slot in gone)
    ]


def _posting_place(posting: Posting) -> tuple[str, str]:
    return posting.section, posting.path


def _url_path(url: str) -> str:
    return urlsplit(url).path


def _listing_events(session: Session) -> list[ListingEvent]:
    """Return new versions and removals of listings, newest first."""
    with_source = joinedload(ListingVersion.listing).joinedload(Listing.source)
    newest = select(ListingVersion).options(with_source).order_by(ListingVersion.id.desc()).limit(SHOWN)
    gone = (
        select(Listing).options(joinedload(Listing.source)).where(Listing.gone_at.is_not(None)).limit(SHOWN)
    )
    seen = [_listing_event(v.seen_at, _version_life(v), v.listing, v) for v in session.scalars(newest)]
    lost = [
        _listing_event(each.gone_at, Life.GONE, each, each) for each in session.scalars(gone) if each.gone_at
    ]
    return sorted(seen + lost, key=lambda event: event.at, reverse=True)[:SHOWN]


def _listing_event(
    at: datetime, life: Life, listing: Listing, said: Listing | ListingVersion
) -> ListingEvent:
    price = f"{said.price_amount:,f} {said.price_currency}" if said.price_amount is not None else ""
    return ListingEvent(at, life, listing.source.name, said.title, price)


def _version_life(version: ListingVersion) -> Life:
    if version.number == 1:
        return Life.REPOSTED if version.listing.repost_of_id else Life.NEW
    fields = {change["field"] for change in version.changes}
    return Life.PRICE_CHANGED if fields & {"price", "price_amount"} else Life.EDITED


def _counts(session: Session) -> Counts:
    def many(table: type[Base]) -> int:
        return session.scalar(select(func.count()).select_from(table)) or 0

    latest = (
        select(MatchSummary)
        .join(ListingVersion, MatchSummary.version_id == ListingVersion.id)
        .join(Listing, ListingVersion.listing_id == Listing.id)
        .where(Listing.version_number == ListingVersion.number)
    )
    summaries = session.scalars(latest).all()
    return Counts(
        runs=many(Run),
        listings=many(Listing),
        versions=many(ListingVersion),
        mentions=sum(summary.mentions for summary in summaries),
        fingerprint_hits=sum(sum(summary.hits.values()) for summary in summaries),
        alerts=many(Alert),
    )
