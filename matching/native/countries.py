"""The tables of all numbering plans in a file, which the installation writes beside the library.

To compile those of all country codes takes two seconds, and a region's own up to a fifth of one, which
each `match` would begin with. They are those of one release of `phonenumbers` and of the very modules that
are named here: a file that is missing, damaged or made of others is as good as none, and each table is
compiled when it is first needed.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import chain
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import phonenumbers
from phonenumbers import SUPPORTED_REGIONS

from matching.digit_graphs import PatternUnknown
from matching.native.phone_rows import Compiled, compiled
from matching.phone_tables import Table, country_table, home_table
from matching.phones import CODES

PATH = Path(__file__).with_name("countries.tables")
_PACKAGE = Path(__file__).parent.parent
_MADE_BY = ("phones.py", "digit_graphs.py", "phone_tables.py", "native/phone_rows.py", "native/library.py")


def write(path: Path = PATH) -> Path:
    """Compile and write all that can be compiled: 3 MB, in about five seconds."""
    tables = chain(
        ((code, partial(country_table, code)) for code in sorted(CODES)),
        ((region, partial(home_table, region)) for region in sorted(SUPPORTED_REGIONS)),
    )
    made = {name: found for name, table in tables if (found := _compiled(table)) is not None}
    columns = [np.concatenate(column) for column in zip(*made.values(), strict=True)]
    ends = np.cumsum([[len(column) for column in one] for one in made.values()], axis=0)
    draft = path.with_suffix(f".{os.getpid()}.part")  # nobody reads half a file
    with draft.open("wb") as file:
        named = dict(zip(Compiled._fields, columns, strict=True))
        named |= {"made_of": np.array(made_of()), "names": np.array(list(made)), "ends": ends}
        np.savez(file, allow_pickle=False, **named)
    return draft.replace(path)


def _compiled(table: Callable[[], Table]) -> Compiled | None:
    try:
        return compiled(table())
    except PatternUnknown:
        return None


@cache
def read(path: Path = PATH) -> Mapping[str, Compiled]:
    """By country code, and a region's own by its name; empty where no such file is, or another release's."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["made_of"]) != made_of():
                return {}
            names, ends = file["names"].tolist(), file["ends"]
            columns = [file[name] for name in Compiled._fields]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return {}
    parts = (np.split(column, ends[:-1, place]) for place, column in enumerate(columns))
    return {name: Compiled(*one) for name, one in zip(names, zip(*parts, strict=True), strict=True)}


def made_of() -> str:
    """What decides what is in the tables: the release of `phonenumbers`, and the modules that compile."""
    digest = hashlib.sha256(phonenumbers.__version__.encode())
    for name in _MADE_BY:
        digest.update(Path(_PACKAGE, name).read_bytes())
    return digest.hexdigest()
