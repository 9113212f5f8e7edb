"""The looks for due work: each reads small indexes, of what is not done, so it costs the same at any size."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from crawler.scheduling.site_board import runs_to_begin
from daemon.engine import DueWork
from storage import alerts, deliveries, listings, matches, runs, sources, watch
from storage.database.base import Database
from storage.installation_trouble import due_installation_changes
from storage.runs import RunTrigger
from storage.schedule_keeping import due_schedule_changes
from storage.work import WorkKind
from tests.storage import given
from tests.storage.given import NOW

DUE: dict[WorkKind, DueWork] = {
    WorkKind.RUN: runs_to_begin,
    WorkKind.MATCH: listings.versions_due_for_matching,
    WorkKind.REMATCH: watch.due_rematches,
    WorkKind.EVALUATE: matches.summaries_due_for_evaluation,
    WorkKind.SOURCE_CHANGE: sources.changes_due,
    WorkKind.INSTALLATION: due_installation_changes,
    WorkKind.SCHEDULE: due_schedule_changes,
    WorkKind.LIFE: alerts.alerts_with_life_changes,
    WorkKind.DIGEST: alerts.digests_due,
    WorkKind.DELIVER: deliveries.due_deliveries,
}
#: Tables that stay small: of one row, or of one row for each time that the watch changed.
SMALL = {"source_revision", "watch", "rematches"}
#: Indexes through which rows are looked up that belong to a row which a small index gave.
LOOKED_UP = {"ix_alerts_listing_id"}
PARTIAL = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'",
    "postgresql": "SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL",
}

READ = re.compile(
    r"(?P<way>SCAN|SEARCH) (?P<table>\w+)(?: USING (?:COVERING )?(?:INDEX )?(?P<index>.+?)(?: \(|$))?"
)


@contextmanager
def statements(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """Note the statements of a session, each with its parameters."""
    noted: list[tuple[str, Any]] = []
    connection = session.connection()

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        noted.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    yield noted
    event.remove(connection, "before_cursor_execute", note)


def sqlite_plan(connection: Connection, statement: str, parameters: Any) -> set[tuple[str, str]]:
    """Return each table that is read, with the index through which, or "" without one."""
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    found = [READ.match(row[3]) for row in rows]
    # A search that names no index is one for the first or last row of a table.
    return {
        (match["table"], match["index"] or ("" if match["way"] == "SCAN" else "INTEGER PRIMARY KEY"))
        for match in found
        if match and match["table"] != "CONSTANT"
    }


def postgresql_plan(connection: Connection, statement: str, parameters: Any) -> set[tuple[str, str]]:
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the tables are empty here
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    return set(nodes(plan[0]["Plan"], ""))


def nodes(plan: dict[str, Any], table: str) -> Iterator[tuple[str, str]]:
    table = plan.get("Relation Name", table)
    if plan["Node Type"] == "Seq Scan" or "Index Name" in plan:
        yield table, plan.get("Index Name", "")
    for inner in plan.get("Plans", ()):
        yield from nodes(inner, table)


PLANS: dict[str, Callable[[Connection, str, Any], set[tuple[str, str]]]] = {
    "sqlite": sqlite_plan,
    "postgresql": postgresql_plan,
}


@pytest.mark.parametrize("kind", DUE)
def test_a_look_for_due_work_reads_small_indexes_only(database: Database, kind: WorkKind) -> None:
    """Each table is read through a partial index, or by the ids of rows that another table gave."""
    with database.transaction() as session:
        source_id = given.source(session)
        runs.enqueue_run(session, source_id, slot="one", trigger=RunTrigger.SCHEDULE, now=NOW)
    with database.reading() as session:
        runs_to_begin(session, now=NOW, limit=10)  # the first look of a process reads all sources
        small = {*session.scalars(text(PARTIAL[database.dialect]))}
        with statements(session) as noted:
            DUE[kind](session, now=NOW + timedelta(minutes=1), limit=10)
        read = {
            each for statement in noted for each in PLANS[database.dialect](session.connection(), *statement)
        }

    large = {
        (table, index)
        for table, index in read
        if table not in SMALL
        and index not in small | LOOKED_UP
        and not re.match("INTEGER PRIMARY KEY|pk_", index)
    }
    assert read
    assert large == set()
