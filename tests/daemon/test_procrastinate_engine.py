"""daemon.procrastinate_engine: what only several nodes need, and why jobs have neither locks nor retries."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import psycopg
import pytest
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from sqlalchemy import text
from sqlalchemy.orm import Session

from daemon.engine import Lane
from daemon.metrics import BELLS_RESTARTED
from daemon.procrastinate_engine import ProcrastinateEngine, _report_exception
from daemon.roles import JUDGING, ROLE_OF
from storage import runs, sources
from storage.database.base import Database
from storage.database.job_schema import require_job_schema, upgrade_job_schema
from storage.doorbell import announced_rows, ring
from storage.errors import SchemaNewer, SchemaOutdated
from storage.work import NodeRole, Work, WorkKind
from tests.daemon.test_engine import Finishing, now, queue
from tests.waiting import PATIENCE_S, happens

T = TypeVar("T")
JOBS = text("SELECT count(*) FROM procrastinate.procrastinate_jobs")
ENDED = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%bells'")
STRANDED = text(
    "INSERT INTO procrastinate.procrastinate_jobs (queue_name, task_name, args, status)"
    " VALUES ('run.direct', 'look', '{\"kind\": \"run\", \"row_id\": 1}', 'doing')"
)


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    opened = Database.open(postgres_url)
    upgrade_job_schema(opened)
    yield opened
    opened.close()


def count_jobs(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(JOBS) or 0


def count_workers(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(text("SELECT count(*) FROM procrastinate.procrastinate_workers")) or 0


def engine_with(database: Database, *lanes: Lane, tick_s: float, sweep_s: float = 0.5) -> ProcrastinateEngine:
    engine = ProcrastinateEngine(database, clock=now, tick_s=tick_s, sweep_s=sweep_s)
    engine.serve(lanes)
    engine.start()
    return engine


def nothing_due(session: Session, *, now: datetime, limit: int) -> list[int]:
    return []


def test_what_a_busy_node_cannot_begin_goes_to_an_idle_one(database: Database) -> None:
    """A node with one place takes one of two due rows, and another node takes the other."""
    queued = queue(database, ("a", "b"))
    leave, idle = threading.Event(), Finishing(database)
    entered: list[int] = []

    def hangs(run_id: int) -> None:
        entered.append(run_id)
        leave.wait(PATIENCE_S)

    busy_node = engine_with(database, Lane(WorkKind.RUN, hangs, runs.due_runs), tick_s=0.1)
    assert happens(lambda: bool(entered))
    idle_node = engine_with(database, Lane(WorkKind.RUN, idle, nothing_due), tick_s=3600)
    done = happens(lambda: idle.claimed == [each for each in queued if each not in entered])
    leave.set()
    for node in (busy_node, idle_node):
        node.stop(PATIENCE_S)

    assert done


def test_workers_that_end_are_started_again(database: Database) -> None:
    """If the database ends all connections of the workers, later announcements still arrive, and the engine
    is well again.
    """
    first, second = queue(database, ("a", "b"))
    handler = Finishing(database)
    engine = engine_with(database, Lane(WorkKind.RUN, handler, nothing_due), tick_s=3600)
    engine.wake(Work(WorkKind.RUN, first))
    assert happens(lambda: handler.calls == [first])
    with database.transaction() as session:
        session.execute(ENDED)
    engine.wake(Work(WorkKind.RUN, second))
    arrived = happens(lambda: handler.calls == [first, second])
    well = happens(lambda: engine.problem() is None)
    left = happens(lambda: count_jobs(database) == 0)
    engine.stop(PATIENCE_S)

    assert (arrived, well, left) == (True, True, True)


def test_workers_end_when_they_hear_no_notifications(database: Database) -> None:
    """If the connections of the workers end and no new one is accepted for a while, the workers do not go on
    without notifications: they are started again.
    """
    handler = Finishing(database)
    [queued] = queue(database, ("a",))
    engine = engine_with(database, Lane(WorkKind.RUN, handler, nothing_due), tick_s=3600, sweep_s=3600)
    assert happens(lambda: engine._bells_problem is None and count_workers(database) == 1)
    before = BELLS_RESTARTED._value.get()
    url = database.engine.url
    with psycopg.connect(url.set(drivername="postgresql", database="postgres").render_as_string()) as other:
        other.autocommit = True
        other.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
        with database.transaction() as session:
            session.execute(ENDED)
        ended = happens(lambda: BELLS_RESTARTED._value.get() > before)
        other.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true')
    well = happens(lambda: engine.problem() is None)
    engine.wake(Work(WorkKind.RUN, queued))
    arrived = happens(lambda: handler.calls == [queued])
    engine.stop(PATIENCE_S)

    assert (ended, well, arrived) == (True, True, True)


def test_jobs_of_workers_that_are_gone_are_deleted(database: Database) -> None:
    """A job in progress whose worker no longer exists is deleted: its row is due, which is enough."""
    with database.transaction() as session:
        session.execute(STRANDED)
    engine = engine_with(database, Lane(WorkKind.RUN, lambda _: None, nothing_due), tick_s=3600)
    gone = happens(lambda: count_jobs(database) == 0)
    engine.stop(PATIENCE_S)

    assert gone


def test_a_poll_announces_each_row_once(database: Database) -> None:
    """Polls announce what is due, and not again while it is announced."""
    queued = queue(database, [f"s{number}" for number in range(6)])
    engine = ProcrastinateEngine(database, clock=now)
    engine.serve([Lane(WorkKind.RUN, lambda _: None, runs.due_runs, workers=2)])
    for _ in range(3):
        engine._poll_rows()
    with database.reading() as session:
        waiting = announced_rows(session, WorkKind.RUN, limit=10)

    assert (waiting, count_jobs(database)) == ({*queued}, 6)


def test_the_tables_of_procrastinate_are_upgraded(database: Database) -> None:
    """A second upgrade changes nothing; missing changes are refused until they are applied; a newer version's
    are refused.
    """
    applied = "procrastinate.spillwatch_applied"
    last = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
    require_job_schema(database)
    with database.transaction() as session:
        before = session.scalars(text(f"SELECT version FROM {applied}")).all()
        session.execute(text(f"DELETE FROM {applied} WHERE version = '{last}'"))
    with pytest.raises(SchemaOutdated):
        require_job_schema(database)
    upgrade_job_schema(database)
    with database.transaction() as session:
        after = session.scalars(text(f"SELECT version FROM {applied}")).all()
        session.execute(text(f"INSERT INTO {applied} VALUES ('99.00.00_01_pre_x.sql')"))
    with pytest.raises(SchemaNewer):
        require_job_schema(database)
    with pytest.raises(SchemaNewer):
        upgrade_job_schema(database)

    assert sorted(before) == sorted(after)
    assert last in before


def test_every_kind_of_work_has_a_role() -> None:
    """The table of roles names every kind, and every role but the schedule has one."""
    assert set(ROLE_OF) == set(WorkKind)
    assert set(ROLE_OF.values()) == set(NodeRole) - {NodeRole.SCHEDULE}
    assert set(WorkKind) > JUDGING


def test_a_queueing_lock_strands_a_job_that_is_tried_again(database: Database) -> None:
    """Why jobs have no queueing lock: while a job runs, its work is announced again under the same lock; then
    the first one can be tried again neither by its worker nor by the documented sweep, and stays forever.
    """

    async def strand(app: App) -> tuple[str, int]:
        task = app.configure_task("look", queueing_lock="run 1", allow_unknown=True)
        await task.defer_async(row_id=1)
        worker_id = await app.job_manager.register_worker()
        job = await app.job_manager.fetch_job(queues=None, worker_id=worker_id)
        assert job and job.id
        await task.defer_async(row_id=1)
        raised = 0
        for _ in range(2):
            try:
                await app.job_manager.retry_job(job=job)
            except ConnectorException:
                raised += 1
        return (await app.job_manager.get_job_status_async(job.id)).value, raised

    assert with_app(database, strand) == ("doing", 2)


def test_a_lock_lets_one_job_for_later_hold_up_all_others(database: Database) -> None:
    """Why jobs have no lock: behind one that is scheduled for later, a ready one is not fetched."""

    async def hold_up(app: App) -> tuple[bool, bool]:
        later = datetime.now(UTC) + timedelta(hours=1)
        worker_id = await app.job_manager.register_worker()
        scheduled = app.configure_task("look", lock="site", schedule_at=later, allow_unknown=True)
        await scheduled.defer_async(row_id=1)
        await app.configure_task("look", lock="site", allow_unknown=True).defer_async(row_id=2)
        held = await app.job_manager.fetch_job(queues=None, worker_id=worker_id)
        await app.configure_task("look", allow_unknown=True).defer_async(row_id=3)
        free = await app.job_manager.fetch_job(queues=None, worker_id=worker_id)
        return held is None, free is not None and free.task_kwargs == {"row_id": 3}

    assert with_app(database, hold_up) == (True, True)


def with_app(database: Database, use: Callable[[App], Awaitable[T]]) -> T:
    """Call `use` with procrastinate itself, as its documentation uses it."""
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def run() -> T:
        connector = PsycopgConnector(conninfo=url, kwargs={"options": "-c search_path=procrastinate"})
        app = App(connector=connector)
        async with app.open_async():
            return await use(app)

    return asyncio.run(run())


def test_a_run_goes_to_a_node_with_its_route(database: Database) -> None:
    """A node without Tor hears of no run that needs it; a node with Tor does."""
    direct, onion = queue(database, ("a", "b"))
    with database.transaction() as session:
        source = sources.source_by_name(session, "b")
        assert source
        source.definition = {"via": "tor"}
        ring(session, WorkKind.RUN, [direct, onion])
    handlers = [Finishing(database), Finishing(database)]
    engines = []
    for handler, routes in zip(handlers, (["direct"], ["tor"]), strict=True):
        engine = ProcrastinateEngine(database, clock=now, routes=routes, tick_s=3600)
        engine.serve([Lane(WorkKind.RUN, handler, nothing_due, 2)])
        engine.start()
        engines.append(engine)
    done = happens(lambda: [handler.claimed for handler in handlers] == [[direct], [onion]])
    for engine in engines:
        engine.stop(PATIENCE_S)

    assert done


def test_an_announcement_comes_with_its_transaction(database: Database) -> None:
    """A job that is announced in a transaction is there after the commit, and not after a rollback."""
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        ring(session, WorkKind.MATCH, [1])
        raise ZeroDivisionError
    with database.transaction() as session:
        ring(session, WorkKind.MATCH, [2, 3])
        ring(session, WorkKind.MATCH, [])
    with database.reading() as session:
        waiting = announced_rows(session, WorkKind.MATCH, limit=10)
        of_others = announced_rows(session, WorkKind.RUN, limit=10)

    assert (waiting, of_others) == ({2, 3}, set())


def test_a_task_that_died_with_the_database_gets_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """procrastinate does not wait for a job's last word; any other exception is told."""

    async def fail() -> None:
        asyncio.get_running_loop().set_exception_handler(_report_exception)
        for error in (ConnectorException(), ValueError("unexpected")):
            asyncio.get_running_loop().call_exception_handler(
                {"message": "never retrieved", "exception": error}
            )

    with caplog.at_level(logging.ERROR, logger="asyncio"):
        asyncio.run(fail())

    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ValueError]
