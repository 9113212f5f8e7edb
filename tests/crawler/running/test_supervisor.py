"""Runs that hang, crash, segfault or exhaust memory: each ends in its own outcome and affects no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy import text
from structlog.testing import capture_logs

from crawler.running.child_protocol import ChildExit, Job
from crawler.running.supervisor import utc_now
from storage import runs, sources
from storage.database.base import Database
from storage.runs import Run, RunOutcome, RunState
from storage.sources import SourceHealth
from tests.crawler.conftest import CHILD, WARM, Runs
from tests.peers.web import Site
from tests.waiting import PATIENCE_S, wait_until


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def program(*lines: str) -> Sequence[str]:
    """A child that is only a few lines of Python."""
    return (sys.executable, "-c", "\n".join(lines))


def ended(crawl: Runs, name: str, site: Site, **settings: object) -> Run:
    crawl.set(**settings)
    source = crawl.declare(name, f"{site.url}/offers", politeness={"delay_s": 0, "robots": False})
    return crawl.run(source)


@pytest.mark.parametrize("name", ["hangs", "hangs-deaf-to-sigterm"])
def test_a_hang_ends_at_the_deadline(crawl: Runs, site: Site, name: str) -> None:
    """The outcome says so, and the process is gone, whether it obeys SIGTERM or not."""
    run = ended(crawl, name, site, deadline_s=4, request_timeout_s=3, stop_grace_s=0.5)

    assert (run.outcome, run.reason) == (RunOutcome.DEADLINE_EXCEEDED, "deadline")
    assert " 4 s" in (run.detail or "")
    assert run.pid is not None
    assert not alive(run.pid)


def test_a_child_that_does_not_take_its_job_ends_at_the_deadline(crawl: Runs, site: Site) -> None:
    """Handing over a job that is larger than a pipe holds is a part of the run's time."""
    crawl.set(deadline_s=2, request_timeout_s=1, stop_grace_s=0.5)
    source_id = crawl.declare("market", f"{site.url}/offers")
    with crawl.database.transaction() as session:
        sources.save_cursor(session, source_id, {"padding": "x" * 1_000_000})
    run = crawl.run(source_id, child=("sleep", "60"))

    assert run.started_at is not None and run.finished_at is not None
    assert run.outcome is RunOutcome.DEADLINE_EXCEEDED
    assert run.finished_at - run.started_at < timedelta(seconds=50)


def test_a_segfault_is_told_by_its_signal(crawl: Runs, site: Site) -> None:
    """The process ends in C code; the row names the signal."""
    run = ended(crawl, "segfaults", site)

    assert (run.outcome, run.reason) == (RunOutcome.CRASHED, "segfault")
    assert "SIGSEGV" in (run.detail or "")


def test_memory_is_bounded(crawl: Runs, site: Site) -> None:
    """A run that needs more than its limit ends as memory_exceeded, not as a crash."""
    run = ended(crawl, "takes-all-memory", site, memory_limit_mb=1024)

    assert (run.outcome, run.reason) == (RunOutcome.MEMORY_EXCEEDED, "memory")
    assert "1024 MiB" in (run.detail or "")


def test_an_adapter_that_raises_costs_its_page_and_its_message_is_not_told(crawl: Runs, site: Site) -> None:
    """The capture failed, the page counts as not recognised, and the exception's message is nowhere."""
    run = ended(crawl, "raises", site)

    [capture] = crawl.captures(run)
    assert (run.outcome, capture.reason) == (RunOutcome.PAGE_NOT_RECOGNISED, "parse_failed")
    assert "139" not in f"{run.detail}"


def test_a_page_at_which_the_parser_fails_is_not_an_empty_one(crawl: Runs, site: Site) -> None:
    """Its capture failed with a reason of its own, and the run does not say "nothing new"."""
    run = ended(crawl, "cannot-read", site)

    [capture] = crawl.captures(run)
    assert (run.outcome, capture.reason) == (RunOutcome.PAGE_NOT_RECOGNISED, "page_unreadable")


def test_a_process_that_just_ends_is_a_crash_with_its_exit_code(crawl: Runs, site: Site) -> None:
    """It ends without output and without an outcome."""
    run = ended(crawl, "exits", site)

    assert (run.outcome, run.reason) == (RunOutcome.CRASHED, "failed")
    assert "exit code 9" in (run.detail or "")


