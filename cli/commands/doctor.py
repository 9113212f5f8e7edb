"""`spillwatch doctor`: looks at what an installation needs, and says what to do about what is not right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from cli.command_context import app_of
from cli.doctor import CHECKS, CheckLevel, CheckResult, run_checks
from cli.exits import Exit
from cli.output import emit_json, print_table

_COLOURS = {
    CheckLevel.OK: "green",
    CheckLevel.NOTE: "cyan",
    CheckLevel.WARNING: "yellow",
    CheckLevel.FAILED: "bold red",
}


def _known_checks(names: list[str]) -> list[str]:
    for name in names:
        if name not in CHECKS:
            raise typer.BadParameter(f"found {name!r}; wanted one of {', '.join(CHECKS)}")
    return names


def command(
    context: typer.Context,
    only: Annotated[
        list[str], typer.Option(callback=_known_checks, help="Only this check; may be given several times.")
    ] = [],  # noqa: B006  (typer copies it)
    channels: Annotated[
        bool, typer.Option("--channels", help="Connect to each alert channel too; sends nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Check the installation; exit code 1 if something is wrong.

    With --only a warning counts as wrong too, so that `doctor --only daemon` is a health check.
    """
    names = only or [name for name in CHECKS if channels or name != "channels"]
    findings = run_checks(app_of(context), names)
    wrong = {CheckLevel.FAILED, CheckLevel.WARNING} if only else {CheckLevel.FAILED}
    well = all(finding.level not in wrong for finding in findings)
    if as_json:
        emit_json({"ok": well, "findings": [finding.as_json() for finding in findings]})
    else:
        print_table(("check", "", "what was found", "what to do"), _result_rows(findings))
    if not well:
        raise typer.Exit(Exit.NEGATIVE)


def _result_rows(findings: Sequence[CheckResult]) -> list[tuple[object, ...]]:
    return [
        (finding.check, Text(finding.level, style=_COLOURS[finding.level]), finding.found, finding.advice)
        for finding in findings
    ]
