"""Whether what is read can be stored now: each check writes, and leaves nothing behind.

A full disk, a read-only mount and a lost volume look healthy to somebody who only reads.
"""

import errno
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from storage.captures import holds_evidence
from storage.database.base import Database
from storage.errors import (
    DatabaseFull,
    DatabaseRefused,
    DigestKeyMissing,
    EvidenceFolderMissing,
    EvidenceUnwritable,
)
from storage.evidence.digest import KEY_FILE
from storage.stores.byte_store import ByteStore

#: Bytes that the probe writes into a folder.
PROBE_BYTES = 64 * 1024
#: Bytes free below which the next captures may not fit, although the probe's file still does.
MIN_FREE = 16 * 1024 * 1024
PROBE_FILE = ".write-probe"
#: What the system says when there is no space, in a disk, a quota or a limit of the process.
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
#: SQLSTATE of PostgreSQL: insufficient_privilege.
NOT_ALLOWED = "42501"
#: A row of the schema's own table, which is never committed.
PROBE_ROW = "INSERT INTO alembic_version (version_num) VALUES ('write probe')"
#: PostgreSQL extends a file for this table, so a full disk is noticed. It is never committed either.
PROBE_TABLE = (
    "CREATE TEMPORARY TABLE spillwatch_write_probe AS"
    " SELECT md5(random()::text) AS filler FROM generate_series(1, 2000)"
)


class NearlyFull(OSError):
    """A folder can be written, and has less than MIN_FREE left."""


def require_writable_database(database: Database) -> None:
    """Write to the database and roll back. Raises the StorageError that prevents a write."""
    with database.transaction() as session:
        session.execute(text(PROBE_ROW))
        if database.dialect == "postgresql":
            _make_probe_table(session)
        session.rollback()
    if database.dialect == "sqlite" and (path := database.engine.url.database):
        # SQLite writes to the disk at the commit, so the disk is tried beside its file.
        _require_writable_folder_of(database, Path(path).parent)


def _make_probe_table(session: Session) -> None:
    """Make a temporary table. A role that may not do that has proved with the row that it can write."""
    try:
        with session.begin_nested():
            session.execute(text(PROBE_TABLE))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != NOT_ALLOWED:
            raise


def _require_writable_folder_of(database: Database, folder: Path) -> None:
    try:
        _write_into(folder)
    except OSError as error:
        kind = DatabaseFull if error.errno in NO_SPACE else DatabaseRefused
        raise kind(
            f"{database.place}: its folder {_trouble_of(error)}. Check its free space, owner and mode."
        ) from None


def require_writable_evidence(folder: Path) -> None:
    """Write a file into the evidence folder, or into the nearest folder above one that is still to be made.

    Raises EvidenceUnwritable.
    """
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    try:
        _write_into(there)
    except OSError as error:
        raise EvidenceUnwritable(
            f"the evidence folder {folder} {_trouble_of(error)}. Check its free space, owner and mode."
        ) from None


def require_known_evidence(database: Database, folder: Path, shared: ByteStore | None = None) -> None:
    """Raise EvidenceFolderMissing or DigestKeyMissing if the database points into a folder that is not there.

    A new folder would hide the loss, and with a new key every listing would look changed. A node that is new
    has no folder yet; then the `shared` store has to have the key. Raises StoreFailed.
    """
    if (folder / KEY_FILE).exists():
        return
    if shared is not None and shared.size(KEY_FILE) is not None:
        return
    with database.reading() as session:
        in_use = holds_evidence(session)
    require_digest_key(folder, in_use=in_use)


def require_digest_key(folder: Path, *, in_use: bool) -> None:
    """Raise EvidenceFolderMissing or DigestKeyMissing if the folder is `in_use` and lost its key."""
    if not in_use or (folder / KEY_FILE).exists():
        return
    if not folder.exists() or not any(folder.iterdir()):
        raise EvidenceFolderMissing(
            f"the evidence folder {folder} is missing or empty, although the database points to files in it. "
            "Mount its volume, correct evidence_dir, or restore the folder from a backup."
        )
    raise DigestKeyMissing(
        f"{folder / KEY_FILE} is missing, although the database holds digests made with it. Restore it from "
        "a backup: with a new key, every listing looks changed."
    )


def _write_into(folder: Path) -> None:
    """Write a file into a folder and remove it. Raises the OSError that prevents it, or NearlyFull."""
    path = folder / f"{PROBE_FILE}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0) as file:
            if file.write(bytes(PROBE_BYTES)) < PROBE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        with suppress(OSError):
            path.unlink()
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE:
        raise NearlyFull(errno.ENOSPC, f"only {free // 1024:,} KiB are free")


def _trouble_of(error: OSError) -> str:
    if isinstance(error, NearlyFull):
        return f"is nearly full ({error.strerror}; runs need {MIN_FREE >> 20} MiB)"
    return f"cannot be written ({error.strerror})"
