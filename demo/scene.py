"""What the database says at one moment: the rows that the live view shows, the counts, what is still to do.

Everything here only reads; the demo learns of its daemon's work as any other program would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
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

SHOWN = 24  # rows of each kind: as many as a tall terminal has room for


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a listing, as it was then."""

    at: datetime
    life: Life
    source: str
    title: str
    price: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows so far; `mentions` and `fingerprint_hits` are sums over the latest version of each listing."""

    runs: int
    listings: int
    versions: int
    mentions: int
    fingerprint_hits: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Scene:
    """Newest first, each."""

    runs: Sequence[Run]
    happenings: Sequence[Happening]
    alerts: Sequence[Alert]
    deliveries: Sequence[Delivery]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as the expectations name it: whose data, where. None: it is about no company, no listing."""

    alert_id: int
    kind: AlertKind
    company: str | None
    source: str | None
    url: str | None
    revision: int
    title: str


def scene(database: Database) -> Scene:
    with database.reading() as session:
        return Scene(
            runs=runs.recent_runs(session, limit=SHOWN),
            happenings=_happenings(session),
            alerts=alerts.recent_alerts(session, limit=SHOWN),
            deliveries=session.scalars(select(Delivery).order_by(Delivery.id.desc()).limit(SHOWN)).all(),
            counts=_counts(session),
        )


def told(database: Database) -> list[Told]:
    """Every alert, oldest first."""
    query = (
        select(Alert.id, Alert.kind, Company.slug, Source.name, Listing.url, Alert.revision, Alert.title)
        .outerjoin(Company, Alert.company_id == Company.id)
        .outerjoin(Listing, Alert.listing_id == Listing.id)
        .outerjoin(Source, or_(Listing.source_id == Source.id, Alert.source_id == Source.id))
        .order_by(Alert.id)
    )
    with database.reading() as session:
        return [Told(*row) for row in session.execute(query)]


def pending(database: Database) -> int:
    """Rows that the daemon still has something to do about, runs apart.

    They are counted in the order in which work passes through them: what leaves one of these tables while
    they are counted is seen in a later one.
    """
    waiting: Sequence[ColumnElement[bool]] = (
        Rematch.state.in_((RematchState.QUEUED, RematchState.RUNNING)),
        ListingVersion.match_state == MatchState.PENDING,
        MatchSummary.alert_state == AlertState.PENDING,
        SourceChange.alert_state == AlertState.PENDING,
    )
    sending = Delivery.state.in_((DeliveryState.PENDING, DeliveryState.SENDING))
    with database.reading() as session:
        judged = sum(_many(session, condition) for condition in waiting)
        gone_or_back = len(alerts.alerts_with_life_changes(session, now=datetime.now(UTC), limit=SHOWN))
        return judged + gone_or_back + _many(session, sending)


def _many(session: Session, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(condition)) or 0


def running(database: Database) -> Sequence[Run]:
    with database.reading() as session:
        return session.scalars(select(Run).where(Run.state == RunState.RUNNING)).all()


def taken_in(
    database: Database, steps: Sequence[Step], sections: Collection[SiteSection] = tuple(SiteSection)
) -> bool:
    """Whether the rows of these sections are what the steps made of the sites: each put is a version more."""
    put = Counter(posting for step in steps for posting in map(_slot, step.puts))
    gone = {posting for step in steps for posting in map(_slot, step.takes)}
    query = select(Source.name, Listing.url, Listing.version_number, Listing.gone_at).join(Source)
    with database.reading() as session:
        rows = {
            (name, _path(url)): (number, at is not None) for name, url, number, at in session.execute(query)
        }
    return all(
        rows.get(slot) == (number, slot in gone) for slot, number in put.items() if slot[0] in sections
    )


def _slot(posting: Posting) -> tuple[str, str]:
    return posting.section, posting.path


def _path(url: str) -> str:
    return urlsplit(url).path


def _happenings(session: Session) -> list[Happening]:
    """Versions and disappearances, mixed by time."""
    with_source = joinedload(ListingVersion.listing).joinedload(Listing.source)
    newest = select(ListingVersion).options(with_source).order_by(ListingVersion.id.desc()).limit(SHOWN)
    gone = (
        select(Listing).options(joinedload(Listing.source)).where(Listing.gone_at.is_not(None)).limit(SHOWN)
    )
    seen = [_happening(v.seen_at, _life(v), v.listing, v) for v in session.scalars(newest)]
    lost = [_happening(each.gone_at, Life.GONE, each, each) for each in session.scalars(gone) if each.gone_at]
    return sorted(seen + lost, key=lambda happening: happening.at, reverse=True)[:SHOWN]


def _happening(at: datetime, life: Life, listing: Listing, said: Listing | ListingVersion) -> Happening:
    price = f"{said.price_amount:,f} {said.price_currency}" if said.price_amount is not None else ""
    return Happening(at, life, listing.source.name, said.title, price)


def _life(version: ListingVersion) -> Life:
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
