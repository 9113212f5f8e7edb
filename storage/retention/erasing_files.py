"""Erases the bytes of records that no row points at any more, file by file."""

from dataclasses import dataclass
from datetime import datetime

from storage.database.base import Database
from storage.errors import (
    EvidenceFailed,
    EvidenceFolderMissing,
    EvidenceMissing,
    EvidenceUnwritable,
    StoreFailed,
    StoreFileMissing,
)
from storage.evidence.digest import KEY_FILE
from storage.evidence.erasing import ErasedPlaces, erase_in_file, erased_object
from storage.evidence.sealing import not_being_sealed
from storage.evidence.warc import EvidenceStore
from storage.evidence_removals import (
    files_to_erase,
    forget_removals,
    note_removal_failure,
    pending_removals,
    removals_in,
)
from storage.listings import unsealed_files
from storage.stores.byte_store import ByteStore

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
    if evidence.shared is None and not (evidence.folder / KEY_FILE).exists():
        with database.reading() as session:
            reason = EvidenceFolderMissing.reason if pending_removals(session) else None
        return ErasedRecords(0, 0, 0, reason, None)
    with database.reading() as session:
        files = files_to_erase(session, limit=limit, after=after)
        unsealed = unsealed_files(session) if evidence.shared is not None else {}
    records = deleted = freed = 0
    reason = None
    for file in files:
        with database.reading() as session:
            removals = removals_in(session, file)
        places = [(each.evidence_offset, each.evidence_length) for each in removals]
        try:
            # The time of the request: the same bytes again after a kill.
            done = _erase_wherever_it_is(
                evidence,
                file,
                places,
                at=removals[0].requested_at,
                with_texts={each.evidence_offset for each in removals if each.with_texts},
                unsealed=file in unsealed,
            )
        except (EvidenceFailed, StoreFailed, OSError) as error:
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


def _erase_wherever_it_is(
    evidence: EvidenceStore,
    file: str,
    places: list[tuple[int, int]],
    *,
    at: datetime,
    with_texts: set[int],
    unsealed: bool,
) -> ErasedPlaces:
    """Erase records of a file on this machine and in the bucket. Raises EvidenceFailed, StoreFailed, OSError.

    A file that is nowhere is gone, unless it is `unsealed`: then another machine has it, and stores it later.
    A file that a run is writing or storing right now is left for the next time.
    """
    with not_being_sealed(evidence, file):
        return _erase_everywhere(evidence, file, places, at=at, with_texts=with_texts, unsealed=unsealed)


def _erase_everywhere(
    evidence: EvidenceStore,
    file: str,
    places: list[tuple[int, int]],
    *,
    at: datetime,
    with_texts: set[int],
    unsealed: bool,
) -> ErasedPlaces:
    found = [
        erase_in_file(folder, file, places, at=at, with_texts=with_texts)
        for folder in evidence.local_folders
        if (folder / file).exists()
    ]
    if evidence.shared is not None:
        try:
            found.append(_erase_in_object(evidence.shared, file, places, at=at, with_texts=with_texts))
        except StoreFileMissing:
            if unsealed and not found:
                raise EvidenceMissing(
                    f"evidence {file}: only another machine has it, which has not stored it yet."
                ) from None
    return ErasedPlaces(
        max((each.records for each in found), default=0),
        sum(each.freed for each in found),
        deleted=any(each.deleted for each in found),
    )


def _erase_in_object(
    shared: ByteStore, file: str, places: list[tuple[int, int]], *, at: datetime, with_texts: set[int]
) -> ErasedPlaces:
    freed = 0

    def erase(data: bytes) -> bytes | None:
        nonlocal freed
        kept = erased_object(data, file, places, at=at, with_texts=with_texts)
        freed = len(data) if kept is None else 0
        return kept

    shared.rewrite(file, erase)
    return ErasedPlaces(len(places), freed, deleted=freed > 0)
