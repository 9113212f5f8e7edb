"""The audit log: who did what, in entries that nobody can change or leave out unseen.

Each entry holds the hash of the one before it, so that a changed or missing entry breaks the chain. Only the
head has to be kept elsewhere to notice that the end was cut off.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, lock_whole
from storage.database.columns import clean, dump_json

#: Held from reading the last entry to the commit, so that two entries never follow the same one.
AUDIT_LOCK = 0x5350414C4F47
FIRST = "0" * 64  # what stands for the hash before the first entry


class AuditEntry(Base):
    """One act. `actor` is a name to sign in by, `cli:LOGIN`, `token:NAME` or `spillwatch`."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index(None, "company_id", "id"),
        Index(None, "actor", "id"),
        Index(None, "action", "id"),
        Index(None, "subject", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    action: Mapped[str]  # slug, such as sign_in or finding_triaged; docs/reference/audit-log.md lists them
    subject: Mapped[str]  # what it was done to, such as finding:K7QX2M9D; "" if nothing
    company_id: Mapped[int | None]  # an erased company's entries stay
    detail: Mapped[dict[str, Any]]  # never a secret, never a person's identifier
    hash: Mapped[str]


def write_entry(
    session: Session,
    *,
    actor: str,
    action: str,
    now: datetime,
    subject: str = "",
    company_id: int | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Add an entry, in the transaction that does what it tells.

    The hash is that of the fields as they are read again: in UTC, without what a text column does not store.
    """
    lock_whole(session, AUDIT_LOCK)
    last = session.execute(
        select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    ).one_or_none()
    entry = AuditEntry(
        id=1 if last is None else last.id + 1,
        at=now.astimezone(UTC),
        actor=clean(actor),
        action=clean(action),
        subject=clean(subject),
        company_id=company_id,
        detail=json.loads(dump_json(detail or {})),
    )
    entry.hash = entry_hash(entry, FIRST if last is None else last.hash)
    session.add(entry)
    session.flush()
    return entry


def entry_hash(entry: AuditEntry, before: str) -> str:
    """Return the SHA-256 of the hash before and of the entry's fields as canonical JSON."""
    fields = [
        before,
        entry.id,
        entry.at.isoformat(timespec="microseconds"),
        entry.actor,
        entry.action,
        entry.subject,
        entry.company_id,
        entry.detail,
    ]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
