"""`spillwatch keygen`: writes a root key for fingerprints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.command_context import app_of
from cli.errors import WouldOverwrite
from cli.output import emit_json, print_line
from matching.fingerprints.key_file import write_key
from matching.fingerprints.scheme import new_key


def command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The key file to write; it must not exist.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Write a new root key with mode 0600. The key itself is never shown."""
    key = new_key()
    try:
        write_key(key, file, app_of(context).clock())
    except FileExistsError:
        raise WouldOverwrite(
            f"{file} already exists, and an overwritten key cannot be recovered. Choose another file name."
        ) from None
    if as_json:
        emit_json({"file": file, "key_id": key.id})
    else:
        print_line(f"Wrote key {key.id} to {file} (mode 0600). Keep a copy in a place without segments.")
