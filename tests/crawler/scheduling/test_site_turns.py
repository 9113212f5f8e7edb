"""One politeness budget per site: its sources take turns, pause when it asks, and leave it alone at night."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event

from crawler.scheduling import site_turns
from crawler.scheduling.site_board import SiteBoard, runs_to_begin
from crawler.sites import sites_of
from storage import runs, sources
from storage.database.base import Database
from storage.errors import DatabaseBusy
from storage.runs import Run, RunOutcome, RunState, RunTrigger
from storage.sources import DeclaredSource
from tests.cli.warm_start import fork_context
from tests.crawler.conftest import Runs
from tests.peers.web import Site
from tests.waiting import PATIENCE_S, wait_until

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DELAY_S = 10.0


def definition(start: str, **politeness: object) -> dict[str, Any]:
    return {
        "kind": "html",
        "start": [start],
        "list": {"rows": "tr", "link": "a"},
        "politeness": {"delay_s": DELAY_S, **politeness},
    }


def queued(
    database: Database, *declared: Mapping[str, Any], trigger: RunTrigger = RunTrigger.SCHEDULE
) -> list[int]:
    """Queue a run for each of these definitions, and return the runs' ids."""
    named = [
        DeclaredSource(f"source-{number}", "html", each, f"source-{number}.toml")
        for number, each in enumerate(declared)
    ]
    with database.transaction() as session:
        sources.sync_declared_sources(session, named, NOON)
        ids = [
            runs.enqueue_run(session, source.id, slot="one", trigger=trigger, now=NOON)
            for source in sources.active_sources(session)
        ]
    return [run_id for run_id in ids if run_id is not None]


def claim(database: Database, run_id: int, now: datetime) -> int | None:
    """Claim a run; the board, which is read for all runs at once, has to come to the same answer."""
    with database.reading() as session:
        waits = SiteBoard.read(session, now=now).must_wait(run_id)
    epoch = claim_alone(database, run_id, now)
    assert waits is (epoch is None)
    return epoch


def claim_alone(database: Database, run_id: int, now: datetime) -> int | None:
    with database.transaction() as session:
        run = runs.run_by_id(session, run_id)
        assert run is not None
        return site_turns.claim_run(session, run, now=now)


def finish(database: Database, run_id: int, now: datetime) -> None:
    with database.transaction() as session:
        assert runs.finish_run(session, run_id, 1, outcome=RunOutcome.NOTHING_NEW, now=now)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("https://market.example/a", "https://market.example/b", True),
        ("https://market.example/a", "http://MARKET.example./b", True),
        ("https://market.example/a", "https://market.example:443/b", True),
        ("https://market.example/a", "https://forum.example/a", False),
        ("https://market.example/a", "https://market.example:8443/a", False),
    ],
)
def test_a_site_is_a_host_and_a_port_that_is_named(first: str, second: str, same: bool) -> None:
    """http and https of one host are one site."""
    shared = sites_of({"start": [first]}) & sites_of({"start": [second]})

    assert bool(shared) is same


def test_two_sources_of_one_site_take_turns_with_the_delay_between(database: Database) -> None:
    """While one source is read the other stays queued, until the site has had its pause."""
    first, second, elsewhere = queued(
        database,
        definition("https://market.example/offers"),
        definition("https://market.example/wanted"),
        definition("https://forum.example/"),
    )
    assert claim(database, first, NOON) == 1

    meanwhile = claim(database, second, NOON + timedelta(seconds=1))
    other = claim(database, elsewhere, NOON + timedelta(seconds=1))
    finish(database, first, NOON + timedelta(minutes=1))
    at_once = claim(database, second, NOON + timedelta(minutes=1, seconds=DELAY_S - 1))
    later = claim(database, second, NOON + timedelta(minutes=1, seconds=DELAY_S + 1))

    assert (meanwhile, other, at_once, later) == (None, 1, None, 1)


def claim_in_a_process(url: str, run_id: int, ready: threading.Barrier) -> int | None:
    database = Database.open(url)
    ready.wait()
    return claim_alone(database, run_id, NOON)


def test_of_two_that_are_claimed_at_once_one_waits(database: Database, database_url: str) -> None:
    """Two processes claim runs of one site at the same moment: one of them gets its run."""
    pair = queued(database, *(definition(f"https://market.example/{part}") for part in "ab"))
    context = fork_context()
    with context.Manager() as manager, context.Pool(2) as pool:
        ready = manager.Barrier(2)
        epochs = pool.starmap(claim_in_a_process, [(database_url, run_id, ready) for run_id in pair])

    assert sorted(epochs, key=bool) == [None, 1]


