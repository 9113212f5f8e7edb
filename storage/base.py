"""The database behind one URL, and the base of every row class."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Self, cast

from sqlalchemy import JSON, BigInteger, CursorResult, Engine, Enum, MetaData, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.base import Executable

from storage.columns import Amount, CleanText, UtcDateTime
from storage.connect import READING, engine_for, parse_url, shown
from storage.faults import translated

BATCH = 500  # rows a statement; SQLite takes 32,766 parameters, PostgreSQL 65,535
BUSY_TIMEOUT_S = 30.0

# SQLite gives an INTEGER PRIMARY KEY its row id, and only that exact type.
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
    """One database, opened at the first statement. Share it between threads, not between processes.

    Everything raised inside `transaction` and `reading` by a driver comes out as a StorageError.
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self.engine = engine
        self.place = place  # as messages may name it
        # The same pool; what it begins never waits for a writer and never is one.
        self.readers = engine.execution_options(**{READING: True, "postgresql_readonly": True})

    @classmethod
    def open(cls, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """Raises DatabaseUrlInvalid; anything else only at the first statement."""
        parsed = parse_url(url)
        return cls(engine_for(parsed, busy_timeout_s=busy_timeout_s), shown(parsed))

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commits at the end of the block, or rolls back whatever was raised in it."""
        with translated(self.place), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A write in this block is refused by the database."""
        with translated(self.place), Session(self.readers, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()


def state_moved(session: Session, statement: Executable) -> bool:
    """Whether the conditional UPDATE found its row in the state it asked for. That count decides a race."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def new_ids(session: Session, table: type[Base], count: int) -> Sequence[int]:
    """Ids for rows that this transaction is about to insert.

    With the ids known, a batch is a plain executemany: several times as fast as asking for them row by row.
    """
    name = table.__tablename__
    if session.get_bind().dialect.name == "postgresql":
        series = select(func.nextval(func.pg_get_serial_sequence(name, "id"))).select_from(
            func.generate_series(1, count)
        )
        return session.scalars(series).all()
    # BEGIN IMMEDIATE: nobody else inserts until this transaction ends.
    last = session.scalar(select(func.coalesce(func.max(table.__table__.c.id), 0))) or 0
    return range(last + 1, last + count + 1)


def insert_new(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that leaves out, without an error, the rows that a unique constraint refuses."""
    kind = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return kind(table).on_conflict_do_nothing()
