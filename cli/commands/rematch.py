"""`spillwatch rematch`: queues a comparison of the whole archive."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command_context import app_of
from cli.errors import UnknownName
from cli.output import emit_json, print_line
from storage import companies, watch


def command(
    context: typer.Context,
    scope: Annotated[watch.MatchScope, typer.Option(help="What to compare again.")] = watch.MatchScope.ALL,
    company: Annotated[str | None, typer.Option(help="Compare for this company only (its slug).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Ask the daemon to compare every stored listing with everything that is watched now.

    A new term or segment causes a rematch by itself. Use this command after an upgrade with new rules.
    """
    app = app_of(context)
    with app.database.transaction() as session:
        found = companies.company_by_slug(session, company) if company else None
        if company and found is None:
            raise UnknownName(f'There is no company "{company}". A slug is the name of a file in companies/.')
        rematch_id = watch.request_rematch(
            session, scope=scope, company_id=found.id if found else None, reason="asked for", now=app.clock()
        )
    if as_json:
        emit_json({"rematch": rematch_id, "scope": scope, "company": company})
    else:
        print_line(f"Queued rematch {rematch_id}. The daemon (`spillwatch run`) carries it out.")