def test_a_claim_locks_its_site_and_one_source(postgres_url: str) -> None:
    """While a claim is being written, the second source of the site can be written, and a claim of it waits;
    so does the claim of a source that somebody has locked, even if it has its site for itself.
    """
    with (
        closing(Database.open(postgres_url)) as database,
        closing(Database.open(postgres_url, busy_timeout_s=0.2)) as hasty,
    ):
        first, second, alone = queued(
            database,
            *(definition(f"https://market.example/{part}") for part in "ab"),
            definition("https://forum.example/"),
        )
        with database.transaction() as session:
            run = runs.run_by_id(session, first)
            assert run is not None
            epoch = site_turns.claim_run(session, run, now=NOON)
            with hasty.transaction() as other:
                sources.save_cursor(other, run.source_id + 1, {"last": "77"})
            with pytest.raises(DatabaseBusy):
                claim_alone(hasty, second, NOON)
        after = claim_alone(hasty, second, NOON)
        with database.transaction() as session:
            runs.lock_source(session, run.source_id + 2)
            with pytest.raises(DatabaseBusy):
                claim_alone(hasty, alone, NOON)

    assert (epoch, after) == (1, None)


def test_a_run_that_nobody_ended_does_not_block_its_site_for_ever(sqlite_database: Database) -> None:
    """When its lease has expired, the other source goes on."""
    first, second = queued(
        sqlite_database, *(definition(f"https://market.example/{part}") for part in ("a", "b"))
    )
    claim(sqlite_database, first, NOON)

    assert claim(sqlite_database, second, NOON + runs.RUN_LEASE - timedelta(seconds=1)) is None
    assert claim(sqlite_database, second, NOON + runs.RUN_LEASE) == 1


def requeue(database: Database, source: str, now: datetime) -> None:
    """Queue a run as the schedule does: not while a run of the source is open."""
    with database.transaction() as session:
        found = sources.source_by_name(session, source)
        assert found is not None
        runs.enqueue_run(session, found.id, slot=f"{now:%H:%M:%S}", trigger=RunTrigger.SCHEDULE, now=now)


def begun_in_an_hour(database: Database, *, step_s: int) -> Counter[str]:
    """Return how many runs of each source began: the engine polls at each step, a run takes one step, and the
    schedule queues the next run at once.
    """
    begun: Counter[str] = Counter()
    for second in range(0, 3_600, step_s):
        now = NOON + timedelta(seconds=second)
        with database.transaction() as session:
            going_on = [run for run in runs.recent_runs(session) if run.state is RunState.RUNNING]
            for run in going_on:
                assert runs.finish_run(session, run.id, 1, outcome=RunOutcome.NOTHING_NEW, now=now)
        for run in going_on:
            requeue(database, run.source.name, now)
        with database.reading() as session:
            due = runs.due_runs(session, now=now, limit=10)
        for run_id in due:
            if claim(database, run_id, now) is not None:
                with database.reading() as session:
                    begun[runs.run_by_id(session, run_id).source.name] += 1  # type: ignore[union-attr]  # just claimed
    return begun


def test_a_source_with_a_long_delay_has_its_turn_beside_a_busy_one(database: Database) -> None:
    """One source wants a pause of five minutes, the other is always due: they take turns all the same."""
    queued(
        database,
        definition("https://market.example/patient", delay_s=300.0),
        definition("https://market.example/busy", delay_s=0.0),
    )

    begun = begun_in_an_hour(database, step_s=30)

    assert begun["source-0"] >= 10
    assert begun["source-1"] >= begun["source-0"]


