"""The schema's revision: what the database has and what this program wants. What changes it is `schema`.

Every command asks, and few change anything, so Alembic is not imported for it.
"""

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from storage import tables
from storage.base import Database
from storage.errors import SchemaNewer, SchemaOutdated
from storage.faults import translated

MIGRATIONS = Path(__file__).parent / "migrations"
_TABLE = "alembic_version"

#: Whoever asks is about to query, and a foreign key finds its table by name: all of them are declared by now.
DECLARED = tables.NOUNS

#: All revisions, in order: a migration's file begins with its number.
KNOWN = tuple(sorted(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*_*.py")))


def newest_revision() -> str:
    """The revision that this program works with."""
    return KNOWN[-1]


def stored_revision(database: Database) -> str | None:
    """None: the database has no schema of ours."""
    with translated(database.place), database.readers.connect() as connection:
        return revision_at(connection)


def revision_at(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_TABLE):
        return None
    found = connection.scalar(select(column("version_num")).select_from(table(_TABLE)))
    return None if found is None else str(found)


def require_current(database: Database) -> None:
    """Raises SchemaOutdated or SchemaNewer."""
    found = stored_revision(database)
    require_known(database, found)
    if found != newest_revision():
        raise SchemaOutdated(
            f"{database.place}: its schema is {found or 'empty'}, wanted {newest_revision()}."
            " Run `spillwatch db upgrade`."
        )


def require_known(database: Database, found: str | None) -> None:
    if found not in {None, *KNOWN}:
        raise SchemaNewer(
            f"{database.place}: its schema is {found}, which this program does not know (it has "
            f"{newest_revision()})."
            " Install the newer program again, or restore the backup made before the upgrade."
        )
