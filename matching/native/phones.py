"""Numbering plans for the native scanner, each compiled when a number first needs it.

Where there is no table, the library asks, and `phones.e164` answers: once for the first number of a country
code, and always for what no table can say (`phone_tables.ASK`, a pattern that does not compile).
"""

from collections.abc import Callable
from ctypes import Array, addressof
from functools import cache

import numpy as np
from numpy.typing import NDArray

from matching.digit_graphs import PatternUnknown
from matching.native.library import ROW, Answer, PhoneTable
from matching.phone_tables import Asked, Dialled, Number, Table, country_table, home_table
from matching.phones import CODES, home_plan

_NUMBER, _DIALLED, _ASK = range(1, 4)  # enum sw_answer_kind; 0 is none
_ROWS = (1 << 16) // ROW  # whose places are numbers of 16 bits
_SIZES = (10, 100, 1000)  # of country codes with one digit, with two, with three


class Plans:
    """The tables of the country codes."""

    def __init__(self) -> None:
        self.codes = sorted(CODES)
        self.tables = (PhoneTable * len(self.codes))(*map(_empty, self.codes))
        self.index = _index(self.codes)
        self._tried: set[int] = set()

    def compile(self, country: int) -> None:
        """From now on the library need not ask about this country, unless its rules cannot be compiled."""
        if country not in self._tried:
            self._tried.add(country)
            _fill(self.tables[country], lambda: country_table(self.codes[country]))


@cache
def plans() -> Plans:
    """Those of the process."""
    return Plans()


@cache
def home(region: str) -> PhoneTable:
    """The table of a region."""
    table = _empty(home_plan(region).code)
    _fill(table, lambda: home_table(region))
    return table


def _empty(code: str) -> PhoneTable:
    return PhoneTable(None, None, code.encode(), len(code))


_kept: list[object] = []  # what the tables point to lives as long as the process


def _fill(table: PhoneTable, compiled: Callable[[], Table]) -> None:
    """Give a table its rows; it stays empty where the rules cannot be compiled."""
    try:
        made = compiled()
        rows, answers = rows_of(made), answers_of(made)
    except PatternUnknown:
        return
    _kept.append((rows, answers))
    table.answers = addressof(answers)
    table.rows = rows.ctypes.data  # last: another thread's scanner may look at once


def rows_of(table: Table) -> NDArray[np.uint16]:
    """As the library wants them: states are places of rows, which are padded."""
    if len(table.rows) > _ROWS:
        raise PatternUnknown(f"a numbering plan has {len(table.rows)} states; there is room for {_ROWS}")
    rows = np.zeros((len(table.rows), ROW), dtype=np.uint16)
    rows[:, :10] = table.rows[:, :10] * ROW
    rows[:, 10] = table.rows[:, 10]
    return rows


def answers_of(table: Table) -> Array[Answer]:
    return (Answer * len(table.answers))(*map(_answer, table.answers))


def _answer(said: Number | Dialled | Asked | None) -> Answer:
    if isinstance(said, Number):
        return Answer(_NUMBER, said.start, said.end, said.rest, len(said.literal), said.literal.encode())
    if isinstance(said, Dialled):
        return Answer(_DIALLED, 0, 0, said.digits)
    return Answer(_ASK if said else 0)


def _index(codes: list[str]) -> NDArray[np.uint16]:
    """1 + the place of each code, those of one digit before those of two."""
    table = np.zeros(sum(_SIZES), dtype=np.uint16)
    for number, code in enumerate(codes):
        table[sum(_SIZES[: len(code) - 1]) + int(code)] = number + 1
    return table
