"""The reported coverage, and the reported state of sources."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from cli.exits import Exit
from crawler.progress.list_progress import GIVEN_UP, ORDER_UNKNOWN
from crawler.sources import read_definition
from daemon.coverage import SourceCoverage, company_coverage, coverage_summary, source_coverage
from daemon.source_vitals import vitals_of
from matching.settings import MatchingSettings
from storage import companies, listings, runs, sources
from storage.companies import SegmentRecord
from storage.database import schema
from storage.database.base import Database
from storage.retention import passes
from storage.runs import RunCounts, RunOutcome
from storage.settings import RetentionSettings
from storage.sources import SourceHealth
from tests.cli.command import answer, spillwatch
from tests.storage import given

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(hours=24)
HOUR = timedelta(hours=1)
FINE, DOWN = RunOutcome.NOTHING_NEW, RunOutcome.WALL


def declare(database: Database, *, enabled: bool = True, **changes: object) -> int:
    """Declare a market that is read each hour."""
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
    database: Database,
    source_id: int,
    at: datetime,
    outcome: RunOutcome = FINE,
    *,
    reason: str | None = None,
    trigger: runs.RunTrigger = runs.RunTrigger.SCHEDULE,
    **counts: Any,
) -> None:
    with database.transaction() as session:
        run_id = runs.enqueue_run(session, source_id, slot=at.isoformat(), trigger=trigger, now=at)
        assert run_id is not None
        epoch = runs.claim_run(session, run_id, now=at)
        assert epoch is not None
        runs.finish_run(
            session, run_id, epoch, outcome=outcome, reason=reason, counts=RunCounts(**counts), now=at
        )


def hourly(database: Database, source_id: int, without: Iterable[int] = (), **counts: Any) -> None:
    for hour in range(25):
        if hour not in set(without):
            visit(database, source_id, START + hour * HOUR, FINE, **counts)


def looked(database: Database, since: datetime = START) -> SourceCoverage:
    with database.reading() as session:
        [source] = sources.all_sources(session)
        return source_coverage(session, source, since=since, now=NOW)


def test_a_source_that_was_visited_whenever_it_was_due_has_no_gap(sqlite_database: Database) -> None:
    """A source that is read each hour, with no page left unread, is covered completely."""
    hourly(sqlite_database, declare(sqlite_database), pages=3)
    found = looked(sqlite_database)

    assert (found.runs, found.pages, found.gaps, found.whole) == (25, 75, [], True)
    summary = coverage_summary([found], [], since=START)
    assert all(part in summary for part in ("2026-03-01 00:00 UTC", "1 of 1 sources", "25 runs"))


def test_a_list_that_was_given_up_leaves_something_out(sqlite_database: Database) -> None:
    """Its run said so once; what stands behind `depth` pages stays unread in all later ones."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id)
    with sqlite_database.transaction() as session:
        sources.save_cursor(session, source_id, {GIVEN_UP: ["https://market.example/offers"]})
    found = looked(sqlite_database)

    assert (found.given_up, found.whole) == (1, False)
    assert "has 1 list longer than `depth`" in coverage_summary([found], [], since=START)


def test_runs_that_retention_deleted_are_no_gap(sqlite_database: Database) -> None:
    """The coverage begins where all runs are kept, and the summary says that; without a deletion it does
    not.
    """
    source_id = declare(sqlite_database)
    with sqlite_database.transaction() as session:
        session.execute(update(sources.Source).values(created_at=NOW - timedelta(days=9)))
    for hour in range(100):
        visit(sqlite_database, source_id, NOW - hour * HOUR, FINE)

    def coverage_since(days: int) -> SourceCoverage:
        with sqlite_database.reading() as session:
            [source] = sources.all_sources(session)
            since, retention = NOW - timedelta(days=4), RetentionSettings(runs_days=days)
            return source_coverage(session, source, since=since, now=NOW, retention=retention)

    whole = coverage_since(1)
    with sqlite_database.transaction() as session:
        passes.begin_pass(session, now=NOW)
        session.execute(update(passes.RetentionPass).values(counts={"runs": 50}))
    cut, kept = coverage_since(1), coverage_since(0)

    assert (whole.runs_kept_since, kept.runs_kept_since) == (None, None)
    assert cut.runs_kept_since == cut.watched_since == NOW - 49 * HOUR  # the newest 50 are kept
    assert (cut.runs, cut.gaps) == (50, [])
    summary = coverage_summary([cut], [], since=NOW - timedelta(days=4))
    assert "no longer kept" in summary and "was added" not in summary


