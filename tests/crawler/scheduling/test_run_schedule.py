"""When runs are due: slots that do not depend on the process, never two runs at once, one catch-up after
downtime.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from crawler.errors import ScheduleRefused
from crawler.scheduling.run_schedule import RunSchedule
from crawler.scheduling.source_slots import SourceSlots, slots_of
from crawler.sources.quiet_hours import QuietHours
from crawler.sources.visit_settings import Schedule
from storage import runs, sources
from storage.database.base import Database
from storage.errors import StorageError
from storage.runs import Run, RunOutcome, RunTrigger
from storage.sources import DeclaredSource
from storage.work import Work, WorkKind
from tests.dispatchers import RecordingDispatcher
from tests.waiting import PATIENCE_S, wait_until

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # a Sunday


def declare(
    database: Database,
    *names: str,
    now: datetime = NOON,
    politeness: Mapping[str, object] | None = None,
    **schedule: object,
) -> None:
    definition = {
        "politeness": politeness or {},
        "kind": "html",
        "start": ["https://market.example/"],
        "list": {"rows": "tr", "link": "a"},
        "schedule": schedule,
    }
    with database.transaction() as session:
        sources.sync_declared_sources(
            session, [DeclaredSource(name, "html", definition, f"{name}.toml") for name in names], now
        )


def rows(database: Database) -> Sequence[Run]:
    with database.reading() as session:
        return list(reversed(runs.recent_runs(session)))


def finish(database: Database, run_id: int, now: datetime) -> None:
    with database.transaction() as session:
        epoch = runs.claim_run(session, run_id, now=now)
        assert epoch is not None
        runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NOTHING_NEW, now=now)


def scheduled(
    database: Database, now: datetime, dispatcher: RecordingDispatcher | None = None
) -> RunSchedule:
    """A schedule that was loaded once, at `now`."""
    schedule = RunSchedule(
        database=database, dispatcher=dispatcher or RecordingDispatcher(), clock=lambda: now
    )
    schedule.reload()
    return schedule


def slots(**schedule: object) -> SourceSlots:
    return SourceSlots("market", Schedule.model_validate(schedule))


def test_an_interval_has_the_same_slots_whoever_asks_and_whenever() -> None:
    """Two schedulers, or one before and one after a restart, have the same slots."""
    first = slots(every="15m").after(NOON)
    assert first is not None

    again = [slots(every="15m").after(NOON + timedelta(minutes=minutes)) for minutes in (0, 1, 14, 15)]

    assert again[0] == first
    assert set(again) == {first, first + timedelta(minutes=15)}
    assert NOON < first <= NOON + timedelta(minutes=15)


def test_sources_with_the_same_interval_do_not_start_at_the_same_moment() -> None:
    """The interval begins at a different point for each name."""
    schedule = Schedule.model_validate({"every": "15m"})

    starts = {SourceSlots(name, schedule).after(NOON) for name in ("one", "two", "three", "four")}

    assert len(starts) == 4


def test_jitter_delays_a_slot_by_less_than_it_says_and_always_by_the_same() -> None:
    """Slots stay apart by the interval, give or take the jitter."""
    plain, jittered = slots(every="1h"), slots(every="1h", jitter="10m")
    due = plain.after(NOON)
    assert due is not None

    late = jittered.after(due - timedelta(seconds=1))

    assert late is not None
    assert due <= late < due + timedelta(minutes=10)
    assert late == slots(every="1h", jitter="10m").after(due - timedelta(seconds=1))


def test_a_slot_that_waits_out_its_jitter_is_still_to_come() -> None:
    """Between a slot's time without jitter and with it, the slot is still to come: a restart there loses
    nothing.
    """
    nightly = slots(cron="0 3 * * *", jitter="4h")
    three = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
    due = nightly.after(three - timedelta(seconds=1))
    assert due is not None
    assert due > three + timedelta(minutes=1)  # otherwise this name proves nothing

    assert nightly.after(three + timedelta(seconds=30)) == due
    assert nightly.after(due - timedelta(seconds=1)) == due
    following = nightly.after(due)
    assert following is not None
    assert following >= three + timedelta(days=1)


def test_no_slot_is_left_out_when_the_jitter_is_longer_than_the_time_between() -> None:
    """Slots that overtake one another are all found, in the order of their times."""
    first = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    often = slots(cron="*/10 * * * *", jitter="45m")

    found = [first]
    while found[-1] < first + timedelta(hours=4):
        following = often.after(found[-1])
        assert following is not None
        found.append(following)

    assert sum(first + timedelta(hours=1) < slot <= first + timedelta(hours=3) for slot in found) >= 9
    assert found == sorted(set(found))


def test_a_run_within_the_jitter_does_not_stand_for_the_slot(sqlite_database: Database) -> None:
    """A run between a slot's time without jitter and with it came before the slot, which is caught up if it
    was missed.
    """
    declare(sqlite_database, "market", cron="0 3 * * *", jitter="4h")
    due = slots(cron="0 3 * * *", jitter="4h").after(NOON)
    assert due is not None
    within = datetime(2026, 3, 2, 3, 0, 30, tzinfo=UTC)
    scheduled(sqlite_database, within)
    finish(sqlite_database, rows(sqlite_database)[0].id, within)

    scheduled(sqlite_database, due - timedelta(seconds=1))
    before = len(rows(sqlite_database))
    scheduled(sqlite_database, due + timedelta(seconds=1))

    assert before == 1
    assert [run.trigger for run in rows(sqlite_database)] == [RunTrigger.SCHEDULE, RunTrigger.CATCH_UP]


def test_a_cron_line_names_its_weekday() -> None:
    """`sun` is Sunday, in the source's time zone."""
    due = SourceSlots("market", Schedule.model_validate({"cron": "30 8 * * sun"}), "Asia/Shanghai").after(
        NOON
    )

    assert due == datetime(2026, 3, 8, 0, 30, tzinfo=UTC)


