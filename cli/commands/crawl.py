"""`spillwatch crawl SOURCE`: one run now, and what follows from it.

Where a daemon runs, it is asked to do the run and this command watches. Where none runs, this command is the
daemon for as long as the run, its matching and the first attempts of its deliveries take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.assembly import assemble, recover, synchronise
from cli.commands.runs import as_dict
from cli.context import App, app_of
from cli.engine import EmbeddedEngine, Lane
from cli.errors import RunInProgress, UnknownName
from cli.exits import Exit
from cli.output import console, emit_json, say
from storage import runs, sources
from storage.errors import AlreadyRunning
from storage.lock import DaemonLock
from storage.runs import READ, Run, RunState, RunTrigger
from storage.work import WorkKind

POLL_S = 0.2
SETTLE_S = 60.0  # longest wait for matching and the first attempts of deliveries after the run
STOP_S = 10.0


def command(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="The source: the name of its file without .toml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Crawl a source once, now, also one that is not enabled; exit code 1 if it could not be read."""
    app = app_of(context)
    show = not as_json and console().is_terminal
    try:
        with DaemonLock.acquire(app.database):
            run = _alone(app, source, show=show)
    except AlreadyRunning:
        run = _by_the_daemon(app, source, show=show)
    if as_json:
        emit_json(as_dict(run))
    else:
        say(_sentence(run))
    if run.outcome not in READ:
        raise typer.Exit(Exit.NEGATIVE)


def _by_the_daemon(app: App, source: str, *, show: bool) -> Run:
    run_id = _enqueue(app, source)
    return _watch(app, run_id, source, show=show)


def _alone(app: App, source: str, *, show: bool) -> Run:
    """We hold the daemon's lock: 1. recover and sync, 2. the run, 3. wait for what follows, 4. stop."""
    with app.database.transaction() as session:
        recover(session, app.clock())
        synchronise(session, app.configuration, app.clock())
    run_id = _enqueue(app, source)
    engine = EmbeddedEngine(app.database, clock=app.clock)
    parts = assemble(
        app.configuration, database=app.database, evidence=app.evidence, engine=engine, clock=app.clock
    )
    lanes = [_only(lane, run_id) if lane.kind is WorkKind.RUN else lane for lane in parts.lanes]
    engine.serve(lanes)
    engine.start()
    try:
        run = _watch(app, run_id, source, show=show)
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


def _enqueue(app: App, name: str) -> int:
    now = app.clock()
    with app.database.transaction() as session:
        found = sources.by_name(session, name)
        if found is None or found.removed_at is not None:
            raise UnknownName(f'There is no source "{name}"; `spillwatch source list` shows them.')
        run_id = runs.enqueue(
            session, found.id, slot=f"manual {now.isoformat()}", trigger=RunTrigger.MANUAL, now=now
        )
        if run_id is None:
            going_on = runs.last_slot(session, found.id)
            what = f"run {going_on.id} is {going_on.state}" if going_on else "another run goes on"
            raise RunInProgress(f"{name} is being crawled already: {what}. See `spillwatch runs`.")
    return run_id


def _watch(app: App, run_id: int, name: str, *, show: bool) -> Run:
    """Wait for the run's end; the row says how far it is, whoever does it."""
    with _display(name, show=show) as tell:
        while (run := _row(app, run_id)).state is not RunState.FINISHED:
            tell(run)
            time.sleep(POLL_S)
        tell(run)
        return run


def _row(app: App, run_id: int) -> Run:
    with app.database.reading() as session:
        run = runs.get(session, run_id)
    if run is None:
        raise UnknownName(f"Run {run_id} is not in the database any more.")
    return run


@contextmanager
def _display(name: str, *, show: bool) -> Iterator[Callable[[Run], None]]:
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
