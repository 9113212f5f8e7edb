"""Erasing a listing or a company, at a person's wish. The entry that says so stays.

The steps, each of which can be done again after a kill:
1. records to which no row of the source points are looked for: readings of the listing that changed nothing
2. in one transaction: nothing may be held; the rows go, their records are requested to be erased, and the
   entry is written
3. the bytes of the records are erased (`erasing_files`)
4. free pages, indexes and the write-ahead log are cleaned (`scrubbing`)

Of a listing go: the row, its versions, attachments, matches, signs and search entry; the alerts that tell of
it; the responses and texts it was read from; and every other response that may show it: those of its own
pages, and of the source's lists while it was there. Responses from which other listings were read, too, go
with them (a feed has all listings in one response); the texts and rows of the others stay.

Of a company go: its terms, segments, matches, rematches and alerts, and its row. Listings stay as they are.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, text, update
from sqlalchemy.orm import Session

from storage import data_sets
from storage.alert_listings import AlertListing
from storage.alerts import Alert, AlertRevision, forget_told
from storage.api_answers import ApiAnswer
from storage.canary_matches import CanaryMatch
from storage.captures import Capture, CaptureRole, EvidenceGone
from storage.companies import Company, Segment, SegmentDelta, Term
from storage.custody import CustodyAction, CustodySubject, write_entry
from storage.data_sets import ListingSign
from storage.database.base import BATCH, Database, delete_rows, keep_numbers_used
from storage.deliveries import Attempt, Delivery
from storage.dumps import Dump, DumpUnit
from storage.erased_listings import note_erased
from storage.errors import EvidenceFailed, SourceIsRead
from storage.evidence.erasing import WarcMember, members_in, members_of
from storage.evidence.warc import EvidenceStore, RecordPlace, file_label
from storage.evidence_removals import request_removals
from storage.holds import HoldSubject, lock_deletions, require_not_held
from storage.listing_tables import Attachment, Listing, ListingVersion
from storage.matches import Match, MatchSummary
from storage.mutes import Mute
from storage.retention.policy import clear_places, delete_versions, places_of
from storage.retention.traces import PIECE_CHARS, lines_of, plain_letters, shows_any
from storage.runs import Run, RunState, lock_source
from storage.sample_verdicts import MaskedSample, SampleVerdict
from storage.saved_searches import SavedSearch
from storage.service_tokens import ServiceToken
from storage.sources import AlertState, Source
from storage.triage import FindingAct, FindingLabel, FindingLink, FindingNote, TriageEvent
from storage.users import Grant
from storage.watch import Rematch, raise_watch_revision

#: Tables whose rows belong to an alert, before the alerts themselves.
OF_ALERT = (
    *(ApiAnswer, Delivery, AlertRevision, AlertListing),
    *(TriageEvent, FindingAct, FindingNote, FindingLabel, FindingLink),
)
#: Pages of a source that show many listings.
LISTS = (CaptureRole.LIST, CaptureRole.FEED, CaptureRole.API)
#: Before it was stored and after it was last seen, a listing may be on pages for this long.
MARGIN = timedelta(days=2)
TRIES = 3
#: Key of the thread of replies whose thread was erased.
ERASED_THREAD = "erased"
#: The end of the name of a file: what makes it unique, and what it is.
FILE_ENDING = re.compile(r"-[0-9a-f]{8}\.warc\.gz$")
#: Of a listing, versions and lines of each by which other pages that show it are recognised.
VERSIONS_TRACED, LINES_TRACED = 20, 12
#: Pieces of what is erased, by which free pages are searched for it afterwards.
TRACES, TRACE_CHARS, LEAST_TRACE_CHARS = 60, 60, 12


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: rows and records by table; `traces` are pieces of it, which nothing may keep."""

    entry_id: int
    subject: CustodySubject
    counts: Mapping[str, int]
    traces: Sequence[str]


