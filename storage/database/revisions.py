"""The revision of the schema: the one in the database and the one that this program needs.

Every command checks the revision and few change it, so this module does not import Alembic; `schema` does.
"""

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from storage import tables
from storage.database.base import Database
from storage.database.faults import translate_faults
from storage.errors import SchemaNewer, SchemaOutdated

MIGRATIONS = Path(__file__).parents[1] / "migrations"
_TABLE = "alembic_version"

# Queries follow the check of the revision, and foreign keys find tables by name: so all tables are declared
# here.
DECLARED_TABLES = tables.MODULES

# All revisions in order: the file name of a migration begins with its number.
KNOWN_REVISIONS = tuple(
    sorted(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*_*.py"))
)


def newest_revision() -> str:
    """Return the revision that this program needs."""
    return KNOWN_REVISIONS[-1]


def stored_revision(database: Database) -> str | None:
    """Return the revision of the database; None: it has no schema of Spillwatch."""
    with translate_faults(database.place), database.readers.connect() as connection:
        return revision_at(connection)


def revision_at(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_TABLE):
        return None
    found = connection.scalar(select(column("version_num")).select_from(table(_TABLE)))
    return None if found is None else str(found)


def require_current(database: Database) -> None:
    """Raise SchemaOutdated or SchemaNewer if the database has another revision than this program needs."""
    found = stored_revision(database)
    require_known(database, found)
    if found != newest_revision():
        raise SchemaOutdated(
            f"{database.place}: its schema is {found or 'empty'}, expected {newest_revision()}."
            " Run `spillwatch db upgrade`."
        )


def require_known(database: Database, found: str | None) -> None:
    if found not in {None, *KNOWN_REVISIONS}:
        raise SchemaNewer(
            f"{database.place}: its schema is {found}, which this program does not know (it needs "
            f"{newest_revision()})."
            " Install the newer program again, or restore the backup made before the upgrade."
        )
