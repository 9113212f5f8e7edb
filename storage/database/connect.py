"""Opening each of the two databases, so that no other module has to know which one it is."""

import errno
import os
import sqlite3
import stat
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import ArgumentError

from storage.database.columns import dump_json
from storage.errors import DatabaseRefused, DatabaseUnreachable, DatabaseUrlInvalid

EXPECTED_URL = "expected sqlite:///path/to/file or postgresql://user:password@host:port/name"
#: The characters of a user name or a password that end it for some reader of URLs (RFC 3986, 3.2.1).
ENCODED = {"@": "%40", "/": "%2F", ":": "%3A", "#": "%23", "?": "%3F"}
QUOTING_COMMAND = 'import getpass, urllib.parse as u; print(u.quote(getpass.getpass(), safe=""))'
CONNECT_TIMEOUT_S = 10
#: After a minute without a sign of the server's machine a connection is lost. Linux would wait for two hours.
PEER_GONE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}
#: The same on the side of the server, after half a minute.
CLIENT_GONE: dict[str, int | str] = {
    "tcp_keepalives_idle": 15,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}
SWITCH_WAIT_S = 0.01  # between two attempts to switch a new file to write-ahead logging
_CREATION_LOCK = threading.Lock()  # no other thread may connect between the file's creation and its close
READING = "spillwatch_reading"  # the execution option that makes a transaction read-only
DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


@dataclass(slots=True)
class _Target:
    """What the connections of an engine are made to; the engine exists before that is known."""

    url: URL
    busy_timeout_s: float = 0.0
    idle_timeout_s: float | None = None


class SharedSqliteDialect(SQLiteDialect_pysqlite):
    """SQLite's dialect. All of its instances are equal, so an engine finds what another one has compiled."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


registry.register("sqlite.spillwatch", __name__, SharedSqliteDialect.__name__)

#: By backend: the URL of an engine whose target is not known yet.
PLACEHOLDERS = {
    "sqlite": make_url("sqlite+spillwatch:///placeholder"),
    "postgresql": make_url("postgresql+psycopg:///placeholder"),
}
#: By backend: the statements that this process has compiled, if its engines share them.
_SHARED: dict[str, dict[Any, Any]] = {}
#: By backend: an engine for whoever asks first.
_PREPARED: dict[str, tuple[Engine, _Target]] = {}


def parse_url(text: str) -> URL:
    """Return the URL with its driver.

    Raises DatabaseUrlInvalid, whose message repeats nothing of the URL except its scheme.
    """
    _require_encoded_login(text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseUrlInvalid(f"database_url is not a URL; {EXPECTED_URL}") from None
    driver = DRIVERS.get(url.drivername)
    if driver is None:
        raise DatabaseUrlInvalid(
            f"database_url begins with {url.drivername}://, which is not supported; {EXPECTED_URL}"
        )
    if driver.startswith("sqlite") and (url.database or ":memory:").startswith((":memory:", "file:")):
        raise DatabaseUrlInvalid(
            f"database_url does not name a file, but several processes must share the database; "
            f"{EXPECTED_URL}"
        )
    if driver.startswith("sqlite") and (url.host or url.username or url.password):
        raise DatabaseUrlInvalid(
            f"database_url has fewer than three slashes after sqlite:, so its path begins as the name of a "
            f"server; {EXPECTED_URL}"
        )
    if driver.startswith("postgresql") and not url.database:
        raise DatabaseUrlInvalid(f"database_url does not name a database; {EXPECTED_URL}")
    return url.set(drivername=driver)


def _require_encoded_login(text: str) -> None:
    """Refuse a URL whose user or password contains a character that has to be percent-encoded.

    What stands before the last "@" is the login, whatever it contains. Other readers of the URL stop at an
    earlier character and take the rest of the password for the host or the database, which messages name.
    """
    scheme, _, rest = text.partition("://")
    login, at, _ = rest.rpartition("@")
    if not at or scheme.startswith("sqlite"):
        return
    user, _, password = login.partition(":")
    wrong = [sign for sign in ENCODED if sign in password or (sign in user and sign != ":")]
    if not wrong:
        return
    found = ", ".join(f"{sign} (write {ENCODED[sign]})" for sign in wrong)
    raise DatabaseUrlInvalid(
        f"database_url has {found} before its last @: in a user name, a password or a parameter, these "
        "characters are percent-encoded. This command asks for a password and prints how to write it: "
        f"python3 -c '{QUOTING_COMMAND}'; {EXPECTED_URL}"
    )


def database_label(url: URL) -> str:
    """Return the database as messages may show it: without user, password and query."""
    if url.drivername.startswith("sqlite"):
        return f"SQLite {url.database}"
    host = url.host or url.query.get("host") or "local socket"
    return f"PostgreSQL {url.database} at {host}" + (f":{url.port}" if url.port else "")


def engine_for(url: URL, *, busy_timeout_s: float, idle_timeout_s: float | None = None) -> Engine:
    """Return an engine, which connects at the first statement and never shows parameters in an exception.

    `idle_timeout_s`: after it PostgreSQL ends a session that does nothing within a transaction, because its
    process is suspended or cut off, and holds up everybody else with its locks.
    """
    backend = url.get_backend_name()
    engine, target = _PREPARED.pop(backend) if backend in _PREPARED else _new_engine(backend)
    engine.url = target.url = url
    target.busy_timeout_s, target.idle_timeout_s = busy_timeout_s, idle_timeout_s
    return engine


def prepare_for_forks() -> None:
    """Let the forks of this process find an engine of each kind, and the statements it has compiled.

    From now on all engines of one kind share their compiled statements. That store is not bounded, so this is
    for processes that open few databases, always with the same statements. Nothing is connected.
    """
    for backend in PLACEHOLDERS:
        _SHARED.setdefault(backend, {})
        with suppress(ImportError):  # a driver without its library, which whoever needs it is told then
            _PREPARED[backend] = _new_engine(backend)


def _new_engine(backend: str) -> tuple[Engine, _Target]:
    """Return an engine and its target, which must be set before the first connection."""
    target = _Target(PLACEHOLDERS[backend])
    shared = _SHARED.get(backend)
    engine = create_engine(
        target.url,
        hide_parameters=True,
        json_serializer=dump_json,
        pool_pre_ping=backend == "postgresql",
        execution_options={} if shared is None else {"compiled_cache": shared},
    )
    (_prepare_sqlite if backend == "sqlite" else _prepare_postgresql)(engine, target)
    return engine, target


def _aim(dialect: Dialect, target: _Target, arguments: list[Any], options: dict[str, Any]) -> None:
    """Let a connection that is about to be made, with these arguments and options, go to the target."""
    arguments[:], aimed = dialect.create_connect_args(target.url)
    options.clear()
    options.update(aimed)


def _prepare_sqlite(engine: Engine, target: _Target) -> None:
    @event.listens_for(engine, "do_connect")
    def _private_file(dialect: Dialect, _: object, arguments: list[Any], options: dict[str, Any]) -> None:
        make_private(Path(str(target.url.database)))
        _aim(dialect, target, arguments, options)
        options.update(timeout=target.busy_timeout_s, isolation_level=None)

    @event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, _: object) -> None:
        _sqlite_settings(connection, target.busy_timeout_s)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred BEGIN fails at once if it wants to write while another writer is active; IMMEDIATE waits.
        reading = connection.get_execution_options().get(READING, False)
        if connection.info.get(READING) is not reading:
            connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reading else 'OFF'}")
            connection.info[READING] = reading
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def make_private(path: Path) -> None:
    """Create the file with mode 0600 before SQLite opens it; -wal and -shm inherit the mode.

    An existing file is never opened here. POSIX locks belong to the process, so closing any handle on the
    file drops the locks of all our connections, and the next process that ends would delete the WAL while we
    use it (sqlite.org/howtocorrupt.html, section 2.2).
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _CREATION_LOCK, suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "a folder")
        if stat.S_IMODE(status.st_mode) & 0o077 and status.st_uid == os.geteuid():
            path.chmod(0o600)
        refused = not os.access(path, os.R_OK | os.W_OK)
    except PermissionError:
        refused = True
    except OSError as error:
        raise DatabaseUnreachable(
            f"SQLite {path}: cannot be opened ({os.strerror(error.errno or 0)})"
        ) from None
    if refused:
        raise DatabaseRefused(
            f"SQLite {path}: this user is not allowed to read and write the file; change its owner"
        )