def test_a_kill_from_outside_is_told_from_a_deadline(crawl: Runs, site: Site) -> None:
    """A SIGKILL that the supervisor did not send has another sender, perhaps the kernel."""
    crawl.set(stop_grace_s=0.5)
    source = crawl.declare("hangs", f"{site.url}/offers", politeness={"delay_s": 0, "robots": False})
    run_id, thread = crawl.start(source, crawl.supervisor())
    wait_until(lambda: len(crawl.captures(crawl.row(run_id))) == 1)

    os.kill(crawl.row(run_id).pid or 0, signal.SIGKILL)
    thread.join(PATIENCE_S)

    run = crawl.row(run_id)
    assert (run.outcome, run.reason) == (RunOutcome.CRASHED, "killed")
    assert "SIGKILL" in (run.detail or "")


def test_a_program_that_is_not_there_is_an_outcome(crawl: Runs, site: Site) -> None:
    """Even a run that could not be started has an outcome in its row."""
    source = crawl.declare("market", f"{site.url}/offers")

    run = crawl.run(source, child=("/nowhere/python",))

    assert (run.outcome, run.reason) == (RunOutcome.CRASHED, "no_process")
    assert "No such file" in (run.detail or "")


def test_rubbish_on_standard_output_is_no_message_and_errors_are_masked(
    crawl: Runs, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Output of a library does not confuse the daemon, and what is logged of it is masked and limited."""
    run = ended(crawl, "prints-rubbish", site)

    assert run.outcome is RunOutcome.NOTHING_NEW
    assert crawl.dispatcher.work == []
    logged = capsys.readouterr()
    assert "13912345678" not in logged.out + logged.err
    assert (logged.out + logged.err).count("139****5678") <= 40


def test_one_run_that_misbehaves_harms_no_other(crawl: Runs, sites: tuple[Site, Site, Site]) -> None:
    """One run hangs and ignores SIGTERM, another crashes, and a third one reads everything."""
    crawl.set(deadline_s=600, stop_grace_s=0.5, concurrent_runs=3)
    quick = {"delay_s": 0, "robots": False}
    hanging, crashing, sound = (
        crawl.declare(name, f"{site.url}/offers", politeness=quick)
        for name, site in zip(("hangs-deaf-to-sigterm", "segfaults", "market"), sites, strict=True)
    )
    supervisor = crawl.supervisor()

    (hung, still), *others = [crawl.start(source, supervisor) for source in (hanging, crashing, sound)]
    for _, thread in others:
        thread.join(PATIENCE_S)
    meanwhile = [crawl.row(run_id).outcome for run_id in (hung, *(run_id for run_id, _ in others))]
    wait_until(lambda: len(crawl.captures(crawl.row(hung))) == 1)
    supervisor.stop()
    still.join(PATIENCE_S)

    assert meanwhile == [None, RunOutcome.CRASHED, RunOutcome.NEW_LISTINGS]
    assert crawl.row(hung).outcome is RunOutcome.INTERRUPTED


def test_no_more_runs_than_allowed_go_on_at_once(crawl: Runs, sites: tuple[Site, Site, Site]) -> None:
    """With one place, the second run stays queued until the first has ended."""
    crawl.set(concurrent_runs=1, stop_grace_s=0.3)
    quick = {"delay_s": 0, "robots": False}
    supervisor = crawl.supervisor()
    here, there, _ = sites
    first, one = crawl.start(crawl.declare("hangs", f"{here.url}/offers", politeness=quick), supervisor)
    wait_until(lambda: crawl.row(first).pid is not None)
    second, two = crawl.start(crawl.declare("market", f"{there.url}/offers", politeness=quick), supervisor)

    assert crawl.row(second).state is RunState.QUEUED
    supervisor.stop()
    one.join(PATIENCE_S)
    two.join(PATIENCE_S)
    assert crawl.row(second).state is RunState.QUEUED


def test_a_stop_interrupts_and_leaves_no_process(crawl: Runs, site: Site) -> None:
    """When the daemon stops, a run ends as interrupted within its grace, and what was read is stored."""
    crawl.set(stop_grace_s=120, request_timeout_s=300, deadline_s=600)
    site.offers["12"].status = 403
    source = crawl.declare(
        "market", [f"{site.url}/offers", f"{site.url}/hangs"], politeness={"delay_s": 0, "robots": False}
    )
    supervisor = crawl.supervisor()
    run_id, thread = crawl.start(source, supervisor)
    wait_until(lambda: len(crawl.listings()) == 12 and bool(site.asked_for("/hangs")))

    supervisor.stop()
    thread.join(PATIENCE_S)  # half of the grace, and less than the page hangs

    run = crawl.row(run_id)
    assert (run.outcome, run.reason) == (RunOutcome.INTERRUPTED, "stopped")
    assert run.pid is not None
    assert not alive(run.pid)


def test_a_run_that_was_taken_over_writes_nothing_more(crawl: Runs, site: Site) -> None:
    """A run that is declared an orphan gets a new epoch: its old process stops, and its outcome no longer
    counts.
    """
    source = crawl.declare(
        "market", f"{site.url}/offers-when-released", politeness={"delay_s": 0, "robots": False}
    )
    run_id, thread = crawl.start(source, crawl.supervisor())
    wait_until(lambda: len(site.requests) == 1)

    with crawl.database.transaction() as session:
        runs.interrupt_orphans(session, now=crawl.row(run_id).queued_at)
    site.release()
    thread.join(PATIENCE_S)

    assert "daemon" in (crawl.row(run_id).detail or "")


def test_a_run_that_is_not_queued_is_not_begun(crawl: Runs, site: Site) -> None:
    """A second announcement of a finished run does nothing."""
    run = crawl.run(crawl.declare("market", f"{site.url}/offers"))
    site.requests.clear()

    crawl.supervisor().run(run.id)

    assert (crawl.row(run.id).epoch, site.requests) == (run.epoch, [])


def test_the_end_of_a_run_outlasts_a_database_that_is_away(
    crawl_both: Runs, site: Site, tmp_path: Path
) -> None:
    """The process ended while the database was away: the outcome is written later."""
    crawl, gate = crawl_both, tmp_path / "gate"
    os.mkfifo(gate)
    child = program("import sys", f"open({str(gate)!r}).read()", "sys.exit(9)")
    run_id, thread = crawl.start(crawl.declare("market", f"{site.url}/offers"), crawl.supervisor(child))
    wait_until(lambda: crawl.row(run_id).pid is not None)
    failed = attempts_in_vain()

    rename(crawl.database, "runs", "away")
    gate.write_bytes(b"")
    wait_until(lambda: attempts_in_vain() > failed)
    rename(crawl.database, "away", "runs")
    thread.join(PATIENCE_S)

    assert (crawl.row(run_id).outcome, crawl.row(run_id).reason) == (RunOutcome.CRASHED, "failed")


def attempts_in_vain() -> float:
    return REGISTRY.get_sample_value("spillwatch_run_writes_failed_total") or 0.0


def rename(database: Database, table: str, name: str) -> None:
    with database.transaction() as session:
        session.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def test_a_run_that_nobody_ended_is_ended_by_a_supervisor_that_lives(crawl_both: Runs, site: Site) -> None:
    """Within its lease it is left alone; after that it is interrupted, and its source can be read again."""
    crawl = crawl_both
    source = crawl.declare("market", f"{site.url}/offers")
    run_id = crawl.enqueue(source)
    with crawl.database.transaction() as session:
        runs.claim_run(session, run_id, now=utc_now())

    crawl.supervisor().run(run_id)
    meanwhile = crawl.row(run_id).state
    crawl.supervisor(clock=lambda: utc_now() + runs.RUN_LEASE).run(run_id)

    assert meanwhile is RunState.RUNNING
    assert (crawl.row(run_id).outcome, crawl.row(run_id).pid) == (RunOutcome.INTERRUPTED, None)
    assert crawl.run(source).outcome is RunOutcome.NEW_LISTINGS


def test_failing_runs_change_the_health_of_their_source(crawl: Runs, site: Site) -> None:
    """A change from unknown to failing is reported; an interrupted run does not change the health."""
    run = ended(crawl, "exits", site)

    with crawl.database.reading() as session:
        source = sources.source_by_id(session, run.source_id)
    assert source is not None
    assert source.health is SourceHealth.FAILING
    assert [work.kind.value for work in crawl.dispatcher.work] == ["source_change"]


def test_a_run_is_counted(crawl: Runs, site: Site) -> None:
    """The daemon's metrics have the outcome, the pages and the listings of each source."""
    crawl.run(crawl.declare("counted", f"{site.url}/offers"))

    def value(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(name, {"source": "counted", **labels})

    assert value("spillwatch_runs_total", outcome="new_listings") == 1
    assert value("spillwatch_listings_total", life="new") == 12
    assert value("spillwatch_pages_unread") == 0


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        (RunOutcome.NEW_LISTINGS, "info"),
        (RunOutcome.WALL, "warning"),
        (RunOutcome.INTERRUPTED, "warning"),
        (RunOutcome.CRASHED, "error"),
        (RunOutcome.STORAGE_FAILED, "error"),
    ],
)
def test_the_line_about_an_end_has_its_level_and_its_counts(
    crawl: Runs, outcome: RunOutcome, level: str
) -> None:
    """Who looks at errors only sees the runs that failed for a reason of ours."""
    source = crawl.declare("market", "https://market.example/offers")
    run_id = crawl.enqueue(source)
    counts = runs.RunCounts(pages=3, listings_seen=20, listings_new=2, listings_changed=1, pages_unread=4)
    with crawl.database.transaction() as session:
        epoch = runs.claim_run(session, run_id, now=utc_now())
        assert epoch is not None
        runs.finish_run(session, run_id, epoch, outcome=outcome, counts=counts, now=utc_now())

    with capture_logs() as lines:
        crawl.supervisor()._count_finished(run_id)

    [line] = [each for each in lines if each["action"] == "run_finished"]
    assert line["log_level"] == level
    shown = {name: line[name] for name in ("pages", "pages_unread", "listings_seen", "listings_new")}
    assert shown == {"pages": 3, "pages_unread": 4, "listings_seen": 20, "listings_new": 2}
    assert line["listings_changed"] == 1


