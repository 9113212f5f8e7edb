"""How far a source is read: which rows of a list page are worth following, and when to stop turning pages.

A run turns pages until one holds nothing but what was *settled* before reading began. While a run reads,
the cursor says `unfinished`, with the moment at which reading began; a run that is killed, or whose budget
ends, leaves that mark, and what was first seen since then is known but not settled: the pages behind it may
never have been read. So the next run goes on to where the last complete one had stopped. `resume` is the
page on which a budget ended, `depth` how many pages all of these runs have turned. A list that repeats
itself, or does not end, is given up as a trap, and the reading counts as complete: it is not to be tried for
ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crawler.keys import Keys
from crawler.traps import DEPTH, Repeats
from crawler.validators import Validators
from storage.listings import KnownListing


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row of a list page; without a digest it says nothing about changes (a feed's entry, say)."""

    key: str
    digest: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do after a list page: the keys to follow, and the next page, if it is to be read."""

    wanted: frozenset[str]
    next_url: str | None


@dataclass(slots=True)
class Trail:
    """The list pages that begin at one start address, in the order read."""

    resume: str | None = None
    #: What `resume` was at the beginning.
    saved: str | None = None
    #: In the order read.
    pages: Keys = field(default_factory=Keys)
    first: str | None = None
    last: str | None = None
    unread: set[str] = field(default_factory=set)
    total: int | None = None
    jumped_to: str | None = None
    at_end: bool = False
    whole: bool = True
    asked_again: bool = False
    broken: bool = False
    dead: bool = False
    #: Pages turned by the unfinished readings before this one.
    depth: int = 0
    kind: str = ""
    repeats: Repeats = field(default_factory=Repeats)
    #: Why the way on was given up, in a sentence.
    trap: str | None = None

    @property
    def complete(self) -> bool:
        return not self.unread and not self.broken

    def first_unread(self) -> str | None:
        """Where the next run goes on: the first page of which something was left, else the last page that was
        read. What is deleted meanwhile moves the unread rows up, and they would be passed over.
        """
        orders = {page: order for page in self.unread if (order := self.pages.order(page)) is not None}
        if orders or not self.unread:
            return min(orders, key=orders.__getitem__, default=None)
        # Not the one that this run began with, lest runs with a small budget read it again for ever.
        again = self.last not in (self.first, self.saved)
        return self.last if again else next(iter(self.unread))

    def read(self, page: str) -> None:
        """Take note of a list page that came."""
        self.unread.discard(page)
        if self.pages.add(page):
            self.first, self.last = self.first or page, page


class SourceReading:
    """One run's reading of one source, from its cursor to its cursor."""

    def __init__(
        self,
        cursor: Mapping[str, Any],
        *,
        definition: str,
        now: datetime,
        mask_url: Callable[[str], str],
        depth: int = DEPTH,
    ) -> None:
        """`depth`: list pages behind one start, before the list counts as one without an end.

        `definition` stands for the source's file: with another one, validators mean nothing any more.

        `mask_url`: what it would change is not written into the cursor, and costs the next run a few pages.
        """
        unfinished = cursor.get("unfinished") or {}
        began = unfinished.get("since")
        self.since = datetime.fromisoformat(began) if began else now
        self._definition = definition
        self._mask_url = mask_url
        same = cursor.get("definition") == definition
        self._validators = Validators(cursor if same else {}, may_keep=self._may_keep)
        self._unfinished = bool(began)
        self._began = now
        self._depth = depth
        whole = cursor.get("whole") if same else None
        #: What `crawler.structure` remembers, which passes through as it is.
        self.structure: Mapping[str, Any] | None = cursor.get("structure")
        #: When the last reading began that showed every row of every list.
        self.whole_before = datetime.fromisoformat(whole) if whole else None
        self._whole = self.whole_before
        self._resume: dict[str, str] = dict(unfinished.get("resume") or {})
        self._depths: dict[str, int] = dict(unfinished.get("depth") or {})
        self._trails: dict[str, Trail] = {}
        self._shown: dict[str, list[str]] = {}

    def begin(self, start: str) -> None:
        resume = self._resume.get(start)
        self._trails[start] = Trail(resume, resume, depth=self._depths.get(start, 0))

    def opening_cursor(self) -> dict[str, Any]:
        """The cursor to write before the first page is asked for."""
        return self._cursor({"since": self.since.isoformat(), "resume": self._resume, "depth": self._depths})

    def turn(
        self,
        start: str,
        url: str,
        rows: Sequence[ListRow],
        known: Mapping[str, KnownListing],
        *,
        next_url: str | None,
        end: bool,
        whole: bool,
        total: int | None,
        kind: str = "",
    ) -> Turn:
        """Take note of a list page that was read, and say what to do about it.

        `kind`: a list behind a feed shows what the feed showed, and repeats nothing by that.
        """
        trail = self._trails[start]
        if url == start:
            self._shown[start] = [f"{row.key} {row.digest}" for row in rows]
        trail.read(url)
        trail.total = total or trail.total
        trail.whole = trail.whole and whole
        news = [row for row in rows if _is_news(row, known.get(row.key))]
        wanted = frozenset(row.key for row in rows if _is_wanted(row, known.get(row.key)))
        settled = not news and all(known[row.key].first_seen_at < self.since for row in rows)
        if not rows or settled or next_url is None:
            trail.at_end = end and trail.jumped_to is None
            return Turn(wanted, self._resumed(trail) if not settled else None)
        if kind != trail.kind:
            trail.kind, trail.repeats = kind, Repeats()
        if (trap := self._trap(trail, url, rows, next_url)) is not None:
            trail.trap = trap
            return Turn(wanted, None)
        if not news and trail.resume != next_url and (resumed := self._resumed(trail)) is not None:
            return Turn(wanted, resumed)
        return Turn(wanted, next_url)

    def _trap(self, trail: Trail, url: str, rows: Sequence[ListRow], next_url: str) -> str | None:
        repeats = trail.repeats.seen([row.key for row in rows], [row.title for row in rows])
        if repeats:
            return "Page after page of a list showed the same listings, so no more of it was turned."
        if next_url in trail.pages and next_url != url:
            return "The next page of a list is one that was read already, so no more of it was turned."
        if trail.depth + len(trail.pages) >= self._depth:
            return (
                f"A list did not end within {self._depth:,} pages, so no more of it was turned: a calendar, "
                "or a trap. If it is that long, say so with `depth` under [budget] in the source's file."
            )
        return None

    def _resumed(self, trail: Trail) -> str | None:
        """What lies between here and there was read by an earlier run."""
        resume, trail.resume = trail.resume, None
        if resume is None or resume in trail.pages:
            return None
        trail.jumped_to = trail.jumped_to or resume
        return resume

    def unread(self, start: str, page: str) -> None:
        """The budget ended before `page`, or before something that is on it."""
        self._trails[start].unread.add(page)

    def broke(self, start: str, page: str, *, for_good: bool) -> None:
        """A list page could not be read: the next run tries again, and goes on behind it.

        Not where `for_good` it is none, and was an address that a run had saved, which may expire: the next
        run finds its way from the first page.
        """
        trail = self._trails[start]
        if for_good and page == start and trail.resume is None:
            # Nothing was read or stored of this list, so nothing of it is unfinished.
            trail.dead = True
            return
        trail.broken = True
        if not (for_good and page == trail.jumped_to):
            trail.unread.add(page)

    def ask_again(self, start: str) -> None:
        """Something that this list leads to did not come: "not modified" would hide it from the next run."""
        self._trails[start].asked_again = True

    def conditions(self, start: str) -> dict[str, str]:
        """Headers that let the site say "not modified"; none while something of it may be unread."""
        return {} if self._unfinished else self._validators.conditions(start)

    def unchanged(self, start: str) -> None:
        """The site said "not modified"."""
        self._validators.unchanged(start)

    def validated(self, start: str, etag: str | None, modified: str | None) -> None:
        """Remember what to ask with next time; only a cursor that is written at the end takes it up."""
        self._validators.came(start, etag, modified, self._shown.get(start, ()))

    def pages_beyond(self) -> int:
        """List pages that the sites admit to and nobody asked for."""
        return sum(
            max(0, (trail.total or 0) - len(trail.pages) - len(trail.unread))
            for trail in self._trails.values()
            if trail.unread
        )

    @property
    def lists(self) -> int:
        """How many start addresses there are."""
        return len(self._trails)

    @property
    def trap(self) -> str | None:
        """Why the way on was given up, for the first list of which it was."""
        return next((trail.trap for trail in self._trails.values() if trail.trap), None)

    def shown_whole(self) -> None:
        """Take note that this run showed every row of every list, and that this is believed."""
        self._whole = self._began

    def read_everything(self) -> bool:
        """Whether every row of every list was read, from the first page to the last, in this run."""
        trails = self._trails.values()
        return bool(trails) and all(trail.at_end and trail.whole and trail.complete for trail in trails)

    def closing_cursor(self) -> dict[str, Any]:
        """The cursor to write with the run's outcome.

        A list that is not there, for good, leaves nothing unfinished, and does not hold up the others.
        """
        alive = [trail for trail in self._trails.values() if not trail.dead]
        if alive and all(trail.complete for trail in alive):
            self._validators.settle(start for start, trail in self._trails.items() if trail.asked_again)
            return self._cursor(None)
        if not alive and not self._unfinished:
            return self._cursor(None)
        left = {start: trail.first_unread() for start, trail in self._trails.items()}
        resume = {start: page for start, page in left.items() if page and self._may_keep(page)}
        depth = {start: trail.depth + len(trail.pages) for start, trail in self._trails.items()}
        return self._cursor({"since": self.since.isoformat(), "resume": resume, "depth": depth})

    def _may_keep(self, text: str) -> bool:
        """Whether it holds no identifier."""
        return self._mask_url(text) == text

    def _cursor(self, unfinished: dict[str, Any] | None) -> dict[str, Any]:
        parts = {
            "definition": self._definition,
            **self._validators.cursor(),
            "whole": self._whole.isoformat() if self._whole else None,
            "structure": self.structure,
            "unfinished": unfinished,
        }
        return {name: value for name, value in parts.items() if value}


def _is_news(row: ListRow, known: KnownListing | None) -> bool:
    """Unknown, changed, or back. An empty stored digest: the listing's own page failed last time."""
    return known is None or (known.row_digest != "" and (known.gone or _differs(row, known)))


def _is_wanted(row: ListRow, known: KnownListing | None) -> bool:
    return known is None or known.gone or _differs(row, known)


def _differs(row: ListRow, known: KnownListing) -> bool:
    return row.digest not in ("", known.row_digest)
