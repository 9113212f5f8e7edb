"""What a run has done and met with, and what it therefore ends in.

Order of rules for the outcome:
0. the run was closed by an error that decides (Tor died): that error's outcome;
1. no list page could be read: what kept us from it (a wall, not recognised, refused, could not fetch);
2. lists were read, but each of the listings' own pages was a wall, or not recognised: that;
3. something new or changed was stored: new_listings;
4. else nothing_new.
Whatever else went wrong is said beside 3 and 4: `partly_read`, `trap`, `parser_degraded`, `many_absent`, why
the run was closed before its end: `budget_ended`, `rate_limited`, `quiet_hours`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from crawler.errors import BudgetEnded, FetchError, Walled
from crawler.outcome import RunEnding
from storage.errors import SpillwatchError
from storage.runs import RunCounts, RunOutcome

#: How many known pages in a row, and no other, must be strange to mean that the site has changed.
STRANGE_RECHECKS = 3
#: As many things that fell are named.
MANY_DEGRADED = 5


class Failures:
    """Pages that could not be had. Of all the errors two are kept: one holds what its traceback leads to."""

    def __init__(self, errors: Iterable[FetchError] = ()) -> None:
        self.kinds: Counter[str] = Counter()
        self.first: FetchError | None = None
        #: The first that was a wall.
        self.wall: Walled | None = None
        for error in errors:
            self.add(error)

    def add(self, error: FetchError) -> None:
        self.kinds[error.reason] += 1
        self.first = self.first or error
        if isinstance(error, Walled):
            self.wall = self.wall or error

    def __len__(self) -> int:
        return self.kinds.total()


@dataclass(slots=True)
class Pages:
    """Pages of one sort: `read` were parsed (or had not changed), `strange` were not recognised."""

    read: int = 0
    strange: int = 0
    failures: Failures = field(default_factory=Failures)

    @property
    def tried(self) -> int:
        return self.read + self.strange + len(self.failures)


@dataclass(slots=True)
class RunTally:
    """Bumped by the spider's thread alone, but for the listings' counts, which the writing thread bumps."""

    lists: Pages = field(default_factory=Pages)
    items: Pages = field(default_factory=Pages)
    rechecks: Pages = field(default_factory=Pages)
    pages: int = 0
    captures: int = 0
    bytes: int = 0
    listings_seen: int = 0
    listings_new: int = 0
    listings_changed: int = 0
    unread: int = 0
    #: What the first list page that was none said it was, in a sentence.
    stranger: str = ""
    #: Why the first list page that was none could not be parsed.
    refused: SpillwatchError | None = None
    #: Listings that no list shows any more, of how many: too many to be believed gone.
    absent: tuple[int, int] | None = None
    #: The trap that the run met with, in a sentence.
    trapped: str | None = None
    #: What the pages always showed and do not show any more, a sentence each.
    degraded: tuple[str, ...] = ()
    #: Why nothing more was asked for, if the run was closed before its end.
    closed: FetchError | None = None

    def counts(self, *, ended: bool = False) -> RunCounts:
        """The row's counts; how much stayed unread is only known at the end."""
        return RunCounts(
            pages=self.pages,
            captures=self.captures,
            bytes=self.bytes,
            listings_seen=self.listings_seen,
            listings_new=self.listings_new,
            listings_changed=self.listings_changed,
            pages_unread=self.unread if ended else None,
        )

    @property
    def lists_came(self) -> bool:
        """Whether the site is as we know it: each list page that was asked for came, and was one."""
        return bool(self.lists.read) and not self.lists.strange and not self.lists.failures

    def ending(self) -> RunEnding:
        """The outcome by the rules above; the sentence is not masked yet."""
        if self.closed is not None and self.closed.decides:
            return RunEnding(self.closed.outcome, self.closed.reason, self._why_closed(self.closed))
        if not self.lists.read:
            return self._nothing_read()
        if (walled := self._items_walled()) is not None:
            return walled
        if self._items_strange():
            return RunEnding(
                RunOutcome.PAGE_NOT_RECOGNISED, "items_not_recognised", self._items_not_recognised()
            )
        stored = self.listings_new or self.listings_changed
        outcome = RunOutcome.NEW_LISTINGS if stored else RunOutcome.NOTHING_NEW
        said = list(self._remarks())
        if not said:
            return RunEnding(outcome)
        return RunEnding(outcome, said[0][0], " ".join(sentence for _, sentence in said))

    def _remarks(self) -> Iterator[tuple[str, str]]:
        """What is said beside an outcome; the first gives the reason."""
        if trouble := self._trouble():
            yield "partly_read", trouble
        if self.trapped is not None:
            yield "trap", self.trapped
        if self.degraded:
            left = len(self.degraded) - MANY_DEGRADED
            told = [*self.degraded[:MANY_DEGRADED], *([f"{left} more."] if left > 0 else [])]
            yield "parser_degraded", " ".join([*told, "Try the source's file against the live page."])
        if self.absent is not None:
            lost = (
                "The list was read to what looks like its end, and {} of {} listings were not on it: too "
                "many to be taken for gone. See whether the source's file still finds the next page."
            )
            yield "many_absent", lost.format(*self.absent)
        if self.closed is not None and not isinstance(self.closed, Walled):
            yield self.closed.reason, self._why_closed(self.closed)

    def _why_closed(self, closed: FetchError) -> str:
        told = str(closed).rstrip(".")
        return f"{told}: {self.unread} page{'s' if self.unread != 1 else ''} that it knew of stayed unread."

    def _nothing_read(self) -> RunEnding:
        if (wall := self.lists.failures.wall) is not None:
            return RunEnding(wall.outcome, wall.reason, str(wall))
        if self.refused is not None:
            return RunEnding(RunOutcome.PAGE_NOT_RECOGNISED, self.refused.reason, str(self.refused))
        if self.lists.strange:
            told = (
                "The list page came, but the source's selectors found nothing on it: it was redesigned, is "
                "empty, or is not the page that was meant.",
                self.stranger,
                "Try the source's file against the live page.",
            )
            return RunEnding(
                RunOutcome.PAGE_NOT_RECOGNISED, "nothing_matched", " ".join(part for part in told if part)
            )
        if (first := self.lists.failures.first) is not None:
            return RunEnding(first.outcome, first.reason, str(first))
        if self.closed is not None and not isinstance(self.closed, BudgetEnded):
            return RunEnding(self.closed.outcome, self.closed.reason, str(self.closed))
        # The budget ended before the first page, which is the site's doing: it was too slow.
        return RunEnding(
            RunOutcome.COULD_NOT_FETCH, "budget_ended", "The run's budget ended before its first page."
        )

    def _items_walled(self) -> RunEnding | None:
        """A single page behind a login is a private one; where no other was read, it is the source."""
        wall = self.items.failures.wall or self.rechecks.failures.wall
        if wall is None or self.items.read or self.rechecks.read:
            return None
        told = f"The list was read, but not the listings' own pages: {wall} What the list says was stored."
        return RunEnding(wall.outcome, wall.reason, told)

    def _items_strange(self) -> bool:
        """One known page that is strange may be a deleted one, which many sites show as if it were a page."""
        strange = self.items.strange > 0 or self.rechecks.strange >= STRANGE_RECHECKS
        return strange and not self.items.read and not self.rechecks.read

    def _items_not_recognised(self) -> str:
        return (
            f"The list was read, but none of {self.items.tried + self.rechecks.tried} listings' own "
            "pages was recognised; "
            "what the list says of them was stored."
        )

    def _trouble(self) -> str | None:
        parts = (self.lists, self.items, self.rechecks)
        kinds = sum((part.failures.kinds for part in parts), Counter[str]())
        if strange := sum(part.strange for part in parts):
            kinds["not_recognised"] = strange
        if not kinds:
            return None
        told = ", ".join(f"{count} {reason}" for reason, count in kinds.most_common(5))
        tried = sum(part.tried for part in parts)
        return f"{kinds.total()} of {tried} pages could not be read: {told}."
