"""Checks of the audit log's chain: walking it, and the rows that say what was found.

Whoever can write to the database can write a whole new chain, or cut off its end. So heads (the last hash at
some time) have to be kept elsewhere: a chain in which no entry has such a hash is another one, or shorter.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.alerts import OF_NO_FINDING, Alert, AlertKind, TriageState
from storage.audit_log import FIRST, AuditEntry, entry_hash
from storage.database.base import Base, Database, lock_whole

BATCH = 2000  # entries that are read at once
EVERY = timedelta(days=1)  # of the daemon's own checks
CHECKER = "spillwatch"
NEW_CHECK = 0  # the row id of a check that has to begin
#: Held while a check is written, so that two nodes do not write the same one.
CHECK_LOCK = 0x5350414C4F48


class CheckOutcome(StrEnum):
    WHOLE = "whole"
    CHANGED = "changed"  # an entry's hash is not that of its fields and of the entry before
    MISSING = "missing"  # an entry's number is not one more than that of the entry before
    HEAD_MISSING = "head_missing"  # the chain is whole, and no entry has the head that was kept elsewhere


class AuditCheck(Base):
    """One walk along the chain. `entry_id`: the first entry that is wrong or missing."""

    __tablename__ = "audit_checks"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str]
    outcome: Mapped[CheckOutcome]
    entries: Mapped[int]
    head: Mapped[str]
    entry_id: Mapped[int | None]


@dataclass(frozen=True, slots=True)
class ChainState:
    """`entries` and `head` are those of the part that is whole: up to the first entry that is wrong."""

    outcome: CheckOutcome
    entries: int
    head: str
    entry_id: int | None = None
    missing_head: str | None = None


def check_chain(database: Database, *, kept_heads: Collection[str] = ()) -> ChainState:
    """Walk the chain from its first entry; entries that are written meanwhile are not looked at.

    `kept_heads`: hashes that were written down earlier. Some entry must have each of them.
    """
    with database.reading() as session:
        end = session.scalar(select(func.max(AuditEntry.id))) or 0
    last, head, wanted = 0, FIRST, {*kept_heads} - {FIRST}
    while last < end:
        with database.reading() as session:
            entries = _entries_after(session, last, end)
        for entry in entries:
            if entry.id != last + 1:
                return ChainState(CheckOutcome.MISSING, last, head, last + 1)
            if entry.hash != entry_hash(entry, head):
                return ChainState(CheckOutcome.CHANGED, last, head, entry.id)
            last, head = entry.id, entry.hash
            wanted.discard(head)
        if not entries:  # the rest was deleted meanwhile
            return ChainState(CheckOutcome.MISSING, last, head, last + 1)
    if wanted:
        return ChainState(CheckOutcome.HEAD_MISSING, last, head, missing_head=min(wanted))
    return ChainState(CheckOutcome.WHOLE, last, head)


def check_and_record(database: Database, *, by: str, now: datetime, head: str | None = None) -> ChainState:
    """Walk the chain and write down what was found. The head of the last check that found it whole must still
    be there, and so must `head`.
    """
    state = check_chain(database, kept_heads=earlier_heads(database) | ({head} if head else set()))
    database.write(lambda session: record_check(session, state, by=by, now=now))
    return state


def earlier_heads(database: Database) -> set[str]:
    """Return the head of the last check that found the chain whole, if there was one."""
    with database.reading() as session:
        query = select(AuditCheck.head).where(AuditCheck.outcome == CheckOutcome.WHOLE)
        return {*session.scalars(query.order_by(AuditCheck.id.desc()).limit(1))}


def due_checks(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return NEW_CHECK if a day has passed since the daemon's last check; nothing while there is no entry."""
    own = select(AuditCheck.at).where(AuditCheck.by == CHECKER)
    last = session.scalar(own.order_by(AuditCheck.id.desc()).limit(1))
    if last is not None:
        return [NEW_CHECK][:limit] if last + EVERY <= now else []
    first = session.scalar(select(AuditEntry.id).order_by(AuditEntry.id).limit(1))
    return [] if first is None else [NEW_CHECK][:limit]


def lock_checks(session: Session) -> None:
    lock_whole(session, CHECK_LOCK)


def open_audit_alert(session: Session, prefix: str) -> Alert | None:
    """Return the alert about a broken chain that nobody has closed; `prefix`: of its dedupe key."""
    query = select(Alert).where(
        Alert.dedupe_key.startswith(prefix, autoescape=True),
        Alert.kind == AlertKind.INSTALLATION,
        text(OF_NO_FINDING),
        Alert.state.not_in((TriageState.RESOLVED, TriageState.FALSE_POSITIVE)),
    )
    return session.scalar(query.order_by(Alert.id.desc()).limit(1))


def _entries_after(session: Session, last: int, end: int) -> Sequence[AuditEntry]:
    query = select(AuditEntry).where(AuditEntry.id > last, AuditEntry.id <= end)
    found = session.scalars(query.order_by(AuditEntry.id).limit(BATCH)).all()
    session.expunge_all()
    return found


def record_check(session: Session, state: ChainState, *, by: str, now: datetime) -> None:
    session.add(
        AuditCheck(
            at=now,
            by=by,
            outcome=state.outcome,
            entries=state.entries,
            head=state.head,
            entry_id=state.entry_id,
        )
    )
    session.flush()
