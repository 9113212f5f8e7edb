"""Controls: numbers that are in no dump but could be, to see how often chance hits with such numbers.

A number in use is not drawn from all that there could be: those of one town share its county, those of one
bank its prefix. So each candidate is given a neighbour: the digits that tell people apart are others, drawn
evenly, what stands before them stays, and check digits follow. How many neighbours are customers is how many
of the candidates would be by chance, whatever the numbers are crowded into.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from matching.identifiers import Field
from matching.scanning.candidates import Bytes, CandidateBatch, Places

_SEED = 1  # the same neighbours each time, so that two sweeps of a dump are the same
_ZERO = ord("0")
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])  # GB 11643
_CHECKS = np.frombuffer(b"10X98765432", np.uint8)
_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])  # Luhn

Digits = NDArray[np.int64]


def neighbours(field: Field, batch: CandidateBatch) -> CandidateBatch:
    """One of each candidate, never the candidate itself; `field`: one of CONTROLLED."""
    tape = batch.tape.copy()
    _CHANGES[field](tape, batch.offsets)
    return CandidateBatch(batch.starts, batch.ends, batch.offsets, tape)


def _phones(tape: Bytes, offsets: Places) -> None:
    """The last four digits."""
    _replace(tape, offsets[1:] - 4, 4)


def _resident_ids(tape: Bytes, offsets: Places) -> None:
    """The serial number of the day and county, of which the last digit is odd for men."""
    begins = offsets[:-1]
    _replace(tape, begins + 14, 3)
    digits = tape[begins[:, None] + np.arange(17)].astype(np.int64) - _ZERO
    tape[begins + 17] = _CHECKS[digits @ _WEIGHTS % 11]


def _cards(tape: Bytes, offsets: Places) -> None:
    """The four digits before the check digit."""
    last = offsets[1:] - 1
    before = _luhn(tape, last)
    _replace(tape, last - 4, 4)
    tape[last] = (tape[last].astype(np.int64) - _ZERO + before - _luhn(tape, last)) % 10 + _ZERO


def _luhn(tape: Bytes, last: Places) -> Digits:
    """What the four digits before the last one add to the sum."""
    digits = tape[last[:, None] - np.arange(1, 5)].astype(np.int64) - _ZERO
    digits[:, ::2] = _DOUBLED[digits[:, ::2]]
    return np.asarray(digits.sum(axis=1), np.int64)


def _replace(tape: Bytes, begins: Places, width: int) -> None:
    """Other digits for those `width` ones that begin there."""
    places = begins[:, None] + np.arange(width)
    powers = 10 ** np.arange(width - 1, -1, -1)
    shown = (tape[places].astype(np.int64) - _ZERO) @ powers
    other = (shown + np.random.default_rng(_SEED).integers(1, 10**width, len(begins))) % 10**width
    tape[places] = other[:, None] // powers % 10 + _ZERO


_CHANGES: Mapping[Field, Callable[[Bytes, Places], None]] = {
    Field.PHONE: _phones,
    Field.RESIDENT_ID: _resident_ids,
    Field.CARD: _cards,
}
CONTROLLED = frozenset(_CHANGES)