@pytest.mark.parametrize("count", [10, 60])
def test_what_may_begin_is_read_with_few_statements(sqlite_database: Database, count: int) -> None:
    """Of many sources of one host the first may begin; reading that takes no statement more for each."""
    ids = queued(
        sqlite_database, *(definition(f"https://market.example/{number}") for number in range(count))
    )
    statements: list[str] = []

    @event.listens_for(sqlite_database.engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    for _ in range(2):
        with sqlite_database.reading() as session:
            ready = runs_to_begin(session, now=NOON + timedelta(seconds=1), limit=1000)

        assert list(ready) == ids[:1]
    reads = [each for each in statements if each.startswith("SELECT")]
    assert len(reads) <= 7 + 5
    assert len([each for each in reads if "definition" in each]) == 1


def test_a_source_that_is_declared_later_shares_its_site_at_once(database: Database) -> None:
    """What is kept of the sources between two looks is read again after each change of them."""
    [first] = queued(database, definition("https://market.example/first", delay_s=60.0))
    with database.reading() as session:
        assert list(runs_to_begin(session, now=NOON, limit=10)) == [first]
    assert claim(database, first, NOON) == 1

    both = queued(
        database,
        definition("https://market.example/first", delay_s=60.0),
        definition("https://market.example/second", delay_s=60.0),
    )

    with database.reading() as session:
        assert list(runs_to_begin(session, now=NOON, limit=10)) == []
    assert claim(database, both[-1], NOON) is None


def test_a_source_that_another_process_declares_shares_its_site_at_once(
    database: Database, database_url: str
) -> None:
    """What one process keeps of the sources is read again after a change by another one."""
    [first] = queued(database, definition("https://market.example/first", delay_s=60.0))
    with database.reading() as session:
        assert list(runs_to_begin(session, now=NOON, limit=10)) == [first]
    assert claim(database, first, NOON) == 1

    other = Database.open(database_url)  # with its own connections, so it shares nothing that is kept
    both = queued(
        other,
        definition("https://market.example/first", delay_s=60.0),
        definition("https://market.example/second", delay_s=60.0),
    )
    other.close()

    with database.reading() as session:
        assert list(runs_to_begin(session, now=NOON, limit=10)) == []
    assert claim(database, both[-1], NOON) is None


def test_a_run_that_nobody_ended_is_due(sqlite_database: Database) -> None:
    """When its lease is over, a run without an outcome is returned, so that it is ended."""
    (run_id,) = queued(sqlite_database, definition("https://market.example/"))
    claim(sqlite_database, run_id, NOON)
    with sqlite_database.reading() as session:
        early = runs_to_begin(session, now=NOON + timedelta(minutes=1), limit=10)
        late = runs_to_begin(session, now=NOON + runs.RUN_LEASE, limit=10)

    assert (list(early), list(late)) == ([], [run_id])


def test_who_does_not_take_its_turn_holds_up_nobody(sqlite_database: Database) -> None:
    """The run that has waited longest cannot be started: the others lose one minute."""
    _, other = queued(sqlite_database, *(definition(f"https://market.example/{part}") for part in ("a", "b")))

    early = claim(sqlite_database, other, NOON + timedelta(seconds=DELAY_S))
    late = claim(sqlite_database, other, NOON + timedelta(seconds=DELAY_S) + site_turns.TURN)

    assert (early, late) == (None, 1)


def test_nobody_gives_way_to_a_source_in_its_quiet_hours(sqlite_database: Database) -> None:
    """That source could not use its turn before its quiet hours end."""
    _, other = queued(
        sqlite_database,
        definition("https://market.example/a", quiet=["11:00-13:00"]),
        definition("https://market.example/b"),
    )

    assert claim(sqlite_database, other, NOON) == 1


@pytest.mark.parametrize(
    ("trigger", "epoch"), [(RunTrigger.SCHEDULE, None), (RunTrigger.CATCH_UP, None), (RunTrigger.MANUAL, 1)]
)
def test_a_due_run_waits_out_the_quiet_hours_and_one_by_hand_does_not(
    sqlite_database: Database, trigger: RunTrigger, epoch: int | None
) -> None:
    """A scheduled run was queued before they began; a person who asks for a run decides."""
    [run_id] = queued(
        sqlite_database, definition("https://market.example/", quiet=["11:00-13:00"]), trigger=trigger
    )

    assert claim(sqlite_database, run_id, NOON) == epoch
    if epoch is None:
        assert claim(sqlite_database, run_id, NOON + timedelta(hours=1)) == 1


def test_a_pause_that_one_source_was_asked_for_holds_for_all_of_the_site(sqlite_database: Database) -> None:
    """The site does not know our sources."""
    first, second = queued(
        sqlite_database, *(definition(f"https://market.example/{part}") for part in ("a", "b"))
    )
    with sqlite_database.transaction() as session:
        told = sources.source_by_name(session, "source-0")
        assert told is not None
        sources.save_cursor(session, told.id, {sources.NOT_BEFORE: (NOON + timedelta(hours=1)).isoformat()})

    early = [claim(sqlite_database, run_id, NOON) for run_id in (first, second)]
    late = claim(sqlite_database, second, NOON + timedelta(hours=1))

    assert (early, late) == ([None, None], 1)


A, B, C = (f"https://{name}.example/list" for name in "abc")


@pytest.mark.parametrize(
    ("starts", "waits"),
    [
        ([A], True),
        (["https://www.a.example/list"], True),
        ([B], False),
        ([A, B], False),
        ([A, C], True),
        ([C], True),
        ([], False),
    ],
)
def test_each_site_of_a_source_has_its_own_pause(
    sqlite_database: Database, starts: list[str], waits: bool
) -> None:
    """A source of three sites was asked for a pause by two of them; another source waits only if it reads
    nothing else.
    """
    [_, run_id] = queued(
        sqlite_database, {**definition(A), "start": [A, B, C]}, {**definition(A), "start": starts}
    )
    pause = (NOON + timedelta(hours=1)).isoformat()
    with sqlite_database.transaction() as session:
        told = sources.source_by_name(session, "source-0")
        assert told is not None
        sources.save_cursor(session, told.id, {sources.SITE_PAUSES: {"a.example": pause, "c.example": pause}})
        session.execute(delete(Run).where(Run.id != run_id))

    assert (claim(sqlite_database, run_id, NOON) is None) is waits
    if waits:
        assert claim(sqlite_database, run_id, NOON + timedelta(hours=1)) == 1


def test_a_source_that_is_left_alone_takes_no_turn_from_others(sqlite_database: Database) -> None:
    """It has waited longer, but all its sites want to be left alone."""
    first, second = queued(sqlite_database, definition(A), {**definition(A), "start": [A, B]})
    pause = (NOON + timedelta(hours=1)).isoformat()
    with sqlite_database.transaction() as session:
        told = sources.source_by_name(session, "source-0")
        assert told is not None
        sources.save_cursor(session, told.id, {sources.SITE_PAUSES: {"a.example": pause}})

    assert (claim(sqlite_database, first, NOON), claim(sqlite_database, second, NOON)) == (None, 1)


def test_a_site_that_asked_another_source_for_a_pause_is_not_requested(crawl: Runs, site: Site) -> None:
    """The source reads its other site, and says why part of it stayed unread."""
    other = site.url.replace("127.0.0.1", "localhost")
    told = crawl.declare("told", f"{other}/offers", item=None)
    both = crawl.declare("both", [f"{other}/offers", f"{site.url}/offers"], item=None)
    with crawl.database.transaction() as session:
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        asked = {sources.SITE_PAUSES: {other.removeprefix("http://"): until}}
        sources.save_cursor(session, told, asked)

    run = crawl.run(both)

    assert (run.outcome, run.reason) == (RunOutcome.NEW_LISTINGS, "rate_limited")
    assert {each.headers["host"].partition(":")[0] for each in site.requests} == {"127.0.0.1"}


def test_the_supervisor_leaves_a_run_queued_while_its_site_is_asked(crawl: Runs, site: Site) -> None:
    """Two real runs of one site never overlap: the second sends nothing before the first has ended."""
    first = crawl.declare("first", f"{site.url}/offers", item=None)
    second = crawl.enqueue(crawl.declare("second", f"{site.url}/feed", kind="feed", **NO_LIST))
    supervisor = crawl.supervisor()
    site.held = {"2"}
    run_id, thread = crawl.start(first, supervisor)
    wait_until(lambda: any(asked.query.get("page") == "2" for asked in site.requests))

    supervisor.run(second)
    waiting, asked = crawl.row(second).state, site.asked_for("/feed")
    supervisor.stop()
    thread.join(PATIENCE_S)
    crawl.supervisor().run(second)

    assert (waiting, asked) == (RunState.QUEUED, [])
    assert crawl.row(run_id).outcome == RunOutcome.INTERRUPTED
    assert crawl.row(second).outcome == RunOutcome.NEW_LISTINGS


NO_LIST: dict[str, Any] = {"list": None, "row": None, "item": None}
PATIENT = {"delay_s": 2.0, "robots": False}
BUSY = {"delay_s": 0, "robots": False}


def test_two_real_sources_of_which_one_is_busy_are_both_read(crawl: Runs, site: Site) -> None:
    """The busy source is due again whenever it ends; the other gets its pause of two seconds."""
    patient = crawl.declare("patient", f"{site.url}/offers", item=None, politeness=PATIENT)
    busy = crawl.declare("busy", f"{site.url}/feed", kind="feed", politeness=BUSY, **NO_LIST)
    crawl.run(busy)
    requeue(crawl.database, "patient", datetime.now(UTC))
    [waiting] = [run for run in recent(crawl) if run.source_id == patient]

    def taken() -> bool:
        requeue(crawl.database, "busy", datetime.now(UTC))
        for run_id in due(crawl):
            crawl.supervisor().run(run_id)
        return crawl.row(waiting.id).state is RunState.FINISHED

    wait_until(taken)

    begun = [run.source_id for run in reversed(recent(crawl)) if run.started_at is not None]
    assert begun == [busy, patient]


def recent(crawl: Runs) -> Sequence[Run]:
    with crawl.database.reading() as session:
        return runs.recent_runs(session)


def due(crawl: Runs) -> Sequence[int]:
    with crawl.database.reading() as session:
        return runs_to_begin(session, now=datetime.now(UTC), limit=10)


QUIET = {"delay_s": 0, "robots": False, "quiet": ["22:00-06:00"]}


def test_a_run_ends_where_its_quiet_hours_begin_and_the_next_goes_on_there(
    crawl: Runs, site: Site, tmp_path: Path
) -> None:
    """A run begins just before ten: what was read is stored, the rest stays unread, and the row says why."""
    source = crawl.declare("market", f"{site.url}/offers-when-released", item=None, politeness=QUIET)
    ten, six = ((*AT, *moments, str(tmp_path / "asked")) for moments in (AROUND_TEN, AFTER_SIX))

    run_id, thread = crawl.start(source, crawl.supervisor(ten))
    wait_until(lambda: bool(site.requests))
    (tmp_path / "asked").touch()
    site.release()
    thread.join(PATIENCE_S)
    evening, morning = crawl.row(run_id), crawl.run(source, child=six)

    assert (evening.outcome, evening.reason) == (RunOutcome.NEW_LISTINGS, "quiet_hours")
    assert (evening.listings_new, evening.pages_unread) == (5, 1)
    assert "quiet hours" in (evening.detail or "")
    assert (morning.reason, morning.listings_new) == (None, 7)


AT = (sys.executable, "-m", "tests.crawler.another_time")
AROUND_TEN = ("2026-03-01T21:59:57+00:00", "2026-03-01T22:00:01+00:00")
AFTER_SIX = ("2026-03-02T06:00:00+00:00", "2026-03-02T06:00:01+00:00")


# --- 429


def paused(run: Run) -> tuple[RunOutcome | None, str | None]:
    return run.outcome, run.reason


def test_a_site_that_does_not_say_how_long_is_left_alone_for_longer_each_time(
    crawl: Runs, site: Site
) -> None:
    """After 429 without Retry-After the pauses double up to the limit; then the run ends."""
    crawl.set(retries=9, retry_wait_s=1.5)
    source = crawl.declare("market", f"{site.url}/429-for-ever", politeness={"delay_s": 0, "robots": False})

    run = crawl.run(source)

    times = [asked.at for asked in site.requests]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert paused(run) == (RunOutcome.COULD_NOT_FETCH, "rate_limited")
    assert [gap >= wanted for gap, wanted in zip(gaps, (0.5, 1.0), strict=True)] == [True, True]


def test_a_pause_longer_than_the_run_holds_for_the_next_one(crawl: Runs, site: Site) -> None:
    """What was read is stored, and the row says why the rest was not; the next scheduled run waits for the
    hour to pass, and one that a person asks for says so and requests nothing.
    """
    site.limited = {"2"}
    source = crawl.declare("market", f"{site.url}/offers", item=None)
    run = crawl.run(source)
    asked = len(site.requests)
    with crawl.database.transaction() as session:
        due = runs.enqueue_run(
            session, source, slot="due", trigger=RunTrigger.SCHEDULE, now=datetime.now(UTC)
        )
    assert due is not None

    crawl.supervisor().run(due)
    still = crawl.row(due).state
    at_the_hour = claim(crawl.database, due, datetime.now(UTC) + timedelta(hours=1, seconds=1))

    assert paused(run) == (RunOutcome.NEW_LISTINGS, "rate_limited")
    assert (run.listings_new, run.pages_unread) == (5, 1)
    assert "3600 s" in (run.detail or "")
    assert (still, at_the_hour, len(site.requests)) == (RunState.QUEUED, 1, asked)


def test_a_person_who_asks_too_early_is_told(crawl: Runs, site: Site) -> None:
    """The run ends at once, and the pause stays in force."""
    site.limited = {"2"}
    source = crawl.declare("market", f"{site.url}/offers", item=None)
    crawl.run(source)
    asked = len(site.requests)

    early, again = crawl.run(source), crawl.run(source)

    assert [paused(early), paused(again)] == [(RunOutcome.COULD_NOT_FETCH, "rate_limited")] * 2
    assert " UTC" in (again.detail or "")
    assert len(site.requests) == asked
