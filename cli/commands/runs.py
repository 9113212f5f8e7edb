"""`spillwatch runs`: lists the latest runs and their outcomes."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command_context import Wide, app_of
from cli.errors import UnknownName
from cli.output import TableColumn, emit_json, print_table
from storage import runs, sources

_COLUMNS = (
    "id",
    "source",
    TableColumn("state", extra=True),
    "outcome",
    "started",
    TableColumn("seconds", extra=True),
    TableColumn("pages", extra=True),
    TableColumn("unread", extra=True),
    "new",
    TableColumn("changed", extra=True),
    TableColumn("detail", prose=True),
)


def command(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help="Only runs of this source.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of runs, newest first.")] = 20,
    wide: Wide = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON list.")] = False,
) -> None:
    """List the latest runs with their outcomes."""
    with app_of(context).database.reading() as session:
        if source is not None and sources.source_by_name(session, source) is None:
            raise UnknownName(f'There is no source "{source}". `spillwatch source list` shows the names.')
        found = runs.recent_runs(session, source=source, limit=limit)
    if as_json:
        emit_json([as_dict(run) for run in found])
    else:
        rows = [_run_row(run) for run in found]
        print_table(_COLUMNS, rows, empty="There are no runs yet.", wide=wide)


def as_dict(run: runs.Run) -> dict[str, object]:
    """Return a run as the JSON object of `runs` and `crawl`."""
    from web.api.models import RunShape

    return RunShape.of(run).model_dump()


def _run_row(run: runs.Run) -> tuple[object, ...]:
    took = run.finished_at - run.started_at if run.finished_at and run.started_at else None
    seconds = f"{took.total_seconds():.1f}" if took else None
    counts = (run.pages, run.pages_unread, run.listings_new, run.listings_changed)
    ended = run.outcome or run.state  # a run that has no outcome yet is queued or running
    return (run.id, run.source.name, run.state, ended, run.started_at, seconds, *counts, run.detail)