def erase_listing(
    database: Database,
    evidence: EvidenceStore,
    listing_id: int,
    *,
    person: str,
    reason: str,
    now: datetime,
) -> Erasure | None:
    """Erase a listing's rows, and request that its records are erased. None: there is no such listing.

    Raises HeldByCase, or SourceIsRead while a run of its source is in progress.
    """
    for tries_left in reversed(range(TRIES)):
        with database.reading() as session:
            listing = session.get(Listing, listing_id)
            if listing is None:
                return None
            last_run = _last_run(session, listing.source_id)
            found = _find_records(session, evidence, listing)
        with database.transaction() as session:
            lock_deletions(session)
            lock_source(session, listing.source_id)
            _require_not_read(session, listing.source_id)
            if last_run != _last_run(session, listing.source_id) and tries_left:
                continue  # a run was there in between, and may have left further records
            return _ListingErasure(session, listing_id, person, reason, now).carry_out(found)
    return None


def _last_run(session: Session, source_id: int) -> int | None:
    return session.scalar(select(func.max(Run.id)).where(Run.source_id == source_id))


def _require_not_read(session: Session, source_id: int) -> None:
    running = select(Run.id).where(Run.source_id == source_id, Run.state == RunState.RUNNING)
    if session.scalar(running.limit(1)) is not None:
        raise SourceIsRead


@dataclass(frozen=True, slots=True)
class _FoundRecords:
    """Records of a source from the days of a listing. `rowless`: those to which no row points; `pages`: the
    responses from which a text of the listing was read.

    A page that is read again without a change leaves its text, and a killed run leaves what it had written.
    """

    rowless: Sequence[RecordPlace]
    pages: Collection[RecordPlace]


def _find_records(session: Session, evidence: EvidenceStore, listing: Listing) -> _FoundRecords:
    source = session.get_one(Source, listing.source_id)
    begin, end = _days_of(listing)
    files = _files_of(session, evidence, source, begin, end)
    pointed: set[tuple[str | None, int | None]] = set()
    for owner in {source.id, *(each for owners in files.values() for each in owners)}:
        pointed |= _pointed_records(session, owner, begin - MARGIN, end + MARGIN)
    own = select(ListingVersion.id).where(ListingVersion.listing_id == listing.id)
    texts = {
        (each.file, each.offset)
        for each in (
            *places_of(session, ListingVersion, ListingVersion.id.in_(own)),
            *places_of(session, Attachment, Attachment.version_id.in_(own)),
        )
    }
    found = [
        (file, member)
        for file in files
        for member in _members_of_file(evidence, file)
        if member.kind in ("response", "conversion")
    ]
    shown = _pages_that_show(session, evidence, listing, begin, end)
    urls = {member.url for file, member in found if (file, member.offset) in texts} - {""}
    ids = {member.refers_to for _, member in found if member.kind == "conversion" and member.url in urls}
    return _FoundRecords(
        [RecordPlace(file, m.offset, m.length) for file, m in found if (file, m.offset) not in pointed],
        shown | {RecordPlace(file, m.offset, m.length) for file, m in found if m.record_id in ids},
    )


def _pages_that_show(
    session: Session, evidence: EvidenceStore, listing: Listing, begin: datetime, end: datetime
) -> set[RecordPlace]:
    """Return the responses of other pages of the source that show pieces of the listing's text.

    Lists are left out: they go anyway.
    """
    pieces = _own_pieces(session, evidence, listing)
    if not pieces:
        return set()
    pages = select(Capture).where(
        Capture.source_id == listing.source_id,
        Capture.fetched_at.between(begin, end),
        Capture.role.not_in(LISTS),
        Capture.evidence_offset.is_not(None),
    )
    found = set()
    for capture in session.scalars(pages.execution_options(yield_per=BATCH)):
        place = capture.place
        try:
            if place is not None and shows_any(evidence.read_response(place, capture.sha256), pieces):
                found.add(place)
        except EvidenceFailed:
            continue  # what cannot be read is found by `evidence verify`
    return found


