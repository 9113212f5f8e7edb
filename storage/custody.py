"""The entries about holds and erasures: who, when and why. They are never deleted.

An entry about an erasure names the number of what was erased, or the slug of a company, and nothing that was
in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base
from storage.holds import HoldSubject


class CustodyAction(StrEnum):
    HELD = "held"
    RELEASED = "released"
    ERASED = "erased"


class CustodyEntry(Base):
    __tablename__ = "custody_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    action: Mapped[CustodyAction]
    subject: Mapped[HoldSubject]
    subject_id: Mapped[int]
    subject_name: Mapped[str | None]  # the slug of a company
    case_name: Mapped[str | None]
    person: Mapped[str]
    reason: Mapped[str]
    counts: Mapped[dict[str, Any]]  # rows and records that were erased, by table


@dataclass(frozen=True, slots=True)
class CustodySubject:
    """What an entry is about. `name` is the slug of a company; None: an alert or a listing."""

    kind: HoldSubject
    id: int
    name: str | None = None

    def __str__(self) -> str:
        what = "finding of alert" if self.kind is HoldSubject.FINDING else self.kind.value
        return f"{what} {self.name or self.id}"


def write_entry(
    session: Session,
    action: CustodyAction,
    subject: CustodySubject,
    *,
    person: str,
    reason: str,
    now: datetime,
    case_name: str | None = None,
    counts: Mapping[str, int] | None = None,
) -> int:
    """Write an entry; return its id. Call it in the transaction of what it is about."""
    entry = CustodyEntry(
        at=now,
        action=action,
        subject=subject.kind,
        subject_id=subject.id,
        subject_name=subject.name,
        case_name=case_name,
        person=person,
        reason=reason,
        counts=dict(counts or {}),
    )
    session.add(entry)
    session.flush()
    return entry.id


def custody_entries(session: Session, *, limit: int) -> Sequence[CustodyEntry]:
    """Return entries, newest first."""
    return session.scalars(select(CustodyEntry).order_by(CustodyEntry.id.desc()).limit(limit)).all()
