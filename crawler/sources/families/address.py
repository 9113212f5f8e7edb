"""Addresses of threads and boards: many spellings of one page, and its other pages.

A forum links to a thread by its title, its last post, its print view and its newest page, with a session in
each: all of them are one thread. So an address is read for its id and its page, and written again from these
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: A thread that says it has more pages has a mistake, or wants to be read for ever.
MAX_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Address:
    """One spelling. `shape` matches a whole URL, and has the groups `id` and, on further pages, `page`.

    `first` and `further` are templates of its groups that write the first page and the others.
    """

    shape: re.Pattern[str]
    first: str
    further: str

    def read(self, url: str) -> ThreadAddress | None:
        hit = self.shape.fullmatch(url)
        if hit is None:
            return None
        parts = {name: text or "" for name, text in hit.groupdict().items()}
        return ThreadAddress(parts["id"], self.first.format(**parts), int(parts.get("page") or 0), self, url)


@dataclass(frozen=True, slots=True)
class ThreadAddress:
    """A thread or a board: `url` is its first page, `page` the number of this one, 0 where none stands."""

    id: str
    url: str
    page: int
    address: Address
    spelt: str

    def at(self, page: int) -> str:
        """Return the address of another page; `page` counts as the site does."""
        hit = self.address.shape.fullmatch(self.spelt)
        assert hit is not None, "it was read by this shape"
        parts = {name: text or "" for name, text in hit.groupdict().items()}
        return self.address.further.format(**{**parts, "page": page})


def place(addresses: Iterable[Address], url: str | None) -> ThreadAddress | None:
    """Return what an address leads to by the first spelling that fits; `None` for something else's."""
    found = (address.read(url) for address in addresses) if url else iter(())
    return next((each for each in found if each is not None), None)


def by_query(script: str, key: str, *, page: str, beside: str = "") -> Address:
    """`/forum/showthread.php?tid=12&page=2`, whatever else stands there; `beside` must, and is kept."""
    name = re.escape(script)
    kept = rf"(?=(?:.*&)?{re.escape(beside)}(?:&|$))" if beside else ""
    number = rf"(?:(?=(?:.*&)?{page}=(?P<page>\d{{1,7}})(?:&|$)))?"
    shape = rf"(?P<head>[^?]*/){name}\?{kept}(?=(?:.*&)?{key}=(?P<id>\d{{1,12}})(?:&|$)){number}.*"
    written = "{head}" + script + "?" + (beside + "&" if beside else "") + key + "={id}"
    return Address(re.compile(shape), written, written + "&" + page + "={page}")


def by_path(pattern: str, first: str, further: str) -> Address:
    """`/forum/thread-12-page-2.html`: `pattern` has the groups, and a query behind it is left out."""
    shape = re.compile(rf"(?P<head>[^?]*/(?:index\.php\?)?){pattern}(?:[?&].*)?")
    return Address(shape, "{head}" + first, "{head}" + further)


def numbers(here: ThreadAddress, links: Sequence[ThreadAddress], *, rows: bool) -> range:
    """Return the numbers of the further pages that a navigation admits to, as the site counts them.

    `rows`: the site counts the rows before a page, so that the smallest step between two pages is one page.
    """
    known = {each.page for each in links if each.id == here.id and each.page} | {here.page}
    last = max(known)
    if not rows:
        return range(2, min(last, MAX_PAGES) + 1)
    known.add(0)
    steps = [above - below for below, above in zip(sorted(known), sorted(known)[1:], strict=False)]
    step = min(steps, default=0)
    return range(step, min(last, step * MAX_PAGES) + 1, step) if step else range(0)