def test_a_cron_line_goes_by_the_clock_on_the_wall() -> None:
    """In the night that has 02:30 twice it is due twice; in the night without 02:30 an hour later, as the
    reference says.
    """
    nightly = SourceSlots("market", Schedule.model_validate({"cron": "30 2 * * *"}), "Europe/Berlin")
    autumn, spring = datetime(2026, 10, 24, 12, 0, tzinfo=UTC), datetime(2026, 3, 28, 12, 0, tzinfo=UTC)

    first = nightly.after(autumn)
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert nightly.after(first) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert nightly.after(spring) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("cron", ["0 0 * * 0", "0 0 * * 1-5", "0 0 * * mon,7"])
def test_a_number_for_a_weekday_is_refused_with_a_sentence(cron: str) -> None:
    """APScheduler reads 0 as Monday and crontab(5) as Sunday; Spillwatch reports it as a mistake."""
    with pytest.raises(ValidationError, match="weekdays by name"):
        Schedule.model_validate({"cron": cron})


def quiet_slots(*hours: str, **schedule: object) -> SourceSlots:
    return SourceSlots("market", Schedule.model_validate(schedule), quiet=QuietHours(hours))


def test_slots_in_quiet_hours_are_one_at_their_end() -> None:
    """Eight hours of runs every 15 minutes become one run at six o'clock, in every process."""
    often = quiet_slots("22:00-06:00", every="15m")
    six = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

    found = {often.after(six - timedelta(minutes=minutes)) for minutes in (1, 60, 300, 479)}
    before, after = often.after(six - timedelta(hours=8, minutes=15)), often.after(six)

    assert found == {six}
    assert before is not None
    assert before < six - timedelta(hours=8)
    assert after is not None
    assert six < after <= six + timedelta(minutes=15)


def test_quiet_hours_without_a_slot_in_them_make_none() -> None:
    """A slot at noon stays at noon; one at 23:00 moves to six, also if computed at midnight."""
    noon = quiet_slots("22:00-06:00", cron="0 12 * * *")
    night = quiet_slots("22:00-06:00", cron="0 23 * * *")
    midnight = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)

    assert noon.after(midnight) == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert night.after(midnight) == datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
    assert night.after(midnight - timedelta(hours=2)) == datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def test_a_new_source_waits_for_the_end_of_its_quiet_hours(sqlite_database: Database) -> None:
    """A source that never ran is due at once, but not at night."""
    declare(sqlite_database, "market", politeness={"quiet": ["11:00-13:00"]}, every="15m")

    scheduled(sqlite_database, NOON)
    night = rows(sqlite_database)
    scheduled(sqlite_database, NOON + timedelta(hours=1))

    assert night == []
    assert len(rows(sqlite_database)) == 1


def test_a_source_that_never_ran_is_due_at_once(database: Database) -> None:
    """Its first run does not wait for an interval to pass."""
    declare(database, "market", every="15m")
    dispatcher = RecordingDispatcher()

    scheduled(database, NOON, dispatcher)

    [run] = rows(database)
    assert (run.trigger, run.slot) == (RunTrigger.SCHEDULE, "2026-03-01T12:00:00+00:00")
    assert dispatcher.work == [Work(WorkKind.RUN, run.id)]


def test_downtime_is_caught_up_once(database: Database) -> None:
    """After a day without a daemon one run is due for all missed slots, and a second load adds none."""
    declare(database, "market", every="15m")
    scheduled(database, NOON)
    finish(database, rows(database)[0].id, NOON)

    scheduled(database, NOON + timedelta(days=1))
    scheduled(database, NOON + timedelta(days=1))

    assert [run.trigger for run in rows(database)] == [RunTrigger.SCHEDULE, RunTrigger.CATCH_UP]