def _sqlite_settings(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    cursor = connection.cursor()
    _enable_write_ahead_log(cursor, busy_timeout_s)
    cursor.execute("PRAGMA foreign_keys = ON")
    # With a WAL, a power cut may undo the last commits, but never a part of one.
    cursor.execute("PRAGMA synchronous = NORMAL")
    # What is deleted is overwritten with zeros, so that free pages hold nothing of it.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _enable_write_ahead_log(cursor: sqlite3.Cursor, busy_timeout_s: float) -> None:
    """Switch a new file to write-ahead logging, which all of its first connections try to do.

    A connection that reads while another one switches gets BUSY from SQLite at once, without its usual wait,
    because the two would wait for each other. So this function waits.
    """
    deadline = time.monotonic() + busy_timeout_s
    while True:
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(SWITCH_WAIT_S)
        else:
            return


def _prepare_postgresql(engine: Engine, target: _Target) -> None:
    @event.listens_for(engine, "do_connect")
    def _options(dialect: Dialect, _: object, arguments: list[Any], options: dict[str, Any]) -> None:
        _aim(dialect, target, arguments, options)
        settings: dict[str, int | str] = {
            "timezone": "UTC",
            "lock_timeout": int(target.busy_timeout_s * 1000),
        }
        if target.idle_timeout_s is not None:
            settings |= CLIENT_GONE
            settings["idle_in_transaction_session_timeout"] = int(target.idle_timeout_s * 1000)
        ours: dict[str, Any] = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "spillwatch",
            "client_encoding": "utf8",
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            **PEER_GONE,
        }
        options.update({name: value for name, value in ours.items() if name not in target.url.query})
