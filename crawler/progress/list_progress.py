"""How far a source's lists are read: which rows to follow, and when to stop requesting the next page.

A run requests list pages until one holds nothing but rows that were *settled* before the reading began. While
a run reads, the cursor holds `unfinished` with the moment at which the reading began. A run that is killed,
or whose budget is spent, leaves that entry. Rows first seen since then are known but not settled, because the
pages behind them may never have been read. So the next run goes on to where the last complete run had
stopped: `resume` is the page on which a budget ended, `depth` the number of pages that all these runs have
read.

A list that repeats itself, or does not end, is given up as a trap, and the reading counts as complete:
otherwise every run would try it again.

Pages that hold only known rows are read again for listings without a page of their own, for those whose pages
seem to say that they are gone, and where new listings may stand (`crawler.progress.rereading`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crawler.progress.alike_answers import AlikeAnswers
from crawler.progress.key_set import KeySet
from crawler.progress.rereading import KnownPage, ListRereading
from crawler.progress.traps import DEPTH, RepeatedPages
from crawler.progress.validators import Validators
from storage.listings import KnownListing

#: Key of the cursor: start URLs of lists that have more known pages than were read, and that may show new
#: listings on any of them.
ORDER_UNKNOWN = "order_unknown"
#: Key of the cursor: start URLs of lists that did not end within `depth` pages, until one is read to its end.
GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row of a list page; a row without a digest, such as a feed's entry, cannot show a change."""

    key: str
    digest: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class PageDecision:
    """What to do after a list page: the keys to follow, and the next page; None: do not go on.

    `again`: the next page holds known rows only, as far as is known, and is read again.
    """

    wanted_keys: frozenset[str]
    next_url: str | None
    again: bool = False


@dataclass(slots=True)
class ListTrail:
    """The list pages that begin at one start URL."""

    #: Where an earlier run stopped; None once this run has gone there, or if there is no such page.
    resume_page: str | None = None
    #: The initial value of `resume_page`.
    saved_page: str | None = None
    #: Pages in the order in which they were read.
    pages: KeySet = field(default_factory=KeySet)
    first_page: str | None = None
    last_page: str | None = None
    unread_pages: set[str] = field(default_factory=set)
    #: Number of pages that the site states.
    stated_pages: int | None = None
    #: The page of an earlier run to which this run went, passing over the pages between.
    jumped_to: str | None = None
    #: Rows of the first page and of the last one that this run has read.
    first_rows: int = 0
    last_rows: int = 0
    at_end: bool = False
    #: Whether this run has read all pages that the site shows, even if the list may have more.
    read_out: bool = False
    whole: bool = True
    #: Whether new listings stand on the first page, as far as its rows show it.
    newest_first: bool = False
    #: Whether the next run must request the list without validators.
    unconditional: bool = False
    broken: bool = False
    dead: bool = False
    #: Pages read by the unfinished readings before this one.
    depth: int = 0
    kind: str = ""
    repeated: RepeatedPages = field(default_factory=RepeatedPages)
    #: Why the list was given up, in a sentence.
    trap: str | None = None

    @property
    def complete(self) -> bool:
        return not self.unread_pages and not self.broken

    def first_unread(self) -> str | None:
        """Return where the next run goes on: the first page with something unread, else the last page read.

        The latter because deletions in the meantime move unread rows up to it.
        """
        orders = {page: order for page in self.unread_pages if (order := self.pages.order(page)) is not None}
        if orders or not self.unread_pages:
            return min(orders, key=orders.__getitem__, default=None)
        # Not the page that this run began with, or runs with a small budget would read it again for ever.
        again = self.last_page not in (self.first_page, self.saved_page)
        return self.last_page if again else next(iter(self.unread_pages))

    def add(self, page: str) -> None:
        """Record a list page that came."""
        self.unread_pages.discard(page)
        if self.pages.add(page):
            self.first_page, self.last_page = self.first_page or page, page

    def take_resume_page(self) -> str | None:
        """Return the page at which an earlier run stopped, once: that run has read everything before it."""
        resume, self.resume_page = self.resume_page, None
        if resume is None or resume in self.pages:
            return None
        self.jumped_to = self.jumped_to or resume
        return resume


