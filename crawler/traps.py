"""Traps: sites whose links never end, by intent or by a slip; noticed, left, and told.

Sessions in an address are taken out before it is asked for (`crawler.sources.urls`), redirects are counted,
and a visit has its budget. What is left, and told here:
1. pages that repeat: the next page shows what the last ones showed, under its old keys or under new ones;
2. a chain of pages without an end: a calendar has a month after every month;
3. one pattern of addresses that takes more of a visit than the source's file allows it.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: How many pages back a page is compared with, and how many in a row must repeat.
LOOKED_BACK = 3
REPEATS = 2
#: List pages behind one start, over as many visits as it takes; a longer list is named in the source's file.
DEPTH = 2_000
#: Patterns that are counted apart; what comes later shares one count.
MAX_PATTERNS = 500

_HEX = re.compile(r"(?<![0-9a-z])(?=[a-f]*\d)[0-9a-f]{8,}(?![0-9a-z])", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


def pattern(url: str) -> str:
    """Return what addresses of one kind have in common: numbers are N, hexadecimal words H."""
    parts = urlsplit(url)
    shape = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return _DIGITS.sub("N", _HEX.sub("H", shape))


@dataclass(slots=True)
class Patterns:
    """Counts the addresses of each pattern that a visit asks for."""

    limit: int | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def allow(self, url: str) -> bool:
        """Count an address that is about to be asked for; False: there have been too many like it."""
        if self.limit is None:
            return True
        shape = pattern(url)
        if shape not in self.counts and len(self.counts) >= MAX_PATTERNS:
            shape = "..."
        self.counts[shape] += 1
        return self.counts[shape] <= self.limit

    @property
    def told(self) -> str | None:
        """What was too many, in a sentence; the pattern is not masked."""
        if self.limit is None or not self.counts:
            return None
        shape, count = self.counts.most_common(1)[0]
        if count <= self.limit:
            return None
        return (
            f"The visit met with {count:,} addresses like {shape:.80}, and [budget] allows {self.limit:,}: "
            "the others were not asked for."
        )


@dataclass(frozen=True, slots=True)
class _Shown:
    keys: frozenset[str]
    titles: tuple[str, ...]


@dataclass(slots=True)
class Repeats:
    """Compares each page of a list with those before it."""

    _last: deque[_Shown] = field(default_factory=lambda: deque(maxlen=LOOKED_BACK))
    _in_a_row: int = 0

    def seen(self, keys: Sequence[str], titles: Sequence[str]) -> bool:
        """Take note of a page; True when it is the second in a row that shows nothing else."""
        shown = _Shown(frozenset(keys), tuple(titles))
        known = frozenset[str]().union(*(each.keys for each in self._last))
        # The same titles in the same order under other keys: the site hangs something new on each link.
        again = len(set(titles)) > 1 and any(each.titles == shown.titles for each in self._last)
        repeats = bool(self._last) and bool(keys) and (shown.keys <= known or again)
        self._in_a_row = self._in_a_row + 1 if repeats else 0
        self._last.append(shown)
        return self._in_a_row >= REPEATS
