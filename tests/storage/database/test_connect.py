"""storage.database.connect and faults: the errors of a wrong address or a broken database."""

import socket
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from storage import sources
from storage.database import schema
from storage.database.base import Database
from storage.database.connect import database_label, parse_url
from storage.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseRefused,
    DatabaseSessionEnded,
    DatabaseUnreachable,
    DatabaseUrlInvalid,
    SchemaOutdated,
    StorageError,
)
from storage.settings import StorageSettings
from tests.peers.postgres import PostgresServer
from tests.storage import given
from tests.waiting import wait_until

SECRET = "hunter2-synthetic"


@pytest.mark.parametrize(
    ("url", "key_text"),
    [
        (f"mysql://user:{SECRET}@db.example/x", "mysql://"),
        (f"nonsense {SECRET}", "database_url"),
        (f"postgresql://user:{SECRET}@db.example:port/x", "database_url"),
        (f"postgresql://user:{SECRET}@db.example", "database_url"),
        ("sqlite://", "database_url"),
        ("sqlite:///:memory:", "database_url"),
    ],
)
def test_a_wrong_url_is_refused_without_its_secret(url: str, key_text: str) -> None:
    """The error names the mistake and the expected forms, and does not contain the password."""
    with pytest.raises(DatabaseUrlInvalid) as error:
        parse_url(url)

    assert key_text in str(error.value)
    assert "sqlite:///" in str(error.value)
    assert "postgresql://" in str(error.value)
    assert SECRET not in str(error.value)


def test_settings_refuse_a_wrong_url_without_its_secret() -> None:
    """The validation error does not print the value."""
    with pytest.raises(ValueError, match="mysql") as error:
        StorageSettings.model_validate({"database_url": f"mysql://user:{SECRET}@db.example/x"})

    assert SECRET not in str(error.value) + repr(error.value)


@pytest.mark.parametrize(
    ("login", "named"),
    [
        ("user:Wren@Robin/Cuckoo", ["%40", "%2F"]),
        ("user:Wren/Robin", ["%2F"]),
        ("user:Wren:Robin", ["%3A"]),
        ("user:Wren#Robin", ["%23"]),
        ("user:Wren?Robin", ["%3F"]),
        ("user:@Wren", ["%40"]),
        ("user:Wren@@", ["%40"]),
        ("user:12/Wren", ["%2F"]),
        ("user:/Wren/Robin@", ["%40", "%2F"]),
        ("us/er:Wren", ["%2F"]),
        ("us@er:Wren", ["%40"]),
        ("Wren#Robin", ["%23"]),
        ("user:Wr%40en@Robin", ["%40"]),
    ],
)
def test_an_unencoded_login_is_refused_with_the_way_to_write_it(login: str, named: list[str]) -> None:
    """A character that ends a user name or a password is named with its encoding, and no part is repeated."""
    with pytest.raises(DatabaseUrlInvalid) as error:
        parse_url(f"postgresql://{login}@db.example:5433/watch")

    told = str(error.value)
    assert [code for code in ("%40", "%2F", "%3A", "%23", "%3F") if f"(write {code})" in told] == named
    assert not [word for word in ("Wren", "Robin", "Cuckoo", "db.example") if word in told]
    assert "urllib.parse" in told


@pytest.mark.parametrize(
    ("url", "password", "label"),
    [
        ("postgresql://user:Wren%40Robin%2F%3A%23%3F@db.example/x", "Wren@Robin/:#?", "x at db.example"),
        ("postgresql://user:Wr!en$&'()*+,;=%25[]~@db.example/x", "Wr!en$&'()*+,;=%[]~", "x at db.example"),
        ("postgresql://user:Wren@[::1]:5433/x?sslmode=require", "Wren", "x at ::1:5433"),
        ("postgresql://us%40er@db.example/x#1", None, "x#1 at db.example"),
        ("postgresql:///x?host=/run/postgresql", None, "x at /run/postgresql"),
        ("postgresql://db.example:5433/x?options=-c%20a:b", None, "x at db.example:5433"),
    ],
)
def test_an_encoded_login_is_read(url: str, password: str | None, label: str) -> None:
    """Encoded characters, and those that need no encoding, give the password that was meant."""
    parsed = parse_url(url)

    assert (parsed.password, database_label(parsed)) == (password, f"PostgreSQL {label}")


def test_the_path_of_a_file_may_contain_any_of_these_characters() -> None:
    """A SQLite URL has no login, so an @ and a colon belong to the path."""
    assert parse_url("sqlite:////var/lib/u:p@host#1/watch.db").database == "/var/lib/u:p@host#1/watch.db"


