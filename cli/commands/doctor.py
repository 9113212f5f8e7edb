"""`spillwatch doctor`: checks the installation and says how to correct each problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from cli.command_context import app_of
from cli.doctor import CHECKS, CheckLevel, CheckResult, run_checks
from cli.exits import Exit
from cli.output import TableColumn, emit_json, print_table

_COLOURS = {
    CheckLevel.OK: "green",
    CheckLevel.NOTE: "cyan",
    CheckLevel.WARNING: "yellow",
    CheckLevel.FAILED: "bold red",
}


def _known_checks(names: list[str]) -> list[str]:
    for name in names:
        if name not in CHECKS:
            raise typer.BadParameter(f"there is no check {name!r}; choose one of {', '.join(CHECKS)}")
    return names


def command(
    context: typer.Context,
    only: Annotated[
        list[str], typer.Option(callback=_known_checks, help="Run only this check. Can be repeated.")
    ] = [],  # noqa: B006  (typer copies it)
    channels: Annotated[
        bool, typer.Option("--channels", help="Also connect to each alert channel. Sends nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Check the installation. Exit code 1 if a check failed.

    With --only, a warning counts as a failure too, so that `doctor --only daemon` is a health check.
    """
    names = only or [name for name in CHECKS if channels or name != "channels"]
    findings = run_checks(app_of(context), names)
    failing = {CheckLevel.FAILED, CheckLevel.WARNING} if only else {CheckLevel.FAILED}
    well = all(finding.level not in failing for finding in findings)
    if as_json:
        emit_json({"ok": well, "findings": [finding.as_json() for finding in findings]})
    else:
        columns = (
            "check",
            "",
            TableColumn("what was found", prose=True),
            TableColumn("what to do", prose=True),
        )
        print_table(columns, _result_rows(findings))
    if not well:
        raise typer.Exit(Exit.NEGATIVE)


def _result_rows(findings: Sequence[CheckResult]) -> list[tuple[object, ...]]:
    return [
        (finding.check, Text(finding.level, style=_COLOURS[finding.level]), finding.found, finding.advice)
        for finding in findings
    ]
