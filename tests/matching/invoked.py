"""The commands, called in this process: it saves the second that each start of the program takes."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from cli.exits import exit_code
from cli.main import app, error_sentence


class Ran(NamedTuple):
    """How a command ended; `told`: all that it wrote, with its error; `reason`: the slug of that error."""

    code: int
    output: str
    reason: str = ""


def invoke(folder: Path, *arguments: str) -> Ran:
    """Run a command in a folder, and return how it ended."""
    with chdir(folder):
        result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "250", "TERM": "dumb"})
    if isinstance(result.exception, Exception):
        told = f"{result.output}{error_sentence(result.exception)}"
        return Ran(int(exit_code(result.exception)), told, getattr(result.exception, "reason", ""))
    return Ran(result.exit_code, result.output)


def answered(folder: Path, *arguments: str, code: int = 0) -> Any:
    """Return the JSON of a command that must end with `code`."""
    ran = invoke(folder, *arguments, "--json")
    assert ran.code == code, ran.output
    return json.loads(ran.output)
