"""`spillwatch check`: every mistake of the configuration at once."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.context import App, app_of
from cli.errors import ConfigurationRefused
from cli.exits import Exit
from cli.output import emit_json, say


def command(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Read every file of the configuration and say every mistake at once."""
    app = app_of(context)
    try:
        found = _found(app)
    except ConfigurationRefused as error:
        if not as_json:
            raise
        emit_json({"ok": False, "mistakes": [mistake.as_json() for mistake in error.mistakes]})
        raise typer.Exit(Exit.CONFIGURATION) from None
    if as_json:
        emit_json({"ok": True, "mistakes": [], **found})
    else:
        counts = (
            "{sources} sources ({enabled} enabled), {companies} companies, {terms} terms, {channels} channels"
        )
        say(f"No mistakes: {counts.format(**found)}, in {found['file']}.")


def _found(app: App) -> dict[str, object]:
    declared = app.configuration
    return {
        "file": declared.file,
        "sources": len(declared.sources),
        "enabled": sum(source.value.enabled for source in declared.sources),
        "companies": len(declared.companies),
        "terms": sum(len(company.value.terms) for company in declared.companies),
        "channels": len(declared.settings.alerts.channels),
    }
