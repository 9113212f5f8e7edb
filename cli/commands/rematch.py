"""`spillwatch rematch`: compare the whole archive again, in the background."""

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
    company: Annotated[str | None, typer.Option(help="Only for this company (its slug).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Ask for a comparison of every stored listing with what is watched now.

    New terms and segments ask for one by themselves; this is for a new version of the rules.
    """
    app = app_of(context)
    with app.database.transaction() as session:
        found = companies.company_by_slug(session, company) if company else None
        if company and found is None:
            raise UnknownName(f'There is no company "{company}"; its slug is the name of its file.')
        rematch_id = watch.request_rematch(
            session, scope=scope, company_id=found.id if found else None, reason="asked for", now=app.clock()
        )
    if as_json:
        emit_json({"rematch": rematch_id, "scope": scope, "company": company})
    else:
        print_line(f"Rematch {rematch_id} is queued; the daemon (`spillwatch run`) does it.")
