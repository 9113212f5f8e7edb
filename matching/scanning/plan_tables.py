"""The tables of all numbering plans, read from the file that the installation wrote.

`setup/phone_automata.py` compiles them from one release of `phonenumbers`. Another release may decide
otherwise about a number, so its tables are not used: the scanner asks `e164` about every number then, which
gives the same result, slowly.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import phonenumbers
from numpy.typing import NDArray

from text.installed_tables import TablesMissing, read_tables

PATH = Path(__file__).with_name("plans.tables")


class CompiledPlan(NamedTuple):
    """One plan's table in the layout of `struct sw_phone_table` (spillwatch.h).

    `rows`: library.ROW numbers per state. `answers`: the bytes of one struct sw_answer after the other.
    `lengths`: by the first two digits, bit n where a number of n digits may have an answer.
    """

    rows: NDArray[np.uint16]
    tails: NDArray[np.uint16]
    answers: NDArray[np.uint8]
    lengths: NDArray[np.uint32]


@cache
def read_plans(path: Path = PATH) -> Mapping[str, CompiledPlan]:
    """Return the plans by country code, and by home region ("CN").

    Empty where the file is missing or damaged, or was made with another release of `phonenumbers`.
    """
    try:
        arrays = read_tables(path)
    except TablesMissing:
        return {}
    if str(arrays.get("phonenumbers")) != phonenumbers.__version__:
        return {}
    names, ends = arrays["names"].tolist(), arrays["ends"]
    columns = [arrays[name] for name in CompiledPlan._fields]
    parts = (np.split(column, ends[:-1, place]) for place, column in enumerate(columns))
    return {name: CompiledPlan(*plan) for name, plan in zip(names, zip(*parts, strict=True), strict=True)}
