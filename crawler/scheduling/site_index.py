"""Which sources read which site, and what the rules of taking turns need of each source.

The index is read once and then kept, for each database, until a source is declared, changed or removed by
whichever process (`storage.sources.revision`): a look for due runs comes once a second, and reading 10,000
sources takes a hundred times as long as everything else in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import ValidationError
from sqlalchemy import Pool
from sqlalchemy.orm import Session

from crawler.sites import sites_of
from crawler.sources import read_stored
from crawler.sources.quiet_hours import QuietHours
from storage import sources


@dataclass(frozen=True, slots=True)
class SourceTraits:
    """What the rules need of a source's definition."""

    digest: str
    sites: frozenset[str]
    delay: timedelta
    quiet: QuietHours

    @classmethod
    def of(cls, digest: str, definition: Mapping[str, Any]) -> SourceTraits:
        return cls(digest, sites_of(definition), delay_of(definition), quiet_hours_of(definition))


@dataclass(frozen=True, slots=True)
class SiteIndex:
    """The sources that are not removed."""

    traits: Mapping[int, SourceTraits]
    members: Mapping[str, frozenset[int]]
    revision: int

    @classmethod
    def current(cls, session: Session) -> SiteIndex:
        """Return the index of the session's database, which is read again only if it has to be."""
        # The revision is read first: a change that comes in between is read twice rather than never.
        pool, revision = sources.pool_of(session), sources.revision(session)
        kept = _KEPT.get(pool)
        if kept is None or kept.revision != revision:
            kept = _KEPT[pool] = cls._read(session, kept.traits if kept else {}, revision)
        return kept

    @classmethod
    def _read(cls, session: Session, known: Mapping[int, SourceTraits], revision: int) -> SiteIndex:
        digests = sources.source_digests(session)
        same = {
            each: known[each]
            for each, digest in digests.items()
            if each in known and known[each].digest == digest
        }
        traits = same | read_traits(session, digests.keys() - same.keys())
        members: dict[str, set[int]] = defaultdict(set)
        for source_id, own in traits.items():
            for site in own.sites:
                members[site].add(source_id)
        return cls(traits, {site: frozenset(each) for site, each in members.items()}, revision)

    def readers_of(self, sites: Iterable[str]) -> set[int]:
        """Return the sources of at least one of these sites."""
        return {source_id for site in set(sites) for source_id in self.members.get(site, ())}


_KEPT: WeakKeyDictionary[Pool, SiteIndex] = WeakKeyDictionary()


def read_traits(session: Session, source_ids: Iterable[int]) -> dict[int, SourceTraits]:
    """Return the traits of these sources, also of removed ones, from their definitions."""
    found = sources.definitions(session, list(source_ids))
    return {source_id: SourceTraits.of(each.digest, each.content) for source_id, each in found.items()}


def delay_of(definition: Mapping[str, Any]) -> timedelta:
    """Return the pause between two requests that a stored definition wants."""
    return timedelta(seconds=float((definition.get("politeness") or {}).get("delay_s") or 0))


def quiet_hours_of(definition: Mapping[str, Any]) -> QuietHours:
    """Return the quiet hours of a stored definition; none for a definition that this version cannot read."""
    try:
        read = read_stored(definition)
    except ValidationError:
        return QuietHours(())
    return QuietHours(read.politeness.quiet, timezone=read.timezone)
