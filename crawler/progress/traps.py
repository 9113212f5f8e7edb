"""Traps: sites whose links never end, by intent or by mistake. A run stops following them and reports them.

Session ids are removed from a URL before it is requested (`crawler.sources.urls`), redirects are counted, and
a run has its budget. The remaining traps are recognised here and in `list_progress`:
1. pages that repeat: the next page shows what the last pages showed, under the same keys or under new ones;
2. a chain of pages without an end: a calendar has a month after every month;
3. one pattern of URLs that takes a larger part of a run than the source's file allows.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: Number of earlier pages that a page is compared with, and of pages in a row that must repeat.
COMPARED_PAGES = 3
REPEATS = 2
#: Limit of list pages behind one start, over any number of runs; the source's file can raise it.
DEPTH = 2_000
#: Patterns that are counted separately; all later ones share one count.
MAX_PATTERNS = 500

_HEX = re.compile(r"(?<![0-9a-z])(?=[a-f]*\d)[0-9a-f]{8,}(?![0-9a-z])", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


def url_pattern(url: str) -> str:
    """Return what URLs of one kind have in common: N for numbers, H for hexadecimal words."""
    parts = urlsplit(url)
    shape = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return _DIGITS.sub("N", _HEX.sub("H", shape))


@dataclass(slots=True)
class UrlPatterns:
    """Counts the requested URLs of each pattern; `limit` None: no limit."""

    limit: int | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def allow(self, url: str) -> bool:
        """Count a URL that is about to be requested, and return whether it is within the limit."""
        if self.limit is None:
            return True
        shape = url_pattern(url)
        if shape not in self.counts and len(self.counts) >= MAX_PATTERNS:
            shape = "..."
        self.counts[shape] += 1
        return self.counts[shape] <= self.limit

    @property
    def trap(self) -> str | None:
        """The pattern that exceeded the limit, in a sentence that is not masked; None if none did."""
        if self.limit is None or not self.counts:
            return None
        shape, count = self.counts.most_common(1)[0]
        if count <= self.limit:
            return None
        return (
            f"The run found {count:,} URLs like {shape:.80}, and [budget] allows {self.limit:,}: the others "
            "were not requested."
        )


@dataclass(frozen=True, slots=True)
class _PageContent:
    keys: frozenset[str]
    titles: tuple[str, ...]


@dataclass(slots=True)
class RepeatedPages:
    """Compares each page of a list with those before it."""

    _last_pages: deque[_PageContent] = field(default_factory=lambda: deque(maxlen=COMPARED_PAGES))
    _in_a_row: int = 0

    def add(self, keys: Sequence[str], titles: Sequence[str]) -> bool:
        """Record a page, and return whether it is the second in a row that only repeats others."""
        shown = _PageContent(frozenset(keys), tuple(titles))
        known = frozenset[str]().union(*(each.keys for each in self._last_pages))
        # The same titles in the same order under other keys: the site adds something new to each link.
        again = len(set(titles)) > 1 and any(each.titles == shown.titles for each in self._last_pages)
        repeats = bool(self._last_pages) and bool(keys) and (shown.keys <= known or again)
        self._in_a_row = self._in_a_row + 1 if repeats else 0
        self._last_pages.append(shown)
        return self._in_a_row >= REPEATS
