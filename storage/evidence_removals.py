"""Records that no row points at any more and whose bytes are still to be erased.

The row is written in the transaction that gives up the last reference, and deleted once the bytes are gone.
So a kill in between loses nothing: the next pass of retention, or the next erasure, completes it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import UniqueConstraint, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import BATCH, Base, insert_new
from storage.evidence.warc import RecordPlace


class EvidenceRemoval(Base):
    __tablename__ = "evidence_removals"
    __table_args__ = (UniqueConstraint("evidence_file", "evidence_offset"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    evidence_file: Mapped[str]
    evidence_offset: Mapped[int]
    evidence_length: Mapped[int]
    with_texts: Mapped[bool]  # also the texts in the same file that were read from this response
    requested_at: Mapped[datetime]
    failure: Mapped[str | None]  # reason of the last attempt; None: not tried yet


def request_removals(
    session: Session, places: Collection[RecordPlace], now: datetime, *, with_texts: bool = False
) -> None:
    """Request that these records are erased. Call it in the transaction that gives up their rows.

    `with_texts`: no row points at a text that was read from them. Reading a page again leaves such texts.
    """
    rows = [
        {
            "evidence_file": place.file,
            "evidence_offset": place.offset,
            "evidence_length": place.length,
            "with_texts": with_texts,
            "requested_at": now,
        }
        for place in set(places)
    ]
    for start in range(0, len(rows), BATCH):
        session.execute(insert_new(session, EvidenceRemoval), rows[start : start + BATCH])


def files_to_erase(session: Session, *, limit: int, after: str = "") -> Sequence[str]:
    """Return files with records to erase, in their order, behind the file `after`."""
    query = select(EvidenceRemoval.evidence_file).where(EvidenceRemoval.evidence_file > after).distinct()
    return session.scalars(query.order_by(EvidenceRemoval.evidence_file).limit(limit)).all()


def removals_in(session: Session, file: str) -> Sequence[EvidenceRemoval]:
    """Return the records of a file that are to be erased, in their order."""
    query = select(EvidenceRemoval).where(EvidenceRemoval.evidence_file == file)
    return session.scalars(query.order_by(EvidenceRemoval.evidence_offset)).all()


def forget_removals(session: Session, removals: Collection[EvidenceRemoval]) -> None:
    """Delete the requests whose records are gone."""
    ids = [each.id for each in removals]
    for start in range(0, len(ids), BATCH):
        session.execute(delete(EvidenceRemoval).where(EvidenceRemoval.id.in_(ids[start : start + BATCH])))


def note_removal_failure(session: Session, file: str, reason: str) -> None:
    session.execute(
        update(EvidenceRemoval).where(EvidenceRemoval.evidence_file == file).values(failure=reason)
    )


def pending_removals(session: Session) -> int:
    """Return the number of records whose bytes are still to be erased."""
    return session.scalar(select(func.count()).select_from(EvidenceRemoval)) or 0
