"""What a practice site shows: postings, and the board that steps of the story change.

A step puts postings up (the same key again is an edit) and takes them down; the sites only render the board.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import TypeAdapter


class SiteSection(StrEnum):
    """A part of a practice site that is one source for Spillwatch; the value is that source's name."""

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
    """One thing that somebody published. `age` counts back from the moment the sites opened."""

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
    """One turn of the story. `says` is what a person watching is told."""

    description: str
    puts: tuple[Posting, ...] = ()
    takes: tuple[Posting, ...] = ()

    @property
    def sections(self) -> set[SiteSection]:
        return {posting.section for posting in (*self.puts, *self.takes)}


STEP = TypeAdapter(Step)


@dataclass(slots=True)
class PostingBoard:
    """The postings that are up now, and the paths of those that were taken down."""

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
        """By the time of publication; of two at one moment, the one that was put up later comes first."""
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
