"""Search for names in all their spellings with names_search.c.

It finds places where a name stands as it is, or may stand in another spelling. `Terms` decides about each of
them (`matching/mentions/terms.py`), and finds the same by itself: that is the specification.
"""

import ctypes
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from matching.native.library import Library, load_library

SHORTEST, SHORTEST_WIDE, LONGEST = 4, 6, 1024  # bytes of a spelled name, as in spillwatch.h
LONGEST_FORM = 4096  # bytes
_ROOM = 4096  # hits that are copied at a time
_HIT = np.dtype([("start", "i8"), ("end", "i8"), ("name", "u4"), ("sure", "u4")])

#: Records: `start` and `end` in bytes of the folded text, the number of the `name`, and `sure`: 1 where it
#: is the only form of the name as it is, with the boundaries that it needs.
NameHits = NDArray[np.void]
NO_HITS: NameHits = np.empty(0, _HIT)


@dataclass(frozen=True, slots=True)
class SpelledName:
    """A name without separators and with letters for digits, and the folded terms that are spelled so."""

    spelled: bytes
    forms: tuple[bytes, ...]
    words: int  # the most words of a form
    has_free_letter: bool  # a letter without case
    edges: tuple[int, int]  # which boundaries the first form needs: enum sw_edge

    @property
    def is_searchable(self) -> bool:
        """Whether the library takes it."""
        shortest = SHORTEST_WIDE if self.spelled[:1] >= b"\xe0" else SHORTEST
        return shortest <= len(self.spelled) <= LONGEST and max(map(len, self.forms)) <= LONGEST_FORM


class NameSearch:
    """An index of names. Any number of threads may search it."""

    def __init__(
        self,
        names: Sequence[SpelledName],
        *,
        images: bytes,
        swaps: bytes,
        library: Library | None = None,
    ) -> None:
        """`images`: by byte, how it is spelled, 0 for a separator; `swaps`: by byte, whether it may stand for
        a letter. Raises LibraryMissing.
        """
        self._library = library or load_library()
        forms = [form for name in names for form in name.forms]
        counts = (
            [len(name.spelled) for name in names],
            list(map(len, forms)),
            [len(name.forms) for name in names],
        )
        ends = [np.array([0, *accumulate(each)], np.uint32) for each in counts]
        shapes = [(min(name.words, 255), name.has_free_letter, *name.edges) for name in names]
        self._handle = self._library.names_new(
            images,
            swaps,
            b"".join(name.spelled for name in names),
            ends[0].ctypes.data,
            len(names),
            b"".join(forms),
            ends[1].ctypes.data,
            ends[2].ctypes.data,
            np.array(shapes, np.uint8).tobytes(),
        )
        if not self._handle:
            raise MemoryError
        weakref.finalize(self, self._library.names_free, self._handle)

    def find(self, address: int, size: int) -> Iterator[NameHits]:
        """Yield the hits in `size` bytes of folded UTF-8 at this address, in pieces in their order."""
        room, at = _ROOM, ctypes.c_uint64()
        while at.value < size:
            before, hits = at.value, np.empty(room, _HIT)
            count = self._library.names_find(
                self._handle, address, size, ctypes.byref(at), hits.ctypes.data, room
            )
            if count < 0:
                raise MemoryError
            if at.value == before:  # more hits in one piece of the text than there is room for
                room *= 4
            yield hits[:count]
