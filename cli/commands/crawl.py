"""`spillwatch crawl SOURCE`: one run now, and what follows from it.

One process at a time does the work of a database: whoever holds the daemon's lock. While another does, be it
a daemon or another `crawl`, this command asks for the run by a row and watches that row; as soon as the lock
is free, this command is the daemon, until the run, its matching and the first attempts of its deliveries are
done. So it does not matter whether the other one does the run, has no part in it, or dies.
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

from cli.commands.runs import as_dict
from cli.context import App, app_of
from cli.errors import RunInProgress, UnknownName
from cli.exits import Exit
from cli.output import complain, console, emit_json, say
from daemon.assembly import assemble, declared_sources, recover_after_crash, synchronise
from daemon.engine import EmbeddedEngine, Lane
from storage import runs, sources
from storage.database.lock import DaemonLock
from storage.errors import AlreadyRunning
from storage.runs import READ, Run, RunState, RunTrigger
from storage.work import WorkKind

POLL_S = 0.2
SETTLE_S = 60.0  # longest wait for matching and the first attempts of deliveries after the run
STOP_S = 10.0
LOCK_S = 1.0  # between two looks whether the process that holds the database still does
RUNS_IN_FRONT = 2  # a run that another process does may wait for that many, each up to its deadline
SIGHUP = "Send the daemon SIGHUP, so that it reads its files again"

Tell = Callable[[Run], None]


def command(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="The source: the name of its file without .toml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Crawl a source once, now, also one that is not enabled; exit code 1 if it could not be read."""
    app = app_of(context)
    show = not as_json and console().is_terminal
    with _display(source, show=show) as tell:
        run = _crawl(app, source, tell)
    if as_json:
        emit_json(as_dict(run))
    else:
        say(_sentence(run))
    if run.outcome not in READ:
        raise typer.Exit(Exit.NEGATIVE)


def _crawl(app: App, name: str, tell: Tell) -> Run:
    """Do the run, or wait while another process may do it."""
    run_id: int | None = None
    until = time.monotonic() + app.settings.crawler.deadline_s * RUNS_IN_FRONT
    while True:
        try:
            with DaemonLock.acquire(app.database):
                return _alone(app, name, run_id, tell)
        except AlreadyRunning:
            if run_id is None:
                _compare_with_what_was_read(app, name)
                run_id = _ask(app, name)
        run = _watch(app, run_id, tell, limit_s=LOCK_S)
        if run.state is RunState.FINISHED:
            return run
        if time.monotonic() > until:
            raise RunInProgress(
                f"Run {run.id} of {name} is still {run.state}: another spillwatch process has the database "
                "and has not ended the run. This command waits no longer; see `spillwatch doctor`."
            )


def _compare_with_what_was_read(app: App, name: str) -> None:
    """Another process crawls a source as it was when that process read the files; say so if that differs."""
    declared = next((each for each in declared_sources(app.configuration) if each.name == name), None)
    if declared is None:
        return
    with app.database.reading() as session:
        found = sources.source_by_name(session, name)
    if found is None or found.removed_at is not None:
        raise UnknownName(f"The spillwatch that is running has not read {name} yet. {SIGHUP}, and try again.")
    if (found.kind, found.definition) != (declared.kind, declared.definition):
        complain(f"The file of {name} has changed since the spillwatch that is running read it. {SIGHUP}.")


def _alone(app: App, name: str, run_id: int | None, tell: Tell) -> Run:
    """We hold the daemon's lock: 1. recover and sync, 2. the run, 3. wait for what follows, 4. stop."""
    with app.database.transaction() as session:
        recover_after_crash(session, app.clock())
        synchronise(session, app.configuration, app.clock())
    if run_id is None:
        run_id = _ask(app, name)
    if (ended := _row(app, run_id)).state is RunState.FINISHED:
        return ended
    engine = EmbeddedEngine(app.database, clock=app.clock)
    parts = assemble(
        app.configuration, database=app.database, evidence=app.evidence, engine=engine, clock=app.clock
    )
    lanes = [_only(lane, run_id) if lane.kind is WorkKind.RUN else lane for lane in parts.lanes]
    engine.serve(lanes)
    engine.start()
    try:
        run = _watch(app, run_id, tell)
        _wait(partial(_settled, app, lanes, engine), limit_s=SETTLE_S)
        return run
    finally:
        parts.supervisor.stop()
        engine.stop(STOP_S)


def _only(lane: Lane, run_id: int) -> Lane:
    """Other runs that are queued are the daemon's business."""

    def due(session: object, *, now: object, limit: int) -> list[int]:
        return [run_id]

    return Lane(lane.kind, lane.handler, due, 1)


def _settled(app: App, lanes: list[Lane], engine: EmbeddedEngine) -> bool:
    """Nothing is due or in hand; a delivery that waits for its second attempt is not due."""
    if engine.busy():
        return False
    with app.database.reading() as session:
        followers = [lane for lane in lanes if lane.kind is not WorkKind.RUN]
        return not any(lane.due(session, now=app.clock(), limit=1) for lane in followers)


def _ask(app: App, name: str) -> int:
    """The id of a run that is queued for this source: a new one, or one that was left or is due anyway."""
    now = app.clock()
    with app.database.transaction() as session:
        found = sources.source_by_name(session, name)
        if found is None or found.removed_at is not None:
            raise UnknownName(f'There is no source "{name}"; `spillwatch source list` shows them.')
        slot = f"manual {now.isoformat()}"
        run_id = runs.enqueue_run(session, found.id, slot=slot, trigger=RunTrigger.MANUAL, now=now)
        there = runs.last_slot(session, found.id)
    if run_id is None and there is not None and there.state is not RunState.RUNNING:
        return there.id
    if run_id is None:
        what = f"run {there.id} is {there.state}" if there else "another run goes on"
        raise RunInProgress(f"{name} is being crawled already: {what}. See `spillwatch runs`.")
    return run_id


def _watch(app: App, run_id: int, tell: Tell, *, limit_s: float = math.inf) -> Run:
    """Wait for the run's end, or that long; the row says how far it is, whoever does it."""
    until = time.monotonic() + limit_s
    while (run := _row(app, run_id)).state is not RunState.FINISHED and time.monotonic() < until:
        tell(run)
        time.sleep(POLL_S)
    tell(run)
    return run


def _row(app: App, run_id: int) -> Run:
    with app.database.reading() as session:
        run = runs.run_by_id(session, run_id)
    if run is None:
        raise UnknownName(f"Run {run_id} is not in the database any more.")
    return run


@contextmanager
def _display(name: str, *, show: bool) -> Iterator[Tell]:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console(), transient=True, disable=not show) as progress:
        task = progress.add_task(f"{name}: waiting")

        def tell(run: Run) -> None:
            counts = f"{run.pages} pages, {run.listings_seen} listings, {run.listings_new} new"
            progress.update(task, description=f"{name}: {run.state}, {counts}")

        yield tell


def _wait(done: Callable[[], bool], *, limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while not done() and time.monotonic() < until:
        time.sleep(POLL_S)


def _sentence(run: Run) -> str:
    outcome = str(run.outcome or run.state).replace("_", " ")
    of_listings = f"{run.listings_seen} listings: {run.listings_new} new, {run.listings_changed} changed"
    unread = f"; {run.pages_unread} pages stay unread" if run.pages_unread else ""
    detail = f"\n{run.detail}" if run.detail else ""
    return f"{run.source.name}: {outcome} (run {run.id}). {run.pages} pages, {of_listings}{unread}.{detail}"
