"""Lays out a telephone automaton as the native library reads it: rows, tails and answers in flat arrays."""

from ctypes import Array

import numpy as np
from numpy.typing import NDArray

from matching.native.library import ROW, PhoneAnswer
from matching.scanning.plan_tables import CompiledPlan
from setup.digit_graphs import PatternUnknown
from setup.phone_automata import LONGEST, AskPython, Dialled, Number, PhoneAutomaton

Numbers = NDArray[np.uint16]

_NUMBER, _DIALLED, _ASK = range(1, 4)  # enum sw_answer_kind; 0 is no answer
_MOST_ROWS = (1 << 16) // ROW  # places of rows are numbers of 16 bits ...
_MOST_TAILS = (1 << 16) - 1  # ... and so are those of tails


def compiled_plan(automaton: PhoneAutomaton) -> CompiledPlan:
    """Raises PatternUnknown where the automaton is too large for numbers of 16 bits."""
    rows, tails = _rows_and_tails(automaton)
    answers = np.frombuffer(bytes(_answers(automaton)), np.uint8)
    return CompiledPlan(rows, tails, answers, _lengths(automaton))


def _rows_and_tails(automaton: PhoneAutomaton) -> tuple[Numbers, Numbers]:
    """Return the rows, in which a state is the place of its row, and the tails.

    Most numbers are decided after a few digits; the remaining ones only have to be counted. A tail holds the
    answers of such a state for 0, 1, 2, ... remaining digits, so that the library reads one entry instead of
    a row per digit. States with equal answers share a tail.
    """
    decided = _decided_states(automaton)
    places = np.flatnonzero(decided)
    answers, onward = [automaton.rows[places, 10]], places
    for _ in range(LONGEST):
        onward = automaton.rows[onward, 0]
        answers.append(automaton.rows[onward, 10])
    tails, tail_of_state = np.unique(np.stack(answers, axis=1), axis=0, return_inverse=True)
    if len(automaton.rows) > _MOST_ROWS or tails.size > _MOST_TAILS:
        raise PatternUnknown(
            f"a numbering plan has {len(automaton.rows)} states and {tails.size} entries of tails; "
            f"there is room for {_MOST_ROWS} and {_MOST_TAILS}"
        )
    rows = np.zeros((len(automaton.rows), ROW), dtype=np.uint16)
    rows[:, :10] = automaton.rows[:, :10] * ROW
    rows[:, 10] = automaton.rows[:, 10]
    rows[places, 11] = 1 + tail_of_state.reshape(-1) * tails.shape[1]
    return rows.reshape(-1), np.concatenate(([0], tails.reshape(-1))).astype(np.uint16)  # 0 means no tail


def _decided_states(automaton: PhoneAutomaton) -> NDArray[np.bool_]:
    """Return the states from which only the number of further digits matters, not which digits they are."""
    alike: NDArray[np.bool_] = (automaton.rows[:, :10] == automaton.rows[:, :1]).all(axis=1)
    onward = automaton.rows[:, 0]
    decided: NDArray[np.bool_] = alike & (onward == np.arange(len(onward)))
    while (more := alike & decided[onward] & ~decided).any():
        decided |= more
    return decided


def _lengths(automaton: PhoneAutomaton) -> NDArray[np.uint32]:
    """Return `CompiledPlan.lengths`, computed from the last digit backwards."""
    onward = automaton.rows[:, :10]
    after_two = onward[onward[1]].reshape(-1)  # the state that each two digits lead to
    is_answer = np.array([answer is not None for answer in automaton.answers])
    answered: NDArray[np.bool_] = is_answer[automaton.rows[:, 10]]  # after no further digit
    lengths = np.full(100, 0b11, np.uint32)  # numbers of fewer than two digits are never ruled out
    for length in range(2, LONGEST + 1):
        lengths |= answered[after_two].astype(np.uint32) << np.uint32(length)
        answered = np.asarray(answered[onward].any(axis=1))
    return lengths


def _answers(automaton: PhoneAutomaton) -> Array[PhoneAnswer]:
    return (PhoneAnswer * len(automaton.answers))(*map(_answer, automaton.answers))


def _answer(answer: Number | Dialled | AskPython | None) -> PhoneAnswer:
    if isinstance(answer, Number):
        literal = answer.literal.encode()
        return PhoneAnswer(_NUMBER, answer.start, answer.end, answer.rest, len(literal), literal)
    if isinstance(answer, Dialled):
        return PhoneAnswer(_DIALLED, 0, 0, answer.digits)
    return PhoneAnswer(_ASK if answer else 0)
