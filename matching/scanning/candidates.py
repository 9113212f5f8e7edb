"""What a scan found: the candidates of each field, as arrays and one tape of bytes without Python objects.

A tape has Arrow's layout of strings: the canonical forms one after the other, and where each begins.
`Fingerprinter.of_tape(batch.on_tape())` hashes them where they are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from matching.identifiers import Candidate, Field
from matching.scanning.tapes import Tape

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CandidateBatch:
    """The candidates of one field, in the order of `identifiers.scan`.

    `starts` and `ends` are half-open places: bytes in a block of bytes, characters in a text. The canonical
    form of candidate i is `tape[offsets[i]:offsets[i + 1]]`, in ASCII.
    """

    starts: Places
    ends: Places
    offsets: Places
    tape: Bytes

    @classmethod
    def of(cls, candidates: Iterable[Candidate]) -> "CandidateBatch":
        kept = list(candidates)
        forms = [one.canonical.encode("ascii") for one in kept]
        return cls(
            starts=np.array([one.start for one in kept], dtype=np.int64),
            ends=np.array([one.end for one in kept], dtype=np.int64),
            offsets=np.cumsum([0, *map(len, forms)], dtype=np.int64),
            tape=np.frombuffer(b"".join(forms), dtype=np.uint8),
        )

    def __len__(self) -> int:
        return len(self.starts)

    def at(self, places: Places) -> "CandidateBatch":
        """Return the batch with place `places[i]` instead of place i."""
        return CandidateBatch(places[self.starts], places[self.ends], self.offsets, self.tape)

    def only(self, kept: NDArray[np.bool_]) -> "CandidateBatch":
        """Return the candidates i with `kept[i]`."""
        if kept.all():
            return self
        lengths = np.diff(self.offsets)
        offsets = np.concatenate(([0], np.cumsum(lengths[kept])))
        return CandidateBatch(
            self.starts[kept], self.ends[kept], offsets, self.tape[np.repeat(kept, lengths)]
        )

    def joined(self, other: "CandidateBatch") -> "CandidateBatch":
        """Return this batch with another one behind it."""
        return CandidateBatch(
            np.concatenate((self.starts, other.starts)),
            np.concatenate((self.ends, other.ends)),
            np.concatenate((self.offsets, self.offsets[-1] + other.offsets[1:])),
            np.concatenate((self.tape, other.tape)),
        )

    def on_tape(self) -> Tape:
        """Return the canonical forms for `Fingerprinter.of_tape`."""
        return Tape(self.offsets, self.tape)

    def form(self, number: int) -> bytes:
        """Return one canonical form."""
        return self.tape[self.offsets[number] : self.offsets[number + 1]].tobytes()

    def forms(self) -> list[str]:
        """Return the canonical forms, one object each: for tests and for a few candidates."""
        tape, offsets = self.tape.tobytes().decode("ascii"), self.offsets.tolist()
        return [tape[start:end] for start, end in pairwise(offsets)]


class Candidates(dict[Field, CandidateBatch]):
    """The batch of each field that was searched for."""

    @property
    def count(self) -> int:
        return sum(map(len, self.values()))

    def in_order(self) -> Iterator[Candidate]:
        """Yield the candidates in the order of `identifiers.scan`, one object each: for a few of them."""
        candidates = chain.from_iterable(
            map(Candidate, [field] * len(batch), batch.forms(), batch.starts.tolist(), batch.ends.tolist())
            for field, batch in self.items()
        )
        return iter(sorted(candidates, key=_scan_order))


# `identifiers.scan` yields kind after kind, each in the order of finding. _NUMBERS are found in one pass.
_NUMBERS = (Field.RESIDENT_ID, Field.CARD, Field.PHONE)
_KINDS = (
    (Field.EMAIL,),
    _NUMBERS,
    (Field.IBAN,),
    (Field.WALLET,),
    (Field.PASSPORT,),
    (Field.DRIVING_LICENCE,),
    (Field.NATIONAL_ID,),
)
_KIND_OF = {field: kind for kind, fields in enumerate(_KINDS) for field in fields}


def _scan_order(candidate: Candidate) -> tuple[int, ...]:
    kind = _KIND_OF[candidate.field]
    if candidate.field not in _NUMBERS:
        return (kind,)
    return kind, candidate.start, candidate.end, _NUMBERS.index(candidate.field)
