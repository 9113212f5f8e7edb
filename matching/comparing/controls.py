"""Controls: the same lookup with altered numbers, to see how often chance hits with numbers such as these.

The numbers in use (`chance`) are not spread evenly over all that are possible: people of one town share the
county in their resident IDs, clients of one bank share a card prefix. A dump of that town hits the customers
of that town far more often than the number of all possible IDs would suggest.

So each candidate gets a neighbour: the digits before its person-specific ones stay, the person-specific ones
are replaced evenly at random, and the check digit follows. Neighbours lie where the candidates lie, but are
nobody's in particular. The number of neighbours that are customers is the number of hits that chance gives
in this dump.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.comparing.lookup import Comparison, look_up
from matching.identifiers import Field
from matching.scanning.candidates import Bytes, CandidateBatch, Places
from matching.scanning.scanner import Block

# Always the same neighbours: two sweeps of one dump must give the same answer.
_SEED = 1
_ZERO = ord("0")
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])  # GB 11643
_CHECK_DIGITS = np.frombuffer(b"10X98765432", np.uint8)  # GB 11643, by the weighted sum modulo 11
_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])  # Luhn: digit sum of twice the digit

Digits = NDArray[np.int64]


class ControlCounts(NamedTuple):
    """Neighbours that are customers, and all neighbours that were looked up, by company and field."""

    hits: Counter[tuple[int, Field]]
    neighbours: Counter[tuple[int, Field]]


def count_control_hits(comparison: Comparison, block: Block, companies: Collection[int]) -> ControlCounts:
    """Look up a neighbour of each of the block's candidates for these companies."""
    counts = ControlCounts(Counter(), Counter())
    for candidates, keys in comparison.scan_regions(block, companies):
        for field, batch in candidates.items():
            if field not in CONTROLLED_FIELDS:
                continue
            for company in {key.company_id for key in keys if field in key.fingerprinters}:
                counts.neighbours[company, field] += len(batch)
            for hits in look_up(field, neighbours(field, batch), keys):
                counts.hits[comparison.segments[hits.segment].company_id, field] += len(hits.ordinals)
    return counts


def neighbours(field: Field, batch: CandidateBatch) -> CandidateBatch:
    """Return one neighbour of each candidate, never itself; `field`: one of CONTROLLED_FIELDS."""
    tape = batch.tape.copy()
    _ALTERATIONS[field](tape, batch.offsets)
    return CandidateBatch(batch.starts, batch.ends, batch.offsets, tape)


def _alter_phones(tape: Bytes, offsets: Places) -> None:
    """Replace the last four digits. What stands before them is the country, the network and the area."""
    _replace_digits(tape, offsets[1:] - 4, 4)


def _alter_resident_ids(tape: Bytes, offsets: Places) -> None:
    """Replace the serial number, which tells people of one county and one birth date apart."""
    begins = offsets[:-1]
    _replace_digits(tape, begins + 14, 3)
    digits = tape[begins[:, None] + np.arange(17)].astype(np.int64) - _ZERO
    tape[begins + 17] = _CHECK_DIGITS[digits @ _WEIGHTS % 11]


def _alter_cards(tape: Bytes, offsets: Places) -> None:
    """Replace the four digits before the check digit. What stands before them is the bank and its branch.

    Cards differ in length, so the check digit is not computed anew from all digits: it changes by as much as
    the Luhn sum of the four digits does.
    """
    last = offsets[1:] - 1
    before = _luhn_share(tape, last)
    _replace_digits(tape, last - 4, 4)
    tape[last] = (tape[last].astype(np.int64) - _ZERO + before - _luhn_share(tape, last)) % 10 + _ZERO


def _luhn_share(tape: Bytes, last: Places) -> Digits:
    """Return what the four digits before the last one add to the Luhn sum."""
    digits = tape[last[:, None] - np.arange(1, 5)].astype(np.int64) - _ZERO
    digits[:, ::2] = _DOUBLED[digits[:, ::2]]
    return np.asarray(digits.sum(axis=1), np.int64)


def _replace_digits(tape: Bytes, begins: Places, width: int) -> None:
    """Replace the `width` digits from each of `begins` on by others.

    Adding 1 to 10^width - 1, modulo 10^width, gives every other number the same probability and never gives
    the number itself, which may be a real customer's.
    """
    places = begins[:, None] + np.arange(width)
    powers = 10 ** np.arange(width - 1, -1, -1)
    shown = (tape[places].astype(np.int64) - _ZERO) @ powers
    other = (shown + np.random.default_rng(_SEED).integers(1, 10**width, len(begins))) % 10**width
    tape[places] = other[:, None] // powers % 10 + _ZERO


_ALTERATIONS: Mapping[Field, Callable[[Bytes, Places], None]] = {
    Field.PHONE: _alter_phones,
    Field.RESIDENT_ID: _alter_resident_ids,
    Field.CARD: _alter_cards,
}
CONTROLLED_FIELDS = frozenset(_ALTERATIONS)
