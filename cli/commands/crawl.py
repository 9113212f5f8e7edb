"""`spillwatch crawl SOURCE`: makes one run now, matches its listings and makes the first delivery attempts.

Only the process that holds the daemon's lock works on a database. While a daemon or another `crawl` holds it,
this command queues the run as a row and watches that row. As soon as the lock is free, this command takes it
and does the work itself. So the run is made whether the other process makes it, ignores it, or dies.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.command_context import App, app_of
from cli.commands.runs import as_dict
from cli.errors import RunInProgress, UnknownName
from cli.exits import Exit
from cli.output import console, emit_json, print_error, print_line
from daemon.engine import EmbeddedEngine, Lane
from daemon.work_assembly import assemble, declared_sources, recover_after_crash, synchronise
from storage import runs, sources
from storage.database.lock import DaemonLock
from storage.errors import AlreadyRunning
from storage.evidence.sealing import EvidenceSealer
from storage.runs import READ, Run, RunState, RunTrigger
from storage.work import WorkKind

POLL_S = 0.2
SETTLE_S = 60.0  # longest wait for matching and the first attempts of deliveries after the run
STOP_S = 10.0
LOCK_S = 1.0  # between two attempts to take the lock
RUNS_IN_FRONT = 2  # runs that another process may make before ours, each up to its deadline
SIGHUP_ADVICE = "Send SIGHUP to the daemon so that it reads its files again"

ShowProgress = Callable[[Run], None]


def command(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="Name of the source: its file's name without .toml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Crawl a source once, now, even if it is disabled. Exit code 1 if the source could not be read."""
    app = app_of(context)
    show = not as_json and console().is_terminal
    with _progress_display(source, show=show) as tell:
        run = _crawl(app, source, tell)
    if as_json:
        emit_json(as_dict(run))
    else:
        print_line(_run_summary(run))
    if run.outcome not in READ:
        raise typer.Exit(Exit.NEGATIVE)


def _crawl(app: App, name: str, tell: ShowProgress) -> Run:
    """Make the run, or wait while another process may make it."""
    run_id: int | None = None
    until = time.monotonic() + app.settings.crawler.deadline_s * RUNS_IN_FRONT
    while True:
        try:
            with DaemonLock.acquire(app.database):
                return _crawl_with_lock(app, name, run_id, tell)
        except AlreadyRunning:
            if run_id is None:
                _compare_with_stored_source(app, name)
                run_id = _queue_run(app, name)
        run = _watch_run(app, run_id, tell, limit_s=LOCK_S)
        if run.state is RunState.FINISHED:
            return run
        if time.monotonic() > until:
            raise RunInProgress(
                f"Run {run.id} of {name} is still {run.state}: another spillwatch process holds the database "
                "and has not finished the run. This command has stopped waiting. Run `spillwatch doctor`."
            )


def _compare_with_stored_source(app: App, name: str) -> None:
    """Warn if the running process knows an older definition of the source: it crawls with that one."""
    declared = next((each for each in declared_sources(app.configuration) if each.name == name), None)
    if declared is None:
        return
    with app.database.reading() as session:
        found = sources.source_by_name(session, name)
    if found is None or found.removed_at is not None:
        raise UnknownName(
            f"The running spillwatch has not read the file of {name} yet. {SIGHUP_ADVICE}, then try again."
        )
    if (found.kind, found.definition) != (declared.kind, declared.definition):
        print_error(f"The file of {name} has changed since the running spillwatch read it. {SIGHUP_ADVICE}.")