def test_a_list_that_may_not_show_the_newest_first_is_said(sqlite_database: Database) -> None:
    """Each visit reads a few of its known pages, so a new listing may be seen some visits later."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id)
    ordered = looked(sqlite_database)
    with sqlite_database.transaction() as session:
        sources.save_cursor(session, source_id, {ORDER_UNKNOWN: ["https://market.example/offers"]})
    found = looked(sqlite_database)

    assert (ordered.order_unknown, found.order_unknown, found.whole) == (False, True, True)
    before, after = (coverage_summary([each], [], since=START) for each in (ordered, found))
    assert (before.count("market"), after.count("market")) == (0, 1)


def test_hours_without_a_visit_are_a_gap(sqlite_database: Database) -> None:
    """A gap lasts from the last run before the missing ones to the first run after them."""
    hourly(sqlite_database, declare(sqlite_database), without=range(5, 10))
    found = looked(sqlite_database)

    assert found.gaps is not None
    assert [(gap.begin, gap.hours) for gap in found.gaps] == [(START + 4 * HOUR, 6.0)]
    summary = coverage_summary([found], [], since=START)
    assert all(part in summary for part in ("market", "6.0 hours in 1 gap", "unknown"))


def test_a_visit_that_read_nothing_closes_no_gap(sqlite_database: Database) -> None:
    """A run that ends at a wall does not count as reading the source."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id, without=range(5, 10))
    visit(sqlite_database, source_id, START + 7 * HOUR, DOWN)
    found = looked(sqlite_database)

    assert (found.outcomes, len(found.gaps or [])) == ({"nothing_new": 20, "wall": 1}, 1)


def test_a_single_visit_that_is_missing_is_a_gap(sqlite_database: Database) -> None:
    """What was posted and removed in between was not seen, so the source was not read without a gap."""
    hourly(sqlite_database, declare(sqlite_database), without=[7])
    found = looked(sqlite_database)

    assert [(gap.begin, gap.hours) for gap in found.gaps or []] == [(START + 6 * HOUR, 2.0)]
    assert "0 of 1 sources" in coverage_summary([found], [], since=START)


@pytest.mark.parametrize("outcome", [RunOutcome.CRASHED, DOWN, RunOutcome.STORAGE_FAILED])
def test_a_visit_that_failed_and_was_made_up_within_minutes_is_a_gap(
    sqlite_database: Database, outcome: RunOutcome
) -> None:
    """However soon the next run reads the source: a scheduled visit did not."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id)
    visit(sqlite_database, source_id, START + 7.2 * HOUR, outcome)
    found = looked(sqlite_database)

    assert [gap.begin for gap in found.gaps or []] == [START + 7 * HOUR]
    assert not found.whole


def test_a_failed_visit_that_a_person_asked_for_is_no_gap(sqlite_database: Database) -> None:
    """`spillwatch crawl` is no scheduled visit."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id)
    visit(sqlite_database, source_id, START + 7.2 * HOUR, DOWN, trigger=runs.RunTrigger.MANUAL)

    assert looked(sqlite_database).gaps == []


def test_a_due_visit_without_a_run_is_a_gap_until_now(sqlite_database: Database) -> None:
    """The daemon was stopped half an hour ago: that is no "without a gap". A queued run is waited for."""
    source_id = declare(sqlite_database, schedule={"every": "10m"})
    for number in range(142):
        visit(sqlite_database, source_id, START + number * HOUR / 6)
    found = looked(sqlite_database)
    with sqlite_database.transaction() as session:
        runs.enqueue_run(session, source_id, slot="next", trigger=runs.RunTrigger.SCHEDULE, now=NOW)

    assert [(gap.begin, gap.end) for gap in found.gaps or []] == [(START + 141 * HOUR / 6, NOW)]
    assert len(looked(sqlite_database).gaps or []) == 1


def test_the_last_reading_before_the_period_counts(sqlite_database: Database) -> None:
    """A period that begins between two visits begins with no gap, and one in a gap begins with it."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id, without=[2, 3])

    assert looked(sqlite_database, since=START + 5.5 * HOUR).gaps == []
    [gap] = looked(sqlite_database, since=START + 2.5 * HOUR).gaps or []
    assert (gap.begin, gap.end) == (START + 2.5 * HOUR, START + 4 * HOUR)


def test_what_a_visit_left_out_is_told(sqlite_database: Database) -> None:
    """Pages that could not be read and a spent budget count, expiring cookies do not."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id, without=[3, 4, 5])
    for hour, reason in ((3, "partly_read"), (4, "budget_ended"), (5, "cookies_expiring")):
        visit(sqlite_database, source_id, START + hour * HOUR, reason=reason)
    found = looked(sqlite_database)

    assert (found.gaps, found.left_out) == ([], {"partly_read": 1, "budget_ended": 1})
    assert not found.whole
    sentence = coverage_summary([found], [], since=START)
    assert "0 of 1 sources" in sentence
    assert "left something out in 2 runs (1 budget_ended, 1 partly_read)" in sentence


