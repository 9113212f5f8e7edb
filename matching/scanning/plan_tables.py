"""The tables of all numbering plans in a file, which the installation writes beside the library.

To compile those of all country codes takes two seconds, and a region's own up to a fifth of one, which
each `match` would begin with. They are those of one release of `phonenumbers` and of the very modules that
are named here: a file that is missing, damaged or made of others is as good as none, and each table is
compiled when it is first needed.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import chain
from pathlib import Path

import numpy as np
import phonenumbers
from phonenumbers import SUPPORTED_REGIONS

from matching.identifiers.digit_graphs import PatternUnknown
from matching.identifiers.numbering_plans import CODES
from matching.identifiers.phone_tables import PhoneAutomaton, country_table, home_table
from matching.scanning.phone_rows import Compiled, compiled
from text import installed_tables

PATH = Path(__file__).with_name("plans.tables")
_MADE_BY = (
    "matching/identifiers/numbering_plans.py",
    "matching/identifiers/digit_graphs.py",
    "matching/identifiers/phone_tables.py",
    "matching/scanning/phone_rows.py",
    "matching/native/library.py",
    "matching/scanning/plan_tables.py",
)


def write(path: Path = PATH) -> Path:
    """Compile and write all that can be compiled: 3 MB, in about five seconds."""
    tables = chain(
        ((code, partial(country_table, code)) for code in sorted(CODES)),
        ((region, partial(home_table, region)) for region in sorted(SUPPORTED_REGIONS)),
    )
    made = {name: found for name, table in tables if (found := _compiled(table)) is not None}
    columns = [np.concatenate(column) for column in zip(*made.values(), strict=True)]
    ends = np.cumsum([[len(column) for column in one] for one in made.values()], axis=0)
    named = {"names": np.array(list(made)), "ends": ends}
    named |= zip(Compiled._fields, columns, strict=True)
    return installed_tables.write_tables(path, named, made_of=made_of())


def _compiled(table: Callable[[], PhoneAutomaton]) -> Compiled | None:
    try:
        return compiled(table())
    except PatternUnknown:
        return None


@cache
def read(path: Path = PATH) -> Mapping[str, Compiled]:
    """By country code, and a region's own by its name; empty where no such file is, or another release's."""
    file = installed_tables.read_tables(path, made_of=made_of())
    if not file:
        return {}
    names, ends = file["names"].tolist(), file["ends"]
    columns = [file[name] for name in Compiled._fields]
    parts = (np.split(column, ends[:-1, place]) for place, column in enumerate(columns))
    return {name: Compiled(*one) for name, one in zip(names, zip(*parts, strict=True), strict=True)}


def made_of() -> str:
    """What decides what is in the tables: the release of `phonenumbers`, and the modules that compile."""
    return installed_tables.digest_of(
        phonenumbers.__version__.encode(), *installed_tables.module_sources(_MADE_BY)
    )