def test_a_job_is_not_in_the_arguments_of_a_process(crawl: Runs, site: Site) -> None:
    """A process list shows neither the database's password nor which site is watched."""
    crawl.set(stop_grace_s=0.3)
    source = crawl.declare("hangs", f"{site.url}/offers", politeness={"delay_s": 0, "robots": False})
    supervisor = crawl.supervisor()
    run_id, thread = crawl.start(source, supervisor)
    wait_until(lambda: crawl.row(run_id).pid is not None)

    arguments = Path(f"/proc/{crawl.row(run_id).pid}/cmdline").read_bytes().split(b"\0")[:-1]
    supervisor.stop()
    thread.join(PATIENCE_S)

    assert tuple(arguments[:3]) == tuple(part.encode() for part in WARM)
    assert len(arguments) == 4 and arguments[3].isdigit(), "a descriptor of the warm process"


@pytest.mark.parametrize("way", [f"NewProcesses({CHILD!r})", f"WarmProcesses(mask=str, command={WARM!r})"])
def test_a_child_whose_parent_is_killed_dies_with_it(crawl: Runs, site: Site, way: str) -> None:
    """After kill -9 of the daemon no crawl goes on: the kernel ends the child, forked or not."""
    source = crawl.declare("hangs", f"{site.url}/offers", politeness={"delay_s": 0, "robots": False})
    run_id = crawl.enqueue(source)
    parent = subprocess.Popen(
        program(
            "import sys, threading",
            "from pathlib import Path",
            "from crawler.settings import CrawlerSettings",
            "from crawler.running.run_processes import NewProcesses",
            "from crawler.running.supervisor import Supervisor",
            "from crawler.running.warm_process import WarmProcesses",
            "from storage.database.base import Database",
            "from storage.work import SilentDispatcher",
            f"database = Database.open({crawl.url!r})",
            f"Supervisor(database=database, database_url={crawl.url!r}, "
            f"evidence_dir=Path({str(crawl.evidence_dir)!r}),",
            "    settings=CrawlerSettings(), mask=str, dispatcher=SilentDispatcher(), relay=print,",
            f"    processes={way}).run({run_id})",
        )
    )
    wait_until(lambda: crawl.row(run_id).pid is not None and len(crawl.captures(crawl.row(run_id))) == 1)
    pid = crawl.row(run_id).pid
    assert pid is not None

    parent.kill()
    parent.wait(PATIENCE_S)

    wait_until(lambda: not alive(pid))
    assert crawl.row(run_id).state is RunState.RUNNING


def test_a_child_that_is_given_no_job_says_so_and_quotes_nothing() -> None:
    """Its standard input may hold a password."""
    ran = subprocess.run(
        CHILD, input=b'{"database_url": "postgresql://u:secret@h/d"}\n', capture_output=True, check=False
    )

    assert ran.returncode == ChildExit.FAILED
    assert b"busy_timeout_s" in ran.stderr, "it names the keys that are missing"
    assert b"secret" not in ran.stderr


def test_a_job_reads_back_what_was_written_and_shows_no_password(crawl: Runs) -> None:
    """Its JSON holds the database's URL, its repr does not."""
    job = Job(
        run_id=1,
        epoch=2,
        source_id=3,
        source_name="market",
        definition={},
        cursor={},
        database_url=SecretStr("postgresql://u:secret@h/d"),
        busy_timeout_s=30,
        evidence_dir=crawl.evidence_dir,
        settings=crawl.settings,
        parent_pid=1,
    )

    line = job.model_dump_json()

    assert Job.read(line) == job
    assert json.loads(line)["database_url"] == "postgresql://u:secret@h/d"
    assert "secret" not in repr(job)
