"""Reading known list pages again: the only way to notice what became of listings without a page of their own.

A run stops at the first list page that holds nothing new. If listings on it have no page of their own, the
run goes on behind it and reads some known pages again, the next run continues there, and so on to the end of
the list. Then every row of every list has been shown since this *rereading* began, which tells what is gone.
After that, one run reads no known page again.

A list of listings with pages of their own is read again too, a few pages per run, if it may show new listings
behind its first page: a shop that sorts by name does. What it does not show is not concluded to be gone.

A run continues with the last page of the run before it, because deletions in the meantime move rows up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crawler.progress.traps import RepeatedPages

#: Pages that a run reads again if it only looks for new listings.
FEW_PAGES = 3


@dataclass(frozen=True, slots=True)
class KnownPage:
    """A list page to read again, and its role."""

    url: str
    role: str


@dataclass(slots=True)
class _ReadChain:
    """The known pages of one list that this run has read again."""

    urls: set[str] = field(default_factory=set)
    last_rows: int = 0
    repeated: RepeatedPages = field(default_factory=RepeatedPages)


class ListRereading:
    """The rereading of one source's lists, by their start URLs; it takes several runs."""

    def __init__(
        self,
        state: Mapping[str, Any],
        *,
        now: datetime,
        pages: int,
        depth: int,
        may_keep: Callable[[str], bool],
    ) -> None:
        """`pages`: how many pages this run may read again. `depth`: pages before a list counts as endless."""
        began = state.get("since")
        #: When the rereading began; None before it begins.
        self.since: datetime | None = datetime.fromisoformat(began) if began else None
        self._pages = {start: KnownPage(*page) for start, page in (state.get("pages") or {}).items()}
        self._counts: dict[str, int] = dict(state.get("counts") or {})
        self._ended: set[str] = set(state.get("ended") or ())
        self._whole: bool = state.get("whole", True)
        #: Whether each list that was read out has shown its end.
        self._sure: bool = state.get("sure", True)
        self._rests = bool(state.get("rests"))
        #: Whether the rereading only looks for new listings.
        self._few = bool(state.get("few"))
        self._now = now
        self._left = 0 if self._rests else min(pages, FEW_PAGES) if self._few else pages
        self._depth = depth
        self._may_keep = may_keep
        self._saved: frozenset[str] = frozenset()
        self._chains: dict[str, _ReadChain] = {}

    def saved_pages(self) -> dict[str, KnownPage]:
        """Return the page of each list at which this run continues, and count it as requested."""
        saved = dict(list(self._pages.items())[: self._left])
        self._left -= len(saved)
        self._saved = frozenset(saved)
        return saved

    def begin(self, start: str, url: str, role: str, *, whole: bool, few: bool = False) -> str | None:
        """Begin with a list at the page behind those that this run has read; return the page to request.

        None if the list is being read again already, or if this run may not. `whole`: no row of those pages
        was left out. `few`: only new listings are looked for.
        """
        if self._rests or start in self._pages or start in self._ended:
            return None
        self._few = few and (self._few or self.since is None)
        if few:
            self._left = min(self._left, FEW_PAGES)
        self.since = self.since or self._now
        self._whole = self._whole and whole
        self._pages[start] = KnownPage(url, role)
        self._counts[start] = 0
        return self._take(url)

    def add(
        self,
        start: str,
        url: str,
        rows: Sequence[tuple[str, str]],
        *,
        next_url: str | None,
        next_role: str,
        end: bool,
        whole: bool,
    ) -> str | None:
        """Record a page that was read again, and return the next page to request.

        `rows` are keys and titles. A list that repeats itself or has too many pages is left, and proves
        nothing about what is gone. One that ends without saying so proves little.
        """
        chain = self._chains.setdefault(start, _ReadChain())
        chain.urls.add(url)
        chain.last_rows = len(rows)
        self._counts[start] = self._counts.get(start, 0) + 1
        self._whole = self._whole and whole
        repeats = chain.repeated.add([key for key, _ in rows], [title for _, title in rows])
        endless = repeats or next_url in (*chain.urls, start) or self._counts[start] >= self._depth
        if end or next_url is None or endless:
            self._whole = self._whole and not endless
            self._sure = self._sure and end
            self._pages.pop(start, None)
            self._ended.add(start)
            return None
        taken = self._take(next_url)
        # With one page per run it would never get further.
        stays = taken is None and len(chain.urls) > 1
        self._pages[start] = (
            KnownPage(url, self._pages[start].role) if stays else KnownPage(next_url, next_role)
        )
        return taken

    def continue_at(self, start: str, url: str) -> None:
        """Let the next run continue at a page with something on it that this run could not read."""
        if start in self._pages:
            self._pages[start] = KnownPage(url, self._pages[start].role)

    def end_before(self, start: str, *, first_rows: int) -> bool:
        """Return whether the list ends with the last page that was read again, shorter than the first one."""
        chain = self._chains.get(start)
        if chain is None or start not in self._pages or not 0 < chain.last_rows < first_rows:
            return False
        del self._pages[start]
        self._ended.add(start)
        return True

    def leave(self, start: str) -> bool:
        """Record that a page of the list cannot be read: a later run begins with this list again.

        Return whether the page was saved by an earlier run: then the list may have become shorter.
        """
        self._pages.pop(start, None)
        return start in self._saved and start not in self._chains

    def finished(self, starts: Collection[str], shown: Collection[str]) -> datetime | None:
        """Return since when every row of every list was shown; None if there is no such moment.

        `shown`: lists that this run has read from their first page to their last.
        """
        return self.read_out(starts, shown) if self._sure and not self._few else None

    def read_out(self, starts: Collection[str], read: Collection[str]) -> datetime | None:
        """Return since when every row was shown that the site shows, although a list may have more.

        `read`: lists of which this run has read every page that the site shows.
        """
        complete = self.since is not None and self._whole and self._ended | set(read) >= set(starts)
        return self.since if complete else None

    def state(
        self, starts: Collection[str], shown: Collection[str], read: Collection[str] = (), *, all_shown: bool
    ) -> dict[str, Any]:
        """Return what the next run needs; `all_shown`: this run has read all lists to their end."""
        self._sure = self._sure and set(shown) >= set(read)
        self._ended |= {*shown, *read}
        if all_shown or (self.since is not None and self._ended >= set(starts)):
            return {"rests": True}
        if self.since is None:
            return {}
        pages = {start: page for start, page in self._pages.items() if self._may_keep(page.url)}
        return {
            "since": self.since.isoformat(),
            "pages": {start: [page.url, page.role] for start, page in pages.items()},
            "counts": {start: count for start, count in self._counts.items() if start in pages},
            "ended": sorted(self._ended),
            "whole": self._whole,
            "sure": self._sure,
            **({"few": True} if self._few else {}),
        }

    def _take(self, url: str) -> str | None:
        if self._left <= 0:
            return None
        self._left -= 1
        return url
