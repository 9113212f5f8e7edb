"""What a scan found: for each field its candidates, as arrays and one tape of bytes. None is a Python object.

A tape is laid out as Arrow lays out strings: the canonical forms one after the other, and where each begins.
`Fingerprinter.of_tape(batch.on_tape())` hashes it as it lies.
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
    """The candidates of one field in the order in which `identifiers.scan` gives them.

    `starts` and `ends` are places in the block, half open: bytes of a block of bytes, characters of a text.
    The form of candidate i is `tape[offsets[i]:offsets[i + 1]]`, in ASCII.
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
        """With other places: `places[i]` instead of i."""
        return CandidateBatch(places[self.starts], places[self.ends], self.offsets, self.tape)

    def only(self, kept: NDArray[np.bool_]) -> "CandidateBatch":
        """Some of them."""
        if kept.all():
            return self
        lengths = np.diff(self.offsets)
        offsets = np.concatenate(([0], np.cumsum(lengths[kept])))
        return CandidateBatch(
            self.starts[kept], self.ends[kept], offsets, self.tape[np.repeat(kept, lengths)]
        )

    def on_tape(self) -> Tape:
        """The forms, for `Fingerprinter.of_tape`."""
        return Tape(self.offsets, self.tape)

    def forms(self) -> list[str]:
        """The canonical forms. For tests and for showing a few: they are as many objects."""
        tape, offsets = self.tape.tobytes().decode("ascii"), self.offsets.tolist()
        return [tape[start:end] for start, end in pairwise(offsets)]


class Candidates(dict[Field, CandidateBatch]):
    """The batches of the fields that were looked for."""

    @property
    def count(self) -> int:
        return sum(map(len, self.values()))

    def in_order(self) -> Iterator[Candidate]:
        """As `identifiers.scan` gives them. For few: one object each."""
        candidates = chain.from_iterable(
            map(Candidate, [field] * len(batch), batch.forms(), batch.starts.tolist(), batch.ends.tolist())
            for field, batch in self.items()
        )
        return iter(sorted(candidates, key=_order))


# The order of `identifiers.scan`: by kind, in the order of finding. _NUMBERS are found together.
_NUMBERS = (Field.RESIDENT_ID, Field.CARD, Field.PHONE)
_KINDS = (
    (Field.EMAIL,),
    _NUMBERS,
    (Field.IBAN,),
    (Field.WALLET,),
    (Field.PASSPORT,),
    (Field.DRIVING_LICENCE,),
)
_KIND_OF = {field: kind for kind, fields in enumerate(_KINDS) for field in fields}


def _order(candidate: Candidate) -> tuple[int, ...]:
    kind = _KIND_OF[candidate.field]
    if candidate.field not in _NUMBERS:
        return (kind,)
    return kind, candidate.start, candidate.end, _NUMBERS.index(candidate.field)