def _own_pieces(session: Session, evidence: EvidenceStore, listing: Listing) -> list[str]:
    """Return pieces of the listing's texts that no other listing of its source has."""
    versions = session.scalars(select(ListingVersion).where(ListingVersion.listing_id == listing.id)).all()
    others = select(ListingVersion.id).join(Listing, Listing.id == ListingVersion.listing_id)
    others = others.where(Listing.source_id == listing.source_id, Listing.id != listing.id)
    found: dict[str, None] = {}
    for version in versions[-VERSIONS_TRACED:]:
        texts = [version.title, version.body, version.sample]
        with suppress(EvidenceFailed):
            if version.place is not None:
                parts = evidence.read_text(version.place).parts
                texts = [parts.get(name, "") for name in ("title", "body", "sample")]
        for line in islice(lines_of(texts), LINES_TRACED):
            shared = or_(
                ListingVersion.body.contains(line, autoescape=True),
                ListingVersion.title.contains(line, autoescape=True),
            )
            if session.scalar(others.where(shared).limit(1)) is None:
                found[plain_letters(line)[:PIECE_CHARS]] = None
    return list(found)


def _pointed_records(
    session: Session, source_id: int, begin: datetime, end: datetime
) -> set[tuple[str | None, int | None]]:
    """Return the records to which rows of a source point: captures of this time, and all versions."""
    of_source = select(Listing.id).where(Listing.source_id == source_id)
    versions = select(ListingVersion.id).where(ListingVersion.listing_id.in_(of_source))
    pointing: tuple[tuple[type[Any], ColumnElement[bool]], ...] = (
        (Capture, and_(Capture.source_id == source_id, Capture.fetched_at.between(begin, end))),
        (ListingVersion, ListingVersion.listing_id.in_(of_source)),
        (Attachment, Attachment.version_id.in_(versions)),
    )
    found: set[tuple[str | None, int | None]] = set()
    for table, condition in pointing:
        rows = session.execute(select(table.evidence_file, table.evidence_offset).where(condition))
        found |= {(row[0], row[1]) for row in rows}
    return found


def _files_of(
    session: Session, evidence: EvidenceStore, source: Source, begin: datetime, end: datetime
) -> dict[str, list[int]]:
    """Return the files of these days that may be a source's, each with all sources whose it may be.

    A file is named after its source and, of an earlier version, its run: `market-2-00c0ffee` is of the source
    `market-2`, or of run 2 of `market`. In a bucket each source has a folder of its own.
    """
    labels = {row.id: file_label(row.name) for row in session.execute(select(Source.id, Source.name))}
    label = labels[source.id]
    found: dict[str, list[int]] = {}
    for name in _names_of_days(evidence, label, begin, end):
        folder, _, last = name.partition("/")[2].rpartition("/")
        stem = folder or FILE_ENDING.sub("", last)
        owners = [each for each, own in labels.items() if stem == own or _is_run_of(own, stem)]
        if source.id in owners:
            found[name] = owners
    return found


def _is_run_of(label: str, stem: str) -> bool:
    return stem.startswith(f"{label}-") and stem[len(label) + 1 :].isdecimal()


def _names_of_days(evidence: EvidenceStore, label: str, begin: datetime, end: datetime) -> Iterator[str]:
    day = begin.date()
    while day <= end.date():
        for folder in evidence.local_folders:
            within = folder / f"{day:%Y-%m-%d}"
            for path in sorted([*within.glob(f"{label}-*"), *(within / label).glob("*")]):
                if path.is_file():
                    yield path.relative_to(folder).as_posix()
        if evidence.shared is not None:
            for stored in evidence.shared.list(f"{day:%Y-%m-%d}/{label}/"):
                yield stored.name
        day += timedelta(days=1)


def _members_of_file(evidence: EvidenceStore, file: str) -> Iterable[WarcMember]:
    for folder in evidence.local_folders:
        if (folder / file).exists():
            return members_in(folder / file)
    return members_of(evidence.shared.read(file)) if evidence.shared is not None else ()


def _days_of(listing: Listing) -> tuple[datetime, datetime]:
    """Return from when to when pages may show a listing."""
    last = max(listing.last_seen_at, listing.checked_at, listing.gone_at or listing.last_seen_at)
    return listing.first_seen_at - MARGIN, last + MARGIN


