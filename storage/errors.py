"""Errors of storage, and the base class of all errors of Spillwatch.

SpillwatchError
├── HeldByCase
├── SourceIsRead
├── StillDeclared
└── StorageError
    ├── DatabaseFailed
    │   ├── DatabaseUrlInvalid
    │   ├── DatabaseUnreachable
    │   │   └── DatabaseSessionEnded
    │   ├── DatabaseBusy
    │   │   └── DatabaseDeadlock
    │   ├── DatabaseRefused
    │   ├── DatabaseCrowded
    │   ├── DatabaseReadOnly
    │   ├── DatabaseFull
    │   ├── DatabaseDamaged
    │   └── DatabaseConflict
    ├── SchemaOutdated
    ├── SchemaNewer
    ├── AlreadyRunning
    ├── ClaimLost
    ├── WatchChanged
    ├── TargetNotEmpty
    ├── StoreFailed
    │   ├── StoreUnreachable
    │   ├── StoreRefused
    │   ├── StoreAddressInvalid
    │   ├── StoreLibraryMissing
    │   ├── StoreFileMissing
    │   ├── StoreFileExists
    │   └── StoreFileChanged
    └── EvidenceFailed
        ├── EvidenceMissing
        ├── EvidenceUnreachable
        ├── EvidenceDamaged
        ├── EvidenceExpired
        ├── EvidenceFolderMissing
        ├── DigestKeyMissing
        ├── DigestKeyDamaged
        ├── DigestKeyDiffers
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


class DatabaseSessionEnded(DatabaseUnreachable):
    """The database ended a session that did nothing for too long. This process was paused, or is too slow."""

    reason = "database_session_ended"


class DatabaseBusy(DatabaseFailed):
    """A statement waited longer than busy_timeout_s for another writer. Look for a long transaction."""

    reason = "database_busy"
    permanent = False


class DatabaseDeadlock(DatabaseBusy):
    """Two transactions waited for each other, so the database rolled this one back. Try again."""

    reason = "database_deadlock"


class DatabaseRefused(DatabaseFailed):
    """The database refuses this user. Check user, password, permissions and the database's name."""

    reason = "database_refused"


class DatabaseCrowded(DatabaseFailed):
    """The database has no connection left. Raise its max_connections, or end what holds them."""

    reason = "database_crowded"
    permanent = False


class DatabaseReadOnly(DatabaseFailed):
    """The database can only be read, as a standby is. Name the primary server in database_url."""

    reason = "database_read_only"
    permanent = False


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


class ClaimLost(StorageError):
    """This work was given to another worker in the meantime, so nothing was written."""

    reason = "claim_lost"


class TargetNotEmpty(StorageError):
    """The target database is not empty. Name an empty one."""

    reason = "target_not_empty"


class StoreFailed(StorageError):
    """The store of files did not do what was asked of it."""

    reason = "store_failed"


class StoreUnreachable(StoreFailed):
    """The store does not answer, or answers with an error of its own. Nothing is lost; try again later."""

    reason = "store_unreachable"
    permanent = False


class StoreRefused(StoreFailed):
    """The store refuses these credentials. Check the keys in [storage.s3] and the bucket's permissions."""

    reason = "store_refused"
    permanent = False


class StoreAddressInvalid(StoreFailed):
    """The address of the store is not one that Spillwatch can use."""

    reason = "store_address_invalid"


class StoreLibraryMissing(StoreFailed):
    """Object storage needs the package obstore. Install it: `pip install "spillwatch[objects]"`."""

    reason = "store_library_missing"


class StoreFileMissing(StoreFailed):
    """The store does not have this file."""

    reason = "store_file_missing"


class StoreFileExists(StoreFailed):
    """The store has a file of this name with other bytes. It was not overwritten."""

    reason = "store_file_exists"


class StoreFileChanged(StoreFailed):
    """The file was changed by somebody else at the same moment. Try again."""

    reason = "store_file_changed"
    permanent = False


class EvidenceFailed(StorageError):
    """The evidence store could not be used."""

    reason = "evidence_failed"


class EvidenceMissing(EvidenceFailed):
    """The evidence file does not exist. Restore it from a backup of the evidence folder."""

    reason = "evidence_missing"


class EvidenceUnreachable(EvidenceFailed):
    """The store of the evidence cannot be read now. Nothing says that the evidence is lost."""

    reason = "evidence_unreachable"
    permanent = False


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


class DigestKeyDiffers(EvidenceFailed):
    """The key of the digests on this machine is not the one that the other nodes have."""

    reason = "digest_key_differs"


class EvidenceUnwritable(EvidenceFailed):
    """The evidence could not be written. Check free space and permissions of the evidence folder."""

    reason = "evidence_unwritable"
    permanent = False
