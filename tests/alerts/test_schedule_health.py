"""Schedules that cannot be kept: one alert with numbers, and its end."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from storage import runs, sources
from storage.alerts import AlertKind, TriageState
from storage.database.base import Database
from storage.runs import RunOutcome, RunTrigger
from storage.schedule_keeping import due_schedule_changes, note_slot
from tests.alerts.world import World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def source_id(world: World, name: str) -> int:
    with world.database.reading() as session:
        source = sources.source_by_name(session, name)
        assert source is not None
        return source.id


def slots(world: World, pattern: str, *, source: str = "market", every: float = 15) -> None:
    """Let slots pass, every so many minutes: "k" is kept, "s" is skipped."""
    found = source_id(world, source)
    for each in pattern:
        world.clock.advance(minutes=every)
        with world.database.transaction() as session:
            note_slot(session, found, kept=each == "k", now=world.clock())


def run(world: World, *, waited_s: float, took_s: float) -> None:
    """End a run of the market that waited and took so long."""
    with world.database.transaction() as session:
        run_id = runs.enqueue_run(
            session,
            source_id(world, "market"),
            slot=uuid4().hex,
            trigger=RunTrigger.SCHEDULE,
            now=world.clock() - timedelta(seconds=waited_s + took_s),
        )
        assert run_id is not None
        epoch = runs.claim_run(session, run_id, now=world.clock() - timedelta(seconds=took_s))
        assert epoch is not None
        runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NOTHING_NEW, now=world.clock())


def judge(world: World) -> int:
    """Handle the work that is due, as the engine does; return its amount."""
    with world.database.reading() as session:
        due = due_schedule_changes(session, now=world.clock(), limit=10)
    for row_id in due:
        world.judging.evaluate_schedule(row_id)
    return len(due)


def test_a_schedule_that_cannot_be_kept_is_told_with_its_numbers(world: World) -> None:
    """The alert says how many slots were skipped, and how long runs wait and take."""
    run(world, waited_s=840, took_s=1320)
    slots(world, "kskskskks")

    due = judge(world)

    (alert,) = world.alerts()
    (revision,) = world.revisions()
    assert (due, judge(world), alert.kind, alert.score) == (1, 0, AlertKind.INSTALLATION, 30)
    assert "market: 4 of 9 slots skipped" in revision.content["summary"]
    assert "wait 14 min and take 22 min" in revision.content["summary"]


@pytest.mark.parametrize("pattern", ["kkks" * 3, "k" * 15 + "ssss", "sss"])
def test_a_few_skipped_slots_are_no_news(world: World, pattern: str) -> None:
    """Three slots are too few, and four of nineteen are less than a quarter."""
    slots(world, pattern)

    assert judge(world) == 0


def test_many_sources_are_one_alert(world: World) -> None:
    """While the alert is open, a further source adds nothing; the alert ends when no source is behind."""
    slots(world, "s" * 5)
    judge(world)
    slots(world, "s" * 5, source="forum")
    meanwhile = judge(world)
    for name in ("market", "forum"):
        slots(world, "k" * 9, source=name, every=180)  # the window with skipped slots ends
    early = judge(world)
    for name in ("market", "forum"):
        slots(world, "k" * 9, source=name, every=180)  # so does one without
    late = judge(world)

    (alert,) = world.alerts()
    assert (meanwhile, early, late) == (0, 0, 1)
    assert alert.state is TriageState.RESOLVED
    assert world.changes() == ["opened", "resolved"]


def test_an_alert_that_somebody_closed_is_not_opened_again_by_the_same_trouble(world: World) -> None:
    """It is opened again when another source falls behind."""
    slots(world, "s" * 5)
    judge(world)
    world.clock.advance(minutes=1)
    world.acknowledge(world.alerts()[0].id, TriageState.RESOLVED)
    slots(world, "s" * 5)
    same = judge(world)
    slots(world, "s" * 5, source="forum")
    other = judge(world)

    assert (same, other, len(world.alerts())) == (0, 1, 2)
