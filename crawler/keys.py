"""Very many keys in little memory: what a run must not ask for twice.

A run's budget is up to 100,000 pages, and the texts of as many keys would be most of what it takes. Eight
bytes are kept of each: its hash, under a key of this process's own, for a site chooses its keys and could
make two that share a hash it can compute. By chance two of 100,000 share one in a run of 4,000,000,000.
"""

from __future__ import annotations

import secrets
from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING, Self

from scrapy.dupefilters import BaseDupeFilter

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

_HASH_BYTES = 8
_SECRET = secrets.token_bytes(16)
#: A power of two; doubled when two thirds of the places are taken.
_FIRST_PLACES = 64


class Keys:
    """A set of texts that knows their order: hashes as they came, and a table of where each of them is."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._table = _empty(_FIRST_PLACES)

    def add(self, key: str) -> bool:
        """Whether it is new."""
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
        """How many came before it; None: it never came."""
        number = self._table[self._place(_hash(key))]
        return number - 1 if number else None

    def __contains__(self, key: str) -> bool:
        return self.order(key) is not None

    def __len__(self) -> int:
        return len(self._hashes)

    def _place(self, hashed: int) -> int:
        """Where in the table a hash is, or has its place: the first free one from the one it wants."""
        last = len(self._table) - 1
        place = hashed & last
        while (number := self._table[place]) and self._hashes[number - 1] != hashed:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        self._table = _empty(2 * len(self._table))
        for number, hashed in enumerate(self._hashes, 1):
            self._table[self._place(hashed)] = number


class Once(BaseDupeFilter):
    """Scrapy's filter of requests, which keeps 50 bytes and more of each; list pages pass it."""

    def __init__(self, crawler: Crawler) -> None:
        assert crawler.request_fingerprinter is not None
        self._fingerprint = crawler.request_fingerprinter.fingerprint
        self._asked = Keys()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def request_seen(self, request: Request) -> bool:
        return not self._asked.add(self._fingerprint(request).hex())


def _hash(key: str) -> int:
    # A key may hold half of a pair of surrogates: JSON can say it.
    text = key.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=_HASH_BYTES, key=_SECRET).digest())


def _empty(places: int) -> array[int]:
    """A table of 4-byte numbers; 0 is nothing."""
    return array("I", bytes(4 * places))