@pytest.mark.parametrize("url", ["sqlite://var/watch.db", "sqlite://u:Wren@Robin/watch.db"])
def test_a_file_after_two_slashes_is_refused(url: str) -> None:
    """With two slashes, the first folder would be read as a server's name."""
    with pytest.raises(DatabaseUrlInvalid, match="three slashes") as error:
        parse_url(url)

    assert "Wren" not in str(error.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_taken(scheme: str) -> None:
    """A URL with any of the usual schemes works."""
    assert parse_url(f"{scheme}://user@db.example/x").drivername == "postgresql+psycopg"


def test_a_database_is_shown_without_its_secrets() -> None:
    """The label has no user, password or query, which can contain a password too."""
    url = parse_url(f"postgresql://user:{SECRET}@db.example:5433/watch?sslpassword={SECRET}")

    assert database_label(url) == "PostgreSQL watch at db.example:5433"


def test_a_server_that_does_not_answer() -> None:
    """If no server listens, the error is not permanent, and neither it nor its cause contains the
    password.
    """
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        database = Database.open(f"postgresql://user:{SECRET}@127.0.0.1:{port}/watch")
        with pytest.raises(DatabaseUnreachable) as error, database.reading() as session:
            session.execute(text("SELECT 1"))

    assert f"PostgreSQL watch at 127.0.0.1:{port}" in str(error.value)
    assert not error.value.permanent
    assert SECRET not in str(error.value) + repr(error.value.__cause__)


def test_a_database_that_does_not_exist(postgres_server: PostgresServer) -> None:
    """If the server refuses, the error names the database."""
    database = Database.open(postgres_server.url("no_such_database"))
    with pytest.raises(StorageError) as error, database.reading() as session:
        session.execute(text("SELECT 1"))

    assert "no_such_database" in str(error.value)


def test_a_connection_that_the_server_cut_is_replaced(postgres_url: str) -> None:
    """After the server ended all connections, the next transaction gets a new one and works."""
    database = Database.open(postgres_url)
    with database.transaction() as session:
        given.source(session)
    with psycopg.connect(postgres_url.replace("/test_", "/test_"), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with database.reading() as session:
        found = sources.active_sources(session)
    database.close()

    assert len(found) == 1


def test_a_connection_that_is_cut_in_a_transaction(postgres_url: str) -> None:
    """The block fails as unreachable, and nothing of it is stored."""
    database = Database.open(postgres_url)
    with pytest.raises(DatabaseUnreachable), database.transaction() as session:
        given.source(session)
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [pid])
        given.source(session, "another")
    with database.reading() as session:
        found = sources.active_sources(session)
    database.close()

    assert found == []


def test_a_session_that_does_nothing_is_ended(postgres_url: str) -> None:
    """A process that was paused in a transaction has written nothing, and may try again: its statement was
    not refused for what it says.
    """
    with (
        closing(Database.open(postgres_url, idle_timeout_s=0.2)) as database,
        closing(Database.open(postgres_url)) as other,
    ):
        with pytest.raises(DatabaseSessionEnded) as refusal, database.transaction() as session:
            own = session.scalar(text("SELECT pg_backend_pid()"))
            wait_until(lambda: not _has_session(other, own), "the end of the session")
            session.execute(text("SELECT 1"))
        with database.transaction() as session:
            again = session.scalar(text("SELECT 1"))

    assert (refusal.value.reason, refusal.value.permanent, again) == ("database_session_ended", False, 1)


def _has_session(database: Database, pid: int | None) -> bool:
    with database.reading() as session:
        query = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
        return bool(session.scalar(query, {"pid": pid}))


def test_a_writer_that_never_ends(sqlite_url: str) -> None:
    """A lock that is not released is an error after the configured wait."""
    holder = Database.open(sqlite_url)
    waiting = Database.open(sqlite_url, busy_timeout_s=0.1)
    with holder.transaction() as held:
        given.source(held)
        with pytest.raises(DatabaseBusy) as error, waiting.transaction() as session:
            given.source(session, "another")

    assert not error.value.permanent
    assert (error.value.reason, error.value.permanent) == ("database_busy", False)


def test_a_row_that_is_never_let_go(postgres_url: str) -> None:
    """A row lock of PostgreSQL is an error after the configured wait too."""
    holder = Database.open(postgres_url)
    waiting = Database.open(postgres_url, busy_timeout_s=0.1)
    with holder.transaction() as session:
        source_id = given.source(session)
    with holder.transaction() as held:
        sources.save_cursor(held, source_id, {"page": 1})
        with pytest.raises(DatabaseBusy), waiting.transaction() as session:
            sources.save_cursor(session, source_id, {"page": 2})
    holder.close()
    waiting.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A text file is reported as damaged and stays as it is."""
    path = tmp_path / "notes.db"
    path.write_text("these are my notes, not a database\n" * 100)
    with pytest.raises(DatabaseDamaged), Database.open(f"sqlite:///{path}").reading() as session:
        session.execute(text("SELECT 1 FROM sources"))

    assert path.read_text().startswith("these are my notes")


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    """The error names the path and the cause."""
    with pytest.raises(DatabaseUnreachable, match="directory") as error:
        schema.stored_revision(Database.open(f"sqlite:///{tmp_path}"))

    assert str(tmp_path) in str(error.value)


def test_an_empty_database_is_told_to_be_upgraded(empty_url: str) -> None:
    """The error of a database without a schema names the command that creates it."""
    database = Database.open(empty_url)
    with pytest.raises(SchemaOutdated, match="spillwatch db upgrade"), database.reading() as session:
        sources.active_sources(session)
    database.close()


def test_the_file_is_made_by_many_at_once(tmp_path: Path) -> None:
    """Eight threads can open a new database at the same moment."""
    path = tmp_path / "new.db"
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def open_it() -> None:
        database = Database.open(f"sqlite:///{path}")
        barrier.wait()
        try:
            with database.transaction() as session:
                session.execute(text("CREATE TABLE IF NOT EXISTS t (x INTEGER)"))
        except StorageError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """If the parent is a file, the error is a StorageError, not one of the operating system."""
    (tmp_path / "file").write_text("")
    with pytest.raises((DatabaseUnreachable, DatabaseRefused)):
        schema.stored_revision(Database.open(f"sqlite:///{tmp_path}/file/spillwatch.db"))
