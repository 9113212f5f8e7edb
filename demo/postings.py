"""The content of the practice sites: postings, and the board that the story's steps change.

A step adds postings (an existing key is an edit) and removes them. The sites only render the board.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import TypeAdapter


class SiteSection(StrEnum):
    """A part of a practice site that Spillwatch reads as one source. The value is the source's name."""

    OFFERS = "market"
    LOGS = "market-logs"
    NEWS = "market-news"
    THREADS = "forum"
    PASTES = "pastes"


_PATHS = {
    SiteSection.OFFERS: "/offer/{}",
    SiteSection.LOGS: "/logs/{}",
    SiteSection.NEWS: "/news/{}",
    SiteSection.THREADS: "/thread-{}.html",
    SiteSection.PASTES: "/raw/{}",
}


@dataclass(frozen=True, slots=True)
class Posting:
    """One published thing. `age` is the time between its publication and the opening of the sites."""

    section: SiteSection
    key: str
    title: str
    body: str
    seller: str = "anonymous"
    price: str = ""
    records: str = ""
    sample: str = ""
    attachment: str = ""
    age: timedelta = timedelta()

    @property
    def path(self) -> str:
        return _PATHS[self.section].format(self.key)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story: postings to add or edit, postings to remove, and a text for the view."""

    description: str
    puts: tuple[Posting, ...] = ()
    takes: tuple[Posting, ...] = ()

    @property
    def sections(self) -> set[SiteSection]:
        return {posting.section for posting in (*self.puts, *self.takes)}


STEP = TypeAdapter(Step)


@dataclass(slots=True)
class PostingBoard:
    """The current postings, and the keys of removed ones."""

    opened: datetime
    _up: dict[str, Posting] = field(default_factory=dict)
    _gone: set[tuple[SiteSection, str]] = field(default_factory=set)

    def play(self, step: Step) -> None:
        for posting in step.puts:
            self._up[self._slot(posting)] = posting
        for posting in step.takes:
            del self._up[self._slot(posting)]
            self._gone.add((posting.section, posting.key))

    def newest_first(self, section: SiteSection) -> list[Posting]:
        """Return postings by time of publication. For equal times, the one added later comes first."""
        up = [posting for posting in self._up.values() if posting.section is section]
        return sorted(up, key=self.posted_at)[::-1]

    def find(self, section: SiteSection, key: str) -> Posting | None:
        return self._up.get(f"{section}/{key}")

    def is_gone(self, section: SiteSection, key: str) -> bool:
        return (section, key) in self._gone

    def posted_at(self, posting: Posting) -> datetime:
        return self.opened - posting.age

    @staticmethod
    def _slot(posting: Posting) -> str:
        return f"{posting.section}/{posting.key}"
