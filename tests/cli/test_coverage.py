"""What is said to be covered, and how a source is said to do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.coverage import SourceCoverage, compared, covered, sentence
from cli.exits import Exit
from crawler.sources import read_definition
from daemon.source_vitals import vitals_of
from matching.settings import MatchingSettings
from storage import listings, runs, sources
from storage.database import schema
from storage.database.base import Database
from storage.runs import RunCounts, RunOutcome
from storage.sources import SourceHealth
from tests.cli.command import answer, spillwatch
from tests.storage import given

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(hours=24)
HOUR = timedelta(hours=1)
FINE, DOWN = RunOutcome.NOTHING_NEW, RunOutcome.WALL


def declare(database: Database, *, enabled: bool = True, **changes: object) -> int:
    """A market that is visited each hour."""
    values: dict[str, Any] = {
        "kind": "feed",
        "start": "https://market.example/rss",
        "schedule": {"every": "1h"},
        **changes,
    }
    stored = read_definition(values).model_dump(mode="json")
    with database.transaction() as session:
        declared = sources.DeclaredSource("market", "feed", stored, "market.toml", enabled=enabled)
        sources.sync_declared_sources(session, [declared], START)
        found = sources.source_by_name(session, "market")
        assert found is not None
        return found.id


def visit(
    database: Database, source_id: int, at: datetime, outcome: RunOutcome = FINE, **counts: int
) -> None:
    with database.transaction() as session:
        run_id = runs.enqueue_run(
            session, source_id, slot=at.isoformat(), trigger=runs.RunTrigger.SCHEDULE, now=at
        )
        assert run_id is not None
        epoch = runs.claim_run(session, run_id, now=at)
        assert epoch is not None
        runs.finish_run(session, run_id, epoch, outcome=outcome, counts=RunCounts(**counts), now=at)


def hourly(database: Database, source_id: int, without: Iterable[int] = (), **counts: int) -> None:
    for hour in range(25):
        if hour not in set(without):
            visit(database, source_id, START + hour * HOUR, FINE, **counts)


def looked(database: Database, since: datetime = START) -> SourceCoverage:
    with database.reading() as session:
        [source] = sources.all_sources(session)
        return covered(session, source, since=since, now=NOW)


def test_a_source_that_was_visited_whenever_it_was_due_has_no_gap(sqlite_database: Database) -> None:
    """Each hour, and nothing left unread: whole."""
    hourly(sqlite_database, declare(sqlite_database), pages=3)
    found = looked(sqlite_database)

    assert (found.runs, found.pages, found.gaps, found.whole) == (25, 75, [], True)
    assert sentence([found], [], since=START) == (
        "Since 2026-03-01 00:00 UTC, 1 of 1 sources were read without a gap, in 25 visits to all. "
        "0 versions of listings were matched, 0 wait, 0 could not be."
    )


def test_hours_without_a_visit_are_a_gap(sqlite_database: Database) -> None:
    """From the last visit before to the first one after."""
    hourly(sqlite_database, declare(sqlite_database), without=range(5, 10))
    found = looked(sqlite_database)

    assert found.gaps is not None
    assert [(gap.begin, gap.hours) for gap in found.gaps] == [(START + 4 * HOUR, 6.0)]
    assert "market was not read for 6.0 hours in 1 gap (unknown now)." in sentence([found], [], since=START)


def test_a_visit_that_read_nothing_closes_no_gap(sqlite_database: Database) -> None:
    """A wall is a visit, and is no reading."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id, without=range(5, 10))
    visit(sqlite_database, source_id, START + 7 * HOUR, DOWN)
    found = looked(sqlite_database)

    assert (found.outcomes, len(found.gaps or [])) == ({"nothing_new": 20, "wall": 1}, 1)


def test_a_single_visit_that_failed_is_no_gap(sqlite_database: Database) -> None:
    """What was posted in that hour was there in the next one."""
    hourly(sqlite_database, declare(sqlite_database), without=[7])

    assert looked(sqlite_database).gaps == []


def test_a_source_that_was_never_read_is_one_gap(sqlite_database: Database) -> None:
    """Since it is known, not since before."""
    declare(sqlite_database)
    found = looked(sqlite_database, since=START - timedelta(days=30))

    assert [(gap.begin, gap.end) for gap in found.gaps or []] == [(START, NOW)]


