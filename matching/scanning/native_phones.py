"""Numbering plans for the native scanner: out of a file (`countries`), else compiled, a home region's with
its scanner, those of the country codes when a number first needs one.

Where there is no table, the library asks, and `phones.e164` answers: once for the first number of a country
code, and always for what no table can say (`phone_tables.ASK`, a pattern that does not compile).
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache

import numpy as np
from numpy.typing import NDArray

from matching.identifiers.digit_graphs import PatternUnknown
from matching.identifiers.numbering_plans import CODES, home_plan
from matching.identifiers.phone_tables import country_table, home_table
from matching.native.library import PhoneTable
from matching.scanning import plan_tables
from matching.scanning.phone_rows import Compiled, compiled

_LONGEST = 3  # digits of a country code


class Plans:
    """The tables of the country codes."""

    def __init__(self) -> None:
        self.codes = sorted(CODES)
        self.tables = (PhoneTable * len(self.codes))(*map(_empty, self.codes))
        self.index = _index(self.codes)
        self._tried: set[int] = set()
        for number, code in enumerate(self.codes):
            if found := plan_tables.read().get(code):
                _point(self.tables[number], found)
                self._tried.add(number)

    def compile(self, country: int) -> None:
        """From now on the library need not ask about this country, unless its rules cannot be compiled."""
        if country not in self._tried:
            self._tried.add(country)
            _fill(self.tables[country], lambda: compiled(country_table(self.codes[country])))


@cache
def plans() -> Plans:
    """Those of the process."""
    return Plans()


@cache
def home(region: str) -> PhoneTable:
    """The table of a region."""
    table = _empty(home_plan(region).code)
    _fill(table, lambda: plan_tables.read().get(region) or compiled(home_table(region)))
    return table


def _empty(code: str) -> PhoneTable:
    return PhoneTable(None, None, None, None, code.encode(), len(code))


_kept: list[Compiled] = []  # what the tables point to lives as long as the process


def _fill(table: PhoneTable, made: Callable[[], Compiled]) -> None:
    """Give a table its rows; it stays empty where the rules cannot be compiled."""
    with suppress(PatternUnknown):
        _point(table, made())


def _point(table: PhoneTable, parts: Compiled) -> None:
    _kept.append(parts)
    table.answers = parts.answers.ctypes.data
    table.tails = parts.tails.ctypes.data
    table.lengths = parts.lengths.ctypes.data
    table.rows = parts.rows.ctypes.data  # last: another thread's scanner may look at once


def _index(codes: list[str]) -> NDArray[np.uint16]:
    """By three digits, 1 + the place of the code that they begin with: no code begins another one."""
    table = np.zeros(10**_LONGEST, dtype=np.uint16)
    for number, code in enumerate(codes):
        others = 10 ** (_LONGEST - len(code))
        table[int(code) * others : (int(code) + 1) * others] = number + 1
    return table
