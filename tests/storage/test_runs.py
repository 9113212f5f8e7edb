"""storage.runs: a run is queued once, claimed once and ended once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from storage import runs
from storage.database.base import Database
from storage.runs import RunCounts, RunOutcome, RunState, RunTrigger, UsualCounts
from tests.cli.warm_start import fork_context
from tests.storage import given
from tests.storage.given import NOW


def enqueue(database: Database, source_id: int, slot: str) -> int | None:
    with database.transaction() as session:
        return runs.enqueue_run(session, source_id, slot=slot, trigger=RunTrigger.SCHEDULE, now=NOW)


@pytest.fixture
def source_id(database: Database) -> int:
    with database.transaction() as session:
        return given.source(session)


def test_a_slot_has_one_run(database: Database, source_id: int) -> None:
    """The same slot again gives no second run, even after its run has ended."""
    run_id = enqueue(database, source_id, "09:00")
    assert run_id
    with database.transaction() as session:
        epoch = runs.claim_run(session, run_id, now=NOW)
        assert epoch
        runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NOTHING_NEW, now=NOW)

    assert enqueue(database, source_id, "09:00") is None
    assert enqueue(database, source_id, "09:15") is not None


def test_a_source_has_one_open_run(database: Database, source_id: int) -> None:
    """While a run is queued or running, another slot of its source is refused; another source is not."""
    enqueue(database, source_id, "09:00")
    with database.transaction() as session:
        other_id = given.source(session, "forum")

    assert enqueue(database, source_id, "09:15") is None
    assert enqueue(database, other_id, "09:15") is not None


def test_many_that_ask_for_one_slot_get_one_run(database: Database, source_id: int) -> None:
    """Eight threads that queue the same slot at the same moment get one run."""
    barrier = threading.Barrier(8)

    def ask(_: int) -> int | None:
        barrier.wait()
        return enqueue(database, source_id, "09:00")

    with ThreadPoolExecutor(8) as pool:
        found = [run_id for run_id in pool.map(ask, range(8)) if run_id]

    assert len(found) == 1


def claim_in_a_process(url: str, run_id: int, ready: threading.Barrier) -> int | None:
    database = Database.open(url)
    ready.wait()
    with database.transaction() as session:
        return runs.claim_run(session, run_id, now=NOW)


def test_one_of_several_processes_claims_a_run(database: Database, database_url: str, source_id: int) -> None:
    """Of four processes that claim the same run, one gets the epoch and the others get None."""
    run_id = enqueue(database, source_id, "09:00")
    context = fork_context()
    with context.Manager() as manager, context.Pool(4) as pool:
        ready = manager.Barrier(4)
        epochs = pool.starmap(claim_in_a_process, [(database_url, run_id, ready)] * 4)

    assert sorted(epochs, key=bool) == [None, None, None, 1]


def test_a_zombie_writes_nothing(database: Database, source_id: int) -> None:
    """After a restart, the old epoch can neither report progress nor end the run."""
    with database.transaction() as session:
        run_id, epoch = given.running(session, source_id)
    with database.transaction() as session:
        interrupted = runs.interrupt_orphans(session, now=NOW)
    with database.transaction() as session:
        answers = (
            runs.record_progress(session, run_id, epoch, now=NOW, counts=RunCounts(pages=9)),
            runs.lock_if_current(session, run_id, epoch),
            runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NEW_LISTINGS, now=NOW),
        )

    with database.reading() as session:
        run = runs.run_by_id(session, run_id)
    assert run
    assert (interrupted, answers) == ([run_id], (False, False, False))
    assert (run.state, run.outcome, run.pages) == (RunState.FINISHED, RunOutcome.INTERRUPTED, 0)


def test_a_run_ends_once(database: Database, source_id: int) -> None:
    """Ending a run twice returns False, and its outcome stays."""
    with database.transaction() as session:
        run_id, epoch = given.running(session, source_id)
        first = runs.finish_run(
            session, run_id, epoch, outcome=RunOutcome.CRASHED, reason="signal", detail="It died.", now=NOW
        )
        second = runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NEW_LISTINGS, now=NOW)

    with database.reading() as session:
        run = runs.run_by_id(session, run_id)
    assert run
    assert (first, second, run.outcome, run.reason) == (True, False, RunOutcome.CRASHED, "signal")


def test_progress_is_a_heartbeat_and_totals(database: Database, source_id: int) -> None:
    """Counts are totals; ending a run without counts keeps the last ones."""
    later = NOW + timedelta(seconds=5)
    with database.transaction() as session:
        run_id, epoch = given.running(session, source_id)
        runs.record_child_start(session, run_id, epoch, pid=4321)
        runs.record_progress(session, run_id, epoch, now=NOW, counts=RunCounts(pages=1, bytes=10))
        runs.record_progress(
            session, run_id, epoch, now=later, counts=RunCounts(pages=3, bytes=40, pages_unread=2)
        )
        runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NEW_LISTINGS, now=later)

    with database.reading() as session:
        run = runs.run_by_id(session, run_id)
    assert run
    assert (run.pages, run.bytes, run.pages_unread, run.pid) == (3, 40, 2, 4321)
    assert (run.heartbeat_at, run.finished_at, run.source.name) == (later, later, "market")


def test_due_are_the_queued_ones_oldest_first(database: Database, source_id: int) -> None:
    """Claimed runs and runs of the future are not due."""
    with database.transaction() as session:
        second = given.source(session, "b")
        third = given.source(session, "c")
        late = runs.enqueue_run(session, second, slot="s", trigger=RunTrigger.MANUAL, now=NOW)
        early = runs.enqueue_run(
            session, third, slot="s", trigger=RunTrigger.MANUAL, now=NOW - timedelta(minutes=1)
        )
        given.running(session, source_id)

    with database.reading() as session:
        assert runs.due_runs(session, now=NOW, limit=10) == [early, late]
        assert runs.due_runs(session, now=NOW - timedelta(seconds=1), limit=10) == [early]


def test_a_run_that_nobody_ends_is_due_and_is_interrupted(database: Database, source_id: int) -> None:
    """A run is abandoned when its lease since the last heartbeat is over; then its source is free and its
    epoch void.
    """
    beat = NOW + timedelta(minutes=5)
    ended = beat + runs.RUN_LEASE
    with database.transaction() as session:
        run_id, epoch = given.running(session, source_id)
        runs.record_progress(session, run_id, epoch, now=beat)
        early = ended - timedelta(seconds=1)
        meanwhile = (
            runs.due_runs(session, now=early, limit=10),
            runs.interrupt_abandoned(session, run_id, now=early),
        )
        due = runs.due_runs(session, now=ended, limit=10)
        answers = [runs.interrupt_abandoned(session, run_id, now=ended) for _ in range(2)]
        late = runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NEW_LISTINGS, now=ended)
        after = runs.enqueue_run(session, source_id, slot="next", trigger=RunTrigger.SCHEDULE, now=ended)

    with database.reading() as session:
        run = runs.run_by_id(session, run_id)
    assert run
    assert (meanwhile, due, answers, late) == (([], False), [run_id], [True, False], False)
    assert (run.outcome, run.reason) == (RunOutcome.INTERRUPTED, "interrupted")
    assert run.detail
    assert after


def test_usual_is_the_median_of_runs_that_read_something(database: Database, source_id: int) -> None:
    """The usual counts ignore crashed runs, and one first run that reads everything hardly changes them."""
    for number, pages in enumerate((2, 4, 900), start=1):
        given.finished_run(database, source_id, str(number), RunCounts(pages=pages, listings_seen=10 * pages))
    with database.transaction() as session:
        run_id, epoch = given.running(session, source_id, "crash")
        runs.finish_run(
            session, run_id, epoch, outcome=RunOutcome.CRASHED, counts=RunCounts(pages=90), now=NOW
        )

    with database.reading() as session:
        assert runs.usual_counts(session, source_id) == UsualCounts(
            runs=3, pages=4, listings_seen=40, listings_new=0
        )


def test_recent_is_newest_first_with_its_source(database: Database, source_id: int) -> None:
    """Recent runs can be filtered by the name of a source."""
    first = given.finished_run(database, source_id, "1", RunCounts())
    with database.transaction() as session:
        other = given.source(session, "forum")
    second = given.finished_run(database, other, "1", RunCounts())

    with database.reading() as session:
        everything = [(run.id, run.source.name) for run in runs.recent_runs(session)]
        market = [run.id for run in runs.recent_runs(session, source="market")]
        last = runs.last_slot(session, other)
    assert everything == [(second, "forum"), (first, "market")]
    assert market == [first]
    assert last
    assert last.id == second
