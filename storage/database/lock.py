"""The daemon's lock: one daemon per database, so that a row marked as running at its start belongs to
nobody.
"""

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from storage.database.base import Database
from storage.database.faults import translate_faults
from storage.errors import AlreadyRunning, DatabaseRefused

ADVISORY_KEY = 0x5350494C4C  # any constant; advisory locks are separate for each database
HELD = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
NODES_THERE = text(
    "SELECT count(*) FROM nodes"
    " WHERE engine = 'procrastinate' AND ended_at IS NULL AND lease_until > clock_timestamp()"
)
REFUSAL = "{place}: another daemon runs on this database. Stop it first: a database can have only one."


class DaemonLock:
    """A lock that is held until `release`, or until the process ends in any way."""

    def __init__(self, release: Callable[[], None], alive: Callable[[], bool]) -> None:
        self._release = release
        self._alive = _Question(alive)

    @classmethod
    def acquire(cls, database: Database) -> Self:
        """Take the lock; raises AlreadyRunning at once if another process holds it."""
        if database.dialect == "postgresql":
            return cls(*_take_advisory_lock(database))
        return cls(*_lock_file(database))

    def held(self) -> bool:
        """Return whether the lock is still held. False: PostgreSQL restarted and dropped it; stop working at
        once. While PostgreSQL does not answer, it gives the lock to nobody else: True, without a long wait.
        """
        return self._alive()

    def release(self) -> None:
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


LockFunctions = tuple[Callable[[], None], Callable[[], bool]]


def _lock_file(database: Database) -> LockFunctions:
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
    # The file stays: if it were deleted, two daemons could lock two files with the same name.
    return _only_once(lambda: os.close(handle)), lambda: True


def _take_advisory_lock(database: Database) -> LockFunctions:
    with translate_faults(database.place):
        connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY}).scalar()
        if taken and _nodes_share(connection):
            # The connection goes back into the pool, and must not take the lock with it.
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_KEY})
            taken = False
    if not taken:
        connection.close()
        raise AlreadyRunning(REFUSAL.format(place=database.place))
    # The connection must not go back into the pool: the lock belongs to it and must end with it.
    connection.detach()
    return _only_once(lambda: _unlock(connection)), lambda: _connection_holds_lock(connection)


def _nodes_share(connection: Connection) -> bool:
    """Return whether nodes share this database. They hold no lock, because their leases say who is there."""
    if connection.scalar(text("SELECT to_regclass('nodes')")) is None:
        return False
    return bool(connection.scalar(NODES_THERE))


def _unlock(connection: Connection) -> None:
    """Release the lock explicitly: the server may notice a closed connection too late for the next daemon."""
    with suppress(SQLAlchemyError):
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_KEY})
    connection.close()


def _connection_holds_lock(connection: Connection) -> bool:
    """Return whether this connection holds the lock, unless the server says that it does not.

    After a break the second attempt connects again, without the lock.
    """
    for _ in range(2):
        try:
            return bool(connection.scalar(HELD))
        except SQLAlchemyError:
            connection.rollback()
    return True


class _Question:
    """A question with a thread of its own, because a server may hang for hours. The last answer counts."""

    answer_within_s = 2.0

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._answer = True
        self._thread: threading.Thread | None = None

    def __call__(self) -> bool:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._keep_answer, name="lock-question", daemon=True)
            self._thread.start()
        self._thread.join(self.answer_within_s)
        return self._answer

    def _keep_answer(self) -> None:
        self._answer = self._ask()


def _only_once(release: Callable[[], None]) -> Callable[[], None]:
    pending = [release]

    def run() -> None:
        while pending:
            pending.pop()()

    return run
