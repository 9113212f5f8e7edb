"""The watch: everything that is searched for, loaded once and used until it changes.

A segment that cannot be used (no key, another key, damaged) does not keep mentions from being found: it is in
`unusable`, and the service sees to it that its company's fingerprints are matched later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from matching.errors import KeyMissing, MatchingError
from matching.fingerprints import Key, read_key
from matching.segments import Chain, Segment, open_segment
from matching.settings import MatchingSettings
from matching.terms import Terms, WatchTerm
from storage import companies


@dataclass(frozen=True, slots=True)
class WatchedSegment:
    """An open segment with its company's key, which has been checked against it."""

    id: int
    company_id: int
    segment: Segment | Chain
    region: str  # of telephone numbers without + in the texts that are matched
    key: Key = field(repr=False)


@dataclass(frozen=True, slots=True)
class Watch:
    revision: str
    terms: Terms
    by_id: Mapping[int, WatchTerm]
    segments: Sequence[WatchedSegment]
    unusable: Mapping[int, MatchingError]  # by company: why one of its segments is left out

    @property
    def company_ids(self) -> set[int]:
        return {term.company_id for term in self.by_id.values()} | {one.company_id for one in self.segments}

    def of_companies(self, company_ids: Iterable[int]) -> "Watch":
        """The same watch for a few companies only. Its terms are compiled anew."""
        wanted = set(company_ids)
        terms = [term for term in self.by_id.values() if term.company_id in wanted]
        return Watch(
            self.revision,
            Terms.build(terms),
            {term.id: term for term in terms},
            [segment for segment in self.segments if segment.company_id in wanted],
            {company: error for company, error in self.unusable.items() if company in wanted},
        )


def watch_of(terms: Iterable[WatchTerm], segments: Sequence[WatchedSegment] = ()) -> Watch:
    """A watch without a database."""
    by_id = {term.id: term for term in terms}
    return Watch("", Terms.build(list(by_id.values())), by_id, segments, {})


def load(session: Session, settings: MatchingSettings) -> Watch:
    """Everything that is active in the database."""
    by_id = {
        term.id: WatchTerm(term.id, term.company_id, term.text, term.kind, tuple(term.exclude))
        for term in companies.active_terms(session)
    }
    rows = companies.active_segments(session)
    segments, unusable = watched_segments(rows, settings, {row.company.slug: row.company_id for row in rows})
    revision = companies.watch_revision(session)
    return Watch(revision, Terms.build(list(by_id.values())), by_id, segments, unusable)


def watched_segments(
    rows: Iterable[companies.Segment], settings: MatchingSettings, numbers: Mapping[str, int]
) -> tuple[list[WatchedSegment], dict[int, MatchingError]]:
    """The segments opened, with their keys, and by company why one could not be. `numbers`: of the slugs."""
    segments: list[WatchedSegment] = []
    unusable: dict[int, MatchingError] = {}
    for row in rows:
        number = numbers[row.company.slug]
        try:
            segments.append(_watched(row, number, settings))
        except MatchingError as error:
            unusable.setdefault(number, error)
    return segments, unusable


def _watched(row: companies.Segment, number: int, settings: MatchingSettings) -> WatchedSegment:
    key = read_key(key_file_of(row.company, settings))
    segment = open_segment(settings.segments_dir / row.file, company=row.company.slug)
    segment.check_key(key)
    region = _fingerprints_of(row.company).get("default_region") or segment.header.default_region
    return WatchedSegment(row.id, number, segment, region, key)


def key_file_of(company: companies.Company, settings: MatchingSettings) -> Path:
    """Where a company's key is; raises KeyMissing if nobody said."""
    file = settings.key_files.get(company.slug) or _fingerprints_of(company).get("key_file")
    if not file:
        raise KeyMissing(
            f"no key file is named for the company {company.slug!r}; name it in its file as "
            f"fingerprints.key_file, or as key_files.{company.slug} of [matching]"
        )
    return Path(file)


def _fingerprints_of(company: companies.Company) -> dict[str, str | None]:
    """The [fingerprints] of the company's file."""
    return dict(company.definition.get("fingerprints", {}))