class _ListingErasure:
    """One transaction that erases a listing."""

    def __init__(self, session: Session, listing_id: int, person: str, reason: str, now: datetime) -> None:
        self.session = session
        self.listing = session.get_one(Listing, listing_id, populate_existing=True)
        self.person = person
        self.reason = reason
        self.now = now
        self.counts: Counter[str] = Counter()
        self.places: set[RecordPlace] = set()

    def carry_out(self, found: _FoundRecords) -> Erasure:
        listing, session = self.listing, self.session
        alert_ids = _alerts_telling_of(session, listing.id)
        captures = self._captures_that_show_it(found.pages)
        others = self._listings_read_from(captures)
        name = f"listing {listing.id}"
        require_not_held(session, name, listing_ids=[listing.id], alert_ids=alert_ids)
        require_not_held(session, f"a listing that was read from the same page as {name}", listing_ids=others)
        traces = _traces_of_listing(session, listing, alert_ids)
        keep_numbers_used(session, Listing)
        self.counts.update(_erase_alerts(session, alert_ids))
        self._delete_rows()
        self._erase_captures(captures)
        note_erased(session, listing.id, listing.source_id, listing.key, now=self.now)
        _forget_in_cursor(session, listing)
        session.execute(delete(Listing).where(Listing.id == listing.id))
        session.expunge(listing)
        self.counts.update({"listings": 1, "records": len(self.places | set(found.rowless))})
        request_removals(session, self.places | set(found.rowless), self.now)
        subject = CustodySubject(HoldSubject.LISTING, listing.id)
        return _entry(session, subject, self.counts, traces, self.person, self.reason, self.now)

    def _captures_that_show_it(self, pages: Collection[RecordPlace]) -> list[int]:
        """Return the responses that may show the listing: its own pages, and lists while it was there.

        `pages` are records of responses from which its text was read again.
        """
        session, listing = self.session, self.listing
        versions = select(ListingVersion.id).where(ListingVersion.listing_id == listing.id)
        own = {
            *session.scalars(select(ListingVersion.capture_id).where(ListingVersion.id.in_(versions))),
            *session.scalars(select(Attachment.capture_id).where(Attachment.version_id.in_(versions))),
        } - {None}
        urls = {listing.url, *session.scalars(select(Capture.url).where(Capture.id.in_(own)))}
        begin, end = _days_of(listing)
        again = set(pages)
        read = select(Capture).where(Capture.source_id == listing.source_id)
        read = read.where(Capture.fetched_at.between(begin, end), Capture.evidence_offset.is_not(None))
        own |= {capture.id for capture in session.scalars(read) if again and capture.place in again}
        shown = and_(
            Capture.source_id == listing.source_id,
            or_(
                Capture.url.in_(urls),
                and_(Capture.role.in_(LISTS), Capture.fetched_at.between(begin, end)),
            ),
        )
        return list(session.scalars(select(Capture.id).where(or_(Capture.id.in_(own), shown))))

    def _listings_read_from(self, captures: Sequence[int]) -> set[int]:
        """Return the other listings that have a version or an attachment from these responses."""
        found: set[int] = set()
        for ids in _batches(captures):
            texts = select(ListingVersion.listing_id).where(ListingVersion.capture_id.in_(ids))
            files = select(ListingVersion.listing_id).join(
                Attachment, Attachment.version_id == ListingVersion.id
            )
            found.update(self.session.scalars(texts))
            found.update(self.session.scalars(files.where(Attachment.capture_id.in_(ids))))
        return found - {self.listing.id}

    def _delete_rows(self) -> None:
        session, listing_id = self.session, self.listing.id
        ids = session.scalars(select(ListingVersion.id).where(ListingVersion.listing_id == listing_id)).all()
        for batch in _batches(ids):
            deleted = delete_versions(session, batch)
            self.places.update(deleted.places)
            self.counts.update(deleted.rows)
        for table in (Match, MatchSummary, CanaryMatch, MaskedSample, SampleVerdict, ListingSign):
            self.counts[table.__tablename__] += delete_rows(session, table, table.listing_id == listing_id)
        session.execute(text("DELETE FROM listing_search WHERE rowid = :id"), {"id": listing_id})
        data_sets.leave_data_set(session, listing_id)
        replies = update(Listing).where(
            Listing.source_id == self.listing.source_id, Listing.thread_key == self.listing.key
        )
        session.execute(replies.values(thread_key=ERASED_THREAD))

    def _erase_captures(self, captures: Sequence[int]) -> None:
        """Give up the records of responses, and the rows from which no other listing was read."""
        session = self.session
        used = (
            exists(select(table.id).where(table.capture_id == Capture.id))
            for table in (ListingVersion, Attachment)
        )
        is_own = and_(~or_(*used), Capture.role.not_in(LISTS))
        for ids in _batches(captures):
            these = Capture.id.in_(ids)
            self.places.update(places_of(session, Capture, these))
            self.counts["captures"] += delete_rows(session, Capture, and_(these, is_own))
            cleared = clear_places(session, Capture, these, EvidenceGone.ERASED)
            self.counts["responses_emptied"] += len(cleared)