def test_pages_that_stay_unread_are_told(sqlite_database: Database) -> None:
    """Those of the last visit that read anything: earlier ones were caught up with."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id, without=[24], pages_unread=9)
    visit(sqlite_database, source_id, NOW, pages_unread=4)
    visit(sqlite_database, source_id, NOW + HOUR, DOWN, pages_unread=0)
    found = looked(sqlite_database)

    assert (found.pages_unread, found.whole) == (4, False)
    assert "market has 4 pages unread." in sentence([found], [], since=START)


def test_nothing_follows_from_watching_nothing(sqlite_database: Database) -> None:
    """A source that is switched off was not covered, and has no gaps either."""
    declare(sqlite_database, enabled=False)
    found = looked(sqlite_database)

    assert found.gaps is None
    assert sentence([found], [], since=START).startswith("No source is watched, so nothing follows")


def test_what_waits_to_be_matched_is_counted(sqlite_database: Database) -> None:
    """A listing that nobody has matched yet is no "no hit"."""
    source_id = declare(sqlite_database)
    with sqlite_database.transaction() as session:
        listings.upsert_many(session, source_id, [given.record("1"), given.record("2")], START + HOUR)

    assert looked(sqlite_database).versions == {"pending": 2, "matched": 0, "failed": 0}


def test_a_company_without_fingerprints_is_compared_by_name_alone(sqlite_database: Database) -> None:
    """The sentence says that no customer could be found."""
    declare(sqlite_database)
    with sqlite_database.transaction() as session:
        given.company(session, "lender")
    with sqlite_database.reading() as session:
        [lender] = compared(session, MatchingSettings(), only="lender")

    assert (lender.company, lender.terms, lender.comparable) == ("lender", 1, False)
    told = sentence([looked(sqlite_database)], [lender], since=START)
    assert told.endswith("looked for 1 term, and for no customer: No customer of lender is enrolled.")


def test_a_source_s_last_success_is_held_against_its_usual(sqlite_database: Database) -> None:
    """The last run that read says how many rows there were; the median of such runs what is usual."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id, listings_seen=20)
    visit(sqlite_database, source_id, NOW + HOUR, listings_seen=3)
    visit(sqlite_database, source_id, NOW + 2 * HOUR, DOWN)
    with sqlite_database.reading() as session:
        [source] = sources.all_sources(session)
        found = vitals_of(session, source, now=NOW + 2 * HOUR)

    assert (found.outcome, found.last_success) == ("wall", NOW + HOUR)
    assert (found.listings_seen, found.listings_usual) == (3, 20)
    assert found.next_run is not None
    assert timedelta(0) < found.next_run - (NOW + 2 * HOUR) <= HOUR


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A configuration with a source that shows a wall, and has lost a selector before."""
    assert spillwatch(tmp_path, "init", "home").returncode == Exit.OK
    folder = tmp_path / "home"
    database = Database.open(f"sqlite:///{folder}/var/spillwatch.db")
    schema.upgrade_schema(database)
    source_id = declare(database)
    with database.transaction() as session:
        structure = {"definition": "x", "selectors": {"entry.price (title)": [9, 1.0, 1]}}
        sources.save_cursor(session, source_id, {"structure": structure})
        sources.record_health(session, source_id, run_id=None, health=SourceHealth.WALL, now=START)
    database.close()
    return folder


def test_source_health_names_what_is_wrong_and_ends_with_1(home: Path) -> None:
    """People see the selector, programs get it in a list, scripts the exit code."""
    shown = spillwatch(home, "source", "health")
    [told] = answer(home, "source", "health", "market", code=Exit.NEGATIVE)

    assert shown.returncode == Exit.NEGATIVE
    assert "market: entry.price (title) finds nothing any more." in shown.stdout
    assert (told["health"], told["well"], told["selectors_lost"]) == ("wall", False, ["entry.price (title)"])
    assert spillwatch(home, "source", "health", "nosuch").returncode == Exit.REFUSED


def test_coverage_is_a_table_and_a_sentence(home: Path) -> None:
    """The same sentence stands in the JSON; an unknown company is refused, not covered by silence."""
    shown = spillwatch(home, "coverage", "--since", "2026-03-01T00:00+00:00")
    told = answer(home, "coverage", "--since", "2026-03-01T00:00+00:00")

    assert "market was not read for" in shown.stdout
    assert told["sentence"].startswith("Since 2026-03-01 00:00 UTC, 0 of 1 sources were read without a gap")
    assert told["sources"][0]["whole"] is False
    assert spillwatch(home, "coverage", "--company", "nosuch").returncode == Exit.REFUSED
