"""The evidence of one listing, as a file of its own that others can keep and check without Spillwatch."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from storage.captures import Capture, EvidenceGone
from storage.errors import EvidenceFailed, EvidenceUnreachable, EvidenceUnwritable
from storage.evidence.verification import (
    LOCATED,
    EvidenceFault,
    EvidenceRow,
    evidence_row,
    sha256_of,
    verify_record,
)
from storage.evidence.warc import EvidenceStore
from storage.listing_tables import Attachment, ListingVersion

RECORDS = "evidence.warc.gz"
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class ExportedRecord:
    """One record of an export: where it was, where it is now, and its hashes."""

    kind: str
    id: int
    file: str
    offset: int
    length: int
    offset_here: int
    record_sha256: str
    body_sha256: str | None


@dataclass(frozen=True, slots=True)
class EvidenceExport:
    folder: Path
    records: tuple[ExportedRecord, ...]
    faults: tuple[EvidenceFault, ...]


@dataclass(frozen=True, slots=True)
class DeletedRecord:
    """A record that retention or an erasure has deleted, and the row that pointed at it."""

    kind: str
    id: int
    why: EvidenceGone


def deleted_records_of_listing(session: Session, listing_id: int) -> list[DeletedRecord]:
    """Return the records of a listing that were deleted, without repetitions."""
    query = select(ListingVersion).where(ListingVersion.listing_id == listing_id)
    query = query.options(selectinload(ListingVersion.attachments)).order_by(ListingVersion.number)
    found: dict[DeletedRecord, None] = {}
    for version in session.scalars(query):
        parts: list[ListingVersion | Attachment] = [version, *version.attachments]
        for located in parts:
            capture = session.get(Capture, located.capture_id) if located.capture_id else None
            rows: list[Capture | ListingVersion | Attachment | None] = [capture, located]
            for each in rows:
                if each is not None and each.evidence_gone is not None:
                    kind = next(name for name, table in LOCATED.items() if isinstance(each, table))
                    found.setdefault(DeletedRecord(kind, each.id, each.evidence_gone))
    return list(found)


def evidence_of_listing(session: Session, listing_id: int) -> list[EvidenceRow]:
    """Return what every version of a listing and its attachments were read from, without repetitions."""
    query = select(ListingVersion).where(ListingVersion.listing_id == listing_id)
    query = query.options(selectinload(ListingVersion.attachments)).order_by(ListingVersion.number)
    found: dict[tuple[str, int], EvidenceRow] = {}
    for version in session.scalars(query):
        parts: list[ListingVersion | Attachment] = [version, *version.attachments]
        for located in parts:
            capture = session.get(Capture, located.capture_id) if located.capture_id else None
            for each in (evidence_row(capture) if capture else None, evidence_row(located)):
                if each is not None:
                    found.setdefault((each.kind, each.id), each)
    return list(found.values())


def export_evidence(
    store: EvidenceStore,
    rows: Sequence[EvidenceRow],
    folder: Path,
    *,
    deleted: Sequence[DeletedRecord] = (),
) -> EvidenceExport:
    """Write the records one behind the other, a manifest and the sums of both. The folder must not exist.

    The records are copied as they are, so each hash can be compared with the original. A record that is
    missing or damaged is left out and returned as a fault. Raises EvidenceUnwritable.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
        return _write_export(store, rows, folder, deleted)
    except OSError as error:
        raise EvidenceUnwritable(f"the export {folder} cannot be written ({error.strerror})") from None


def _write_export(
    store: EvidenceStore, rows: Sequence[EvidenceRow], folder: Path, deleted: Sequence[DeletedRecord]
) -> EvidenceExport:
    records: list[ExportedRecord] = []
    faults: list[EvidenceFault] = []
    with _private(folder / RECORDS) as out:
        for row in rows:
            if (fault := verify_record(store, row)) is not None:
                faults.append(fault)
                continue
            try:
                packed = store.read_member(row.place)
            except EvidenceUnreachable:
                raise
            except EvidenceFailed as error:
                faults.append(EvidenceFault(row, error.reason, str(error)))
                continue
            at = out.tell()
            out.write(packed)
            place = row.place
            records.append(
                ExportedRecord(
                    kind=row.kind,
                    id=row.id,
                    file=place.file,
                    offset=place.offset,
                    length=place.length,
                    offset_here=at,
                    record_sha256=sha256_of(packed),
                    body_sha256=row.sha256,
                )
            )
    manifest = {
        "records": [asdict(record) for record in records],
        "left_out": [
            {"kind": each.row.kind, "id": each.row.id, "file": each.row.place.file, "reason": each.reason}
            for each in faults
        ],
        "deleted": [asdict(each) for each in deleted],
    }
    with _private(folder / MANIFEST) as out:
        out.write(json.dumps(manifest, indent=2).encode() + b"\n")
    with _private(folder / SUMS) as out:
        for name in (RECORDS, MANIFEST):
            out.write(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n".encode())
    return EvidenceExport(folder, tuple(records), tuple(faults))


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
