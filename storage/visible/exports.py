"""The findings that leave in a document: those that a caller may see, each with its last revision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from storage.alerts import Alert, AlertKind, AlertRevision, TriageState
from storage.companies import Company
from storage.visible.visibility import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFilter:
    """`since`: opened, revised or triaged since then."""

    company: str | None = None
    since: datetime | None = None
    without_false_positives: bool = False


@dataclass(frozen=True, slots=True)
class ExportedFinding:
    """`company` is None for a company that was removed."""

    alert: Alert
    revision: AlertRevision
    company: Company | None


def exported_findings(
    session: Session,
    view: Visibility,
    wanted: ExportFilter,
    *,
    after_id: int = 0,
    newest_first: bool = False,
    limit: int,
) -> Sequence[ExportedFinding]:
    """Return findings that stand for themselves, in the order in which they were opened."""
    last = (AlertRevision.alert_id == Alert.id) & (AlertRevision.number == Alert.revision)
    query = select(Alert, AlertRevision, Company).join(AlertRevision, last)
    query = query.outerjoin(Company, Company.id == Alert.company_id).where(*_chosen(view, wanted))
    if after_id:
        query = query.where(Alert.id > after_id)
    query = query.order_by(Alert.id.desc() if newest_first else Alert.id).limit(limit)
    return [ExportedFinding(*row) for row in session.execute(query)]


def count_exported(session: Session, view: Visibility, wanted: ExportFilter) -> int:
    """Return how many findings an export of all of them has."""
    query = select(func.count(Alert.id)).select_from(Alert)
    query = query.outerjoin(Company, Company.id == Alert.company_id).where(*_chosen(view, wanted))
    return session.scalar(query) or 0


def newest_references(
    session: Session, view: Visibility, wanted: ExportFilter, *, limit: int
) -> Sequence[tuple[int, str]]:
    """Return the ids and references of the newest findings, the newest first."""
    query = select(Alert.id, Alert.reference).outerjoin(Company, Company.id == Alert.company_id)
    query = query.where(*_chosen(view, wanted)).order_by(Alert.id.desc()).limit(limit)
    return [(row.id, row.reference) for row in session.execute(query)]


def exported_finding(session: Session, view: Visibility, alert_id: int) -> ExportedFinding | None:
    """Return one finding; None: there is none of that id, or it may not be seen."""
    found = exported_findings(session, view, ExportFilter(), after_id=alert_id - 1, limit=1)
    return found[0] if found and found[0].alert.id == alert_id else None


def id_after(session: Session, view: Visibility, reference: str) -> int | None:
    """Return the id of the finding after which a page begins; None: it may not be seen, or does not exist."""
    return session.scalar(select(Alert.id).where(Alert.reference == reference, view.of(Alert.company_id)))


def _chosen(view: Visibility, wanted: ExportFilter) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of a filter, of queries that join companies."""
    chosen = [Alert.kind == AlertKind.FINDING, Alert.merged_into_id.is_(None), view.of(Alert.company_id)]
    if wanted.company is not None:
        chosen.append(Company.slug == wanted.company)
    if wanted.since is not None:
        chosen.append(Alert.updated_at >= wanted.since)
    if wanted.without_false_positives:
        chosen.append(Alert.state != TriageState.FALSE_POSITIVE)
    return chosen
