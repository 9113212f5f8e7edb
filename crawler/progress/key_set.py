"""A set of very many keys in little memory: what a run must not request twice.

A run may have 100,000 pages, and the texts of as many keys would be most of its memory. So only a hash of
eight bytes is kept per key. It is keyed with a secret of this process, because a site chooses its keys and
could make two with the same hash if it could compute it. By chance two of 100,000 keys share a hash in one
run of 4 x 10^9.
"""

from __future__ import annotations

import secrets
from array import array
from hashlib import blake2b

_HASH_BYTES = 8
_SECRET = secrets.token_bytes(16)
#: Size of a new table, a power of two; it is doubled when two thirds of the places are taken.
_FIRST_PLACES = 64


class KeySet:
    """A set of texts that knows their order: a list of hashes, and a hash table of their indices in it."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._table = _empty_table(_FIRST_PLACES)

    def add(self, key: str) -> bool:
        """Add a key, and return whether it is new."""
        hashed = _hash(key)
        place = self._place(hashed)
        if self._table[place]:
            return False
        self._hashes.append(hashed)
        self._table[place] = len(self._hashes)
        if 3 * len(self._hashes) > 2 * len(self._table):
            self._grow()
        return True

    def order(self, key: str) -> int | None:
        """Return how many keys were added before it; None if it was never added."""
        number = self._table[self._place(_hash(key))]
        return number - 1 if number else None

    def __contains__(self, key: str) -> bool:
        return self.order(key) is not None

    def __len__(self) -> int:
        return len(self._hashes)

    def _place(self, hashed: int) -> int:
        """Return the index of a hash in the table, or of the first free place from where it should be."""
        last = len(self._table) - 1
        place = hashed & last
        while (number := self._table[place]) and self._hashes[number - 1] != hashed:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        self._table = _empty_table(2 * len(self._table))
        for number, hashed in enumerate(self._hashes, 1):
            self._table[self._place(hashed)] = number


def _hash(key: str) -> int:
    # A key may hold half of a pair of surrogates, which JSON can express.
    text = key.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=_HASH_BYTES, key=_SECRET).digest())


def _empty_table(places: int) -> array[int]:
    """Return a table of 4-byte numbers; 0 stands for a free place."""
    return array("I", bytes(4 * places))
