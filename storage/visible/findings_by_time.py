"""Findings in the order of time, page by page, as the API gives them, and what belongs to one of them.

A place in these orders is a time and a reference, both of which the asker has seen: ids would tell how many
findings others have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload

from storage.alert_listings import AlertListing
from storage.alerts import Alert, AlertKind, AlertRevision, Severity, TriageState
from storage.companies import Company
from storage.listing_tables import Listing
from storage.sources import Source
from storage.triage import FindingLabel, FindingNote
from storage.users import User
from storage.visible.paging import Columns, comes_after, in_order
from storage.visible.visibility import Visibility

Place = tuple[datetime, str]


class TimeOrder(StrEnum):
    OPENED = "opened"  # the newest first
    UPDATED = "updated"  # the oldest change first, so that what changes later comes at the end


ORDERS: dict[TimeOrder, tuple[Columns, bool]] = {
    TimeOrder.OPENED: ((Alert.opened_at, Alert.reference), True),
    TimeOrder.UPDATED: ((Alert.updated_at, Alert.reference), False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingConditions:
    """Conditions on findings; None, empty: no condition. Names that do not exist fit no finding."""

    company: str | None = None  # slug
    states: Sequence[TriageState] = ()
    min_severity: Severity | None = None
    source: str | None = None
    owner: str | None = None
    label: str | None = None
    listing: int | None = None
    opened_since: datetime | None = None
    opened_until: datetime | None = None
    updated_since: datetime | None = None
    merged: bool = False  # whether merged findings are given, too


def findings_by_time(
    session: Session,
    view: Visibility,
    conditions: FindingConditions,
    *,
    order: TimeOrder = TimeOrder.OPENED,
    after: Place | None = None,
    limit: int,
) -> Sequence[Alert]:
    """Return the findings after a place in an order."""
    columns, descending = ORDERS[order]
    query = select(Alert).where(Alert.kind == AlertKind.FINDING, view.of(Alert.company_id))
    query = query.where(*_conditions(conditions))
    if after is not None:
        query = query.where(comes_after(columns, after, descending=descending))
    query = query.order_by(*in_order(columns, descending=descending)).limit(limit)
    return session.scalars(query).all()


def _conditions(wanted: FindingConditions) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if not wanted.merged:
        found.append(Alert.merged_into_id.is_(None))
    if wanted.states:
        found.append(Alert.state.in_(wanted.states))
    if wanted.min_severity is not None:
        found.append(Alert.severity.in_([s for s in Severity if s.rank >= wanted.min_severity.rank]))
    if wanted.listing is not None:
        found.append(Alert.listing_id == wanted.listing)
    if wanted.opened_since is not None:
        found.append(Alert.opened_at >= wanted.opened_since)
    if wanted.opened_until is not None:
        found.append(Alert.opened_at < wanted.opened_until)
    if wanted.updated_since is not None:
        found.append(Alert.updated_at >= wanted.updated_since)
    return found + _conditions_by_name(wanted)


def _conditions_by_name(wanted: FindingConditions) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.company is not None:
        named = select(Company.id).where(Company.slug == wanted.company)
        found.append(Alert.company_id == named.scalar_subquery())
    if wanted.source is not None:
        found.append(
            Alert.source_id == select(Source.id).where(Source.name == wanted.source).scalar_subquery()
        )
    if wanted.owner is not None:
        found.append(Alert.owner_id == select(User.id).where(User.name == wanted.owner).scalar_subquery())
    if wanted.label is not None:
        labelled = select(FindingLabel.alert_id).where(FindingLabel.label == wanted.label)
        found.append(Alert.id.in_(labelled))
    return found


def revisions_after(
    session: Session, view: Visibility, alert: Alert, *, after: int, limit: int
) -> Sequence[AlertRevision]:
    """Return the revisions of a finding with numbers above `after`, oldest first."""
    query = select(AlertRevision).where(_is_seen(view, alert), AlertRevision.alert_id == alert.id)
    query = query.where(AlertRevision.number > after).order_by(AlertRevision.number)
    return session.scalars(query.limit(limit)).all()


def notes_after(
    session: Session, view: Visibility, alert: Alert, *, after: int, limit: int
) -> Sequence[FindingNote]:
    """Return the notes of a finding after the first `after` ones, oldest first."""
    numbered = select(FindingNote.id, func.row_number().over(order_by=FindingNote.id).label("number")).where(
        _is_seen(view, alert), FindingNote.alert_id == alert.id
    )
    found = numbered.subquery()
    query = select(FindingNote).join(found, found.c.id == FindingNote.id).where(found.c.number > after)
    return session.scalars(query.order_by(FindingNote.id).limit(limit)).all()


def offers_after(
    session: Session, view: Visibility, alert: Alert, *, after: int, limit: int
) -> Sequence[Listing]:
    """Return the listings that a finding tells of, by id, each with its source."""
    of_alert = select(AlertListing.listing_id).where(AlertListing.alert_id == alert.id)
    query = select(Listing).where(_is_seen(view, alert), Listing.id.in_(of_alert), Listing.id > after)
    return session.scalars(query.options(joinedload(Listing.source)).order_by(Listing.id).limit(limit)).all()


def _is_seen(view: Visibility, alert: Alert) -> ColumnElement[bool]:
    return select(Alert.id).where(Alert.id == alert.id, view.of(Alert.company_id)).exists()


@dataclass(frozen=True, slots=True)
class FindingTally:
    """Findings of one company with one state and severity, without merged ones."""

    company_id: int | None
    state: TriageState
    severity: Severity
    count: int
    first_opened_at: datetime
    last_updated_at: datetime


def finding_tallies(session: Session, view: Visibility) -> Sequence[FindingTally]:
    """Count the findings that may be seen."""
    by = (Alert.company_id, Alert.state, Alert.severity)
    query = select(*by, func.count(), func.min(Alert.opened_at), func.max(Alert.updated_at))
    query = query.where(
        Alert.kind == AlertKind.FINDING, Alert.merged_into_id.is_(None), view.of(Alert.company_id)
    )
    return [FindingTally(*row) for row in session.execute(query.group_by(*by))]


def last_message(session: Session, view: Visibility, alert: Alert) -> AlertRevision:
    """Return the newest revision of a finding that may be seen."""
    query = select(AlertRevision).where(_is_seen(view, alert), AlertRevision.alert_id == alert.id)
    return session.scalars(query.where(AlertRevision.number == alert.revision)).one()


def newest_change(session: Session, view: Visibility) -> Place | None:
    """Return the place of the finding that changed last, in the order of changes; None: there is none."""
    query = select(Alert.updated_at, Alert.reference).where(view.of(Alert.company_id))
    row = session.execute(query.order_by(Alert.updated_at.desc(), Alert.reference.desc()).limit(1)).first()
    return None if row is None else (row[0], row[1])
