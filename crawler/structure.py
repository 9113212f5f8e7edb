"""What a source's pages look like, remembered from run to run: a redesign is told from a quiet day.

A list shows its newest rows whether anything new was posted or not, and each row has a title and a price
as it always had. So a selector that always found something and now finds nothing, or a first page with half
the rows, is no quiet day. A page on which the rows themselves are not found is a stranger, and told
elsewhere.

What is remembered is one JSON object in the source's cursor: for each selector the share of places in which
it found something, for the first pages their rows, and the number of pages that the site says there are. It
holds nothing of what was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from crawler.sources import Parsed

#: Of a selector that can be relied on.
RELIABLE_SHARE = 0.9
RELIABLE_RUNS = 3
#: With five places that all lack what nine of ten have, chance is one in a hundred thousand.
MIN_TRIED = 5
#: Selectors that look once a page: having found anything in a run is what counts.
ONCE_A_PAGE = frozenset({("list", "next"), ("list", "last_page")})
#: How many runs "as usual" means, and how many it takes to know.
WINDOW = 20
MIN_WINDOW = 5
#: Fewer rows or pages than these say nothing by being halved.
MIN_ROWS = 6
MIN_PAGES = 4
MAX_SELECTORS = 200
MAX_NAME_CHARS = 240


@dataclass(slots=True)
class _Count:
    once: bool = False
    tried: int = 0
    found: int = 0

    @property
    def share(self) -> float | None:
        """None: too little to say."""
        if self.once:
            return float(self.found > 0) if self.tried else None
        return self.found / self.tried if self.tried >= MIN_TRIED else None


@dataclass(slots=True)
class Remembered:
    """One selector: in how many runs it could be judged, its mean share, and whether it is lost."""

    runs: int = 0
    share: float = 0.0
    lost: bool = False

    @property
    def reliable(self) -> bool:
        return self.runs >= RELIABLE_RUNS and self.share >= RELIABLE_SHARE

    def take(self, share: float) -> None:
        """A lost selector's past stays as it was: it is what the pages are measured by until it is back."""
        self.lost = share == 0 and self.reliable
        if not self.lost:
            self.runs += 1
            self.share += (share - self.share) / min(self.runs, WINDOW)


@dataclass(slots=True)
class PageStructure:
    """One run's look at a source's pages, against what is remembered of them."""

    definition: str = ""
    selectors: dict[str, Remembered] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    _counts: dict[str, _Count] = field(default_factory=dict)
    #: Of the first pages, by their start.
    _rows_now: dict[str, int] = field(default_factory=dict)
    _pages_now: dict[str, int] = field(default_factory=dict)

    @classmethod
    def remembered(cls, stored: Mapping[str, Any] | None, *, definition: str = "") -> PageStructure:
        """From a cursor; under another definition what is lost, and how many rows are usual, is forgotten."""
        stored = stored or {}
        same = stored.get("definition") == definition
        known = {
            name: Remembered(runs, share, bool(lost) and same)
            for name, (runs, share, lost) in dict(stored.get("selectors") or {}).items()
        }
        counted = stored if same else {}
        return cls(definition, known, list(counted.get("rows") or []), list(counted.get("pages") or []))

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> PageStructure:
        """As a source's cursor has it, to be looked at."""
        stored = cursor.get("structure") or {}
        return cls.remembered(stored, definition=str(stored.get("definition", "")))

    def note(self, parsed: Parsed) -> None:
        """Take note of a page that was recognised."""
        for each in parsed.findings:
            name = f"{each.part}.{each.field} ({each.selector})"[:MAX_NAME_CHARS]
            if name not in self._counts and len(self._counts) >= MAX_SELECTORS:
                continue
            count = self._counts.setdefault(name, _Count((each.part, each.field) in ONCE_A_PAGE))
            count.tried += each.tried
            count.found += each.found

    def first_page(self, start: str, rows: int, pages: int | None) -> None:
        """Take note of the first page behind a start: its rows, and the pages that it says there are."""
        self._rows_now[start] = rows
        if pages is not None:
            self._pages_now[start] = pages

    def judge(self, starts: int) -> tuple[str, ...]:
        """Compare with the past, and make this run part of it; returns a sentence for each thing that fell.

        `starts`: how many lists there are; rows are compared only when each of them was seen.
        """
        return (*self._judge_selectors(), *self._judge_counts(starts))

    def _judge_selectors(self) -> Iterator[str]:
        for name, count in self._counts.items():
            if (share := count.share) is not None:
                self.selectors.setdefault(name, Remembered()).take(share)
        for name, known in self.selectors.items():
            if known.lost:
                yield f"{name} found something in {known.share:.0%} of places, and now nothing."

    def _judge_counts(self, starts: int) -> Iterator[str]:
        if len(self._rows_now) == starts:
            yield from _fallen(self.rows, sum(self._rows_now.values()), MIN_ROWS, "rows on the first page")
        if len(self._pages_now) == starts:
            yield from _fallen(self.pages, sum(self._pages_now.values()), MIN_PAGES, "pages")

    def stored(self) -> dict[str, Any]:
        """As the cursor has it."""
        return {
            "definition": self.definition,
            "selectors": {
                name: [each.runs, round(each.share, 4), int(each.lost)]
                for name, each in list(self.selectors.items())[:MAX_SELECTORS]
            },
            "rows": self.rows[-WINDOW:],
            "pages": self.pages[-WINDOW:],
        }

    @property
    def lost(self) -> list[str]:
        """The selectors that found nothing when they were last judged."""
        return [name for name, each in self.selectors.items() if each.lost]


def _fallen(past: list[int], now: int, least: int, what: str) -> Iterator[str]:
    usual = median(past[-WINDOW:]) if len(past) >= MIN_WINDOW else 0
    past.append(now)
    if usual >= least and now < usual / 2:
        yield f"The list shows {now} {what} where {usual:.0f} are usual."
