"""`spillwatch keygen`: a root key for fingerprints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.command_context import app_of
from cli.errors import WouldOverwrite
from cli.output import emit_json, print_line
from matching.fingerprints.scheme import new_key, write_key


def command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where the key is written; a file that is there is kept.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Write a new root key with mode 0600. The key itself is never shown."""
    key = new_key()
    try:
        write_key(key, file, app_of(context).clock())
    except FileExistsError:
        raise WouldOverwrite(
            f"{file} is there already, and a key that is lost cannot be made again; name another file."
        ) from None
    if as_json:
        emit_json({"file": file, "key_id": key.id})
    else:
        print_line(f"The key {key.id} is in {file}, mode 0600. Keep a copy of it away from the segments.")
