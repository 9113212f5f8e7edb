"""storage.database.schema: upgrading from any released schema, completely or not at all."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Set
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, inspect, text

from storage import alerts, listings, runs, search, sources
from storage.database import schema
from storage.database.base import Database
from storage.database.revisions import KNOWN_REVISIONS
from storage.errors import SchemaNewer, SchemaOutdated, StorageError
from tests.storage import given

RELEASED = sorted((Path(__file__).parents[1] / "released").glob("*.json"))
REVISIONS = {"watch", "source_revision"}  # tables of one row, which the migrations write
Rows = dict[str, list[dict[str, object]]]


def test_a_new_database_gets_the_whole_schema(empty_url: str) -> None:
    """An empty database gets this program's revision; a second upgrade changes nothing."""
    database = Database.open(empty_url)
    before = schema.stored_revision(database)
    schema.upgrade_schema(database)
    schema.upgrade_schema(database)

    assert (before, schema.stored_revision(database)) == (None, schema.newest_revision())
    schema.require_current(database)
    database.close()


def test_the_models_are_what_the_database_has(database: Database) -> None:
    """The models and the migrated database have no differences."""
    assert schema.schema_differences(database) == []


def test_alembic_check_is_clean(database: Database) -> None:
    """`alembic check` finds nothing to do."""
    with database.engine.connect() as connection:
        command.check(schema.alembic_config(connection))


def test_the_revisions_are_those_of_the_migrations() -> None:
    """The revisions in the file names are those that Alembic reads in the files."""
    scripts = ScriptDirectory.from_config(schema.alembic_config())

    assert [script.revision for script in scripts.walk_revisions()] == [*reversed(KNOWN_REVISIONS)]
    assert scripts.get_current_head() == schema.newest_revision()


def test_every_table_has_rows_in_the_last_release() -> None:
    """The file of the last release has rows for every table, so that their upgrade is tested."""
    rows = json.loads(RELEASED[-1].read_text(encoding="utf-8"))

    assert RELEASED[-1].stem == schema.newest_revision()
    assert [table for table in schema.METADATA.tables if not rows.get(table)] == []


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: str(path.stem))
def test_every_released_schema_can_be_upgraded(empty_url: str, released: Path) -> None:
    """An upgraded database of that release has all of its rows, and the program works with it."""
    database = Database.open(empty_url)
    schema.upgrade_schema(database, released.stem)
    fill(database, json.loads(released.read_text(encoding="utf-8")))
    before = stored(database)
    schema.upgrade_schema(database)
    after = stored(database)

    assert schema.schema_differences(database) == []
    for table, rows in before.items():
        columns = rows[0].keys() & after[table][0].keys()
        assert [subset(row, columns) for row in after[table]] == [subset(row, columns) for row in rows]
    with database.transaction() as session:
        given.source(session, "added after the upgrade")
    with database.reading() as session:
        assert [listing.title for listing in listings.search_listings(session, "趣店")] == [
            "出售趣店学生数据"
        ]
        assert [run.source.name for run in runs.recent_runs(session)] == ["market"]
        assert {alert.title for alert in alerts.recent_alerts(session)} == {"Data of Lender is offered"}
    database.close()


def fill(database: Database, rows: Rows) -> None:
    """Insert the rows as the old program left them, by plain SQL."""
    flags = {
        (table, column["name"])
        for table in rows
        for column in inspect(database.engine).get_columns(table)
        if isinstance(column["type"], Boolean)
    }
    with database.transaction() as session:
        for table in REVISIONS & rows.keys():
            session.execute(text(f"DELETE FROM {table}"))
        for table, held in rows.items():
            for row in held:
                values = {
                    name: bool(value) if (table, name) in flags else value for name, value in row.items()
                }
                columns, places = ", ".join(row), ", ".join(f":{name}" for name in row)
                session.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({places})"), values)
            if database.dialect == "postgresql" and "id" in rows[table][0]:
                last = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                session.execute(text(last))
        search.index_listing(session, 1, "出售趣店学生数据")


def key(table: str) -> str:
    return ", ".join(column.name for column in schema.METADATA.tables[table].primary_key)


def stored(database: Database) -> Rows:
    tables = set(inspect(database.engine).get_table_names())
    ours = [table for table in schema.METADATA.tables if table in tables]
    with database.reading() as session:
        return {
            table: [
                dict(row)
                for row in session.execute(text(f"SELECT * FROM {table} ORDER BY {key(table)}")).mappings()
            ]
            for table in ours
        }


def subset(row: dict[str, object], columns: Set[str]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name in columns}


def test_an_empty_database_is_outdated(empty_url: str) -> None:
    """The error names the revision found, the expected one and the command to run."""
    database = Database.open(empty_url)
    with pytest.raises(SchemaOutdated, match=r"empty.*\d+.*`spillwatch db upgrade`"):
        schema.require_current(database)
    database.close()


def test_a_database_of_a_newer_program(database: Database) -> None:
    """A schema of a newer program is refused and not changed."""
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaNewer, match="9999"):
        schema.require_current(database)
    with pytest.raises(SchemaNewer):
        schema.upgrade_schema(database)
    assert schema.stored_revision(database) == "9999"


def test_several_upgrades_at_once(empty_url: str) -> None:
    """Four upgrades at the same time succeed."""
    barrier = threading.Barrier(4)
    failures: list[StorageError] = []

    def upgrade() -> None:
        database = Database.open(empty_url)
        barrier.wait()
        try:
            schema.upgrade_schema(database)
        except StorageError as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


KILLED = """
import os, signal, sys
from sqlalchemy import event
from storage.database import schema
from storage.database.base import Database
database = Database.open(sys.argv[1])
statements = 0
@event.listens_for(database.engine, "after_cursor_execute")
def kill(*_):
    global statements
    statements += 1
    if statements == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
schema.upgrade(database)
"""


@pytest.mark.parametrize("statement", [5, 20, 45])
def test_a_killed_upgrade_leaves_the_old_schema(empty_url: str, statement: int) -> None:
    """An upgrade that is killed after some statements changes nothing, and the next one completes."""
    subprocess.run([sys.executable, "-c", KILLED, empty_url, str(statement)], check=False)
    database = Database.open(empty_url)
    tables = set(inspect(database.engine).get_table_names())
    schema.upgrade_schema(database)

    assert tables <= {"alembic_version"}
    assert schema.schema_differences(database) == []
    database.close()


def test_foreign_keys_hold_after_an_upgrade(sqlite_database: Database) -> None:
    """Foreign keys are off during an upgrade, and on again for every connection."""
    schema.upgrade_schema(sqlite_database)
    with sqlite_database.reading() as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_an_upgrade_that_would_break_a_reference(sqlite_database: Database) -> None:
    """A row that refers to a missing row stops the upgrade before anything is committed."""
    path = str(sqlite_database.engine.url.database)
    with sqlite3.connect(path) as broken:  # foreign keys are off by default there
        broken.execute(
            "INSERT INTO source_changes (source_id, before, after, at, alert_state)"
            " VALUES (99, 'ok', 'refused', '2026-03-14 00:00:00.000000', 'pending')"
        )
    with pytest.raises(StorageError, match="source_changes"):
        schema.upgrade_schema(sqlite_database)


def test_upgrading_does_not_touch_what_is_current(database: Database) -> None:
    """Upgrading a current database changes no row."""
    with database.transaction() as session:
        given.source(session)
    schema.upgrade_schema(database)

    with database.reading() as session:
        assert len(sources.active_sources(session)) == 1