def _crawl_with_lock(app: App, name: str, run_id: int | None, tell: ShowProgress) -> Run:
    """Work as the daemon, whose lock we hold: 1. recover and sync, 2. make the run, 3. finish matching and
    deliveries, 4. stop.
    """
    with app.database.transaction() as session:
        recover_after_crash(session, app.clock())
        synchronise(session, app.configuration, app.clock())
    if run_id is None:
        run_id = _queue_run(app, name)
    if (ended := _read_run(app, run_id)).state is RunState.FINISHED:
        return ended
    engine = EmbeddedEngine(app.database, clock=app.clock)
    parts = assemble(
        app.configuration, database=app.database, evidence=app.evidence, engine=engine, clock=app.clock
    )
    lanes = [_lane_for_run(lane, run_id) if lane.kind is WorkKind.RUN else lane for lane in parts.lanes]
    engine.serve(lanes)
    engine.start()
    try:
        run = _watch_run(app, run_id, tell)
        EvidenceSealer(app.evidence, app.database, engine).seal_left()
        _wait_until(partial(_no_work_left, app, lanes, engine), limit_s=SETTLE_S)
        return run
    finally:
        parts.supervisor.stop()
        engine.stop(STOP_S)


def _lane_for_run(lane: Lane, run_id: int) -> Lane:
    """Return a lane that makes this run only. Other queued runs are left to the daemon."""

    def due(session: object, *, now: object, limit: int) -> list[int]:
        return [run_id]

    return Lane(lane.kind, lane.handler, due, 1)


def _no_work_left(app: App, lanes: list[Lane], engine: EmbeddedEngine) -> bool:
    """Return whether nothing is due or in progress. A delivery that waits for a retry is not due."""
    if engine.busy():
        return False
    with app.database.reading() as session:
        followers = [lane for lane in lanes if lane.kind is not WorkKind.RUN]
        return not any(lane.due(session, now=app.clock(), limit=1) for lane in followers)


def _queue_run(app: App, name: str) -> int:
    """Return the id of a queued run of this source: a new one, or one that was already queued."""
    now = app.clock()
    with app.database.transaction() as session:
        found = sources.source_by_name(session, name)
        if found is None or found.removed_at is not None:
            raise UnknownName(f'There is no source "{name}". `spillwatch source list` shows the names.')
        slot = f"manual {now.isoformat()}"
        run_id = runs.enqueue_run(session, found.id, slot=slot, trigger=RunTrigger.MANUAL, now=now)
        there = runs.last_slot(session, found.id)
    if run_id is None and there is not None and there.state is not RunState.RUNNING:
        return there.id
    if run_id is None:
        what = f"run {there.id} is {there.state}" if there else "another run is in progress"
        raise RunInProgress(f"{name} is already being crawled: {what}. Wait for its end: `spillwatch runs`.")
    return run_id


def _watch_run(app: App, run_id: int, tell: ShowProgress, *, limit_s: float = math.inf) -> Run:
    """Wait until the run has finished or `limit_s` has passed, and return its row."""
    until = time.monotonic() + limit_s
    while (run := _read_run(app, run_id)).state is not RunState.FINISHED and time.monotonic() < until:
        tell(run)
        time.sleep(POLL_S)
    tell(run)
    return run


def _read_run(app: App, run_id: int) -> Run:
    with app.database.reading() as session:
        run = runs.run_by_id(session, run_id)
    if run is None:
        raise UnknownName(f"Run {run_id} is no longer in the database. Start another one.")
    return run


@contextmanager
def _progress_display(name: str, *, show: bool) -> Iterator[ShowProgress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console(), transient=True, disable=not show) as progress:
        task = progress.add_task(f"{name}: waiting")

        def tell(run: Run) -> None:
            counts = f"{run.pages} pages, {run.listings_seen} listings, {run.listings_new} new"
            progress.update(task, description=f"{name}: {run.state}, {counts}")

        yield tell


def _wait_until(done: Callable[[], bool], *, limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while not done() and time.monotonic() < until:
        time.sleep(POLL_S)


def _run_summary(run: Run) -> str:
    outcome = str(run.outcome or run.state).replace("_", " ")
    of_listings = f"{run.listings_seen} listings: {run.listings_new} new, {run.listings_changed} changed"
    unread = f"; {run.pages_unread} pages left unread" if run.pages_unread else ""
    detail = f"\n{run.detail}" if run.detail else ""
    return f"{run.source.name}: {outcome} (run {run.id}). {run.pages} pages, {of_listings}{unread}.{detail}"
