"""Imports segments into the monitor, merges bases with deltas, and deletes files that are not needed.

1. the caller verifies the whole file and checks its key;
2. the file is copied into the folder;
3. its row is written: from here on it is in use;
4. if there are many deltas, they are merged into a new base, whose row replaces theirs;
5. files that no row names are deleted.

After a kill between any two steps, the state before or the state after is complete.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from matching.errors import SegmentBaseOther, SegmentOutOfOrder, SegmentRefused
from matching.fingerprints.segment_folder import SegmentFolder
from matching.fingerprints.segments import MappedSegment, SegmentChain, check_follows
from matching.settings import MatchingSettings
from storage import companies
from storage.companies import DeltaRecord, SegmentRecord
from storage.database.base import Database
from storage.stores.location import StoreAddress
from storage.stores.settings import S3Settings
from storage.watch import MatchScope, request_rematch

DELTAS_LIMIT = 16  # more deltas are merged: each makes every lookup slower
DELTAS_SHARE = 0.1  # share of the base that deltas may add or erase before they are merged


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The result of an import."""

    segment_id: int
    merged: bool = False


def segment_folder(settings: MatchingSettings) -> SegmentFolder:
    """Return the folder of the settings. Nothing connects yet; raises StoreLibraryMissing."""
    if settings.segments is None:
        return SegmentFolder(settings.segments_dir)
    address = StoreAddress.parse(settings.segments)
    return SegmentFolder(settings.segments_dir, address.opened(settings.s3 or S3Settings()))


class SegmentIntake:
    """Changes the rows and the folder together."""

    def __init__(self, database: Database, folder: SegmentFolder, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock

    def import_segment(
        self, segment: MappedSegment, company_id: int, *, replaces: int | None = None
    ) -> ImportResult:
        """Import a verified segment whose key was checked.

        `replaces`: the id of a segment that is retired in the same step.
        """
        with self._folder.locked():
            if segment.header.is_delta:
                segment_id = self._import_delta(segment, company_id)
            else:
                segment_id = self._import_base(segment, company_id, replaces)
            merged = self._has_many_deltas(segment_id) and self._merge(segment_id)
        self.delete_unnamed_files()
        return ImportResult(segment_id, merged)

    def merge(self, segment_id: int) -> bool:
        """Merge a segment with its deltas; return False if it has none."""
        with self._folder.locked():
            merged = self._merge(segment_id)
        self.delete_unnamed_files()
        return merged

    def delete_unnamed_files(self) -> list[str]:
        """Delete files that no row names, such as those that a kill left behind; return their names."""
        return self._folder.delete_unnamed(self._files_in_rows)

    def delete_old_copies(self) -> list[str]:
        """Delete this machine's copies of files that no row names now: they may hold erased customers."""
        return self._folder.delete_unnamed(self._files_in_rows, shared=False)

    def share_files(self) -> list[str]:
        """Store the files that rows name, and that are only here, in the shared store. Raises StoreFailed."""
        return self._folder.share(sorted(self._files_in_rows()))

    def _files_in_rows(self) -> set[str]:
        with self._database.reading() as session:
            return companies.segment_files(session)

    def _import_base(self, segment: MappedSegment, company_id: int, replaces: int | None) -> int:
        known = self._active_of_series(company_id, segment.header.series)
        if known is not None and known.sha256 != segment.digest:
            return self._replace_base(segment, known, company_id)
        record = base_record(segment, self._folder.copy_in(segment), company_id)
        with self._database.transaction() as session:
            segment_id = companies.add_segment(session, record, self._clock())
            if replaces is not None and replaces != segment_id:
                companies.retire_segment(session, replaces)
        return segment_id

    def _replace_base(self, segment: MappedSegment, known: companies.Segment, company_id: int) -> int:
        """Replace base and deltas by a later base of the series, which the company merged itself."""
        here = _last_sequence(known)
        if segment.header.sequence <= here:
            raise SegmentOutOfOrder(
                f"{segment.path} is a base with number {segment.header.sequence} of its series, which is "
                f"already at number {here} here: nothing to do"
            )
        record = base_record(segment, self._folder.copy_in(segment), company_id)
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

    def _import_delta(self, delta: MappedSegment, company_id: int) -> int:
        known = self._active_of_series(company_id, delta.header.series)
        if known is None:
            raise SegmentBaseOther(
                f"the delta {delta.path} belongs to the series {delta.header.series[:8]}, which was not "
                f"imported here; import its base first"
            )
        if any(one.sha256 == delta.digest for one in known.deltas):
            return known.id
        check_follows(delta.header, self._open_chain(known).header, delta.path)
        name = self._folder.copy_in(delta)
        with self._database.transaction() as session:
            companies.add_delta(session, delta_record(delta, name, known.id), self._clock())
        return known.id

    def _merge(self, segment_id: int) -> bool:
        known = self._segment_row(segment_id)
        if not known.deltas:
            return False
        whole = self._folder.write_merged(self._open_chain(known))
        record = base_record(whole, whole.path.name, known.company_id)
        with self._database.transaction() as session:
            return companies.renew_segment(session, segment_id, record, was=known.file)

    def _has_many_deltas(self, segment_id: int) -> bool:
        known = self._segment_row(segment_id)
        added = sum(delta.fingerprints for delta in known.deltas)
        erased = sum(delta.erased for delta in known.deltas)
        return (
            len(known.deltas) > DELTAS_LIMIT
            or added > DELTAS_SHARE * known.fingerprints
            or erased > DELTAS_SHARE * known.customers
        )

    def _open_chain(self, known: companies.Segment) -> SegmentChain:
        return self._folder.opened(files_of(known), company=known.company.slug)

    def _segment_row(self, segment_id: int) -> companies.Segment:
        with self._database.reading() as session:
            return next(row for row in companies.all_segments(session) if row.id == segment_id)

    def _active_of_series(self, company_id: int, series: str) -> companies.Segment | None:
        with self._database.reading() as session:
            rows = [
                row for row in companies.all_segments(session) if row.company_id == company_id and row.active
            ]
        return next((row for row in rows if self._series_of_row(row) == series), None)

    def _series_of_row(self, row: companies.Segment) -> str | None:
        """Return the series of a row. Rows older than the column `series` have it only in their file."""
        if row.series is not None:
            return row.series
        try:
            return self._folder.open_one(row.file, row.sha256, company=row.company.slug).header.series
        except SegmentRefused:
            return None


def files_of(row: companies.Segment) -> dict[str, str]:
    """Return the names of a segment's files with their digests, the base first."""
    return {row.file: row.sha256, **{delta.file: delta.sha256 for delta in row.deltas}}


def _last_sequence(row: companies.Segment) -> int:
    return row.deltas[-1].sequence if row.deltas else row.sequence


def base_record(segment: MappedSegment, name: str, company_id: int) -> SegmentRecord:
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
        purpose=header.purpose.value,
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
