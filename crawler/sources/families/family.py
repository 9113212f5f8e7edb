"""What is known about a program that many sites run: how it is recognised, and what reads its pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crawler.sources.definition import FamilyName, FamilySource
from crawler.sources.page import Adapter

#: How much of a page is searched for signs.
MAX_SEARCHED_CHARS = 400_000

Digest = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class UnknownPage:
    """One page of a site that nobody has described yet; `headers` by their lower-case names."""

    url: str
    status: int
    headers: Mapping[str, str]
    cookies: frozenset[str]
    text: str


class Where(StrEnum):
    """Where a sign is looked for."""

    MARKUP = "markup"
    URL = "url"
    COOKIE = "cookie"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class SoftwareSign:
    """A pattern that the program leaves; `weight` from 1 (others do it too) to 5 (it says its name)."""

    where: Where
    pattern: re.Pattern[str]
    weight: int

    def found(self, seen: UnknownPage) -> str | None:
        """What of the page is this sign, as it stands there."""
        texts = {
            Where.MARKUP: (seen.text[:MAX_SEARCHED_CHARS],),
            Where.URL: (seen.url,),
            Where.COOKIE: sorted(seen.cookies),
            Where.HEADER: tuple(f"{name}: {value}" for name, value in seen.headers.items()),
        }
        hits = (self.pattern.search(text) for text in texts[self.where])
        return next((hit[0] for hit in hits if hit), None)


@dataclass(frozen=True, slots=True)
class ForumBoard:
    """A part of a site that a source can start at."""

    name: str
    url: str


def _no_boards(_: UnknownPage) -> tuple[ForumBoard, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Family:
    """One program. `start` turns the address of any of its pages into the one that a source starts at.

    `by_page`: the fields of a listing that its own page gives; the others come from its row. `boards` are the
    parts of the site that a page leads to.
    """

    name: FamilyName
    title: str
    signs: tuple[SoftwareSign, ...]
    adapter: Callable[[FamilySource, Digest], Adapter]
    start: Callable[[UnknownPage], str]
    by_page: frozenset[str] = frozenset({"title", "body", "seller", "posted_at"})
    boards: Callable[[UnknownPage], tuple[ForumBoard, ...]] = _no_boards

    def weight(self, seen: UnknownPage) -> int:
        """How much speaks for it."""
        return sum(sign.weight for sign in self.signs if sign.found(seen) is not None)
