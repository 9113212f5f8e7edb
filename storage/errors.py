"""Errors of storage, and the base class of all errors of Spillwatch.

SpillwatchError
├── HeldByCase
├── SourceIsRead
├── StillDeclared
└── StorageError
    ├── DatabaseFailed
    │   ├── DatabaseUrlInvalid
    │   ├── DatabaseUnreachable
    │   ├── DatabaseBusy
    │   │   └── DatabaseDeadlock
    │   ├── DatabaseRefused
    │   ├── DatabaseFull
    │   ├── DatabaseDamaged
    │   └── DatabaseConflict
    ├── SchemaOutdated
    ├── SchemaNewer
    ├── AlreadyRunning
    ├── WatchChanged
    ├── TargetNotEmpty
    └── EvidenceFailed
        ├── EvidenceMissing
        ├── EvidenceDamaged
        ├── EvidenceExpired
        ├── EvidenceFolderMissing
        ├── DigestKeyMissing
        ├── DigestKeyDamaged
        └── EvidenceUnwritable

A message never contains a password, a parameter of a statement or a line of a listing.
"""

from typing import ClassVar


class SpillwatchError(Exception):
    """An error that Spillwatch recognises."""

    reason: ClassVar[str] = "error"  # a slug; each has a heading in docs/reference/errors.md
    permanent: ClassVar[bool] = True  # False: the same call may succeed later

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or self.reason).strip())


class HeldByCase(SpillwatchError):
    """A case holds this, so nothing of it is deleted. `spillwatch hold list` shows the cases."""

    reason = "held_by_case"


class SourceIsRead(SpillwatchError):
    """The source is being read, and perhaps the listing. Wait for the end of the run: `spillwatch runs`."""

    reason = "source_is_read"
    permanent = False


class StillDeclared(SpillwatchError):
    """The company's file is still there, so it would be watched again at once. Remove the file first."""

    reason = "still_declared"


class StorageError(SpillwatchError):
    """The stored state could not be read or written."""

    reason = "storage_failed"
    where: str | None = None  # file and line of the code whose statement failed; None: not known


class DatabaseFailed(StorageError):
    """The database refused a statement. The database's log says which one."""

    reason = "database_failed"


class DatabaseUrlInvalid(DatabaseFailed):
    """The database URL is not one that Spillwatch can use."""

    reason = "database_url_invalid"


class DatabaseUnreachable(DatabaseFailed):
    """The database does not answer. Check that it is running and that database_url is correct."""

    reason = "database_unreachable"
    permanent = False


class DatabaseBusy(DatabaseFailed):
    """A statement waited longer than busy_timeout_s for another writer. Look for a long transaction."""

    reason = "database_busy"
    permanent = False


class DatabaseDeadlock(DatabaseBusy):
    """Two transactions waited for each other, so the database rolled this one back. Try again."""

    reason = "database_deadlock"


class DatabaseRefused(DatabaseFailed):
    """The database refuses this user. Check user, password and permissions."""

    reason = "database_refused"


class DatabaseFull(DatabaseFailed):
    """The disk of the database is full. Free some space; nothing that was committed is lost."""

    reason = "database_full"
    permanent = False


class DatabaseDamaged(DatabaseFailed):
    """The database file is damaged or is not a database. Restore it from a backup."""

    reason = "database_damaged"


class DatabaseConflict(DatabaseFailed):
    """Another writer stored the same thing at the same moment. Try again."""

    reason = "database_conflict"
    permanent = False


class SchemaOutdated(StorageError):
    """The database's schema is older than this program. Run `spillwatch db upgrade`."""

    reason = "schema_outdated"


class SchemaNewer(StorageError):
    """The database's schema is newer than this program. Install the newer program again."""

    reason = "schema_newer"


class AlreadyRunning(StorageError):
    """Another daemon runs on this database. Stop it first: a database can have only one."""

    reason = "already_running"


class WatchChanged(StorageError):
    """Terms or segments changed while a listing was being matched. It has to be matched again."""

    reason = "watch_changed"
    permanent = False


class TargetNotEmpty(StorageError):
    """The target database is not empty. Name an empty one."""

    reason = "target_not_empty"


class EvidenceFailed(StorageError):
    """The evidence store could not be used."""

    reason = "evidence_failed"


class EvidenceMissing(EvidenceFailed):
    """The evidence file does not exist. Restore it from a backup of the evidence folder."""

    reason = "evidence_missing"


class EvidenceDamaged(EvidenceFailed):
    """The evidence differs from what was stored. Restore the file from a backup of the evidence folder."""

    reason = "evidence_damaged"


class EvidenceExpired(EvidenceFailed):
    """The record was deleted by retention or by an erasure, so its text can no longer be compared."""

    reason = "evidence_expired"


class EvidenceFolderMissing(EvidenceFailed):
    """The evidence folder is missing, although rows point into it. Mount its volume, or restore it."""

    reason = "evidence_folder_missing"


class DigestKeyMissing(EvidenceFailed):
    """The key of the digests is missing. Restore it from a backup of the evidence folder."""

    reason = "digest_key_missing"


class DigestKeyDamaged(EvidenceFailed):
    """The key of the digests is damaged. Restore it from a backup of the evidence folder."""

    reason = "digest_key_damaged"


class EvidenceUnwritable(EvidenceFailed):
    """The evidence could not be written. Check free space and permissions of the evidence folder."""

    reason = "evidence_unwritable"
    permanent = False
