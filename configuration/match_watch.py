"""The watch of `spillwatch match`: the declared terms and the imported segments, without company rows.

A node that matches a unit of a dump must have the same one as the command that cut the dump: it numbers
companies and terms in the same way, and `version` tells whether it has found the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from itertools import count

from configuration.watch_configuration import WatchConfiguration
from matching.errors import MatchingError
from matching.identifiers import NORMALISERS
from matching.mentions.terms import WatchTerm
from matching.watch import Watch, watch_of
from matching.watch_loader import watched_segments
from storage import companies
from storage.database.base import Database


@dataclass(frozen=True, slots=True)
class MatchWatch:
    """`names`: the slug of each company's number. `unusable`: why a company's segments cannot be used."""

    watch: Watch
    names: Mapping[int, str]
    unusable: Mapping[str, MatchingError]

    @property
    def version(self) -> str:
        """A hash of everything that decides what is found in a text, this program's version included."""
        terms = [(term.id, term.text) for term in self.watch.by_id.values()]
        found = [
            version_of("spillwatch"),
            sorted(NORMALISERS.items()),
            self.watch.identity(),
            terms,
            sorted(self.names.items()),
        ]
        return hashlib.sha256(json.dumps(found, default=str).encode()).hexdigest()[:32]


def load_match_watch(configured: WatchConfiguration, database: Database, only: str | None) -> MatchWatch:
    """Load the watch, of one company if `only` is its slug; empty if no company has it.

    The numbers of companies are made up here: `match` writes no row, and a declared company may not have one.
    """
    declared = configured.companies
    with database.reading() as session:
        rows = [row for row in companies.active_segments(session) if only in (None, row.company.slug)]
    slugs = sorted({company.name for company in declared} | {row.company.slug for row in rows})
    numbers = {slug: number for number, slug in enumerate(slugs, 1)}
    ids = count(1)
    terms = [
        WatchTerm(
            next(ids),
            numbers[company.name],
            term.text,
            term.kind,
            term.exclude,
            in_addresses=not company.value.mail_provider,
        )
        for company in declared
        for term in company.value.terms
        if only in (None, company.name)
    ]
    segments, unusable = watched_segments(rows, configured.settings.matching, numbers)
    names = {number: slug for slug, number in numbers.items()}
    by_slug = {names[number]: error for number, error in unusable.items()}
    return MatchWatch(watch_of(terms, segments, unusable), names, by_slug)
