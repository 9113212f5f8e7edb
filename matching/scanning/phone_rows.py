"""A telephone table as the library wants it: rows, tails and answers, in arrays whose places it knows."""

from ctypes import Array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.identifiers.digit_graphs import PatternUnknown
from matching.identifiers.phone_tables import LONGEST, AskPython, Dialled, Number, PhoneAutomaton
from matching.native.library import ROW, PhoneAnswer

Numbers = NDArray[np.uint16]

_NUMBER, _DIALLED, _ASK = range(1, 4)  # enum sw_answer_kind; 0 is none
_TAILS = (1 << 16) - 1  # whose places are numbers of 16 bits, as are those of the rows
_ROWS = (1 << 16) // ROW


class Compiled(NamedTuple):
    """`rows`: ROW numbers a state. `answers`: the bytes of one struct sw_answer after the other.
    `lengths`: by the first two digits, a bit for each number of digits that may have an answer.
    """

    rows: Numbers
    tails: Numbers
    answers: NDArray[np.uint8]
    lengths: NDArray[np.uint32]


def compiled(table: PhoneAutomaton) -> Compiled:
    """Raises PatternUnknown where the table is too large for numbers of 16 bits."""
    rows, tails = _rows(table)
    return Compiled(rows, tails, np.frombuffer(bytes(_answers(table)), np.uint8), _lengths(table))


def _rows(table: PhoneAutomaton) -> tuple[Numbers, Numbers]:
    """States are places of rows, as the tail of a state is one of `tails`."""
    decided = _decided(table)
    places = np.flatnonzero(decided)
    answers, onward = [table.rows[places, 10]], places
    for _ in range(LONGEST):
        onward = table.rows[onward, 0]
        answers.append(table.rows[onward, 10])
    tails, which = np.unique(np.stack(answers, axis=1), axis=0, return_inverse=True)
    if len(table.rows) > _ROWS or tails.size > _TAILS:
        raise PatternUnknown(f"a numbering plan has {len(table.rows)} states; there is room for {_ROWS}")
    rows = np.zeros((len(table.rows), ROW), dtype=np.uint16)
    rows[:, :10] = table.rows[:, :10] * ROW
    rows[:, 10] = table.rows[:, 10]
    rows[places, 11] = 1 + which.reshape(-1) * tails.shape[1]
    return rows.reshape(-1), np.concatenate(([0], tails.reshape(-1))).astype(np.uint16)  # 0 is no place


def _decided(table: PhoneAutomaton) -> NDArray[np.bool_]:
    """The states that every further digit leads on from alike, as every one behind it does."""
    alike: NDArray[np.bool_] = (table.rows[:, :10] == table.rows[:, :1]).all(axis=1)
    onward = table.rows[:, 0]
    decided: NDArray[np.bool_] = alike & (onward == np.arange(len(onward)))
    while (more := alike & decided[onward] & ~decided).any():
        decided |= more
    return decided


def _lengths(table: PhoneAutomaton) -> NDArray[np.uint32]:
    onward = table.rows[:, :10]
    behind = onward[onward[1]].reshape(-1)  # where two digits lead to
    says = np.array([said is not None for said in table.answers])
    answered: NDArray[np.bool_] = says[table.rows[:, 10]]  # after no further digit
    lengths = np.full(100, 0b11, np.uint32)  # of fewer than two digits nothing is told
    for length in range(2, LONGEST + 1):
        lengths |= answered[behind].astype(np.uint32) << np.uint32(length)
        answered = np.asarray(answered[onward].any(axis=1))
    return lengths


def _answers(table: PhoneAutomaton) -> Array[PhoneAnswer]:
    return (PhoneAnswer * len(table.answers))(*map(_answer, table.answers))


def _answer(said: Number | Dialled | AskPython | None) -> PhoneAnswer:
    if isinstance(said, Number):
        return PhoneAnswer(_NUMBER, said.start, said.end, said.rest, len(said.literal), said.literal.encode())
    if isinstance(said, Dialled):
        return PhoneAnswer(_DIALLED, 0, 0, said.digits)
    return PhoneAnswer(_ASK if said else 0)
