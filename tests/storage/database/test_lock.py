"""storage.database.lock: one daemon per database."""

import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from storage.database.base import Database
from storage.database.lock import DaemonLock
from storage.errors import AlreadyRunning
from tests.peers.postgres import PostgresServer

PATIENCE_S = 60.0  # a server on a machine that has much else to do may notice late
HOLDER = """
import sys, signal
from storage.database.base import Database
from storage.database.lock import DaemonLock
lock = DaemonLock.acquire(Database.open(sys.argv[1]))
print("held", flush=True)
signal.pause()
"""


def test_a_second_daemon_is_refused(database: Database) -> None:
    """A second daemon is refused; after the first one has ended, another may start."""
    with DaemonLock.acquire(database) as first:
        assert first.held()
        with pytest.raises(AlreadyRunning, match="another daemon"):
            DaemonLock.acquire(database)

    DaemonLock.acquire(database).release()


def test_it_is_released_once(database: Database) -> None:
    """A second release does not release the lock of the next holder."""
    first = DaemonLock.acquire(database)
    first.release()
    second = DaemonLock.acquire(database)
    first.release()

    with pytest.raises(AlreadyRunning):
        DaemonLock.acquire(database)
    second.release()


def test_other_work_goes_on_beside_it(database: Database) -> None:
    """The lock does not block transactions."""
    with DaemonLock.acquire(database), database.transaction() as session:
        session.execute(text("UPDATE watch SET revision = 7"))


def test_it_ends_with_its_process(database: Database, database_url: str) -> None:
    """If the process that holds the lock is killed, the lock is free."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, database_url], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(AlreadyRunning):
        DaemonLock.acquire(database)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()

    wait_until_free(database).release()


def wait_until_free(database: Database) -> DaemonLock:
    """Take the lock as soon as it is free: PostgreSQL notices a broken connection with a delay."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            return DaemonLock.acquire(database)
        except AlreadyRunning:
            time.sleep(0.01)
    raise AssertionError("the lock of a killed process was never given back")


def test_a_holder_notices_that_the_server_forgot_it(postgres_url: str) -> None:
    """After the server cut the lock's connection, `held` is False, although the server answers again."""
    database = Database.open(postgres_url)
    lock = DaemonLock.acquire(database)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    held = [lock.held(), lock.held()]
    lock.release()
    database.close()

    assert held == [False, False]


def test_a_server_that_is_away_or_hangs_has_given_the_lock_to_nobody(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """`held` stays True, within seconds, while the server is paused; and it is False only once it answers."""
    database = Database.open(postgres_url)
    lock = DaemonLock.acquire(database)
    with postgres_server.paused():
        began = time.monotonic()
        held = [lock.held(), lock.held()]
        took_s = time.monotonic() - began
    held.append(lock.held())
    lock.release()
    database.close()

    assert held == [True, True, True]
    assert took_s < 20


def test_the_lock_file_is_private(sqlite_database: Database) -> None:
    """The lock file lies beside the database, stays there, and can only be read by its owner."""
    with DaemonLock.acquire(sqlite_database):
        pass
    path = Path(f"{sqlite_database.engine.url.database}.lock")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
