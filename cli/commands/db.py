"""`spillwatch db`: upgrades the database's schema and copies an SQLite database into another one."""

from __future__ import annotations

from contextlib import closing, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from cli.command_context import app_of
from cli.exits import Exit
from cli.output import emit_json, print_line
from storage.database import revisions
from storage.database.base import Database
from storage.database.lock import DaemonLock
from storage.nodes import EngineName

app = typer.Typer(add_completion=False, help="Upgrade or copy the database.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object.")]


@app.command()
def upgrade(context: typer.Context, as_json: AsJson = False) -> None:
    """Upgrade the schema to this version.

    Refused while a daemon with the embedded engine uses the database. With engine = "procrastinate", nodes of
    older versions stop when they see the new schema.
    """
    from storage.database import schema  # Alembic takes half a second, which only this and `copy` need

    app = app_of(context)
    database, shares = app.database_unchecked, app.settings.daemon.engine is EngineName.PROCRASTINATE
    with nullcontext() if shares else DaemonLock.acquire(database):
        before = schema.stored_revision(database)
        schema.upgrade_schema(database)
        if shares:
            from storage.database.job_schema import upgrade_job_schema

            upgrade_job_schema(database)
    after = schema.stored_revision(database)
    if as_json:
        emit_json({"database": database.place, "before": before, "after": after})
    elif before == after:
        print_line(f"{database.place} already has this version's schema ({after}).")
    else:
        print_line(f"{database.place}: upgraded from {before or 'an empty database'} to {after}.")


@app.command()
def copy(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="The SQLite file to copy from.", exists=True, dir_okay=False, readable=True)
    ],
    as_json: AsJson = False,
) -> None:
    """Copy every row of an SQLite file into the configured database, which must be empty.

    Refused while a daemon uses either database.
    """
    from storage.database import schema
    from storage.database.transfer import transfer_rows

    target, origin = app_of(context).database_unchecked, Database.open(f"sqlite:///{file}")
    with closing(origin), DaemonLock.acquire(origin), DaemonLock.acquire(target):
        schema.upgrade_schema(target)
        counts = transfer_rows(origin, target)
    if as_json:
        emit_json({"from": origin.place, "database": target.place, "rows": counts})
    else:
        print_line(f"Copied {sum(counts.values())} rows to {target.place}. {origin.place} is unchanged.")


@app.command()
def revision(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the database's schema and the one this version needs. Exit code 1 if they differ."""
    database = app_of(context).database_unchecked
    found, wanted = revisions.stored_revision(database), revisions.newest_revision()
    if as_json:
        emit_json({"database": database.place, "revision": found, "head": wanted, "current": found == wanted})
    else:
        advice = "" if found == wanted else " Run `spillwatch db upgrade`."
        print_line(f"{database.place} has schema {found or 'none'}. This version needs {wanted}.{advice}")
    if found != wanted:
        raise typer.Exit(Exit.NEGATIVE)
