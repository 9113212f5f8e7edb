"""Takes segments up into the monitor: bases and deltas, in order, verified; merges them; deletes the rest.

1. the file is verified, whole, and its key checked;
2. it is copied into the folder;
3. its row is written: from here on it counts;
4. where deltas have become many, they are merged into a new base, whose row replaces theirs;
5. files that no row names are deleted.

Killed between any two steps, either the state before or the one after is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from matching.errors import SegmentBaseOther, SegmentOutOfOrder, SegmentRefused
from matching.fingerprints.segment_folder import SegmentFolder
from matching.fingerprints.segments import MappedSegment, SegmentChain, check_follows, open_segment
from storage import companies
from storage.companies import DeltaRecord, SegmentRecord
from storage.database.base import Database
from storage.watch import MatchScope, request_rematch

DELTAS_LIMIT = 16  # deltas of a segment, beyond which they are merged; each is one more place to look
DELTAS_SHARE = 0.1  # of the base's fingerprints or customers that may be in deltas or erased before that


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an import."""

    segment_id: int
    merged: bool = False


class Intake:
    """Changes rows and folder together."""

    def __init__(self, database: Database, folder: SegmentFolder, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock

    def take_up(self, segment: MappedSegment, company_id: int, *, replaces: int | None = None) -> Taken:
        """A verified segment whose key was checked. `replaces`: a segment that ends with this import."""
        with self._folder.changing():
            if segment.header.is_delta:
                segment_id = self._take_up_delta(segment, company_id)
            else:
                segment_id = self._take_up_base(segment, company_id, replaces)
            merged = self._must_merge(segment_id) and self._merge(segment_id)
        self.sweep()
        return Taken(segment_id, merged)

    def merge(self, segment_id: int) -> bool:
        """False: there are no deltas."""
        with self._folder.changing():
            merged = self._merge(segment_id)
        self.sweep()
        return merged

    def sweep(self) -> list[str]:
        """Delete what no row names: also what a kill left behind."""
        return self._folder.sweep(self._named)

    def _named(self) -> set[str]:
        with self._database.reading() as session:
            return companies.segment_files(session)

    def _take_up_base(self, segment: MappedSegment, company_id: int, replaces: int | None) -> int:
        known = self._of_series(company_id, segment.header.series)
        if known is not None and known.sha256 != segment.digest:
            return self._renew(segment, known, company_id)
        record = record_of(segment, self._folder.take_in(segment), company_id)
        with self._database.transaction() as session:
            segment_id = companies.add_segment(session, record, self._clock())
            if replaces is not None and replaces != segment_id:
                companies.retire_segment(session, replaces)
        return segment_id

    def _renew(self, segment: MappedSegment, known: companies.Segment, company_id: int) -> int:
        """A later base of a series that is here, as the company merged it."""
        here = _last(known)
        if segment.header.sequence <= here:
            raise SegmentOutOfOrder(
                f"{segment.path} is the base of number {segment.header.sequence} of a series that stands at "
                f"{here} here: nothing to do"
            )
        record = record_of(segment, self._folder.take_in(segment), company_id)
        with self._database.transaction() as session:
            companies.renew_segment(session, known.id, record, was=known.file)
            request_rematch(
                session,
                scope=MatchScope.FINGERPRINTS,
                company_id=company_id,
                reason="segment added",
                now=self._clock(),
            )
        return known.id

    def _take_up_delta(self, delta: MappedSegment, company_id: int) -> int:
        known = self._of_series(company_id, delta.header.series)
        if known is None:
            raise SegmentBaseOther(
                f"the delta {delta.path} belongs to the series {delta.header.series[:8]}, of which nothing "
                f"is here; import its base first"
            )
        if any(one.sha256 == delta.digest for one in known.deltas):
            return known.id
        check_follows(delta.header, self._chain(known).header, delta.path)
        name = self._folder.take_in(delta)
        with self._database.transaction() as session:
            companies.add_delta(session, delta_record(delta, name, known.id), self._clock())
        return known.id

    def _merge(self, segment_id: int) -> bool:
        known = self._segment(segment_id)
        if not known.deltas:
            return False
        whole = self._folder.merged(self._chain(known))
        record = record_of(whole, whole.path.name, known.company_id)
        with self._database.transaction() as session:
            return companies.renew_segment(session, segment_id, record, was=known.file)

    def _must_merge(self, segment_id: int) -> bool:
        known = self._segment(segment_id)
        added = sum(delta.fingerprints for delta in known.deltas)
        erased = sum(delta.erased for delta in known.deltas)
        return (
            len(known.deltas) > DELTAS_LIMIT
            or added > DELTAS_SHARE * known.fingerprints
            or erased > DELTAS_SHARE * known.customers
        )

    def _chain(self, known: companies.Segment) -> SegmentChain:
        return self._folder.opened(files_of(known), company=known.company.slug)

    def _segment(self, segment_id: int) -> companies.Segment:
        with self._database.reading() as session:
            return next(row for row in companies.all_segments(session) if row.id == segment_id)

    def _of_series(self, company_id: int, series: str) -> companies.Segment | None:
        with self._database.reading() as session:
            rows = [
                row for row in companies.all_segments(session) if row.company_id == company_id and row.active
            ]
        return next((row for row in rows if self._series_of(row) == series), None)

    def _series_of(self, row: companies.Segment) -> str | None:
        """A segment that was imported before there were series says it in its file."""
        if row.series is not None:
            return row.series
        try:
            return open_segment(self._folder.path / row.file).header.series
        except SegmentRefused:
            return None


def files_of(row: companies.Segment) -> list[str]:
    """The names of the files that a row stands for, in order."""
    return [row.file, *(delta.file for delta in row.deltas)]


def _last(row: companies.Segment) -> int:
    return row.deltas[-1].sequence if row.deltas else row.sequence


def record_of(segment: MappedSegment, name: str, company_id: int) -> SegmentRecord:
    header = segment.header
    return SegmentRecord(
        company_id=company_id,
        file=name,
        key_id=header.key_id,
        key_check=header.key_check,
        fields=tuple(header.counts),
        fingerprints=header.fingerprints,
        customers=header.customers,
        sha256=segment.digest,
        series=header.series,
        state=header.id,
        sequence=header.sequence,
    )


def delta_record(delta: MappedSegment, name: str, segment_id: int) -> DeltaRecord:
    header = delta.header
    return DeltaRecord(
        segment_id=segment_id,
        state=header.id,
        sequence=header.sequence,
        file=name,
        fields=tuple(header.counts),
        fingerprints=header.fingerprints,
        customers=header.customers,
        erased=header.erased,
        sha256=delta.digest,
    )
