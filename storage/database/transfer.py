"""Copying all rows of one database into another, to move from SQLite to PostgreSQL.

The evidence files stay as they are: the copied rows point at the same files.
"""

from collections.abc import Callable

from sqlalchemy import Table, delete, func, insert, select
from sqlalchemy.orm import Session

from storage import search
from storage.database import schema
from storage.database.base import BATCH, Database
from storage.errors import TargetNotEmpty
from storage.listing_intake import searchable_text
from storage.listing_tables import Listing, ListingVersion
from storage.sources import SourceRevision
from storage.watch import WatchRevision

TABLES = schema.METADATA.sorted_tables
#: Tables of one row, which the migrations write.
REVISIONS = (WatchRevision, SourceRevision)


def transfer_rows(
    origin: Database, target: Database, *, progress: Callable[[str, int], None] = lambda *_: None
) -> dict[str, int]:
    """Copy all rows in one transaction; return the number of rows per table.

    If the process is killed, the target stays empty. Both databases need this program's schema. Hold the lock
    of both, so that nobody else writes. Raises TargetNotEmpty.
    """
    schema.require_current(origin)
    schema.require_current(target)
    with origin.reading() as source, target.transaction() as into:
        _require_empty(target, into)
        for each in REVISIONS:
            into.execute(delete(each))
        counts = {}
        for table in TABLES:
            counts[table.name] = _copy_table(source, into, table)
            progress(table.name, counts[table.name])
        _rebuild_search_index(into)
        if target.dialect == "postgresql":
            for table in TABLES:
                if "id" in table.c:
                    _advance_sequence(into, table)
    return counts


def _require_empty(target: Database, into: Session) -> None:
    full = [
        table.name
        for table in TABLES
        if table.name not in {each.__tablename__ for each in REVISIONS}
        and into.execute(select(*table.primary_key).limit(1)).first()
    ]
    if full:
        raise TargetNotEmpty(
            f"{target.place}: there are rows in {', '.join(full)}, expected an empty database. Name a new "
            "one."
        )


def _copy_table(source: Session, into: Session, table: Table) -> int:
    """Copy rows in the order of ids, because a re-post refers to an earlier row; return their number."""
    rows = source.execute(select(table).order_by(*table.primary_key).execution_options(yield_per=BATCH))
    count = 0
    for batch in rows.mappings().partitions():
        into.connection().execute(insert(table), [dict(row) for row in batch])
        count += len(batch)
    return count


def _rebuild_search_index(into: Session) -> None:
    """Build the search index from the current version of each listing."""
    current = (
        select(ListingVersion.__table__)
        .join(Listing, Listing.id == ListingVersion.listing_id)
        .where(ListingVersion.number == Listing.version_number)
        .execution_options(yield_per=BATCH)
    )
    for batch in into.execute(current).mappings().partitions():
        search.index_listings(into, [(row["listing_id"], searchable_text(dict(row))) for row in batch])


def _advance_sequence(into: Session, table: Table) -> None:
    sequence = func.pg_get_serial_sequence(table.name, "id")
    last = func.coalesce(func.max(table.c.id), 0)
    into.execute(select(func.setval(sequence, last + 1, False)).select_from(table))
