"""Checks of the audit log's chain: walking it, and the rows that say what was found.

Whoever can write to the database can write a whole new chain, or cut off its end. So heads (the last hash at
some time) have to be kept elsewhere: a chain in which no entry has such a hash is another one, or shorter.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.audit_log import FIRST, AuditEntry, entry_hash
from storage.database.base import Base, Database

BATCH = 2000  # entries that are read at once


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
    with database.reading() as session:
        query = select(AuditCheck.head).where(AuditCheck.outcome == CheckOutcome.WHOLE)
        earlier = session.scalar(query.order_by(AuditCheck.id.desc()).limit(1))
    state = check_chain(database, kept_heads={each for each in (earlier, head) if each})
    database.write(lambda session: record_check(session, state, by=by, now=now))
    return state


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


def last_check(session: Session) -> AuditCheck | None:
    return session.scalar(select(AuditCheck).order_by(AuditCheck.id.desc()).limit(1))