def test_a_restart_within_a_slot_runs_nothing_again(database: Database) -> None:
    """A source that has run is not due until the next slot."""
    declare(database, "market", every="15m")
    scheduled(database, NOON)
    finish(database, rows(database)[0].id, NOON)
    following = SourceSlots("market", Schedule.model_validate({"every": "15m"})).after(NOON)
    assert following is not None

    scheduled(database, following - timedelta(seconds=1))

    assert len(rows(database)) == 1


def test_never_two_runs_of_a_source_at_once(database: Database) -> None:
    """While a run is in progress, a missed slot adds none."""
    declare(database, "market", every="15m")
    scheduled(database, NOON)

    scheduled(database, NOON + timedelta(days=1))

    assert len(rows(database)) == 1


def test_two_schedulers_make_one_run_of_a_slot(database: Database) -> None:
    """The row is unique on source and slot, so the second scheduler does nothing."""
    declare(database, "market", every="15m")
    scheduled(database, NOON)
    finish(database, rows(database)[0].id, NOON)
    later = NOON + timedelta(hours=1)

    scheduled(database, later)
    finish(database, rows(database)[1].id, NOON + timedelta(minutes=1))
    scheduled(database, later)

    assert len({run.slot for run in rows(database)}) == len(rows(database))


def test_the_clock_runs(sqlite_database: Database) -> None:
    """With APScheduler's own clock, a slot that comes while the daemon runs becomes a row and an
    announcement.
    """
    now = datetime.now(UTC)
    declare(sqlite_database, "market", now=now, every="10s")
    dispatcher = RecordingDispatcher()
    schedule = RunSchedule(database=sqlite_database, dispatcher=dispatcher, clock=lambda: datetime.now(UTC))
    schedule.start()
    try:
        dispatcher.heard.clear()  # while the first run is open, so that no announcement is missed
        finish(sqlite_database, rows(sqlite_database)[0].id, now)
        assert dispatcher.heard.wait(PATIENCE_S)
    finally:
        schedule.stop()

    first, second = rows(sqlite_database)
    assert (first.trigger, second.trigger) == (RunTrigger.SCHEDULE, RunTrigger.SCHEDULE)
    assert second.slot == str(second.slot)


def test_a_reload_takes_up_what_changed(sqlite_database: Database) -> None:
    """A new source is run, a removed one is not, and one with a changed schedule follows the new one."""
    declare(sqlite_database, "old", "kept", every="1h")
    schedule = scheduled(sqlite_database, NOON)
    for run in rows(sqlite_database):
        finish(sqlite_database, run.id, NOON)

    declare(sqlite_database, "kept", "new", every="2h")
    schedule.reload()

    names = _sources_with_jobs(schedule, sqlite_database)
    assert names == {"kept", "new"}
    assert len(rows(sqlite_database)) == 3


def test_a_change_by_another_process_is_followed_without_a_signal(sqlite_database: Database) -> None:
    """A look costs a query; a plan is made only when the sources' revision is another one."""
    declare(sqlite_database, "old", every="1h")
    schedule = scheduled(sqlite_database, NOON)
    assert not schedule.follow_changes()

    definition = {"kind": "html", "start": ["https://board.example/"], "list": {"rows": "tr", "link": "a"}}
    with sqlite_database.transaction() as session:
        sources.add_source(session, DeclaredSource("added", "html", definition, None), NOON)

    assert (schedule.follow_changes(), schedule.follow_changes()) == (True, False)
    assert _sources_with_jobs(schedule, sqlite_database) == {"old", "added"}