def test_a_source_that_was_added_later_is_not_vouched_for_before(sqlite_database: Database) -> None:
    """The sentence gives the day since which it is watched."""
    hourly(sqlite_database, declare(sqlite_database))
    since = START - timedelta(days=30)
    sentence = coverage_summary([looked(sqlite_database, since=since)], [], since=since)

    assert "market was added 2026-03-01 00:00 UTC." in sentence


def test_a_source_that_was_never_read_is_one_gap(sqlite_database: Database) -> None:
    """The gap begins when the source was declared, not earlier."""
    declare(sqlite_database)
    found = looked(sqlite_database, since=START - timedelta(days=30))

    assert [(gap.begin, gap.end) for gap in found.gaps or []] == [(START, NOW)]


def test_pages_that_stay_unread_are_told(sqlite_database: Database) -> None:
    """Only unread pages of the last successful run count, because it catches up with earlier ones."""
    source_id = declare(sqlite_database)
    hourly(sqlite_database, source_id, without=[24], pages_unread=9)
    visit(sqlite_database, source_id, NOW, pages_unread=4)
    visit(sqlite_database, source_id, NOW + HOUR, DOWN, pages_unread=0)
    found = looked(sqlite_database)

    assert (found.pages_unread, found.whole) == (4, False)
    assert "4 pages unread" in coverage_summary([found], [], since=START)


def test_nothing_follows_from_watching_nothing(sqlite_database: Database) -> None:
    """A disabled source is not covered and has no gaps, and the summary has no numbers."""
    declare(sqlite_database, enabled=False)
    found = looked(sqlite_database)

    assert found.gaps is None
    assert not any(letter.isdigit() for letter in coverage_summary([found], [], since=START))


def test_what_waits_to_be_matched_is_counted(sqlite_database: Database) -> None:
    """A version that is not matched yet is counted as pending, so that it does not pass for "no hit"."""
    source_id = declare(sqlite_database)
    with sqlite_database.transaction() as session:
        listings.upsert_many(session, source_id, [given.record("1"), given.record("2")], START + HOUR)

    counted = {"pending": 2, "unsealed": 0, "matched": 0, "failed": 0, "unread": 0}
    assert looked(sqlite_database).versions == counted


def test_a_company_without_fingerprints_is_compared_by_name_alone(sqlite_database: Database) -> None:
    """Without an enrolled customer the company is not comparable, and the summary says why."""
    declare(sqlite_database)
    with sqlite_database.transaction() as session:
        given.company(session, "lender")
    with sqlite_database.reading() as session:
        [lender] = company_coverage(session, MatchingSettings(), only="lender")

    assert (lender.company, lender.terms, lender.comparable) == ("lender", 1, False)
    assert lender.why_not is not None
    summary = coverage_summary([looked(sqlite_database)], [lender], since=START)
    assert "1 term" in summary
    assert lender.why_not in summary


def test_only_customers_count_as_enrolled(sqlite_database: Database) -> None:
    """Canaries and people of a known breach are no customers; a company with only these is not comparable."""
    declare(sqlite_database)
    with sqlite_database.transaction() as session:
        company = given.company(session, "lender")
        counts = {"customers": 300, "canaries": 5, "known_breach": 9_000}
        for purpose, customers in counts.items():
            record = SegmentRecord(
                company, purpose, "k1", "check", ("email",), 1, customers, purpose, purpose=purpose
            )
            companies.add_segment(session, record, START)
    with sqlite_database.reading() as session:
        [lender] = company_coverage(session, MatchingSettings(), only="lender")

    assert lender.customers == 300


def test_a_source_s_last_success_is_held_against_its_usual(sqlite_database: Database) -> None:
    """The last successful run gives the number of rows, and the median of such runs the usual number."""
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
    """A configuration with a source that shows a wall and had lost a selector before that."""
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
    """The lost selector is in the text and in the JSON, and the exit code is 1."""
    shown = spillwatch(home, "source", "health")
    [state] = answer(home, "source", "health", "market", code=Exit.NEGATIVE)

    assert shown.returncode == Exit.NEGATIVE
    assert "market: entry.price (title)" in shown.stdout
    assert (state["health"], state["well"]) == ("wall", False)
    assert state["selectors_lost"] == ["entry.price (title)"]
    assert spillwatch(home, "source", "health", "nosuch").returncode == Exit.REFUSED


def test_coverage_is_a_table_and_a_sentence(home: Path) -> None:
    """The summary is in the text and in the JSON, and an unknown company is refused."""
    shown = spillwatch(home, "coverage", "--since", "2026-03-01T00:00+00:00")
    found = answer(home, "coverage", "--since", "2026-03-01T00:00+00:00")

    assert "0 of 1 sources" in shown.stdout
    assert "2026-03-01 00:00 UTC, 0 of 1 sources" in found["sentence"]
    assert found["sources"][0]["whole"] is False
    assert spillwatch(home, "coverage", "--company", "nosuch").returncode == Exit.REFUSED
