"""The database behind one URL, and the base class of every table."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Self, TypeVar, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    CursorResult,
    Engine,
    Enum,
    MetaData,
    Select,
    delete,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.sql.base import Executable

from storage.database.columns import Amount, CleanText, UtcDateTime
from storage.database.connect import READING, database_label, engine_for, parse_url
from storage.database.faults import translate_faults
from storage.errors import DatabaseBusy, DatabaseConflict

BATCH = 500  # rows per statement; SQLite accepts 32,766 parameters, PostgreSQL 65,535
LOCKED_AT_ONCE = 10_000  # rows per statement
BUSY_TIMEOUT_S = 30.0
#: Seconds before each further attempt of `Database.write`; an attempt itself waits up to busy_timeout_s.
RETRY_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 4.0)
#: Seconds between attempts to write while the database restarts; about a minute in all.
WRITE_AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

T = TypeVar("T")

# SQLite assigns row ids to a column of exactly the type INTEGER PRIMARY KEY.
Id = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[Mapping[Any, Any]] = {
        int: Id,
        str: CleanText,
        datetime: UtcDateTime,
        Decimal: Amount,
        dict[str, Any]: JSON,
        dict[str, int]: JSON,
        list[Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
        StrEnum: Enum(
            StrEnum,
            native_enum=False,
            create_constraint=False,
            length=32,
            values_callable=lambda kind: [member.value for member in kind],
        ),
    }


class Database:
    """One database, which is opened at the first statement. Share it between threads, not between processes.

    An error that a driver raises inside `transaction` or `reading` comes out as a StorageError.
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self.engine = engine
        self.place = place  # the database as messages may show it, without user and password
        # The same pool, for transactions that never write and never wait for a writer.
        self.readers = engine.execution_options(**{READING: True, "postgresql_readonly": True})

    @classmethod
    def open(
        cls, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S, idle_timeout_s: float | None = None
    ) -> Self:
        """Return the database; raises DatabaseUrlInvalid. Other errors occur at the first statement.

        `idle_timeout_s`: see `engine_for`.
        """
        parsed = parse_url(url)
        engine = engine_for(parsed, busy_timeout_s=busy_timeout_s, idle_timeout_s=idle_timeout_s)
        return cls(engine, database_label(parsed))

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit at the end of the block, or roll back if the block raises."""
        with (
            translate_faults(self.place),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def write(self, work: Callable[[Session], T]) -> T:
        """Call `work` in a transaction and return its result; try again while other writers are in the way.

        Each attempt begins from what is committed, so `work` must change nothing outside of the database.
        Raises DatabaseBusy or DatabaseConflict after the last attempt, and any other error at once.
        """
        for pause_s in RETRY_PAUSES_S:
            try:
                with self.transaction() as session:
                    return work(session)
            except (DatabaseBusy, DatabaseConflict):
                time.sleep(pause_s)
        with self.transaction() as session:
            return work(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session for reading only: the database refuses a write in this block."""
        with translate_faults(self.place), Session(self.readers, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()


def state_moved(session: Session, statement: Executable) -> bool:
    """Execute a conditional UPDATE; return whether it changed its row. The row count decides a race."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def delete_rows(session: Session, table: type[Base], condition: ColumnElement[bool]) -> int:
    """Delete rows of a table and return their number. Objects that the session has loaded do not notice."""
    statement = delete(table).where(condition).execution_options(synchronize_session=False)
    return int(cast("CursorResult[Any]", session.execute(statement)).rowcount)


def lock_whole(session: Session, key: int) -> None:
    """Wait until no other transaction has this lock, and hold it until the commit. SQLite needs none: it has
    one writer at a time.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(key)))


def lock_in_order(session: Session, table: type[Base], ids: Collection[int]) -> None:
    """Lock rows until the commit, in the order of their ids.

    All writers that lock several rows follow this order, so that two of them never wait for each other. Rows
    that refer to the locked ones can still be inserted. SQLite has one writer at a time and needs no locks.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    ordered, row_id = sorted(ids), table.__table__.c.id
    for start in range(0, len(ordered), LOCKED_AT_ONCE):
        rows = select(row_id).where(row_id.in_(ordered[start : start + LOCKED_AT_ONCE])).order_by(row_id)
        session.execute(rows.with_for_update(key_share=True))


def new_ids(session: Session, table: type[Base], count: int) -> Sequence[int]:
    """Return ids for rows that this transaction will insert.

    With known ids a batch is one executemany, several times as fast as reading the ids back row by row.
    """
    name = table.__tablename__
    if session.get_bind().dialect.name == "postgresql":
        series = select(func.nextval(func.pg_get_serial_sequence(name, "id"))).select_from(
            func.generate_series(1, count)
        )
        return session.scalars(series).all()
    # BEGIN IMMEDIATE: no other transaction can insert rows until this one ends.
    first = int(session.connection().execute(_highest_id(table)).scalar_one()) + 1
    return range(first, first + count)


@cache
def _highest_id(table: type[Base]) -> Select[int]:
    """Return a query of SQLite's highest id that is in use or was. Made once: it is asked with each batch."""
    last = select(func.coalesce(func.max(table.__table__.c.id), 0)).scalar_subquery()
    used = select(func.coalesce(func.max(UsedNumber.highest), 0)).where(
        UsedNumber.name == table.__tablename__
    )
    return select(func.max(last, used.scalar_subquery()))


class UsedNumber(Base):
    """The highest number that was given to a row of a table before it was erased: no later row gets it.

    SQLite would give it away again; on PostgreSQL a sequence never does.
    """

    __tablename__ = "used_numbers"

    name: Mapped[str] = mapped_column(primary_key=True)
    highest: Mapped[int]


def keep_numbers_used(session: Session, table: type[Base]) -> None:
    """Record the highest number of a table. Call it before its rows are erased."""
    last = session.scalar(select(func.max(table.__table__.c.id)))
    row = session.get(UsedNumber, table.__tablename__)
    if last is None:
        return
    if row is None:
        session.add(UsedNumber(name=table.__tablename__, highest=last))
    else:
        row.highest = max(row.highest, last)
    session.flush()


def insert_new(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that skips rows which a unique constraint refuses, without an error."""
    kind = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return kind(table).on_conflict_do_nothing()
