"""Legal holds: while a case holds a finding, a listing or a company, nothing of it is deleted.

A hold is one case that holds one subject. Several cases may hold the same subject, and it is kept until the
last of them has released it. A released hold stays as a row, and so does the entry about it.

What a hold keeps:
- a listing: its versions, their responses and texts, its matches, and the alerts that tell of it
- a finding (an alert): its messages and deliveries, and each listing that it tells of
- a company: its terms, segments, matches and alerts, and each listing in which it was found
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CompoundSelect, Index, Select, func, or_, select, text, union, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.alert_listings import AlertListing
from storage.alerts import Alert
from storage.database.base import Base, insert_new, state_moved
from storage.errors import HeldByCase
from storage.matches import Match

OPEN = "released_at IS NULL"
#: Advisory lock of everything that deletes and of adding a hold: a hold is never added to what is going.
DELETING_KEY = 0x5350494C4C2E


class HoldSubject(StrEnum):
    FINDING = "finding"
    LISTING = "listing"
    COMPANY = "company"


class Hold(Base):
    __tablename__ = "holds"
    __table_args__ = (
        Index(
            "uq_holds_open_case_name_subject",
            "case_name",
            "subject",
            "subject_id",
            unique=True,
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_name: Mapped[str]
    subject: Mapped[HoldSubject]
    # Of the alert, listing or company. No foreign key: a released hold outlives its subject.
    subject_id: Mapped[int]
    added_at: Mapped[datetime]
    added_by: Mapped[str]
    reason: Mapped[str]
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None]
    release_reason: Mapped[str | None]


def lock_deletions(session: Session) -> None:
    """Wait until no other transaction deletes or adds a hold. SQLite has one writer at a time."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(DELETING_KEY)))


def add_hold(
    session: Session,
    case_name: str,
    subject: HoldSubject,
    subject_id: int,
    *,
    person: str,
    reason: str,
    now: datetime,
) -> int | None:
    """Add a hold; return its id. None: this case holds this subject already."""
    lock_deletions(session)
    row = {
        "case_name": case_name,
        "subject": subject,
        "subject_id": subject_id,
        "added_at": now,
        "added_by": person,
        "reason": reason,
    }
    return session.scalar(insert_new(session, Hold).values(row).returning(Hold.id))


def release_hold(session: Session, hold_id: int, *, person: str, reason: str, now: datetime) -> bool:
    """Release a hold. False: it does not exist, or is released already."""
    still = update(Hold).where(Hold.id == hold_id, Hold.released_at.is_(None))
    return state_moved(session, still.values(released_at=now, released_by=person, release_reason=reason))


def hold_by_id(session: Session, hold_id: int) -> Hold | None:
    return session.get(Hold, hold_id)


def all_holds(session: Session, *, released: bool = False) -> Sequence[Hold]:
    """Return the holds, oldest first; `released`: also those that were released."""
    query = select(Hold).order_by(Hold.id)
    return session.scalars(query if released else query.where(Hold.released_at.is_(None))).all()


def _held(subject: HoldSubject, cases: Collection[str] | None = None) -> Select[int]:
    query = select(Hold.subject_id).where(Hold.subject == subject, Hold.released_at.is_(None))
    return query if cases is None else query.where(Hold.case_name.in_(cases))


def held_alert_ids(cases: Collection[str] | None = None) -> CompoundSelect[int]:
    """Return a query for the alerts that are held; `cases`: by these cases only."""
    listings = _held(HoldSubject.LISTING, cases)
    return union(
        _held(HoldSubject.FINDING, cases),
        select(Alert.id).where(Alert.company_id.in_(_held(HoldSubject.COMPANY, cases))),
        select(Alert.id).where(Alert.listing_id.in_(listings)),
        select(AlertListing.alert_id).where(AlertListing.listing_id.in_(listings)),
    )


def held_listing_ids(cases: Collection[str] | None = None) -> CompoundSelect[int]:
    """Return a query for the listings that are held; `cases`: by these cases only."""
    companies = _held(HoldSubject.COMPANY, cases)
    own = or_(Alert.id.in_(_held(HoldSubject.FINDING, cases)), Alert.company_id.in_(companies))
    return union(
        _held(HoldSubject.LISTING, cases),
        select(func.coalesce(Alert.listing_id, 0)).where(own),
        select(AlertListing.listing_id).join(Alert, Alert.id == AlertListing.alert_id).where(own),
        # Of matches and not of their summaries: these have no index by company.
        select(Match.listing_id).where(Match.company_id.in_(companies)),
    )


def open_cases(session: Session) -> Sequence[str]:
    """Return the names of the cases that hold something, sorted."""
    query = select(Hold.case_name).where(Hold.released_at.is_(None)).distinct()
    return session.scalars(query.order_by(Hold.case_name)).all()


def cases_that_hold(
    session: Session,
    *,
    listing_ids: Collection[int] = (),
    alert_ids: Collection[int] = (),
    company_id: int | None = None,
) -> list[str]:
    """Return the names of the cases that hold any of these, sorted."""
    return [
        case for case in open_cases(session) if _holds_any(session, case, listing_ids, alert_ids, company_id)
    ]


def _holds_any(
    session: Session,
    case: str,
    listing_ids: Collection[int],
    alert_ids: Collection[int],
    company_id: int | None,
) -> bool:
    held_listings, held_alerts = (
        set(session.scalars(query([case]))) for query in (held_listing_ids, held_alert_ids)
    )
    if held_listings & set(listing_ids) or held_alerts & set(alert_ids):
        return True
    return company_id in set(session.scalars(_held(HoldSubject.COMPANY, [case])))


def require_not_held(
    session: Session,
    what: str,
    *,
    listing_ids: Collection[int] = (),
    alert_ids: Collection[int] = (),
    company_id: int | None = None,
) -> None:
    """Raise HeldByCase, with the names of the cases, if any of these is held."""
    cases = cases_that_hold(session, listing_ids=listing_ids, alert_ids=alert_ids, company_id=company_id)
    if cases:
        raise HeldByCase(
            f"{what} is held by the case{'' if len(cases) == 1 else 's'} {', '.join(cases)}, so nothing was "
            "deleted. `spillwatch hold list` shows who asked for it and why; release it first."
        )
