"""The schema: upgrading from any released revision, and comparing the models with the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from storage.database.base import Base, Database
from storage.database.faults import translate_faults
from storage.database.revisions import (
    MIGRATIONS,
    newest_revision,
    require_current,
    require_known,
    revision_at,
    stored_revision,
)
from storage.errors import DatabaseDamaged

__all__ = [
    "METADATA",
    "alembic_config",
    "include_object",
    "newest_revision",
    "require_current",
    "schema_differences",
    "stored_revision",
    "upgrade_schema",
]
UPGRADE_KEY = 0x5350494C4C2B  # advisory lock of an upgrade; a different one from the daemon's
SEARCH_TABLES = "listing_search"  # created by plain SQL in the migrations, so the models do not have it

METADATA = Base.metadata


def upgrade_schema(database: Database, to: str = "head") -> None:
    """Upgrade the schema in one transaction: if the process is killed, the old schema is unchanged.

    Two upgrades at the same time run one after the other. Raises SchemaNewer if a newer program has upgraded
    the database.
    """
    with _migration_transaction(database) as connection:
        require_known(database, revision_at(connection))
        command.upgrade(alembic_config(connection), to)


def schema_differences(database: Database) -> list[object]:
    """Return the schema_differences between the models and the database; empty: none."""
    with translate_faults(database.place), database.readers.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": include_object})
        return list(compare_metadata(context, METADATA))


def include_object(_: object, name: str | None, kind: str, *__: object) -> bool:
    return not (kind == "table" and (name or "").startswith(SEARCH_TABLES))


def alembic_config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


@contextmanager
def _migration_transaction(database: Database) -> Iterator[Connection]:
    with translate_faults(database.place), database.engine.connect() as connection:
        if database.dialect == "sqlite":
            # Batch mode creates a new table and drops the old one, which foreign keys would not allow. The
            # pragma has no effect inside a transaction, so it comes first.
            _set_pragma(connection, "foreign_keys = OFF")
        try:
            with connection.begin():
                if database.dialect == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_KEY})
                yield connection
                if database.dialect == "sqlite":
                    _check_foreign_keys(database, connection)
        finally:
            if database.dialect == "sqlite":
                _set_pragma(connection, "foreign_keys = ON")


def _set_pragma(connection: Connection, setting: str) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _check_foreign_keys(database: Database, connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(1)
    if broken:
        raise DatabaseDamaged(
            f"{database.place}: after the upgrade a row of {broken[0][0]} would refer to a row that does "
            "not exist, so"
            " nothing was changed. Restore a backup."
        )
