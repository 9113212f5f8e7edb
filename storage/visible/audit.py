"""The entries of the audit log that a person may see: those of their companies, or all.

Who may see entries at all is the caller's question: the console shows them to admins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.audit_checks import AuditCheck
from storage.audit_log import AuditEntry
from storage.companies import Company
from storage.visible.visibility import Visibility

PAGE = 100
#: By how much the times of entries may not follow their numbers: clocks of machines, work before the entry.
#: Within it, a time becomes a number, so that last year is not looked for from the newest entry on.
DISORDER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What entries must have; None or "": anything. `since` is included, `until` is not."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


def audit_entries(
    session: Session,
    view: Visibility,
    wanted: AuditFilter,
    *,
    before: int | None = None,
    limit: int = PAGE,
) -> Sequence[AuditEntry]:
    """Return entries, newest first. `before`: only entries with lower numbers, for the next page."""
    query = select(AuditEntry).where(view.of(AuditEntry.company_id))
    if before is not None:
        query = query.where(AuditEntry.id < before)
    for column, value in (
        (AuditEntry.actor, wanted.actor),
        (AuditEntry.action, wanted.action),
        (AuditEntry.subject, wanted.subject),
    ):
        if value:
            query = query.where(column == value)
    if wanted.since is not None:
        first = select(AuditEntry.id).where(AuditEntry.at >= wanted.since - DISORDER)
        lowest = first.order_by(AuditEntry.at, AuditEntry.id).limit(1).scalar_subquery()
        query = query.where(AuditEntry.at >= wanted.since, AuditEntry.id >= lowest)
    if wanted.until is not None:
        last = select(AuditEntry.id).where(AuditEntry.at < wanted.until + DISORDER)
        highest = last.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(1).scalar_subquery()
        query = query.where(AuditEntry.at < wanted.until, AuditEntry.id <= highest)
    return session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()


def last_check(session: Session, view: Visibility) -> AuditCheck | None:
    """Return the last verification of the chain. It is about all entries, so only who sees all gets it."""
    if view.companies is not None:
        return None
    return session.scalar(select(AuditCheck).order_by(AuditCheck.id.desc()).limit(1))


def slugs_seen(session: Session, view: Visibility) -> dict[int, str]:
    """Return the slugs of companies by their number."""
    query = select(Company.id, Company.slug).where(view.of(Company.id)).order_by(Company.slug)
    return {row.id: row.slug for row in session.execute(query)}
