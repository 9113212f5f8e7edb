"""Alerts about the installation: one for a time in which runs cannot be stored, and its end."""

from __future__ import annotations

from uuid import uuid4

import pytest

from storage import listings, runs, sources
from storage.alerts import AlertKind, TriageState
from storage.database.base import Database
from storage.evidence.warc import RecordPlace
from storage.installation_trouble import QUIET, UNSEALED_PATIENCE, due_installation_changes
from storage.runs import UNSEALED_REASON, RunOutcome, RunTrigger
from tests.alerts.world import World
from tests.storage import given


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def end_run(
    world: World, outcome: RunOutcome, reason: str | None = None, detail: str = "x: the disk is full."
) -> None:
    with world.database.transaction() as session:
        source = sources.source_by_name(session, "market")
        assert source is not None
        run_id = runs.enqueue_run(
            session, source.id, slot=uuid4().hex, trigger=RunTrigger.MANUAL, now=world.clock()
        )
        assert run_id is not None
        epoch = runs.claim_run(session, run_id, now=world.clock())
        assert epoch is not None
        runs.finish_run(
            session, run_id, epoch, outcome=outcome, reason=reason, detail=detail, now=world.clock()
        )


def judge(world: World) -> int:
    """Handle the work that is due, as the engine does; return its amount."""
    with world.database.reading() as session:
        due = due_installation_changes(session, now=world.clock(), limit=10)
    for run_id in due:
        world.judging.evaluate_installation(run_id)
    return len(due)


def test_many_runs_that_cannot_be_stored_are_one_alert(world: World) -> None:
    """It names the reason and gives no advice about budgets; later runs add nothing."""
    for _ in range(5):
        end_run(world, RunOutcome.STORAGE_FAILED, "evidence_unwritable")
        judge(world)

    [alert] = world.alerts()
    [revision] = world.revisions()
    assert (alert.kind, alert.source_id, alert.score) == (AlertKind.INSTALLATION, None, 60)
    assert "evidence_unwritable" in revision.content["summary"]
    assert "the disk is full" in revision.content["summary"]
    assert "budget" not in str(revision.content)
    assert judge(world) == 0


def test_it_ends_when_runs_are_stored_and_none_failed_for_half_an_hour(world: World) -> None:
    """A run that is stored meanwhile does not end it: a disk that is nearly full flutters."""
    end_run(world, RunOutcome.STORAGE_FAILED, "database_full")
    judge(world)
    world.clock.advance(minutes=5)
    end_run(world, RunOutcome.NOTHING_NEW)
    fluttering = judge(world)
    world.clock.advance(seconds=QUIET.total_seconds())

    assert (fluttering, judge(world)) == (0, 1)
    assert world.changes() == ["opened", "resolved"]
    assert [alert.state for alert in world.alerts()] == [TriageState.RESOLVED]
    assert judge(world) == 0


def test_the_next_trouble_is_another_alert(world: World) -> None:
    """After the end of one, a further failure opens a new alert; a failure that was told does not."""
    end_run(world, RunOutcome.STORAGE_FAILED, "database_full")
    judge(world)
    world.clock.advance(seconds=QUIET.total_seconds())
    end_run(world, RunOutcome.NOTHING_NEW)
    judge(world)
    world.clock.advance(seconds=QUIET.total_seconds())
    told = judge(world)
    end_run(world, RunOutcome.STORAGE_FAILED, "evidence_missing")

    assert (told, judge(world)) == (0, 1)
    assert [alert.kind for alert in world.alerts()] == [AlertKind.INSTALLATION] * 2


def wait_for_sealing(world: World) -> None:
    """Store a version whose evidence is on one machine only."""
    with world.database.transaction() as session:
        source = sources.source_by_name(session, "market")
        assert source is not None
        place = RecordPlace("2026-03-14/market/17-ab12cd34-0001.warc.gz", 0, 100)
        records = [given.record("unsealed", place=place)]
        listings.upsert_many(
            session, source.id, records, world.clock(), match_state=listings.MatchState.UNSEALED
        )


def test_a_bucket_that_stays_away_is_an_alert(world: World) -> None:
    """Nobody compares what is read, which looks like silence. A few minutes of it are no alert."""
    wait_for_sealing(world)
    end_run(world, RunOutcome.NEW_LISTINGS, UNSEALED_REASON, "s3://leaks refuses these credentials.")
    at_once = judge(world)
    world.clock.advance(seconds=UNSEALED_PATIENCE.total_seconds())
    opened = judge(world)
    end_run(world, RunOutcome.NEW_LISTINGS, UNSEALED_REASON)
    more = judge(world)

    assert (at_once, opened, more) == (0, 1, 0)
    [revision] = world.revisions()
    assert "not compared" in revision.content["summary"]
    assert "refuses these credentials" in revision.content["summary"]

    with world.database.transaction() as session:
        listings.release_sealed(session, "2026-03-14/market/17-ab12cd34-0001.warc.gz")
    world.clock.advance(seconds=2 * QUIET.total_seconds())
    end_run(world, RunOutcome.NOTHING_NEW, UNSEALED_REASON)
    still = judge(world)
    end_run(world, RunOutcome.NOTHING_NEW)

    assert (still, judge(world)) == (0, 1)
    assert world.changes() == ["opened", "resolved"]


def test_a_bucket_that_was_away_for_a_moment_is_no_alert(world: World) -> None:
    """Its evidence was sealed meanwhile."""
    wait_for_sealing(world)
    end_run(world, RunOutcome.NEW_LISTINGS, UNSEALED_REASON)
    with world.database.transaction() as session:
        listings.release_sealed(session, "2026-03-14/market/17-ab12cd34-0001.warc.gz")
    world.clock.advance(seconds=2 * UNSEALED_PATIENCE.total_seconds())

    assert judge(world) == 0


@pytest.mark.parametrize("reason", ["database_busy", "database_deadlock", "database_conflict"])
def test_writers_that_meet_are_no_alert(world: World, reason: str) -> None:
    """Contention passes; the run's row says it."""
    end_run(world, RunOutcome.STORAGE_FAILED, reason)

    assert judge(world) == 0


def test_outcomes_of_sources_are_no_trouble_of_the_installation(world: World) -> None:
    """A crash, a wall or a stop says nothing about the disk."""
    for outcome in set(RunOutcome) - {RunOutcome.STORAGE_FAILED}:
        end_run(world, outcome, "x")

    assert judge(world) == 0
