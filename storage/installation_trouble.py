"""Runs whose results could not be stored, or not where every node reads them: since when, and whether runs
have been stored again since.

This says something about the installation, not about a source. It reads the rows of runs and of the alert
about it, and writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.orm import Session, joinedload

from storage import listings
from storage.alerts import OF_NO_FINDING, Alert, AlertKind, TriageState
from storage.errors import DatabaseBusy, DatabaseConflict, DatabaseDeadlock
from storage.runs import READ, UNSEALED_REASON, Run, RunOutcome

#: Number of newest runs that are looked at. The engine asks often, so the query must stay small.
RECENT_RUNS = 200
#: The trouble is over if runs were stored again and none failed for this long.
QUIET = timedelta(minutes=30)
#: How long listings may wait for their evidence to be sealed: a bucket that is away for minutes is no alert.
UNSEALED_PATIENCE = timedelta(minutes=10)
#: Two writers that meet say nothing about the installation.
CONTENTION = (DatabaseBusy.reason, DatabaseDeadlock.reason, DatabaseConflict.reason)
#: The dedupe key of the alert, before the number of the run that opened it.
KEY_PREFIX = "installation:storage:"


@dataclass(frozen=True, slots=True)
class StorageTrouble:
    """The newest run that could not be stored, the open alert about it, and a run that was stored later."""

    failed: Run | None
    alert: Alert | None
    stored: Run | None

    @property
    def begins(self) -> bool:
        return self.alert is None and self.failed is not None

    @property
    def ends(self) -> bool:
        return self.alert is not None and self.stored is not None


def storage_trouble(session: Session, *, now: datetime) -> StorageTrouble:
    of_kind = select(Alert).where(
        text(OF_NO_FINDING),
        Alert.kind == AlertKind.INSTALLATION,
        # There are others about the installation: about schedules and disks.
        Alert.dedupe_key.startswith(KEY_PREFIX, autoescape=True),
    )
    last_alert = session.scalar(of_kind.order_by(Alert.id.desc()).limit(1))
    failed = _newest_failed_run(session, now)
    if last_alert is None or last_alert.state is not TriageState.RESOLVED:
        return StorageTrouble(failed, last_alert, _run_stored_since(session, last_alert, failed, now))
    told = (
        failed is not None and failed.finished_at is not None and failed.finished_at <= last_alert.updated_at
    )
    return StorageTrouble(None if told else failed, None, None)


def due_installation_changes(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the id of the run that begins or ends the trouble, if that is not told yet."""
    trouble = storage_trouble(session, now=now)
    if trouble.begins and trouble.failed is not None:
        return [trouble.failed.id][:limit]
    return [trouble.stored.id][:limit] if trouble.ends and trouble.stored is not None else []


def _newest_failed_run(session: Session, now: datetime) -> Run | None:
    """Return the newest run that could not be stored, or whose evidence is not sealed, for some time now."""
    recent = select(func.coalesce(func.max(Run.id), 0) - RECENT_RUNS).scalar_subquery()
    not_stored = and_(Run.outcome == RunOutcome.STORAGE_FAILED, Run.reason.not_in(CONTENTION))
    long_ago = now - UNSEALED_PATIENCE
    unsealed = and_(Run.reason == UNSEALED_REASON, Run.finished_at <= long_ago)
    waits = listings.waits_to_be_sealed(session, since=long_ago)
    failed = select(Run).where(Run.id > recent, or_(not_stored, unsealed) if waits else not_stored)
    return session.scalar(failed.order_by(Run.id.desc()).limit(1).options(joinedload(Run.source)))


def _run_stored_since(session: Session, alert: Alert | None, failed: Run | None, now: datetime) -> Run | None:
    """Return a run that was stored after the last failure, if that is long enough ago."""
    if alert is None:
        return None
    last = max([alert.opened_at, *([failed.finished_at] if failed and failed.finished_at else [])])
    if now - last < QUIET:
        return None
    recent = select(func.max(Run.id) - RECENT_RUNS).scalar_subquery()
    stored = select(Run).where(
        Run.id > recent,
        Run.outcome.in_(READ),
        Run.reason.is_distinct_from(UNSEALED_REASON),
        Run.finished_at > last,
    )
    return session.scalar(stored.order_by(Run.id.desc()).limit(1).options(joinedload(Run.source)))
