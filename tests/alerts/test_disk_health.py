"""Disks that fill up: one alert per machine, once, and its end; and other alerts about the installation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from storage import sources, triage
from storage.alerts import AlertChange, TriageState
from storage.database.base import Database
from storage.disk_space import MIB, DiskForecast
from storage.installation_trouble import QUIET, due_installation_changes
from storage.runs import RunOutcome
from storage.schedule_keeping import note_slot
from tests.alerts.test_installation_health import end_run
from tests.alerts.world import World

FLOOR = 200 * MIB


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def look(world: World, free_mb: float, days: float | None = None, *, machine: str = "watch-1") -> None:
    """Judge a disk with so many MiB free that reaches its floor in so many days, as the daemon does."""
    free = int(free_mb * MIB)
    growth = None if days is None else int(max(0, free - FLOOR) / max(days, 0.1))
    at = None if days is None else world.clock() + timedelta(days=days)
    disk = DiskForecast(("evidence",), Path("/var/x"), free, FLOOR, growth, at)
    roomy = DiskForecast(("database",), Path("/var/y"), 10**12, FLOOR, 0, None)
    world.judging.evaluate_disks(machine, [roomy, disk], warn_days=7, is_short=free < FLOOR)


def told(world: World) -> list[tuple[str, str, int]]:
    return [(each.change.value, str(each.content["state"]), each.score) for each in world.revisions()]


def test_a_disk_that_will_be_full_is_told_once_and_escalates(world: World) -> None:
    """Within the days, an alert; at the floor, the same one escalates; with room it is resolved. Nothing is
    told twice, whatever is looked at in between.
    """
    for free, days in ((9000, 30), (8000, 8), (7000, 6.5), (6500, 6), (150, 0), (150, 0), (300, 3), (190, 1)):
        look(world, free, days)
        world.clock.advance(minutes=1)
    escalated = told(world)
    look(world, 9000, 8)  # a week is not far enough for the end
    still = told(world)
    look(world, 90_000, 40)
    look(world, 90_000, 40)

    assert escalated == still == [("opened", "new", 40), ("escalated", "new", 60)]
    assert told(world) == [*escalated, ("resolved", "resolved", 60)]
    [alert] = world.alerts()
    assert (alert.kind.value, alert.state) == ("installation", TriageState.RESOLVED)
    first, second, _ = world.revisions()
    assert "watch-1" in first.content["title"] and "MiB per day" in first.content["summary"]
    assert "no new run" in second.content["summary"]


def test_a_small_disk_and_a_second_machine(world: World) -> None:
    """Less than twice the floor is told although the growth is unknown. Each machine has its own alert."""
    look(world, 390)
    look(world, 390, machine="watch-2")
    look(world, 5000, machine="watch-2")
    world.clock.advance(minutes=5)
    look(world, 100, machine="watch-2")

    assert [alert.title for alert in sorted(world.alerts(), key=lambda each: each.id)] == [
        "The disk of watch-1 will be full soon",
        "There is room again on watch-2",
        "watch-2 takes no new work: its disk is full",
    ]


def test_what_a_person_closed_stays_closed_for_a_day(world: World) -> None:
    """While it lasts, it is told again after a day."""
    look(world, 300)
    with world.database.transaction() as session:
        state = TriageState.RESOLVED
        triage.set_triage_state(session, 1, by="anna", now=world.clock(), state=state)
    look(world, 300)
    within = len(world.alerts())
    world.clock.advance(hours=25)
    look(world, 300)

    assert (within, len(world.alerts())) == (1, 2)


def test_a_stored_run_does_not_end_other_alerts_of_the_installation(world: World) -> None:
    """An open alert about a disk or a schedule is not one about runs that cannot be stored: neither does it
    hide one, nor is it resolved by a run that was stored.
    """
    look(world, 300)
    with world.database.transaction() as session:
        source = sources.source_by_name(session, "market")
        assert source
        for number in range(20):
            now = world.clock() + timedelta(minutes=15 * number)
            note_slot(session, source.id, kept=False, now=now)
    world.judging.evaluate_schedule(source.id)
    open_before = [alert.state for alert in world.alerts()]

    world.clock.advance(minutes=QUIET.total_seconds() / 60 + 1)
    end_run(world, RunOutcome.NOTHING_NEW)
    with world.database.reading() as session:
        assert due_installation_changes(session, now=world.clock(), limit=5) == []
    end_run(world, RunOutcome.STORAGE_FAILED, "evidence_unwritable")
    with world.database.reading() as session:
        [run_id] = due_installation_changes(session, now=world.clock(), limit=5)
    world.judging.evaluate_installation(run_id)

    assert open_before == [TriageState.NEW, TriageState.NEW]
    assert [alert.state for alert in world.alerts()] == [TriageState.NEW] * 3
    changes = {each.change for alert in world.alerts() for each in world.revisions(alert.id)}
    assert changes == {AlertChange.OPENED}
