"""What a run has done and met, and the outcome that follows from it.

Rules for the outcome, in this order:
0. the run was closed by an error that decides (Tor stopped answering): that error's outcome;
1. no list page could be read: what prevented it (a wall, not recognised, refused, could not fetch);
2. lists were read, but each of the listings' own pages was a wall or was not recognised: that;
3. something new or changed was stored: new_listings;
4. otherwise nothing_new.

Other problems are reported as the reason of 3 and 4: `partly_read`, `rows_without_listing`,
`next_leads_nowhere`, `pastes_left`, `trap`, `parser_degraded`, `many_absent`, or why the run was closed
before its end: `budget_ended`, `rate_limited`, `quiet_hours`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from crawler.errors import BudgetEnded, FetchError, Walled
from crawler.running.run_outcome import RunEnding
from storage.errors import SpillwatchError
from storage.runs import RunCounts, RunOutcome

#: If only known pages were read, this many must be unrecognised to mean that the site has changed.
UNRECOGNISED_RECHECKS = 3
#: Number of degraded selectors that the sentence names.
NAMED_DEGRADED = 5


class Failures:
    """Pages that could not be fetched. Only two of the errors are kept, because tracebacks hold memory."""

    def __init__(self, errors: Iterable[FetchError] = ()) -> None:
        self.kinds: Counter[str] = Counter()
        self.first: FetchError | None = None
        #: The first error that was a wall.
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
class PageCounts:
    """Pages of one kind: `read` pages were parsed or had not changed, `unrecognised` ones were not parsed."""

    read: int = 0
    unrecognised: int = 0
    failures: Failures = field(default_factory=Failures)

    @property
    def tried(self) -> int:
        return self.read + self.unrecognised + len(self.failures)


@dataclass(slots=True)
class RunTally:
    """The counts of a run. The spider's thread writes them, except those of listings, which the writing
    thread writes.
    """

    lists: PageCounts = field(default_factory=PageCounts)
    items: PageCounts = field(default_factory=PageCounts)
    rechecks: PageCounts = field(default_factory=PageCounts)
    #: List pages with known rows only, which were read again.
    known_lists: PageCounts = field(default_factory=PageCounts)
    pages: int = 0
    captures: int = 0
    bytes: int = 0
    listings_seen: int = 0
    listings_new: int = 0
    listings_changed: int = 0
    #: Rows of list pages that gave no listing although they are no headings.
    rows_left: int = 0
    #: Pages that the run knew of and did not request.
    unread: int = 0
    #: Pastes that listings link to and that were not requested, because a listing links to too many.
    pastes_left: int = 0
    #: Lists whose first page names a next page that leads nowhere.
    lists_without_next: int = 0
    #: What the first unrecognised list page says of itself, in a sentence.
    stranger: str = ""
    #: Why the first unrecognised list page could not be parsed.
    refused: SpillwatchError | None = None
    #: Listings that no list shows any more, of how many: too many to be believed gone.
    absent: tuple[int, int] | None = None
    #: The trap that the run met, in a sentence.
    trap: str | None = None
    #: What the pages always showed and no longer show, one sentence each.
    degraded: tuple[str, ...] = ()
    #: Why nothing more was requested, if the run was closed before its end.
    closed: FetchError | None = None
    #: Why nothing more was requested of one of the source's sites, while the others were read on.
    resting: FetchError | None = None

    def counts(self, *, ended: bool = False) -> RunCounts:
        """Return the row's counts; the number of unread pages is only known at the end."""
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
    def all_lists_read(self) -> bool:
        """Whether the site is as we know it: each requested list page came and was recognised."""
        return bool(self.lists.read) and not self.lists.unrecognised and not self.lists.failures

    def ending(self) -> RunEnding:
        """Return the outcome by the rules above; the sentence is not masked yet."""
        if self.closed is not None and self.closed.decides:
            return RunEnding(self.closed.outcome, self.closed.reason, self._closed_sentence(self.closed))
        if not self.lists.read:
            return self._no_list_ending()
        if (walled := self._walled_items_ending()) is not None:
            return walled
        if self._items_unrecognised():
            return RunEnding(
                RunOutcome.PAGE_NOT_RECOGNISED, "items_not_recognised", self._unrecognised_sentence()
            )
        stored = self.listings_new or self.listings_changed
        outcome = RunOutcome.NEW_LISTINGS if stored else RunOutcome.NOTHING_NEW
        remarks = list(self._remarks())
        if not remarks:
            return RunEnding(outcome)
        return RunEnding(outcome, remarks[0][0], " ".join(sentence for _, sentence in remarks))

    def _remarks(self) -> Iterator[tuple[str, str]]:
        """Yield reasons and sentences beside the outcome; the first one gives the reason."""
        if failures := self._failures_sentence():
            yield "partly_read", failures
        if self.rows_left:
            rows = f"{self.rows_left} row{'s' if self.rows_left != 1 else ''}"
            yield (
                "rows_without_listing",
                f"{rows} of the list pages gave no listing: too many on one page, without link and title, "
                "or without a required field.",
            )
        if self.lists_without_next:
            lists = "one list" if self.lists_without_next == 1 else f"{self.lists_without_next} lists"
            yield (
                "next_leads_nowhere",
                f"What `next` finds on the first page of {lists} leads nowhere, so the pages behind it stay "
                "unread. `spillwatch source try` shows what it finds; set `next` or `page_url`.",
            )
        if self.pastes_left:
            pastes = f"{self.pastes_left} paste{'s' if self.pastes_left != 1 else ''}"
            yield (
                "pastes_left",
                f"{pastes} that listings link to were not read: five per listing and visit are.",
            )
        if self.trap is not None:
            yield "trap", self.trap
        if self.degraded:
            left = len(self.degraded) - NAMED_DEGRADED
            named = [*self.degraded[:NAMED_DEGRADED], *([f"{left} more."] if left > 0 else [])]
            yield "parser_degraded", " ".join([*named, "Try the source's file against the live page."])
        if self.absent is not None:
            sentence = (
                "The list was read to what looks like its end, and {} of {} listings were not on it. That is "
                "too many to be believed gone. Check whether the source's file still finds the next page."
            )
            yield "many_absent", sentence.format(*self.absent)
        if self.closed is not None and not isinstance(self.closed, Walled):
            yield self.closed.reason, self._closed_sentence(self.closed)
        elif self.closed is None and self.resting is not None:
            yield self.resting.reason, self._closed_sentence(self.resting)

    def _closed_sentence(self, closed: FetchError) -> str:
        why, pages = str(closed).rstrip("."), f"{self.unread} known page{'s' if self.unread != 1 else ''}"
        return f"{why}: {pages} stayed unread."

    def _no_list_ending(self) -> RunEnding:
        if (wall := self.lists.failures.wall) is not None:
            return RunEnding(wall.outcome, wall.reason, str(wall))
        if self.refused is not None:
            return RunEnding(RunOutcome.PAGE_NOT_RECOGNISED, self.refused.reason, str(self.refused))
        if self.lists.unrecognised:
            sentences = (
                "The list page came, but the source's selectors found nothing on it: the page was "
                "redesigned, is empty, or is another page than intended.",
                self.stranger,
                "Try the source's file against the live page.",
            )
            detail = " ".join(sentence for sentence in sentences if sentence)
            return RunEnding(RunOutcome.PAGE_NOT_RECOGNISED, "nothing_matched", detail)
        if (first := self.lists.failures.first) is not None:
            return RunEnding(first.outcome, first.reason, str(first))
        closed = self.closed or self.resting
        if closed is not None and not isinstance(closed, BudgetEnded):
            return RunEnding(closed.outcome, closed.reason, str(closed))
        # The site was too slow: the budget was spent before the first page.
        return RunEnding(
            RunOutcome.COULD_NOT_FETCH, "budget_ended", "The run's budget was spent before its first page."
        )

    def _walled_items_ending(self) -> RunEnding | None:
        """Return the wall if no listing's own page was read; otherwise it stands before single pages only."""
        wall = self.items.failures.wall or self.rechecks.failures.wall
        if wall is None or self.items.read or self.rechecks.read:
            return None
        sentence = f"The list was read, but not the listings' own pages: {wall} The list's data was stored."
        return RunEnding(wall.outcome, wall.reason, sentence)

    def _items_unrecognised(self) -> bool:
        """Return whether the site's item pages have changed.

        A single known page may be a deleted one, which many sites replace by an ordinary page.
        """
        unrecognised = self.items.unrecognised > 0 or self.rechecks.unrecognised >= UNRECOGNISED_RECHECKS
        return unrecognised and not self.items.read and not self.rechecks.read

    def _unrecognised_sentence(self) -> str:
        return (
            f"The list was read, but none of {self.items.tried + self.rechecks.tried} listings' own pages "
            "was recognised; the list's data was stored."
        )

    def _failures_sentence(self) -> str | None:
        parts = (self.lists, self.items, self.rechecks, self.known_lists)
        kinds = sum((part.failures.kinds for part in parts), Counter[str]())
        if unrecognised := sum(part.unrecognised for part in parts):
            kinds["not_recognised"] = unrecognised
        if not kinds:
            return None
        causes = ", ".join(f"{count} {reason}" for reason, count in kinds.most_common(5))
        tried = sum(part.tried for part in parts)
        return f"{kinds.total()} of {tried} pages could not be read: {causes}."
