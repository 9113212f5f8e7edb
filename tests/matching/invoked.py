"""The commands, called in this process: as their user calls them, without a second a call for imports."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from cli.exits import exit_code
from cli.main import app, sentence


class Ran(NamedTuple):
    """How a command ended; `told` is all that it wrote, and the sentence of its error."""

    code: int
    told: str


def invoke(folder: Path, *arguments: str) -> Ran:
    """Run a command in a folder."""
    with chdir(folder):
        result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "250", "TERM": "dumb"})
    if isinstance(result.exception, Exception):
        return Ran(int(exit_code(result.exception)), f"{result.output}{sentence(result.exception)}")
    return Ran(result.exit_code, result.output)


def answered(folder: Path, *arguments: str, code: int = 0) -> Any:
    """The JSON of a command that must end with `code`."""
    ran = invoke(folder, *arguments, "--json")
    assert ran.code == code, ran.told
    return json.loads(ran.told)
