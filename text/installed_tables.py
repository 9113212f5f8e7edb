"""Tables that the installation computes and writes, so that a start reads them.

A file is as good as none where it is missing, damaged, or made of something else than what is here: whoever
reads computes then. None is written but by the installation (`native/build`).
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

_MADE_OF = "made_of"  # the name of the array that says it


def write_tables(path: Path, arrays: Arrays, *, made_of: str) -> Path:
    draft = path.with_suffix(f".{os.getpid()}.part")  # nobody reads half a file
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_MADE_OF: np.array(made_of)}, **arrays)
    return draft.replace(path)


def read_tables(path: Path, *, made_of: str) -> Arrays:
    """Empty where there is no such file, or where it is another release's."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file[_MADE_OF]) != made_of:
                return {}
            return {name: file[name] for name in file.files}
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return {}


def digest_of(*parts: bytes) -> str:
    """Of all that decides what is in a file: releases of libraries, modules, data."""
    sizes = ",".join(str(len(part)) for part in parts)
    return hashlib.sha256(b"".join((sizes.encode(), *parts))).hexdigest()


def module_sources(names: Iterable[str]) -> Iterable[bytes]:
    """The source of modules, by their paths in the tree."""
    return (Path(__file__).parent.parent.joinpath(name).read_bytes() for name in names)
