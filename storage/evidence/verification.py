"""Compares the rows that point into the evidence with its files: what is missing, too short or different."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from storage.captures import LEAVING_CAPTURES, Capture, LocatedRecord
from storage.database.base import Database
from storage.errors import EvidenceFailed, EvidenceUnreachable, StoreFailed
from storage.evidence.warc import EvidenceStore, RecordPlace
from storage.listing_tables import Attachment, ListingVersion
from storage.listings import unsealed_files
from storage.runs import UNSEALED_REASON, Run, RunState

BATCH = 500
#: The tables that point into the evidence, and what one of their rows is called.
LOCATED: dict[str, type[Any]] = {
    "capture": Capture,
    "version": ListingVersion,
    "attachment": Attachment,
}


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A row that points at a record. `sha256`: of the body, for a capture."""

    kind: str
    id: int
    place: RecordPlace
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class EvidenceFault:
    """A record that is not as its row says: `evidence_missing`, `evidence_damaged` or `evidence_failed`."""

    row: EvidenceRow
    reason: str
    message: str


def evidence_row(row: LocatedRecord) -> EvidenceRow | None:
    """Return what a row points at; None: it was stored without evidence."""
    if row.place is None:
        return None
    kind = next(name for name, table in LOCATED.items() if isinstance(row, table))
    return EvidenceRow(kind, row.id, row.place, getattr(row, "sha256", None))  # type: ignore[attr-defined]


def verify_record(store: EvidenceStore, row: EvidenceRow) -> EvidenceFault | None:
    """Read a record and compare its sha256, or a text's digest; None: it is as it was stored.

    Raises EvidenceUnreachable, which says nothing about the record.
    """
    try:
        if row.sha256 is None:
            store.read_text(row.place)
        else:
            store.read_response(row.place, row.sha256)
    except EvidenceUnreachable:
        raise
    except EvidenceFailed as error:
        return EvidenceFault(row, error.reason, str(error))
    return None


def all_evidence_rows(database: Database) -> Iterator[EvidenceRow]:
    """Yield every row that points at a record, in short transactions: captures, versions, attachments."""
    for kind, table in LOCATED.items():
        last = 0
        while True:
            with database.reading() as session:
                batch = _rows_after(session, kind, table, last)
            yield from batch
            if len(batch) < BATCH:
                break
            last = batch[-1].id


def _rows_after(session: Session, kind: str, table: type[Any], last: int) -> Sequence[EvidenceRow]:
    digest = table.sha256 if table is Capture else None
    columns = [table.id, table.evidence_file, table.evidence_offset, table.evidence_length]
    query = select(*columns, *([digest] if digest is not None else []))
    query = query.where(table.id > last, table.evidence_file.is_not(None)).order_by(table.id).limit(BATCH)
    return [
        EvidenceRow(kind, row[0], RecordPlace(row[1], row[2], row[3]), row[4] if digest is not None else None)
        for row in session.execute(query)
    ]


def short_files(session: Session, store: EvidenceStore) -> Iterator[tuple[str, str]]:
    """Yield each file that rows point into and that is missing or too short, with what is wrong.

    It reads no file, so it is quick; a byte that has changed is found by `verify_record`. Raises
    EvidenceUnreachable.
    """
    ends: dict[str, int] = {}
    for table in LOCATED.values():
        end = func.max(table.evidence_offset + table.evidence_length)
        query = select(table.evidence_file, end).where(table.evidence_file.is_not(None))
        for file, at in session.execute(query.group_by(table.evidence_file)):
            ends[file] = max(at, ends.get(file, 0))
    sizes = _shared_sizes(store, ends)
    for file, end_at in sorted(ends.items()):
        size = sizes.get(file) if file in sizes else store.size(file)
        if size is None:
            yield file, "does not exist"
        elif size < end_at:
            yield file, f"has {size:,} bytes, and rows point at {end_at:,} bytes"


def _shared_sizes(store: EvidenceStore, files: Collection[str]) -> dict[str, int]:
    """Return the sizes of these files in the bucket, by listing it: one request tells a thousand of them."""
    if store.shared is None:
        return {}
    try:
        return {each.name: each.size for each in store.shared.list() if each.name in files}
    except StoreFailed as error:
        raise EvidenceUnreachable(str(error)) from None


def files_elsewhere(session: Session, store: EvidenceStore, files: Collection[str]) -> set[str]:
    """Return which of these missing files another machine probably has, and has not sealed yet.

    So it is while a run goes on, after one that was ended, and after one that could not seal.
    """
    if store.shared is None:
        return set()
    unsealed = unsealed_files(session)
    return {file for file in files if file in unsealed or _is_left(session, file)}


def _is_left(session: Session, file: str) -> bool:
    left = or_(
        Run.state == RunState.RUNNING, Run.outcome.in_(LEAVING_CAPTURES), Run.reason == UNSEALED_REASON
    )
    query = select(Capture.id).join(Run, Run.id == Capture.run_id).where(Capture.evidence_file == file, left)
    return session.scalar(query.limit(1)) is not None


def newest_evidence_rows(session: Session, limit: int) -> list[EvidenceRow]:
    """Return the newest rows of each table, to check a sample of the bytes."""
    found: list[EvidenceRow] = []
    for table in LOCATED.values():
        query = select(table).where(table.evidence_file.is_not(None)).order_by(table.id.desc()).limit(limit)
        found += [row for each in session.scalars(query) if (row := evidence_row(each)) is not None]
    return found


def sha256_of(packed: bytes) -> str:
    return hashlib.sha256(packed).hexdigest()
