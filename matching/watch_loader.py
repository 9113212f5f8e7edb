"""Load the watch: terms and segments from the database's rows, and the keys that open the segments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from matching.enrolment.segment_intake import files_of, segment_folder
from matching.errors import MatchingError
from matching.fingerprints.keyring import Keyring
from matching.mentions.terms import Terms, WatchTerm
from matching.native.library import allow_native
from matching.settings import MatchingSettings
from matching.watch import Watch, WatchedSegment
from storage import companies


@dataclass(frozen=True, slots=True)
class WatchRows:
    """Everything that is active in the database, at one watch revision."""

    revision: str
    terms: Mapping[int, WatchTerm]
    segments: Sequence[companies.Segment]


def read_watch(session: Session) -> WatchRows:
    """Read everything that is active. Close the session before `load_watch`, which takes its time: on
    PostgreSQL an open snapshot keeps old rows from being removed, on SQLite it lets the WAL grow.
    """
    revision = companies.watch_revision(session)  # first: what changes from now on has a later one
    terms = {
        term.id: WatchTerm(
            term.id,
            term.company_id,
            term.text,
            term.kind,
            tuple(term.exclude),
            in_addresses=not term.company.definition.get("mail_provider", False),
        )
        for term in companies.active_terms(session)
    }
    return WatchRows(revision, terms, companies.active_segments(session))


def load_watch(rows: WatchRows, settings: MatchingSettings) -> Watch:
    """Open the segments and build the table of terms."""
    numbers = {row.company.slug: row.company_id for row in rows.segments}
    segments, unusable = watched_segments(rows.segments, settings, numbers)
    terms = dict(rows.terms)
    return Watch(rows.revision, Terms.build(list(terms.values())), terms, segments, unusable)


def watched_segments(
    rows: Iterable[companies.Segment], settings: MatchingSettings, numbers: Mapping[str, int]
) -> tuple[list[WatchedSegment], dict[int, MatchingError]]:
    """Open the segments with their keys; return them, and by company why one of its segments cannot be used.

    `numbers`: the company's number by slug.
    """
    # Everything that is compared opens its segments first, so this is where the setting takes effect.
    allow_native(settings.native)
    segments: list[WatchedSegment] = []
    unusable: dict[int, MatchingError] = {}
    keyring = Keyring(settings)
    for row in rows:
        number = numbers[row.company.slug]
        try:
            segments.append(_open_segment(row, number, settings, keyring))
        except MatchingError as error:
            unusable.setdefault(number, error)
    return segments, unusable


def _open_segment(
    row: companies.Segment, number: int, settings: MatchingSettings, keyring: Keyring
) -> WatchedSegment:
    slug = row.company.slug
    segment = segment_folder(settings).opened(files_of(row), company=slug)
    key = keyring.subkeys_of_segment(segment.header, segment.path)
    segment.check_key(key)
    region = _fingerprints_table(row.company).get("default_region") or segment.header.default_region
    return WatchedSegment(row.id, number, segment, region, key)


def _fingerprints_table(company: companies.Company) -> dict[str, str | None]:
    """Return the [fingerprints] table of the company's file."""
    return dict(company.definition.get("fingerprints", {}))
