"""Erases the bytes of records that no row points at any more, file by file."""

from dataclasses import dataclass
from datetime import datetime

from storage.database.base import Database
from storage.errors import EvidenceFailed, EvidenceFolderMissing, EvidenceUnwritable
from storage.evidence.digest import KEY_FILE
from storage.evidence.erasing import erase_in_file
from storage.evidence.warc import EvidenceStore
from storage.evidence_removals import (
    files_to_erase,
    forget_removals,
    note_removal_failure,
    pending_removals,
    removals_in,
)

UNWRITABLE = EvidenceUnwritable.reason


@dataclass(frozen=True, slots=True)
class ErasedRecords:
    """What was erased. `reason`: of the first file that could not be; `last_file`: more may follow it."""

    records: int
    files_deleted: int
    freed: int
    reason: str | None
    last_file: str | None


def erase_requested(
    database: Database, evidence: EvidenceStore, *, now: datetime, limit: int, after: str = ""
) -> ErasedRecords:
    """Erase what is requested in at most `limit` files behind the file `after`, in the order of their names.

    A file that cannot be written stays requested, with the reason. So does everything while the folder has no
    digest key: its volume may not be mounted, and then a file that is missing is not gone.
    """
    if not (evidence.folder / KEY_FILE).exists():
        with database.reading() as session:
            reason = EvidenceFolderMissing.reason if pending_removals(session) else None
        return ErasedRecords(0, 0, 0, reason, None)
    with database.reading() as session:
        files = files_to_erase(session, limit=limit, after=after)
    records = deleted = freed = 0
    reason = None
    for file in files:
        with database.reading() as session:
            removals = removals_in(session, file)
        places = [(each.evidence_offset, each.evidence_length) for each in removals]
        try:
            # The time of the request: the same bytes again after a kill.
            done = erase_in_file(
                evidence.folder,
                file,
                places,
                at=removals[0].requested_at,
                with_texts={each.evidence_offset for each in removals if each.with_texts},
            )
        except (EvidenceFailed, OSError) as error:
            failure = getattr(error, "reason", UNWRITABLE)
            with database.transaction() as session:
                note_removal_failure(session, file, failure)
            reason = reason or failure
            continue
        with database.transaction() as session:
            forget_removals(session, removals)
        records += done.records
        deleted += done.deleted
        freed += done.freed
    return ErasedRecords(records, deleted, freed, reason, files[-1] if len(files) == limit else None)
