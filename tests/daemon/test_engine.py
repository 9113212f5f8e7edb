"""The contract of both engines with real rows: queued runs, and handlers that succeed, fail or hang.

The embedded engine is tried on both databases, procrastinate on PostgreSQL.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from weakref import WeakSet

import pytest
from prometheus_client import REGISTRY

from daemon.engine import FIRST_RETRY_S, POLL_LIMIT, EmbeddedEngine, Lane, _LaneState
from daemon.procrastinate_engine import ProcrastinateEngine
from storage import runs, sources
from storage.database.base import Database
from storage.database.job_schema import upgrade_job_schema
from storage.runs import RunOutcome, RunTrigger
from storage.work import Work, WorkKind, WorkResult
from tests.conftest import DATABASES
from tests.waiting import PATIENCE_S, happens

SHARED: WeakSet[Database] = WeakSet()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(params=[*DATABASES, *(["procrastinate"] if "postgresql" in DATABASES else [])])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated, empty database, on which `serving` uses the engine of the parameter."""
    on_sqlite, shares = request.param == "sqlite", request.param == "procrastinate"
    opened = Database.open(request.getfixturevalue("sqlite_url" if on_sqlite else "postgres_url"))
    if shares:
        upgrade_job_schema(opened)
        SHARED.add(opened)
    yield opened
    opened.close()


@pytest.fixture
def queued(database: Database) -> list[int]:
    """Ids of three queued runs, one per source."""
    return queue(database, ("a", "b", "c"))


def queue(database: Database, names: Sequence[str]) -> list[int]:
    """Queue one run per source and return the ids, oldest first."""
    declared = [sources.DeclaredSource(name, "html", {}, f"{name}.toml") for name in names]
    with database.transaction() as session:
        sources.sync_declared_sources(session, declared, now())
        found = {source.name: source.id for source in sources.active_sources(session)}
        ids = [
            runs.enqueue_run(session, found[name], slot="1", trigger=RunTrigger.MANUAL, now=now())
            for name in names
        ]
    return [run_id for run_id in ids if run_id is not None]