def test_skipped_slots_are_counted(sqlite_database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """A slot that comes while the previous run is open is skipped, and counted in the source's row."""
    declare(sqlite_database, "market", now=datetime.now(UTC), every="10s")
    schedule = RunSchedule(
        database=sqlite_database, dispatcher=RecordingDispatcher(), clock=lambda: datetime.now(UTC)
    )
    schedule.start()
    try:
        _wait_for_the_log("slot_skipped", capsys)
    finally:
        schedule.stop()

    with sqlite_database.reading() as session:
        source = sources.source_by_name(session, "market")
    assert source is not None
    assert source.slots_skipped >= 1
    assert (source.slots_kept, source.behind_since) == (0, None)


def test_a_slot_that_passes_during_a_reload_is_run(sqlite_database: Database) -> None:
    """A slot between the making of a plan and its use becomes a run at once, and only one."""
    planned_at = datetime.now(UTC) - timedelta(hours=1)
    schedule = RunSchedule(
        database=sqlite_database, dispatcher=RecordingDispatcher(), clock=lambda: planned_at
    )
    schedule.start()
    try:
        declare(sqlite_database, "market", now=planned_at, every="50m")
        with sqlite_database.transaction() as session:
            plan = schedule.plan(session)
        finish(sqlite_database, rows(sqlite_database)[0].id, planned_at)
        schedule.follow(plan)
        wait_until(lambda: len(rows(sqlite_database)) == 2)  # announced before it is committed
        finish(sqlite_database, rows(sqlite_database)[1].id, planned_at)
        schedule.follow(plan)
    finally:
        schedule.stop()

    (planned,) = plan.values()
    assert planned.next_slot is not None
    assert rows(sqlite_database)[1].slot == planned.next_slot.isoformat(timespec="seconds")
    assert len(rows(sqlite_database)) == 2


def test_a_reload_that_fails_leaves_the_schedule_as_it_was(sqlite_database: Database) -> None:
    """If the database refuses one of the rows, none is written and every source keeps its old slots."""
    declare(sqlite_database, "one", "two", every="1h")
    schedule = scheduled(sqlite_database, NOON)
    before = schedule.source_ids()
    declare(sqlite_database, "one", "three", "two", "zero", every="1h")
    refuse_rows_of(sqlite_database, "two", "three")
    for run in rows(sqlite_database):
        finish(sqlite_database, run.id, NOON - timedelta(days=1))

    with pytest.raises(StorageError):
        schedule.reload()
    assert schedule.source_ids() == before
    assert len(rows(sqlite_database)) == 2

    refuse_rows_of(sqlite_database)
    schedule.reload()
    assert _sources_with_jobs(schedule, sqlite_database) == {"one", "two", "three", "zero"}


def refuse_rows_of(database: Database, *names: str, beyond: int = 0) -> None:
    """Make the database fail whenever a run of these sources is written, after the first `beyond` ones."""
    listed = ", ".join(f"'{name}'" for name in names) or "NULL"
    with database.transaction() as session:
        session.execute(text("DROP TRIGGER IF EXISTS refuse"))
        session.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON runs "
                f"WHEN NEW.source_id IN (SELECT id FROM sources WHERE name IN ({listed})) AND "
                f"(SELECT count(*) FROM runs WHERE source_id = NEW.source_id) >= {beyond} "
                "BEGIN SELECT RAISE(ABORT, 'refused by a test'); END"
            )
        )


def test_a_slot_that_could_not_be_written_is_caught_up(
    sqlite_database: Database, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A slot that comes while the database refuses rows is caught up before the next slot, which may be a day
    away. The log has a sentence and no traceback.
    """
    now = datetime.now(UTC)
    declare(sqlite_database, "market", now=now, every="10s")
    refuse_rows_of(sqlite_database, "market", beyond=1)
    schedule = RunSchedule(
        database=sqlite_database, dispatcher=RecordingDispatcher(), clock=lambda: datetime.now(UTC)
    )
    schedule.start()
    try:
        finish(sqlite_database, rows(sqlite_database)[0].id, now)
        _wait_for_the_log("slot_late", capsys)
        with pytest.raises(StorageError):
            schedule.write_missed_slots()
    finally:
        schedule.stop()  # otherwise the next slot might be written before the unwritten one
    refuse_rows_of(sqlite_database)
    schedule.write_missed_slots()
    schedule.write_missed_slots()

    assert [run.trigger for run in rows(sqlite_database)] == [RunTrigger.SCHEDULE, RunTrigger.CATCH_UP]
    assert [each for each in caplog.records if each.exc_info] == []


def _wait_for_the_log(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while words not in capsys.readouterr().out:
        assert time.monotonic() < until, f"the log never said {words}"
        threading.Event().wait(0.05)


def _sources_with_jobs(schedule: RunSchedule, database: Database) -> set[str]:
    with database.reading() as session:
        return {
            source.name for source in sources.active_sources(session) if source.id in schedule.source_ids()
        }


def test_a_definition_that_cannot_be_read_is_left_out_and_the_others_go_on(
    sqlite_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row of another version costs only its own source the schedule, and is logged."""
    declare(sqlite_database, "market", "spoilt", every="1h")
    with sqlite_database.transaction() as session:
        spoilt = sources.source_by_name(session, "spoilt")
        assert spoilt is not None
        spoilt.definition = {"kind": "unheard-of"}

    scheduled(sqlite_database, NOON)

    assert len(rows(sqlite_database)) == 1
    assert "The schedule of spoilt could not be read" in capsys.readouterr().out
    with sqlite_database.reading() as session, pytest.raises(ScheduleRefused):
        slots_of(sources.source_by_name(session, "spoilt"))  # type: ignore[arg-type]  # it exists
