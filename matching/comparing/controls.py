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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.comparing.lookup import SegmentsOfKey, look_up
from matching.fingerprints.segments import SegmentPurpose
from matching.identifiers import Field
from matching.scanning.candidates import Bytes, CandidateBatch, Places
from matching.watch import WatchedSegment

# Always the same neighbours: two sweeps of one dump must give the same answer.
_SEED = 1
_ZERO = ord("0")
_SERIAL_WEIGHTS = (8, 4, 2)  # GB 11643, of the last three digits before the check digit
_CHECK_DIGITS = np.frombuffer(b"10X98765432", np.uint8)  # GB 11643, by the weighted sum modulo 11
_SUM_OF_CHECK_DIGIT = np.zeros(256, np.int32)  # the other way round
_SUM_OF_CHECK_DIGIT[_CHECK_DIGITS] = np.arange(11)
_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], np.int32)  # Luhn: digit sum of twice the digit

Digits = NDArray[np.int32]


class ControlCounts(NamedTuple):
    """Neighbours that are customers, and all neighbours that were looked up, by company and field."""

    hits: Counter[tuple[int, Field]]
    neighbours: Counter[tuple[int, Field]]

    @classmethod
    def none(cls) -> "ControlCounts":
        return cls(Counter(), Counter())

    def add(
        self,
        companies: Collection[int],
        segments: Sequence[WatchedSegment],
        candidates: Mapping[Field, CandidateBatch],
        keys: Sequence[SegmentsOfKey],
    ) -> None:
        """Look up a neighbour of each candidate for these companies; `segments`: those of the comparison."""
        keys = [key for key in keys if key.company_id in companies]
        for field, batch in candidates.items():
            if field not in CONTROLLED_FIELDS:
                continue
            for company in {key.company_id for key in keys if field in key.fingerprinters}:
                self.neighbours[company, field] += len(batch)
            for hits in look_up(field, neighbours(field, batch), keys):
                if segments[hits.segment].purpose is not SegmentPurpose.CANARIES:
                    self.hits[segments[hits.segment].company_id, field] += len(hits.ordinals)


def neighbours(field: Field, batch: CandidateBatch) -> CandidateBatch:
    """Return one neighbour of each candidate, never itself; `field`: one of CONTROLLED_FIELDS."""
    tape = batch.tape.copy()
    _ALTERATIONS[field](tape, batch.offsets)
    return CandidateBatch(batch.starts, batch.ends, batch.offsets, tape)


def _alter_phones(tape: Bytes, offsets: Places) -> None:
    """Replace the last four digits. What stands before them is the country, the network and the area."""
    _replace_digits(tape, offsets[1:] - 4, 4)


def _alter_resident_ids(tape: Bytes, offsets: Places) -> None:
    """Replace the serial number, which tells people of one county and one birth date apart.

    The check digit shows the weighted sum of all digits, which changes by as much as the serial's sum.
    """
    serial, check = offsets[:-1] + 14, offsets[:-1] + 17
    before = _weighted_serial(tape, serial)
    _replace_digits(tape, serial, 3)
    total = _SUM_OF_CHECK_DIGIT[tape[check]] + _weighted_serial(tape, serial) - before
    tape[check] = _CHECK_DIGITS[total % 11]


def _weighted_serial(tape: Bytes, begins: Places) -> Digits:
    return _digits_sum(
        _digit_at(tape, begins + place) * weight for place, weight in enumerate(_SERIAL_WEIGHTS)
    )


def _alter_cards(tape: Bytes, offsets: Places) -> None:
    """Replace the four digits before the check digit. What stands before them is the bank and its branch.

    Cards differ in length, so the check digit is not computed anew from all digits: it changes by as much as
    the Luhn sum of the four digits does.
    """
    last = offsets[1:] - 1
    before = _luhn_share(tape, last)
    _replace_digits(tape, last - 4, 4)
    tape[last] = (_digit_at(tape, last) + before - _luhn_share(tape, last)) % 10 + _ZERO


def _luhn_share(tape: Bytes, last: Places) -> Digits:
    """Return what the four digits before the last one add to the Luhn sum."""
    digits = (_digit_at(tape, last - back) for back in range(1, 5))
    return _digits_sum(digit if back % 2 else _DOUBLED[digit] for back, digit in enumerate(digits))


def _replace_digits(tape: Bytes, begins: Places, width: int) -> None:
    """Replace the `width` digits from each of `begins` on by others.

    Adding 1 to 10^width - 1, modulo 10^width, gives every other number the same probability and never gives
    the number itself, which may be a real customer's.
    """
    powers = [10**place for place in range(width)]  # of the last digit, the one before it, and so on
    places = [begins + (width - 1 - place) for place in range(width)]
    shown = _digits_sum(_digit_at(tape, at) * power for at, power in zip(places, powers, strict=True))
    added = np.random.default_rng(_SEED).integers(1, 10**width, len(begins)).astype(np.int32)
    rest = (shown + added) % 10**width
    for at in places:
        left = rest // 10
        tape[at] = rest - 10 * left + _ZERO
        rest = left


def _digit_at(tape: Bytes, places: Places) -> Digits:
    return tape[places].astype(np.int32) - _ZERO


def _digits_sum(parts: Iterable[Digits]) -> Digits:
    return reduce(np.add, parts)


_ALTERATIONS: Mapping[Field, Callable[[Bytes, Places], None]] = {
    Field.PHONE: _alter_phones,
    Field.RESIDENT_ID: _alter_resident_ids,
    Field.CARD: _alter_cards,
}
CONTROLLED_FIELDS = frozenset(_ALTERATIONS)
