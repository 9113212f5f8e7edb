"""What can go wrong here, and the base of everything that can go wrong anywhere.

SpillwatchError
└── StorageError
    ├── DatabaseFailed
    │   ├── DatabaseUrlInvalid
    │   ├── DatabaseUnreachable
    │   ├── DatabaseBusy
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
        ├── DigestKeyDamaged
        └── EvidenceUnwritable

A message never holds a password, a parameter of a statement or a line of a listing.
"""

from typing import ClassVar


class SpillwatchError(Exception):
    """Something went wrong that Spillwatch can name."""

    reason: ClassVar[str] = "error"  # a slug; each has a heading in docs/reference/errors.md
    permanent: ClassVar[bool] = True  # False: the same call may succeed later

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or self.reason).strip())


class StorageError(SpillwatchError):
    """The stored state could not be read or written."""

    reason = "storage_failed"


class DatabaseFailed(StorageError):
    """The database refused a statement; its own log says which."""

    reason = "database_failed"


class DatabaseUrlInvalid(DatabaseFailed):
    """The database URL is not one that Spillwatch can use."""

    reason = "database_url_invalid"


class DatabaseUnreachable(DatabaseFailed):
    """The database does not answer. Check that it runs and that the address in database_url is right."""

    reason = "database_unreachable"
    permanent = False


class DatabaseBusy(DatabaseFailed):
    """Another program holds the database. Try again, and end what holds it if this goes on."""

    reason = "database_busy"
    permanent = False


class DatabaseRefused(DatabaseFailed):
    """The database does not let this user in. Check user, password and rights."""

    reason = "database_refused"


class DatabaseFull(DatabaseFailed):
    """The disk under the database is full. Make room; nothing that was committed is lost."""

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
    """Another daemon runs on this database. Stop it first: one daemon a database."""

    reason = "already_running"


class WatchChanged(StorageError):
    """Terms or segments changed while a listing was being matched. Match it again."""

    reason = "watch_changed"
    permanent = False


class TargetNotEmpty(StorageError):
    """The database to copy into has rows already. Name an empty one."""

    reason = "target_not_empty"


class EvidenceFailed(StorageError):
    """The evidence store could not be used."""

    reason = "evidence_failed"


class EvidenceMissing(EvidenceFailed):
    """The evidence file is not there. Restore it from a backup of the evidence folder."""

    reason = "evidence_missing"


class EvidenceDamaged(EvidenceFailed):
    """The evidence is not what was stored. Restore the file from a backup of the evidence folder."""

    reason = "evidence_damaged"


class DigestKeyDamaged(EvidenceFailed):
    """The key of the digests cannot be used."""

    reason = "digest_key_damaged"


class EvidenceUnwritable(EvidenceFailed):
    """The evidence could not be written. Check room and rights of the evidence folder."""

    reason = "evidence_unwritable"
    permanent = False
