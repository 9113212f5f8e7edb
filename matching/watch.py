"""The watch: everything that is searched for, loaded once and used until it changes.

A segment that cannot be used (no key, another key, damaged) does not keep mentions from being found: it is in
`unusable`, and the service sees to it that its company's fingerprints are matched later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from matching.errors import MatchingError
from matching.fingerprints import Key
from matching.intake import files_of
from matching.keys import Keyring
from matching.native.library import use
from matching.segment_folder import SegmentFolder
from matching.segments import Chain, Segment
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


def watch_of(
    terms: Iterable[WatchTerm],
    segments: Sequence[WatchedSegment] = (),
    unusable: Mapping[int, MatchingError] | None = None,
) -> Watch:
    """A watch without a database."""
    by_id = {term.id: term for term in terms}
    return Watch("", Terms.build(list(by_id.values())), by_id, segments, unusable or {})


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
    use(settings.native)  # here: all that is compared is opened before
    segments: list[WatchedSegment] = []
    unusable: dict[int, MatchingError] = {}
    keyring = Keyring(settings)
    for row in rows:
        number = numbers[row.company.slug]
        try:
            segments.append(_watched(row, number, settings, keyring))
        except MatchingError as error:
            unusable.setdefault(number, error)
    return segments, unusable


def _watched(
    row: companies.Segment, number: int, settings: MatchingSettings, keyring: Keyring
) -> WatchedSegment:
    slug = row.company.slug
    segment = SegmentFolder(settings.segments_dir).opened(files_of(row), company=slug)
    key = keyring.that_made(segment.header, segment.path)
    segment.check_key(key)
    region = _fingerprints_of(row.company).get("default_region") or segment.header.default_region
    return WatchedSegment(row.id, number, segment, region, key)


def _fingerprints_of(company: companies.Company) -> dict[str, str | None]:
    """The [fingerprints] of the company's file."""
    return dict(company.definition.get("fingerprints", {}))
