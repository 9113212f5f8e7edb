"""Addresses of threads and boards: the spellings of one page, and the addresses of its other pages.

A forum links to a thread by its title, its last post, its print view and its newest page, with a session in
each link. All of these are one thread. So the id and the page number are read from an address, and the
address is written again from these alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: A thread that claims more pages than this has an error, or is a trap.
MAX_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class AddressPattern:
    """One spelling. `shape` matches a whole URL and has the groups `id` and, on later pages, `page`.

    `first` and `further` are templates, with the names of the groups, of the first page and of later pages.
    """

    shape: re.Pattern[str]
    first: str
    further: str

    def match_url(self, url: str) -> ThreadAddress | None:
        hit = self.shape.fullmatch(url)
        if hit is None:
            return None
        parts = {name: text or "" for name, text in hit.groupdict().items()}
        return ThreadAddress(parts["id"], self.first.format(**parts), int(parts.get("page") or 0), self, url)


@dataclass(frozen=True, slots=True)
class ThreadAddress:
    """A thread or a board.

    `url` is the address of its first page. `page` is the number of this page, 0 if its address has none.
    """

    id: str
    url: str
    page: int
    address: AddressPattern
    original: str

    def page_url(self, page: int) -> str:
        """Return the address of another page. `page` counts as the site does."""
        hit = self.address.shape.fullmatch(self.original)
        assert hit is not None, "the address was read with this shape"
        parts = {name: text or "" for name, text in hit.groupdict().items()}
        return self.address.further.format(**{**parts, "page": page})


def read_address(addresses: Iterable[AddressPattern], url: str | None) -> ThreadAddress | None:
    """Return the thread or board of the first spelling that matches `url`, or `None`."""
    found = (address.match_url(url) for address in addresses) if url else iter(())
    return next((each for each in found if each is not None), None)


def query_address(script: str, key: str, *, page: str, beside: str = "") -> AddressPattern:
    """Return the pattern of `/forum/showthread.php?tid=12&page=2`, with parameters in any order.

    `beside` is another parameter that must be there, and is kept.
    """
    name = re.escape(script)
    kept = rf"(?=(?:.*&)?{re.escape(beside)}(?:&|$))" if beside else ""
    number = rf"(?:(?=(?:.*&)?{page}=(?P<page>\d{{1,7}})(?:&|$)))?"
    shape = rf"(?P<head>[^?]*/){name}\?{kept}(?=(?:.*&)?{key}=(?P<id>\d{{1,12}})(?:&|$)){number}.*"
    written = "{head}" + script + "?" + (beside + "&" if beside else "") + key + "={id}"
    return AddressPattern(re.compile(shape), written, written + "&" + page + "={page}")


def path_address(pattern: str, first: str, further: str) -> AddressPattern:
    """Return the pattern of `/forum/thread-12-page-2.html`. `pattern` has the groups; a query is dropped."""
    shape = re.compile(rf"(?P<head>[^?]*/(?:index\.php\?)?){pattern}(?:[?&].*)?")
    return AddressPattern(shape, "{head}" + first, "{head}" + further)


def rewritten_address(number: str, url: str) -> ThreadAddress:
    """Return the thread with this number at an address of which only the site knows how it is made."""
    return ThreadAddress(number, url, 0, _ANY_ADDRESS, url)


#: Matches no address: the other pages of such a thread are those that its first page links to.
_ANY_ADDRESS = AddressPattern(re.compile(r"(?!)"), "", "")


def linked_pages(url: str, links: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the other pages of a thread, the newest first, from the numbers and addresses of a navigation.

    The pages between two links are counted if both addresses differ in their numbers only.
    """
    pages = {
        int(text): there for text, there in links if re.fullmatch(r"[1-9]\d{0,4}", text) and there != url
    }
    pages = {number: there for number, there in pages.items() if 1 < number <= MAX_PAGES}
    if not pages:
        return ()
    last = max(pages)
    head, mark, tail = pages[last].rpartition(str(last))
    if mark and all(there == f"{head}{number}{tail}" for number, there in pages.items()):
        pages |= {number: f"{head}{number}{tail}" for number in range(2, last)} if len(pages) > 1 else {}
    return tuple(pages[number] for number in sorted(pages, reverse=True))


def further_pages(here: ThreadAddress, links: Sequence[ThreadAddress], *, rows: bool) -> range:
    """Return the numbers of the further pages that a navigation shows, as the site counts them.

    With `rows`, the site counts the rows before a page. The smallest step between two links is then one
    page.
    """
    known = {each.page for each in links if each.id == here.id and each.page} | {here.page}
    last = max(known)
    if not rows:
        return range(2, min(last, MAX_PAGES) + 1)
    known.add(0)
    steps = [above - below for below, above in zip(sorted(known), sorted(known)[1:], strict=False)]
    step = min(steps, default=0)
    return range(step, min(last, step * MAX_PAGES) + 1, step) if step else range(0)
