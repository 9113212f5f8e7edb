"""The tables of numbering plans at the addresses that the native library reads.

Where a plan has no table, its rows are NULL, and the library asks `e164` about each number. That is so for
three home regions, whose rules cannot be compiled, and for all plans where `plan_tables` has none.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from matching.identifiers.numbering_plans import CODES, home_plan
from matching.native.library import PhoneTable
from matching.scanning.plan_tables import CompiledPlan, read_plans

_LONGEST_CODE = 3  # digits


class CountryTables:
    """The tables of all country codes, in the order of `codes`."""

    def __init__(self) -> None:
        self.codes = sorted(CODES)
        self.tables = (PhoneTable * len(self.codes))(*(_phone_table(code, code) for code in self.codes))
        self.index = _code_index(self.codes)


@cache
def country_tables() -> CountryTables:
    """Return those of the process: the library keeps their addresses."""
    return CountryTables()


@cache
def home_table(region: str) -> PhoneTable:
    """Return the table for numbers as they are dialled in a region."""
    return _phone_table(region, home_plan(region).code)


_plans_in_use: list[CompiledPlan] = []  # their arrays must live as long as the process


def _phone_table(name: str, code: str) -> PhoneTable:
    plan = read_plans().get(name)
    if plan is None:
        return PhoneTable(None, None, None, None, code.encode(), len(code))
    _plans_in_use.append(plan)
    addresses = (array.ctypes.data for array in (plan.rows, plan.tails, plan.answers, plan.lengths))
    return PhoneTable(*addresses, code.encode(), len(code))


def _code_index(codes: list[str]) -> NDArray[np.uint16]:
    """By three digits, 1 + the place in `codes` of the code that they begin with: no code begins another."""
    table = np.zeros(10**_LONGEST_CODE, dtype=np.uint16)
    for number, code in enumerate(codes):
        others = 10 ** (_LONGEST_CODE - len(code))
        table[int(code) * others : (int(code) + 1) * others] = number + 1
    return table
