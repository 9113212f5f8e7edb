"""The schema: the way from any released revision to this program's, and whether the models agree with it."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from storage.base import Base, Database
from storage.errors import DatabaseDamaged
from storage.faults import translated
from storage.revisions import (
    MIGRATIONS,
    newest_revision,
    require_current,
    require_known,
    revision_at,
    stored_revision,
)

__all__ = [
    "METADATA",
    "config",
    "differences",
    "include_object",
    "newest_revision",
    "require_current",
    "stored_revision",
    "upgrade_schema",
]
UPGRADE_KEY = 0x5350494C4C2B  # the advisory lock of an upgrade; another than the daemon's
SEARCH_TABLES = "listing_search"  # made by hand in the migrations: the models know nothing of it

METADATA = Base.metadata


def upgrade_schema(database: Database, to: str = "head") -> None:
    """All of it or nothing: killed at any moment, the old schema is still there. Two at once take turns.

    Raises SchemaNewer where the database has been upgraded by a newer program.
    """
    with _migrating(database) as connection:
        require_known(database, revision_at(connection))
        command.upgrade(config(connection), to)


def differences(database: Database) -> list[object]:
    """What the models say and the database has not, or the other way round; empty is right."""
    with translated(database.place), database.readers.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": include_object})
        return list(compare_metadata(context, METADATA))


def include_object(_: object, name: str | None, kind: str, *__: object) -> bool:
    return not (kind == "table" and (name or "").startswith(SEARCH_TABLES))


def config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


@contextmanager
def _migrating(database: Database) -> Iterator[Connection]:
    with translated(database.place), database.engine.connect() as connection:
        if database.dialect == "sqlite":
            # Batch mode makes a table anew and drops the old one, which foreign keys would forbid. Inside a
            # transaction the pragma does nothing.
            _pragma(connection, "foreign_keys = OFF")
        try:
            with connection.begin():
                if database.dialect == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_KEY})
                yield connection
                if database.dialect == "sqlite":
                    _require_whole(database, connection)
        finally:
            if database.dialect == "sqlite":
                _pragma(connection, "foreign_keys = ON")


def _pragma(connection: Connection, setting: str) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _require_whole(database: Database, connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(1)
    if broken:
        raise DatabaseDamaged(
            f"{database.place}: after the upgrade a row of {broken[0][0]} would point at nothing, so nothing"
            " was changed. Restore a backup."
        )