def erase_company(
    database: Database, slug: str, *, person: str, reason: str, now: datetime
) -> Erasure | None:
    """Erase a company's rows. None: there is no such company. Raises HeldByCase.

    The files of its segments are no longer named by a row: delete them with `SegmentIntake`.
    """
    with database.transaction() as session:
        lock_deletions(session)
        company = session.scalar(select(Company).where(Company.slug == slug))
        if company is None:
            return None
        own = Alert.company_id == company.id
        alert_ids = session.scalars(select(Alert.id).where(own)).all()
        found_in = session.scalars(
            select(MatchSummary.listing_id).where(MatchSummary.company_id == company.id).distinct()
        ).all()
        require_not_held(
            session, f"company {slug}", listing_ids=found_in, alert_ids=alert_ids, company_id=company.id
        )
        terms = session.scalars(select(Term.text).where(Term.company_id == company.id)).all()
        traces = _pieces([company.name, *terms, *_texts_of_alerts(session, alert_ids)])
        counts = _erase_alerts(session, alert_ids)
        keep_numbers_used(session, Company)  # entries of the audit log name it for ever
        segments = select(Segment.id).where(Segment.company_id == company.id)
        # Results of units do not name their companies. Whoever waits for them gives the command again.
        compared = or_(Dump.company == slug, Dump.company.is_(None))
        for table, condition in (
            (DumpUnit, DumpUnit.dump_id.in_(select(Dump.id).where(compared))),
            (Dump, compared),
            (Match, Match.company_id == company.id),
            (MatchSummary, MatchSummary.company_id == company.id),
            (CanaryMatch, CanaryMatch.company_id == company.id),
            (SampleVerdict, SampleVerdict.company_id == company.id),
            (Rematch, Rematch.company_id == company.id),
            (SegmentDelta, SegmentDelta.segment_id.in_(segments)),
            (Segment, Segment.company_id == company.id),
            (Term, Term.company_id == company.id),
            (SavedSearch, SavedSearch.company_id == company.id),
            (Grant, Grant.company_id == company.id),
            (Mute, Mute.company_id == company.id),
            (ServiceToken, ServiceToken.company_id == company.id),
            (Company, Company.id == company.id),
        ):
            counts[table.__tablename__] += delete_rows(session, table, condition)
        raise_watch_revision(session)
        subject = CustodySubject(HoldSubject.COMPANY, company.id, slug)
        return _entry(session, subject, counts, traces, person, reason, now)


def _entry(
    session: Session,
    subject: CustodySubject,
    counts: Counter[str],
    traces: Sequence[str],
    person: str,
    reason: str,
    now: datetime,
) -> Erasure:
    kept = {name: count for name, count in counts.items() if count}
    entry_id = write_entry(
        session, CustodyAction.ERASED, subject, person=person, reason=reason, now=now, counts=kept
    )
    return Erasure(entry_id, subject, kept, traces)


