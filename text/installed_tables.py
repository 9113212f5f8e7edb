"""Reads tables that the installation computed and wrote (`setup/table_files.py`), so that no start does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


class TablesMissing(OSError):
    """A file of tables is missing or damaged; the message says what to do."""


def read_tables(path: Path) -> Arrays:
    """Read all arrays of a file. Raises TablesMissing."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        cause = getattr(error, "strerror", None) or str(error) or "the file is empty"
        raise TablesMissing(
            f"{path}, which the installation writes, cannot be read: {cause}. "
            "Install Spillwatch again; in a clone, run `.venv/bin/python -m setup`."
        ) from None
