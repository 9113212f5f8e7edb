"""What a source's pages look like, remembered from run to run, to distinguish a redesign from a quiet day.

A list shows its newest rows whether anything new was posted or not, and each row has a title and a price as
always. So a selector that always found something and now finds nothing is not a quiet day, and neither is a
first page with half the rows. A page on which the rows themselves are not found is not recognised at all,
which is reported elsewhere.

The memory is one JSON object in the source's cursor: for each selector the share of places in which it found
something, for the first pages their rows, and the number of pages that the site states. It holds no values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from crawler.sources import Parsed

#: A selector is reliable from this share of places in which it finds something, over this many runs.
RELIABLE_SHARE = 0.9
RELIABLE_RUNS = 3
#: If nine of ten places have a value, five places without it are chance in one of a hundred thousand cases.
MIN_TRIED = 5
#: Selectors that are applied once per page: what counts is whether they found anything in a run.
ONCE_PER_PAGE = frozenset({("list", "next"), ("list", "last_page")})
#: Number of runs behind "usual", and the least number that is enough.
WINDOW = 20
MIN_WINDOW = 5
#: Below these numbers, half the rows or pages mean nothing.
MIN_ROWS = 6
MIN_PAGES = 4
MAX_SELECTORS = 200
MAX_NAME_CHARS = 240


@dataclass(slots=True)
class _SelectorCount:
    once: bool = False
    tried: int = 0
    found: int = 0

    @property
    def share(self) -> float | None:
        """The share of places with a value; None for too few places."""
        if self.once:
            return float(self.found > 0) if self.tried else None
        return self.found / self.tried if self.tried >= MIN_TRIED else None


@dataclass(slots=True)
class SelectorHistory:
    """One selector: in how many runs it could be judged, its mean share, and whether it is lost now."""

    runs: int = 0
    share: float = 0.0
    lost: bool = False

    @property
    def reliable(self) -> bool:
        return self.runs >= RELIABLE_RUNS and self.share >= RELIABLE_SHARE

    def add(self, share: float) -> None:
        """Add a run. A lost selector's history stays as it is, as the measure until the selector is back."""
        self.lost = share == 0 and self.reliable
        if not self.lost:
            self.runs += 1
            self.share += (share - self.share) / min(self.runs, WINDOW)


@dataclass(slots=True)
class PageStructure:
    """The pages of one run, compared with the remembered ones."""

    definition: str = ""
    selectors: dict[str, SelectorHistory] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    _counts: dict[str, _SelectorCount] = field(default_factory=dict)
    #: Numbers of the first pages, by their start URLs.
    _rows_now: dict[str, int] = field(default_factory=dict)
    _pages_now: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_memory(cls, stored: Mapping[str, Any] | None, *, definition: str = "") -> PageStructure:
        """Read a cursor's part; under another definition, lost selectors and usual numbers are forgotten."""
        stored = stored or {}
        same = stored.get("definition") == definition
        known = {
            name: SelectorHistory(runs, share, bool(lost) and same)
            for name, (runs, share, lost) in dict(stored.get("selectors") or {}).items()
        }
        counted = stored if same else {}
        return cls(definition, known, list(counted.get("rows") or []), list(counted.get("pages") or []))

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> PageStructure:
        """Read a source's cursor, for display."""
        stored = cursor.get("structure") or {}
        return cls.from_memory(stored, definition=str(stored.get("definition", "")))

    def note(self, parsed: Parsed) -> None:
        """Record a recognised page."""
        for each in parsed.findings:
            name = f"{each.part}.{each.field} ({each.selector})"[:MAX_NAME_CHARS]
            if name not in self._counts and len(self._counts) >= MAX_SELECTORS:
                continue
            count = self._counts.setdefault(name, _SelectorCount((each.part, each.field) in ONCE_PER_PAGE))
            count.tried += each.tried
            count.found += each.found

    def first_page(self, start: str, rows: int, pages: int | None) -> None:
        """Record the first page of a list: its rows, and the number of pages that it states."""
        self._rows_now[start] = rows
        if pages is not None:
            self._pages_now[start] = pages

    def judge(self, starts: int) -> tuple[str, ...]:
        """Compare with the past, and add this run to it; return a sentence for each loss.

        `starts` is the number of lists; rows are compared only if each list was seen.
        """
        return (*self._judge_selectors(), *self._judge_counts(starts))

    def _judge_selectors(self) -> Iterator[str]:
        for name, count in self._counts.items():
            if (share := count.share) is not None:
                self.selectors.setdefault(name, SelectorHistory()).add(share)
        for name, known in self.selectors.items():
            if known.lost:
                yield f"{name} used to find something in {known.share:.0%} of places, and now finds nothing."

    def _judge_counts(self, starts: int) -> Iterator[str]:
        if len(self._rows_now) == starts:
            yield from _drop_sentence(
                self.rows, sum(self._rows_now.values()), MIN_ROWS, "rows on the first page"
            )
        if len(self._pages_now) == starts:
            yield from _drop_sentence(self.pages, sum(self._pages_now.values()), MIN_PAGES, "pages")

    def stored(self) -> dict[str, Any]:
        """Return the part for the cursor."""
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
        """The reliable selectors that found nothing when they were last judged."""
        return [name for name, each in self.selectors.items() if each.lost]


def _drop_sentence(past: list[int], now: int, least: int, what: str) -> Iterator[str]:
    usual = median(past[-WINDOW:]) if len(past) >= MIN_WINDOW else 0
    past.append(now)
    if usual >= least and now < usual / 2:
        yield f"The list shows {now} {what}; {usual:.0f} are usual."