def _alerts_telling_of(session: Session, listing_id: int) -> set[int]:
    told = select(AlertListing.alert_id).where(AlertListing.listing_id == listing_id)
    about = or_(Alert.listing_id == listing_id, Alert.held_listing_id == listing_id)
    return {*session.scalars(told), *session.scalars(select(Alert.id).where(about))}


def _erase_alerts(session: Session, alert_ids: Collection[int]) -> Counter[str]:
    """Delete alerts with all of their messages. What they told of other listings is judged again."""
    counts: Counter[str] = Counter()
    if alert_ids:
        keep_numbers_used(session, Alert)
    for ids in _batches(sorted(alert_ids)):
        companies = session.scalars(select(Alert.company_id).where(Alert.id.in_(ids))).all()
        others = session.scalars(select(AlertListing.listing_id).where(AlertListing.alert_id.in_(ids))).all()
        again = update(MatchSummary).where(
            MatchSummary.listing_id.in_(others), MatchSummary.company_id.in_([c for c in companies if c])
        )
        session.execute(again.values(alert_state=AlertState.PENDING))
        deliveries = session.scalars(select(Delivery.id).where(Delivery.alert_id.in_(ids))).all()
        for each in _batches(deliveries):
            counts["delivery_attempts"] += delete_rows(session, Attempt, Attempt.delivery_id.in_(each))
        session.execute(update(Alert).where(Alert.merged_into_id.in_(ids)).values(merged_into_id=None))
        counts["finding_links"] += delete_rows(session, FindingLink, FindingLink.other_id.in_(ids))
        for table in OF_ALERT:
            counts[table.__tablename__] += delete_rows(session, table, table.alert_id.in_(ids))
        counts["mutes"] += delete_rows(session, Mute, Mute.alert_id.in_(ids))
        told = session.scalars(select(Alert.listing_id).where(Alert.id.in_(ids))).all()
        counts["alerts"] += delete_rows(session, Alert, Alert.id.in_(ids))
        forget_told(session, [each for each in told if each is not None])
    return counts


def _batches(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _forget_in_cursor(session: Session, listing: Listing) -> None:
    """Remove the listing's key and address from how far its source was read."""
    source = session.get_one(Source, listing.source_id)
    cleaned = _without(source.cursor, {listing.key, listing.url})
    if cleaned != source.cursor:
        source.cursor = cleaned
        session.flush()


def _without(value: Any, words: Collection[str]) -> Any:  # noqa: ANN401  (JSON)
    """Return a JSON value without the strings that are one of these words, as key, value or member."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in words}
        return {key: _without(each, words) for key, each in kept.items() if not _is_word(each, words)}
    if isinstance(value, list):
        return [_without(each, words) for each in value if not _is_word(each, words)]
    return value


def _is_word(value: object, words: Collection[str]) -> bool:
    return isinstance(value, str) and value in words


def _traces_of_listing(session: Session, listing: Listing, alert_ids: Collection[int]) -> list[str]:
    versions = session.execute(
        select(ListingVersion.title, ListingVersion.body, ListingVersion.sample)
        .where(ListingVersion.listing_id == listing.id)
        .order_by(ListingVersion.number.desc())
        .limit(20)
    )
    texts = [part for row in versions for part in row]
    return _pieces([listing.url, *texts, *_texts_of_alerts(session, alert_ids)])


def _texts_of_alerts(session: Session, alert_ids: Collection[int]) -> list[str]:
    ids = sorted(alert_ids)[:20]
    return list(session.scalars(select(Alert.title).where(Alert.id.in_(ids))))


def _pieces(texts: Iterable[str]) -> list[str]:
    """Return pieces of texts that are long enough to be of nothing else: the beginning of each line."""
    lines = (line.strip()[:TRACE_CHARS] for each in texts for line in each.splitlines())
    return list(dict.fromkeys(line for line in lines if len(line) >= LEAST_TRACE_CHARS))[:TRACES]
