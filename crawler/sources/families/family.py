"""What is known about a program that many sites run: how it is recognised, and which adapter reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crawler.sources.adapter import Adapter
from crawler.sources.definition import FamilyName, FamilySource

#: How much of a page is searched for signs.
MAX_SEARCHED_CHARS = 400_000

Digest = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class UnknownPage:
    """One page of a site that is not configured. `headers` has lower-case names."""

    url: str
    status: int
    headers: Mapping[str, str]
    cookies: frozenset[str]
    text: str


class Where(StrEnum):
    """Where a sign is searched for."""

    MARKUP = "markup"
    URL = "url"
    COOKIE = "cookie"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class SoftwareSign:
    """A pattern that shows a program; `weight` is 1 (others match too) to 5 (the program's own name)."""

    where: Where
    pattern: re.Pattern[str]
    weight: int

    def found(self, page: UnknownPage) -> str | None:
        """Return the text on the page that matches this sign, or `None`."""
        texts = {
            Where.MARKUP: (page.text[:MAX_SEARCHED_CHARS],),
            Where.URL: (page.url,),
            Where.COOKIE: sorted(page.cookies),
            Where.HEADER: tuple(f"{name}: {value}" for name, value in page.headers.items()),
        }
        hits = (self.pattern.search(text) for text in texts[self.where])
        return next((hit[0] for hit in hits if hit), None)


@dataclass(frozen=True, slots=True)
class ForumBoard:
    """A board of a site, where a source can start."""

    name: str
    url: str


def _no_boards(_: UnknownPage) -> tuple[ForumBoard, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Family:
    """One program.

    `start` turns the address of any page of a site into the address where a source starts. `by_page`: the
    fields that a listing's own page gives, all others come from its row; empty if listings have no such page.
    `boards` returns the boards that a page links to.
    """

    name: FamilyName
    title: str
    signs: tuple[SoftwareSign, ...]
    adapter: Callable[[FamilySource, Digest], Adapter]
    start: Callable[[UnknownPage], str]
    by_page: frozenset[str] = frozenset({"title", "body", "seller", "posted_at"})
    boards: Callable[[UnknownPage], tuple[ForumBoard, ...]] = _no_boards