class Finishing:
    """A handler that claims and finishes a run, and records each call."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.calls: list[int] = []
        self.claimed: list[int] = []

    def __call__(self, run_id: int) -> None:
        self.calls.append(run_id)
        with self.database.transaction() as session:
            epoch = runs.claim_run(session, run_id, now=now())
            if epoch is not None:
                self.claimed.append(run_id)
                runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NOTHING_NEW, now=now())


@contextmanager
def serving(database: Database, *lanes: Lane, tick_s: float = 0.05) -> Iterator[EmbeddedEngine]:
    engine_class = ProcrastinateEngine if database in SHARED else EmbeddedEngine
    engine = engine_class(database, clock=now, tick_s=tick_s)
    engine.serve(lanes)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop(PATIENCE_S)


def test_what_is_due_is_found_in_the_rows(database: Database, queued: list[int]) -> None:
    """Rows that exist before the engine starts are handled without an announcement, each claimed once."""
    handler = Finishing(database)
    with serving(database, Lane(WorkKind.RUN, handler, runs.due_runs, workers=3)):
        done = happens(lambda: len(handler.claimed) == len(queued))

    assert done
    assert sorted(handler.claimed) == sorted(queued)


def test_an_announcement_is_acted_on_at_once_after_the_commit(database: Database, queued: list[int]) -> None:
    """With a tick of one hour, only the announcement can have called the handler."""
    handler = Finishing(database)
    lane = Lane(WorkKind.RUN, handler, lambda session, now, limit: [])
    with serving(database, lane, tick_s=3600) as engine:
        with database.transaction() as session:
            engine.announce(session, Work(WorkKind.RUN, queued[0]))
            before = list(handler.calls)
        done = happens(lambda: handler.calls == [queued[0]])

    assert before == []
    assert done


def test_an_announcement_that_is_rolled_back_is_forgotten(database: Database, queued: list[int]) -> None:
    """An announcement of a transaction that rolls back is ignored, and the next one is handled."""
    handler = Finishing(database)
    lane = Lane(WorkKind.RUN, handler, lambda session, now, limit: [])
    with serving(database, lane, tick_s=3600) as engine:
        with pytest.raises(ZeroDivisionError), database.transaction() as session:
            engine.announce(session, Work(WorkKind.RUN, queued[0]))
            raise ZeroDivisionError
        with database.transaction() as session:
            engine.announce(session, Work(WorkKind.RUN, queued[1]))
        done = happens(lambda: bool(handler.calls))

    assert done
    assert handler.calls == [queued[1]]


def test_a_failing_handler_does_not_stop_the_others(database: Database, queued: list[int]) -> None:
    """While a row that always fails waits for its retry, the rows after it are handled."""
    handler = Finishing(database)
    failures: list[int] = []

    def fails_for_the_first(run_id: int) -> None:
        if run_id == queued[0]:
            failures.append(run_id)
            raise RuntimeError("boom")
        handler(run_id)

    with serving(database, Lane(WorkKind.RUN, fails_for_the_first, runs.due_runs)) as engine:
        done = happens(lambda: len(handler.claimed) == 2)
        problem = engine.problem()

    assert done
    assert (len(failures), problem) == (1, None)


def test_a_failed_row_is_tried_again(database: Database, queued: list[int]) -> None:
    """A row that failed is handled again after its wait."""
    handler = Finishing(database)
    failures: list[int] = []

    def fails_once(run_id: int) -> None:
        if run_id == queued[0] and not failures:
            failures.append(run_id)
            raise RuntimeError("boom")
        handler(run_id)

    with serving(database, Lane(WorkKind.RUN, fails_once, runs.due_runs)):
        done = happens(lambda: queued[0] in handler.claimed)

    assert done


def test_a_row_that_waits_is_not_counted_as_done(database: Database, queued: list[int]) -> None:
    """Rows that had to wait have a count of their own, and no duration."""

    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, {"kind": "run", **labels}) or 0

    names = ("done", "waited", "failed")
    before = [counted("spillwatch_work_total", result=name) for name in names]
    timed = counted("spillwatch_work_seconds_count")

    def waits(_: int) -> WorkResult:
        return WorkResult.WAITED

    with serving(database, Lane(WorkKind.RUN, waits, runs.due_runs)):
        waited = happens(lambda: counted("spillwatch_work_total", result="waited") > before[1] + len(queued))

    assert waited
    assert [counted("spillwatch_work_total", result=name) for name in ("done", "failed")] == before[::2]
    assert counted("spillwatch_work_seconds_count") == timed


def test_a_failed_row_keeps_its_wait_behind_a_backlog() -> None:
    """A failed row that the polls do not return, because older rows fill them, is not tried at once again."""
    state = _LaneState(Lane(WorkKind.MATCH, lambda _: None, lambda *_, **__: []))
    state.accept_due([9], 0.0)
    assert state.next_row(threading.Event()) == 9
    waits = [state.mark_failed(9)]
    state.accept_due([1, 2, 3], time.monotonic(), all_due=False)
    state.accept_due([1, 2, 9], time.monotonic(), all_due=False)

    assert list(state.waiting) == [1, 2, 3]
    assert (state.failed_rows[9].failures, waits) == (1, [FIRST_RETRY_S])
    state.accept_due([1, 2], time.monotonic())
    assert state.failed_rows == {}


def test_rows_that_wait_hide_no_younger_one(database: Database) -> None:
    """A new row is handled even if more rows than one poll accepts are before it and stay due."""
    *waiting, youngest = queue(database, [f"s{number:03}" for number in range(POLL_LIMIT + 2)])
    handler = Finishing(database)

    def leaves_the_older_ones(run_id: int) -> None:
        if run_id == youngest:
            handler(run_id)

    with serving(database, Lane(WorkKind.RUN, leaves_the_older_ones, runs.due_runs)):
        done = happens(lambda: handler.claimed == [youngest])

    assert len(waiting) > POLL_LIMIT
    assert done


def test_every_row_that_waits_is_asked_again(database: Database) -> None:
    """Of many rows that the handler leaves due, each is handled again and again until it is done."""
    waiting = queue(database, [f"s{number:03}" for number in range(2 * POLL_LIMIT + 2)])
    handler = Finishing(database)
    calls: Counter[int] = Counter()
    over = threading.Event()

    def leaves_all_for_a_while(run_id: int) -> None:
        calls[run_id] += 1
        if over.is_set():
            handler(run_id)

    with serving(database, Lane(WorkKind.RUN, leaves_all_for_a_while, runs.due_runs)):
        again = happens(lambda: len(calls) == len(waiting) and min(calls.values()) > 1)
        over.set()
        done = happens(lambda: len(handler.claimed) == len(waiting), within_s=2 * PATIENCE_S)

    assert (again, done) == (True, True)


def test_a_row_is_never_handled_twice_at_the_same_time(database: Database, queued: list[int]) -> None:
    """While a row is in progress, neither a poll nor an announcement starts it again."""
    entered, leave = [], threading.Event()

    def hangs(run_id: int) -> None:
        entered.append(run_id)
        leave.wait(PATIENCE_S)

    with serving(database, Lane(WorkKind.RUN, hangs, runs.due_runs, workers=6)) as engine:
        happens(lambda: len(entered) == 3)
        for run_id in queued:
            engine.wake(Work(WorkKind.RUN, run_id))
        twice = happens(lambda: len(entered) > 3, within_s=0.5)
        leave.set()

    assert not twice


def test_a_hanging_handler_cannot_keep_the_engine_from_stopping(
    database: Database, queued: list[int]
) -> None:
    """Stop returns after its time limit and names the kind of work that did not end."""
    begun, leave, left = threading.Event(), threading.Event(), threading.Event()
    engine = EmbeddedEngine(database, clock=now, tick_s=0.05)

    def hangs(_run_id: int) -> None:
        begun.set()
        leave.wait(PATIENCE_S)
        left.set()

    engine.serve([Lane(WorkKind.RUN, hangs, runs.due_runs)])
    engine.start()
    assert begun.wait(PATIENCE_S)
    unfinished = engine.stop(0.3)
    still_hung = not left.is_set()
    leave.set()

    assert unfinished == [WorkKind.RUN]
    assert still_hung


def test_a_new_handler_takes_over_while_the_engine_runs(database: Database, queued: list[int]) -> None:
    """After `serve` is called again, new work goes to the new handler."""
    old, new = Finishing(database), Finishing(database)
    quiet = Lane(WorkKind.RUN, old, lambda session, now, limit: [])
    with serving(database, quiet) as engine:
        engine.serve([Lane(WorkKind.RUN, new, runs.due_runs)])
        done = happens(lambda: len(new.claimed) == 3)

    assert done
    assert old.calls == []


def test_a_lane_is_widened_and_narrowed_while_the_engine_runs(database: Database, queued: list[int]) -> None:
    """After a reload, the number of rows handled at the same time is that of the new configuration."""
    leave = threading.Semaphore(0)
    inside: list[int] = []

    def stays_inside(run_id: int) -> None:
        inside.append(run_id)
        leave.acquire()

    def lane(workers: int) -> Lane:
        return Lane(WorkKind.RUN, stays_inside, runs.due_runs, workers)

    with serving(database, lane(1)) as engine:
        assert happens(lambda: len(inside) == 1)
        engine.serve([lane(3)])
        widened = happens(lambda: len(inside) == 3)
        engine.serve([lane(1)])
        leave.release(2)
        narrowed = not happens(lambda: len(inside) > 3, within_s=1.0)
        leave.release()
        goes_on = happens(lambda: len(inside) == 4)
        leave.release(1000)

    assert (widened, narrowed, goes_on) == (True, True, True)


def test_an_engine_whose_database_is_gone_is_ill(empty_url: str) -> None:
    """Without a successful poll, the engine reports a problem."""
    database = Database.open(empty_url)
    engine = EmbeddedEngine(database, clock=now, tick_s=0.05, silent_s=0.3)
    engine.serve([Lane(WorkKind.RUN, lambda _: None, runs.due_runs)])
    engine.start()
    reported = happens(lambda: engine.problem() is not None)
    engine.stop(PATIENCE_S)
    database.close()

    assert reported