class SourceProgress:
    """One run's reading of one source, from its cursor to its next cursor."""

    def __init__(
        self,
        cursor: Mapping[str, Any],
        *,
        definition: str,
        now: datetime,
        mask_url: Callable[[str], str],
        depth: int = DEPTH,
        pages_again: int = 0,
        any_order: bool = False,
        reading: str = "",
    ) -> None:
        """`depth`: list pages behind one start URL before the list counts as one without an end.

        `pages_again`: known list pages that this run may read again. `any_order`: new listings may stand on
        any page of a list, unless the dates of its rows show another order. `reading` stands for the part of
        the source's file that says how listings are read; listings that were last read under another one are
        read again.

        `definition` stands for the source's file: under another one, validators no longer apply.

        `mask_url`: a URL that it would change is not written into the cursor; the next run reads a few pages
        more.
        """
        unfinished = cursor.get("unfinished") or {}
        began = unfinished.get("since")
        #: When the reading began: in this run, or in the first of the unfinished runs before it.
        self.since = datetime.fromisoformat(began) if began else now
        self._definition = definition
        self._mask_url = mask_url
        same = cursor.get("definition") == definition
        self._validators = Validators(cursor if same else {}, may_keep=self._may_keep)
        self._unfinished = bool(began)
        self._began = now
        self._depth = depth
        self._any_order = any_order
        changed = "reading" in cursor and cursor["reading"] != reading
        since = now.isoformat() if changed else cursor.get("reading_since")
        self._reading = reading
        #: When the source's file began to read listings in this way; None: it always has.
        self.reading_since = datetime.fromisoformat(since) if since else None
        #: A listing that was last read before this is not edited, but read in another way. The first run may
        #: read one twice: from its list and from its own page.
        self.reread_before = now + timedelta(days=1) if changed else self.reading_since
        self.answers = AlikeAnswers((cursor.get("answers") or {}) if same else {})
        whole = cursor.get("whole") if same else None
        #: The part of `crawler.progress.page_structure`, which passes through unchanged.
        self.structure: Mapping[str, Any] | None = cursor.get("structure")
        #: When the last reading began that showed every row of every list.
        self.whole_before = datetime.fromisoformat(whole) if whole else None
        self._whole = self.whole_before
        self._rereading_state: Mapping[str, Any] = (cursor.get("rereading") or {}) if same else {}
        self._rereading = ListRereading(
            self._rereading_state,
            now=now,
            pages=pages_again,
            depth=depth,
            may_keep=self._may_keep,
        )
        self._resume_pages: dict[str, str] = dict(unfinished.get("resume") or {})
        self._depths: dict[str, int] = dict(unfinished.get("depth") or {})
        self._trails: dict[str, ListTrail] = {}
        self._first_rows: dict[str, list[str]] = {}
        self._nowhere: set[str] = set((cursor.get("nowhere") or ()) if same else ())
        self._unordered: set[str] = set((cursor.get(ORDER_UNKNOWN) or ()) if same else ())
        self._given_up: set[str] = set((cursor.get(GIVEN_UP) or ()) if same else ())

    def begin_list(self, start: str) -> None:
        resume = self._resume_pages.get(start)
        self._trails[start] = ListTrail(resume, resume, depth=self._depths.get(start, 0))

    def opening_cursor(self) -> dict[str, Any]:
        """Return the cursor to write before the first page is requested."""
        return self._cursor_with(
            {"since": self.since.isoformat(), "resume": self._resume_pages, "depth": self._depths}
        )

    def add_page(
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
        next_kind: str = "",
        pageless: bool = False,
        newest_first: bool = False,
        nowhere: bool = False,
    ) -> PageDecision:
        """Record a list page that was read, and return what to do next.

        `kind`: pages are compared for repetition within one kind, because a list behind a feed shows what the
        feed showed. `pageless`: the page has listings without a page of their own. `nowhere`: what it names
        as its next page leads nowhere. Behind other pages that is the end, as many sites write it.
        `newest_first`: the dates of its rows fall.
        """
        end = end or (nowhere and url != start)
        trail = self._trails[start]
        if url == start:
            self._nowhere.discard(start)
            self._unordered.discard(start)
            if nowhere and rows:
                self._nowhere.add(start)
            self._first_rows[start] = [f"{row.key} {row.digest}" for row in rows]
            trail.newest_first = newest_first
        trail.add(url)
        trail.first_rows, trail.last_rows = (len(rows) if url == start else trail.first_rows), len(rows)
        trail.stated_pages = total or trail.stated_pages
        trail.whole = trail.whole and whole
        news = [row for row in rows if _is_news(row, known.get(row.key))]
        wanted = self._wanted_keys(rows, known)
        settled = not news and all(known[row.key].first_seen_at < self.since for row in rows)
        if not rows or settled or next_url is None:
            trail.at_end = end and trail.jumped_to is None
            trail.read_out = next_url is None and trail.jumped_to is None
            if trail.read_out:
                self._given_up.discard(start)
            many = pageless or bool(self.answers.suspects)
            unordered = self._any_order and not trail.newest_first
            if settled and unordered and next_url is not None:
                self._unordered.add(start)
            again = many or unordered
            if settled and again and next_url is not None and not self._unfinished:
                onward = self._rereading.begin(start, next_url, next_kind, whole=trail.whole, few=not many)
                return PageDecision(wanted, onward, again=True)
            return PageDecision(wanted, trail.take_resume_page() if not settled else None)
        if kind != trail.kind:
            trail.kind, trail.repeated = kind, RepeatedPages()
        if (trap := self._trap_sentence(trail, url, rows, next_url)) is not None:
            trail.trap = trap
            if self._is_too_long(trail):
                self._given_up.add(start)
            return PageDecision(wanted, None)
        jumps = not news and trail.resume_page != next_url
        if jumps and (resume := trail.take_resume_page()) is not None:
            return PageDecision(wanted, resume)
        return PageDecision(wanted, next_url)

    def pages_again(self) -> Mapping[str, KnownPage]:
        """Return the known page of each list with which this run goes on reading them again."""
        return {} if self._unfinished else self._rereading.saved_pages()

    def add_known_page(
        self,
        start: str,
        url: str,
        rows: Sequence[ListRow],
        known: Mapping[str, KnownListing],
        *,
        next_url: str | None,
        next_kind: str,
        end: bool,
        whole: bool,
    ) -> PageDecision:
        """Record a list page that was read again, and return what to do next."""
        wanted = self._wanted_keys(rows, known)
        onward = self._rereading.add(
            start,
            url,
            [(row.key, row.title) for row in rows],
            next_url=next_url,
            next_role=next_kind,
            end=end,
            whole=whole,
        )
        return PageDecision(wanted, onward, again=True)

    def _wanted_keys(self, rows: Sequence[ListRow], known: Mapping[str, KnownListing]) -> frozenset[str]:
        """Return the keys of the rows to follow."""
        since = self.reading_since
        return frozenset(
            row.key
            for row in rows
            if _is_wanted(row, before := known.get(row.key))
            or (since is not None and before is not None and (before.checked_at or since) < since)
        )

    def continue_again_at(self, start: str, page: str) -> None:
        """Let the next run go on with reading again at this page, which has something unread."""
        self._rereading.continue_at(start, page)

    def leave_known_pages(self, start: str) -> bool:
        """Stop reading this list again; return whether an earlier run saved the page that failed."""
        return self._rereading.leave(start)

    def _trap_sentence(
        self, trail: ListTrail, url: str, rows: Sequence[ListRow], next_url: str
    ) -> str | None:
        if trail.repeated.add([row.key for row in rows], [row.title for row in rows]):
            return "Page after page of a list showed the same listings, so no further page was requested."
        if next_url in trail.pages and next_url != url:
            return "The next page of a list had already been read, so no further page was requested."
        if self._is_too_long(trail):
            return (
                f"A list did not end within {self._depth:,} pages, so no further page was requested: it is a "
                "calendar or a trap. If the list is longer, set `depth` under [budget] in the source's file."
            )
        return None

    def _is_too_long(self, trail: ListTrail) -> bool:
        return trail.depth + len(trail.pages) >= self._depth

    def mark_unread(self, start: str, page: str) -> None:
        """Record that the budget was spent before `page`, or before something that is on it."""
        self._trails[start].unread_pages.add(page)

    def end_before(self, start: str, page: str, *, again: bool) -> bool:
        """Return whether a list ends before a page that does not exist, whose number was only counted up.

        It does if the page before was shorter than the first one; the end is then noted.
        """
        trail = self._trails[start]
        if page == start:
            return False
        if again:
            return self._rereading.end_before(start, first_rows=trail.first_rows)
        if trail.jumped_to is not None or not 0 < trail.last_rows < trail.first_rows:
            return False
        trail.at_end = trail.read_out = True
        return True

    def mark_broken(self, start: str, page: str, *, permanent: bool) -> None:
        """Record that a list page could not be read: the next run tries again, and goes on behind it.

        Not if it failed permanently and was a URL saved by an earlier run, which may expire: then the next
        run begins at the first page.
        """
        trail = self._trails[start]
        if permanent and page == start and trail.resume_page is None:
            # Nothing of this list was read or stored, so nothing of it is unfinished.
            trail.dead = True
            return
        trail.broken = True
        if not (permanent and page == trail.jumped_to):
            trail.unread_pages.add(page)

    def require_full_list(self, start: str) -> None:
        """Record that a page behind this list is missing, which "not modified" would hide from the next
        run.
        """
        self._trails[start].unconditional = True

    def request_conditions(self, start: str) -> dict[str, str]:
        """Return headers that let the site answer "not modified"; none while something may be unread."""
        return {} if self._unfinished else self._validators.conditions(start)

    def mark_not_modified(self, start: str) -> None:
        """Record that the site answered "not modified"."""
        self._validators.mark_not_modified(start)

    def remember_validators(self, start: str, etag: str | None, modified: str | None) -> None:
        """Record a list's validators; only the cursor at the end of a complete reading holds them."""
        self._validators.remember(start, etag, modified, self._first_rows.get(start, ()))

    def count_pages_beyond(self) -> int:
        """Return the number of list pages that the sites state and that were not requested."""
        return sum(
            max(0, (trail.stated_pages or 0) - len(trail.pages) - len(trail.unread_pages))
            for trail in self._trails.values()
            if trail.unread_pages
        )

    @property
    def lists_without_next(self) -> int:
        """The number of lists whose first page names a next page that leads nowhere."""
        return len(self._nowhere & self._trails.keys())

    @property
    def list_count(self) -> int:
        """The number of start URLs."""
        return len(self._trails)

    @property
    def trap(self) -> str | None:
        """Why a list was given up, for the first such list; None if none was."""
        return next((trail.trap for trail in self._trails.values() if trail.trap), None)

    def whole_since(self) -> datetime | None:
        """Return since when every row of every list was shown, if this run has completed such a reading."""
        if self.has_read_everything():
            return self._began
        broken = any(not trail.complete for trail in self._trails.values())
        return None if broken else self._rereading.finished(self._trails, self._shown_lists())

    def shown_since(self) -> datetime | None:
        """Return since when every row was shown that the site shows, if this run has completed that.

        Unlike `whole_since`, the lists may end without saying so: a list of the newest hundred.
        """
        trails = self._trails.values()
        if any(not trail.complete or not trail.whole for trail in trails):
            return None
        if trails and all(trail.read_out for trail in trails):
            return self._began
        return self._rereading.read_out(self._trails, self._lists_read_out())

    def _lists_read_out(self) -> set[str]:
        """Return the lists of which this run has read every page that the site shows."""
        return {start for start, trail in self._trails.items() if trail.read_out and trail.complete}

    def _shown_lists(self) -> set[str]:
        """Return the lists of which this run has read every row."""
        trails = self._trails.items()
        return {start for start, trail in trails if trail.at_end and trail.whole and trail.complete}

    def confirm_whole(self, since: datetime) -> None:
        """Record that every row of every list was shown since then, and that the result is plausible."""
        self._whole = since

    def has_read_everything(self) -> bool:
        """Return whether this run read every row of every list, from the first page to the last."""
        trails = self._trails.values()
        return bool(trails) and all(trail.at_end and trail.whole and trail.complete for trail in trails)

    def closing_cursor(self) -> dict[str, Any]:
        """Return the cursor to write with the run's outcome.

        A list that permanently does not exist leaves nothing unfinished, and does not hold up the others.
        """
        self._rereading_state = self._rereading.state(
            self._trails,
            self._shown_lists(),
            self._lists_read_out(),
            all_shown=self.has_read_everything(),
        )
        alive = [trail for trail in self._trails.values() if not trail.dead]
        if alive and all(trail.complete for trail in alive):
            self._validators.settle(start for start, trail in self._trails.items() if trail.unconditional)
            return self._cursor_with(None)
        if not alive and not self._unfinished:
            return self._cursor_with(None)
        unread = {start: trail.first_unread() for start, trail in self._trails.items()}
        resume = {start: page for start, page in unread.items() if page and self._may_keep(page)}
        depth = {start: trail.depth + len(trail.pages) for start, trail in self._trails.items()}
        return self._cursor_with({"since": self.since.isoformat(), "resume": resume, "depth": depth})

    def _may_keep(self, text: str) -> bool:
        """Return whether a text holds no identifier."""
        return self._mask_url(text) == text

    def _cursor_with(self, unfinished: dict[str, Any] | None) -> dict[str, Any]:
        parts = {
            "definition": self._definition,
            **self._validators.cursor(),
            "whole": self._whole.isoformat() if self._whole else None,
            "rereading": self._rereading_state,
            "answers": self.answers.state(),
            "nowhere": sorted(self._nowhere),
            ORDER_UNKNOWN: sorted(self._unordered),
            GIVEN_UP: sorted(self._given_up),
            "reading": self._reading,
            "reading_since": self.reading_since.isoformat() if self.reading_since else None,
            "structure": self.structure,
            "unfinished": unfinished,
        }
        return {name: value for name, value in parts.items() if value}


def _is_news(row: ListRow, known: KnownListing | None) -> bool:
    """Return whether a row is new, changed or back.

    A known row with an empty stored digest is not news: it only means that the listing's own page failed.
    """
    return known is None or (known.row_digest != "" and (known.gone or _differs(row, known)))


def _is_wanted(row: ListRow, known: KnownListing | None) -> bool:
    return known is None or known.gone or _differs(row, known)


def _differs(row: ListRow, known: KnownListing) -> bool:
    return not known.erased and row.digest not in ("", known.row_digest)
