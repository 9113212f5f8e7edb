"""One daemon a database, so that whatever is marked as running at boot belongs to nobody."""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from storage.base import Database
from storage.errors import AlreadyRunning, DatabaseRefused
from storage.faults import translated

ADVISORY_KEY = 0x5350494C4C  # any constant; advisory locks are kept by database
HELD = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
REFUSAL = "{place}: another daemon runs on this database. Stop it first: one daemon a database."


class DaemonLock:
    """Held until `release`, or until the process ends, however it ends."""

    def __init__(self, release: Callable[[], None], alive: Callable[[], bool]) -> None:
        self._release = release
        self._alive = alive

    @classmethod
    def acquire(cls, database: Database) -> Self:
        """Raises AlreadyRunning at once where another holds it."""
        if database.dialect == "postgresql":
            return cls(*_advisory(database))
        return cls(*_file(database))

    def held(self) -> bool:
        """False: the server has forgotten us (PostgreSQL went away); stop working at once."""
        return self._alive()

    def release(self) -> None:
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


Held = tuple[Callable[[], None], Callable[[], bool]]


def _file(database: Database) -> Held:
    path = Path(f"{database.engine.url.database}.lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseRefused(f"{path}: cannot be locked ({os.strerror(error.errno or 0)})") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise AlreadyRunning(REFUSAL.format(place=database.place)) from None
    # The file stays: deleting it would let two daemons hold two files of one name.
    return _once(lambda: os.close(handle)), lambda: True


def _advisory(database: Database) -> Held:
    with translated(database.place):
        connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY}).scalar()
    if not taken:
        connection.close()
        raise AlreadyRunning(REFUSAL.format(place=database.place))
    # Not back into the pool: the lock belongs to this connection and must end with it.
    connection.detach()
    return _once(lambda: _unlock(connection)), lambda: _still_ours(connection)


def _unlock(connection: Connection) -> None:
    """Told to the server, which may notice the closed connection only after the next daemon has asked."""
    with suppress(SQLAlchemyError):
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_KEY})
    connection.close()


def _still_ours(connection: Connection) -> bool:
    """After a break SQLAlchemy connects anew without a word, and the new connection holds nothing."""
    try:
        return bool(connection.scalar(HELD))
    except SQLAlchemyError:
        return False


def _once(release: Callable[[], None]) -> Callable[[], None]:
    pending = [release]

    def run() -> None:
        while pending:
            pending.pop()()

    return run
