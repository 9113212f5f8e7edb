"""The handlers, on both databases and a real evidence store: rows, work, failures, the archive again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from matching.enrolment.enrol import enroll
from matching.fingerprints.scheme import RootKey, write_key
from matching.fingerprints.segments import open_segment
from matching.service import RELOAD_UNUSABLE, REMATCH_CHUNK, MatchingService
from matching.settings import MatchingSettings
from storage import companies, listings, matches, sources, watch
from storage.companies import DeclaredCompany, DeclaredTerm, SegmentRecord, TermKind
from storage.database.base import Database
from storage.errors import SchemaOutdated
from storage.evidence.warc import EvidenceStore, ListingText, RecordPlace
from storage.listing_tables import MatchState
from storage.listings import AttachmentRecord, ListingRecord
from storage.matches import Match, MatchSummary
from storage.watch import MatchScope, Rematch, RematchState
from storage.work import Work, WorkKind
from tests.matching.customers import as_csv, customers

ROWS = customers(40)
KEY = RootKey("k1", bytes(range(32)))


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Heard:
    """A dispatcher that keeps what was announced."""

    def __init__(self) -> None:
        self.work: list[Work] = []

    def announce(self, session: Session, work: Work) -> None:
        self.work.append(work)

    def of(self, kind: WorkKind) -> list[int]:
        return [work.row_id for work in self.work if work.kind is kind]


@dataclass
class Archive:
    """A company that is watched for, and listings whose text lies in the evidence."""

    database: Database
    evidence: EvidenceStore
    folder: Path
    settings: MatchingSettings
    clock: Clock = field(default_factory=Clock)
    heard: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        self.declare("qudian", "趣店")
        with self.database.transaction() as session:
            declared = [sources.DeclaredSource("market", "html", {}, "sources/market.toml")]
            sources.sync_declared_sources(session, declared, self.clock())
        self.service = self.restarted()

    def restarted(self) -> MatchingService:
        """The service of another process."""
        return MatchingService(
            database=self.database,
            evidence=self.evidence,
            settings=self.settings,
            dispatcher=self.heard,
            clock=self.clock,
        )

    def declare(self, *terms: str) -> None:
        """The company's file says these terms."""
        company = DeclaredCompany(
            "quillmere",
            "Quillmere Credit",
            [DeclaredTerm(term, TermKind.NAME) for term in terms],
            {"fingerprints": {"default_region": "CN"}},
            "companies/quillmere.toml",
        )
        with self.database.transaction() as session:
            companies.sync_declared_companies(session, [company], self.clock())

    def store(self, *, title: str = "data", body: str = "", attachment: str | None = None) -> int:
        """A listing with its evidence; returns the version's id."""
        key = uuid4().hex
        url = f"https://market.example/{key}"
        with self.evidence.writer("test", now=self.clock()) as writer:
            place = writer.text(ListingText({"title": title, "body": body}), refers_to=None, url=url)
            attached: tuple[AttachmentRecord, ...] = ()
            if attachment is not None:
                where = writer.text(ListingText({"attachment": attachment}), refers_to=None, url=url)
                attached = (AttachmentRecord("rows.txt", "text/plain", len(attachment), where),)
            writer.sync()
        record = ListingRecord(
            key=key,
            url=url,
            title="masked",
            body="masked",
            content_digest=key,
            attachments=attached,
            place=place,
        )
        with self.database.transaction() as session:
            source = sources.source_by_name(session, "market")
            assert source is not None
            (upserted,) = listings.upsert_many(session, source.id, [record], self.clock())
        assert upserted.version_id is not None
        return upserted.version_id

    def add_segment(self) -> int:
        """Enrol the customers and take the segment up."""
        folder = self.settings.segments_dir
        folder.mkdir(exist_ok=True)
        list_ = self.folder / "customers.csv"
        list_.write_text(as_csv(ROWS))
        path = folder / "quillmere.segment"
        enroll(list_, path, company="quillmere", key=KEY, default_region="CN", now=self.clock())
        header = open_segment(path).header
        with self.database.transaction() as session:
            company = companies.company_by_slug(session, "quillmere")
            assert company is not None
            return companies.add_segment(
                session,
                SegmentRecord(
                    company.id,
                    path.name,
                    "k1",
                    header.key_check,
                    tuple(header.counts),
                    200,
                    40,
                    uuid4().hex,
                ),
                self.clock(),
            )

    def version(self, version_id: int) -> listings.ListingVersion:
        with self.database.reading() as session:
            version = listings.version_by_id(session, version_id)
        assert version is not None
        return version

    def summaries(self, version_id: int) -> list[MatchSummary]:
        with self.database.reading() as session:
            found = matches.summaries_of_listing(session, self.version(version_id).listing_id)
            return [summary for summary in found if summary.version_id == version_id]

    def matches(self, version_id: int) -> list[Match]:
        with self.database.reading() as session:
            return list(matches.matches_of_version(session, version_id, limit=1000))

    def rematches(self) -> list[Rematch]:
        with self.database.reading() as session:
            return list(watch.recent_rematches(session))

    def rematch_all(self) -> int:
        """Work through what is due, chunk by chunk; returns how many chunks it took."""
        for chunk in range(1000):
            with self.database.reading() as session:
                due = watch.due_rematches(session, now=self.clock(), limit=10)
            if not due:
                return chunk
            self.service.rematch(due[0])
        raise AssertionError("a rematch did not end")


@pytest.fixture
def archive(database: Database, evidence: EvidenceStore, tmp_path: Path) -> Archive:
    write_key(KEY, tmp_path / "quillmere.key", datetime(2026, 3, 1, tzinfo=UTC))
    settings = MatchingSettings(
        segments_dir=tmp_path / "segments", key_files={"quillmere": tmp_path / "quillmere.key"}
    )
    return Archive(database, evidence, tmp_path, settings)


def test_a_mention_becomes_rows_and_work_for_the_alerts(archive: Archive) -> None:
    """Place, masked excerpt and counts; the unmasked text is read from the evidence."""
    version_id = archive.store(title="Qudian 2026", body=f"line\n出售趣店數據 {ROWS[0].email}")

    archive.service.match_version(version_id)

    (summary,) = archive.summaries(version_id)
    assert (summary.mentions, summary.mention_fields, summary.terms) == (
        2,
        {"title": 1, "body": 1},
        ["qudian", "趣店"],
    )
    assert [(match.place, match.excerpt) for match in archive.matches(version_id)] == [
        ("title:1", "Qudian 2026"),
        ("body:2", "line 出售趣店數據 c***1@mail.example"),
    ]
    assert archive.heard.of(WorkKind.EVALUATE) == [summary.id]
    assert archive.version(version_id).match_state is MatchState.MATCHED


def test_fingerprints_of_an_attachment_are_counted_in_rows(archive: Archive) -> None:
    """Ten rows agree with ten customers; the rows hold ordinals and places and no value."""
    archive.add_segment()
    version_id = archive.store(attachment="\n".join(",".join(row) for row in ROWS[:10]))

    archive.service.match_version(version_id)

    (summary,) = archive.summaries(version_id)
    found = archive.matches(version_id)
    assert (summary.coherent_rows, summary.single_hits, summary.customers, summary.rows_scanned) == (
        10,
        0,
        10,
        11,
    )
    assert summary.hits == {"email": 10, "phone": 10, "resident_id": 10, "card": 10, "iban": 10}
    attachment = archive.version(version_id).attachments[0].id
    assert {(match.ordinal, match.place) for match in found} == {
        (number, f"attachment {attachment}:{number}") for number in range(1, 11)
    }
    assert {match.excerpt for match in found} == {None}


def test_a_version_without_findings_is_matched_too(archive: Archive) -> None:
    """No summary, nothing for the alerts, and it is not due again."""
    version_id = archive.store(body="nothing")

    archive.service.match_version(version_id)

    assert (archive.summaries(version_id), archive.heard.work) == ([], [])
    assert archive.version(version_id).match_state is MatchState.MATCHED


def test_matching_twice_changes_nothing(archive: Archive) -> None:
    """A handler may be called again; the second call finds nothing to do."""
    version_id = archive.store(body="qudian")
    archive.service.match_version(version_id)
    before = [match.identity for match in archive.matches(version_id)]

    archive.service.match_version(version_id)

    assert [match.identity for match in archive.matches(version_id)] == before
    assert len(archive.heard.of(WorkKind.EVALUATE)) == 1


def test_damaged_evidence_is_tried_again_and_then_given_up(archive: Archive) -> None:
    """Each attempt waits twice as long; the row says why it failed, and other versions go on."""
    version_id = archive.store(body="qudian")
    other = archive.store(body="qudian")
    place = archive.version(version_id).place
    assert place is not None
    path = archive.evidence.folder / place.file
    content = bytearray(path.read_bytes())
    content[place.offset + 40 : place.offset + 60] = b"\0" * 20
    path.chmod(0o600)
    path.write_bytes(content)

    waits = []
    for _ in range(archive.settings.attempts):
        archive.service.match_version(version_id)
        row = archive.version(version_id)
        if row.match_state is MatchState.PENDING:
            assert row.match_not_before is not None
            waits.append((row.match_not_before - archive.clock()).total_seconds())
            archive.clock.now = row.match_not_before
    archive.service.match_version(other)

    row = archive.version(version_id)
    assert (row.match_state, row.match_reason, waits) == (
        MatchState.FAILED,
        "evidence_damaged",
        [30, 60, 120, 240],
    )
    assert archive.version(other).match_state is MatchState.MATCHED


def test_missing_evidence_is_a_reason(archive: Archive) -> None:
    """A file that is not there is no end of the daemon."""
    version_id = archive.store(body="qudian")
    for path in archive.evidence.folder.rglob("*.warc.gz"):
        path.unlink()

    archive.service.match_version(version_id)

    row = archive.version(version_id)
    assert (row.match_state, row.match_reason) == (MatchState.PENDING, "evidence_missing")


def test_a_version_that_kills_the_daemon_is_given_up(archive: Archive) -> None:
    """Claims that nobody concluded count as attempts: after the last one the version fails by its row."""
    version_id = archive.store(body="qudian")
    for _ in range(archive.settings.attempts):
        with archive.database.transaction() as session:
            listings.claim_for_matching(session, version_id, now=archive.clock())
            listings.release_claims(session)

    archive.service.match_version(version_id)

    row = archive.version(version_id)
    assert (row.match_state, row.match_reason) == (MatchState.FAILED, "match_crashed")


def test_text_beyond_the_bound_is_left_unread(archive: Archive) -> None:
    """A megabyte of title costs no more than the bound says."""
    archive.settings = archive.settings.model_copy(update={"text_limit_mb": 0.001})
    version_id = archive.store(body="x " * 600 + "qudian")

    archive.restarted().match_version(version_id)

    assert (archive.summaries(version_id), archive.version(version_id).match_state) == (
        [],
        MatchState.MATCHED,
    )


def test_a_new_term_searches_the_archive_by_itself(archive: Archive) -> None:
    """The change asks for a rematch; it goes through the archive in chunks and announces what it found."""
    version_ids = [archive.store(body=f"harrowgate {number}") for number in range(REMATCH_CHUNK + 5)]
    for version_id in version_ids:
        archive.service.match_version(version_id)

    archive.declare("qudian", "趣店", "harrowgate")
    archive.rematch_all()

    done = archive.rematches()[0]
    assert (done.state, done.scope, done.scanned, done.found) == (
        RematchState.FINISHED,
        MatchScope.TERMS,
        len(version_ids),
        len(version_ids),
    )
    assert len(archive.heard.of(WorkKind.EVALUATE)) == len(version_ids)


def test_a_new_segment_searches_the_archive_by_itself(archive: Archive) -> None:
    """Fingerprints are looked for in the evidence; mentions that were found stay as they are."""
    version_id = archive.store(body=f"qudian\n{','.join(ROWS[0])}")
    archive.service.match_version(version_id)

    archive.add_segment()
    archive.rematch_all()

    (summary,) = archive.summaries(version_id)
    assert (summary.mentions, summary.coherent_rows) == (1, 1)


def test_a_rematch_that_finds_the_same_alerts_nobody(archive: Archive) -> None:
    """The summary's digest is what it was."""
    version_id = archive.store(body="qudian")
    archive.service.match_version(version_id)
    archive.heard.work.clear()
    with archive.database.transaction() as session:
        watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=archive.clock())

    archive.rematch_all()

    assert archive.heard.of(WorkKind.EVALUATE) == []


def test_a_rematch_goes_on_where_it_was_killed(archive: Archive) -> None:
    """A process that died between two chunks, or within one, leaves a rematch that another one ends."""
    for number in range(2 * REMATCH_CHUNK + 1):
        archive.store(body=f"number {number}")
    with archive.database.transaction() as session:
        rematch_id = watch.request_rematch(
            session, scope=MatchScope.ALL, reason="asked for", now=archive.clock()
        )
    archive.service.rematch(rematch_id)
    with archive.database.transaction() as session:
        watch.claim_rematch(session, rematch_id, now=archive.clock())  # killed with the second chunk in hand
    with archive.database.transaction() as session:
        watch.recover_rematches(session)

    archive.service = archive.restarted()
    archive.rematch_all()

    with archive.database.reading() as session:
        row = watch.rematch_by_id(session, rematch_id)
    assert row is not None
    assert (row.state, row.scanned) == (RematchState.FINISHED, 2 * REMATCH_CHUNK + 1)


def asked_for(archive: Archive) -> int:
    with archive.database.transaction() as session:
        return watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=archive.clock())


def renamed(archive: Archive, table: str, name: str) -> None:
    with archive.database.transaction() as session:
        session.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def test_a_rematch_that_nobody_concludes_goes_on_by_itself(archive: Archive) -> None:
    """A chunk whose end could not be written is due again when its lease is over, without a restart."""
    archive.store(body="qudian")
    rematch_id = asked_for(archive)
    with archive.database.transaction() as session:
        watch.claim_rematch(session, rematch_id, now=archive.clock())

    meanwhile = archive.rematch_all()
    archive.clock.now += watch.REMATCH_LEASE
    archive.rematch_all()

    (row,) = [row for row in archive.rematches() if row.id == rematch_id]
    assert meanwhile <= 2  # of the rematch that the company's term asked for
    assert (row.state, row.scanned, row.attempts) == (RematchState.FINISHED, 1, 1)


def test_a_chunk_that_fails_each_time_ends_its_rematch(archive: Archive) -> None:
    """Each wait is twice the last; then the rematch failed, with its reason, and is not due any more."""
    archive.store(body="qudian")
    archive.rematch_all()
    rematch_id = asked_for(archive)
    renamed(archive, "matches", "away")

    waits = []
    for _ in range(archive.settings.attempts):
        with pytest.raises(SchemaOutdated):
            archive.service.rematch(rematch_id)
        row = archive.rematches()[0]
        if row.not_before is not None:
            waits.append((row.not_before - archive.clock()).total_seconds())
            assert archive.rematch_all() == 0
            archive.clock.now = row.not_before

    assert waits == [30, 60, 120, 240]
    assert (row.state, row.failure, row.finished_at) == (
        RematchState.FAILED,
        "schema_outdated",
        archive.clock(),
    )
    assert archive.rematch_all() == 0


def test_a_chunk_that_fails_once_is_made_again(archive: Archive) -> None:
    """What was in its way is gone: the rematch goes through, and the next chunk has all its attempts."""
    version_id = archive.store(body="qudian")
    archive.rematch_all()
    rematch_id = asked_for(archive)
    renamed(archive, "matches", "away")
    with pytest.raises(SchemaOutdated):
        archive.service.rematch(rematch_id)
    renamed(archive, "away", "matches")

    archive.clock.now += timedelta(seconds=archive.settings.retry_after_s)
    archive.service.rematch(rematch_id)
    between = archive.rematches()[0]
    archive.rematch_all()

    row = archive.rematches()[0]
    assert (between.attempts, between.failure, between.scanned) == (0, None, 1)
    assert (row.id, row.state, row.failure) == (rematch_id, RematchState.FINISHED, None)
    assert len(archive.summaries(version_id)) == 1


def test_a_rematch_that_kills_the_daemon_is_given_up(archive: Archive) -> None:
    """Claims that nobody concluded count as attempts: after the last one the rematch fails by its row."""
    archive.store(body="qudian")
    archive.rematch_all()
    rematch_id = asked_for(archive)
    for _ in range(archive.settings.attempts):
        with archive.database.transaction() as session:
            watch.claim_rematch(session, rematch_id, now=archive.clock())
            watch.recover_rematches(session)

    archive.service.rematch(rematch_id)

    row = archive.rematches()[0]
    assert (row.state, row.failure) == (RematchState.FAILED, "match_crashed")


def test_a_rematch_of_terms_does_without_evidence_that_is_gone(archive: Archive) -> None:
    """The database holds the masked text, which is enough for names."""
    version_id = archive.store(body="x")
    for path in archive.evidence.folder.rglob("*.warc.gz"):
        path.unlink()

    archive.declare("masked")
    archive.rematch_all()

    assert [match.field for match in archive.matches(version_id)] == ["title", "body"]


def test_a_rematch_of_fingerprints_leaves_what_it_cannot_read(archive: Archive) -> None:
    """Hits that were found while the evidence was there are not forgotten with it."""
    archive.add_segment()
    version_id = archive.store(body=",".join(ROWS[0]))
    archive.service.match_version(version_id)
    for path in archive.evidence.folder.rglob("*.warc.gz"):
        path.unlink()
    with archive.database.transaction() as session:
        watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=archive.clock())

    archive.rematch_all()

    assert archive.summaries(version_id)[0].coherent_rows == 1


def other_key(path: Path, archive: Archive) -> None:
    """Put another company's key where ours was."""
    path.unlink()
    write_key(RootKey("k2", bytes(32)), path, archive.clock())


@pytest.mark.parametrize("harm", ["exposed", "gone", "other key", "damaged segment"])
def test_an_unusable_segment_keeps_no_mention_back_and_is_caught_up_on(archive: Archive, harm: str) -> None:
    """Mentions are found meanwhile; when key and segment are right again, fingerprints follow unasked."""
    archive.add_segment()
    archive.rematch_all()
    key = archive.folder / "quillmere.key"
    path = archive.settings.segments_dir / "quillmere.segment"
    right = {key: key.read_bytes(), path: path.read_bytes()}
    harms: dict[str, Callable[[], object]] = {
        "exposed": lambda: key.chmod(0o644),
        "gone": key.unlink,
        "other key": lambda: other_key(key, archive),
        "damaged segment": lambda: path.write_bytes(right[path][:-1]),
    }
    harms[harm]()
    archive.service = archive.restarted()
    version_id = archive.store(body=f"qudian\n{','.join(ROWS[0])}")
    archive.service.match_version(version_id)
    meanwhile = archive.summaries(version_id)[0]
    with archive.database.reading() as session:
        (waiting,) = watch.due_rematches(session, now=archive.clock(), limit=10)
    archive.service.rematch(waiting)
    state = archive.rematches()[0].state

    for file, content in right.items():
        file.write_bytes(content)
        file.chmod(0o600)
    archive.clock.now += RELOAD_UNUSABLE
    archive.rematch_all()

    assert (meanwhile.mentions, meanwhile.hits, state) == (1, {}, RematchState.QUEUED)
    assert archive.summaries(version_id)[0].coherent_rows == 1


def test_a_rematch_of_all_keeps_the_hits_of_a_company_whose_key_is_gone(archive: Archive) -> None:
    """What cannot be looked for again is not deleted."""
    archive.add_segment()
    version_id = archive.store(body=f"qudian\n{','.join(ROWS[0])}")
    archive.service.match_version(version_id)
    (archive.folder / "quillmere.key").unlink()
    archive.service = archive.restarted()
    with archive.database.transaction() as session:
        asked = watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=archive.clock())

    while asked in [row.id for row in archive.rematches() if row.state is RematchState.QUEUED]:
        archive.service.rematch(asked)

    assert archive.summaries(version_id)[0].coherent_rows == 1


def test_a_watch_that_changes_while_a_version_is_matched_is_matched_with_anew(archive: Archive) -> None:
    """The rows are written only with the watch that was matched with."""

    class Meanwhile(EvidenceStore):
        """Evidence that takes so long to read that a term is added."""

        def read_text(self, place: RecordPlace) -> ListingText:
            archive.declare("qudian", "selling")
            return super().read_text(place)

    version_id = archive.store(body="qudian selling")
    service = MatchingService(
        database=archive.database,
        evidence=Meanwhile(archive.evidence.folder),
        settings=archive.settings,
        dispatcher=archive.heard,
        clock=archive.clock,
    )

    service.match_version(version_id)

    assert archive.summaries(version_id)[0].terms == ["qudian", "selling"]


def test_a_removed_segment_is_not_looked_up_any_more(archive: Archive) -> None:
    """From the next version on."""
    segment_id = archive.add_segment()
    first = archive.store(body=",".join(ROWS[0]))
    archive.service.match_version(first)
    with archive.database.transaction() as session:
        companies.retire_segment(session, segment_id)
    second = archive.store(body=",".join(ROWS[0]))

    archive.service.match_version(second)

    assert [len(archive.summaries(version_id)) for version_id in (first, second)] == [1, 0]


def test_no_value_reaches_the_database(archive: Archive) -> None:
    """Every row of every table is searched for the customers' values."""
    archive.add_segment()
    version_id = archive.store(
        title=f"qudian {ROWS[0].email}",
        body=f"qudian {ROWS[0].card} 趣店 {ROWS[0].phone}",
        attachment=",".join(ROWS[1]),
    )
    archive.service.match_version(version_id)

    with archive.database.reading() as session:
        stored = [
            str(row)
            for table in Match.metadata.sorted_tables
            for row in session.execute(table.select()).all()
        ]

    values = [
        value for row in ROWS[:2] for value in (row.email, row.card, row.phone, row.resident_id, row.iban)
    ]
    assert not [value for value in values for row in stored if value in row]


def test_the_lease_is_over_before_another_takes_a_version(archive: Archive) -> None:
    """Two workers do not match the same version at once."""
    version_id = archive.store(body="qudian")
    with archive.database.transaction() as session:
        listings.claim_for_matching(session, version_id, now=archive.clock())

    archive.service.match_version(version_id)
    archive.clock.now += timedelta(hours=1)
    unmatched = archive.summaries(version_id)
    archive.service.match_version(version_id)

    assert (unmatched, len(archive.summaries(version_id))) == ([], 1)


def test_the_companys_region_wins_over_the_lists(archive: Archive) -> None:
    """A list may be enrolled in one country and leak in the manner of another."""
    archive.add_segment()
    national = ROWS[0].phone.removeprefix("+1 ")
    declared = DeclaredCompany(
        "quillmere",
        "Quillmere Credit",
        [],
        {"fingerprints": {"key_file": str(archive.folder / "quillmere.key"), "default_region": "US"}},
        "companies/quillmere.toml",
    )
    before, after = archive.store(body=national), archive.store(body=national)
    archive.service.match_version(before)
    with archive.database.transaction() as session:
        companies.sync_declared_companies(session, [declared], archive.clock())

    archive.service.match_version(after)

    assert [len(archive.summaries(version_id)) for version_id in (before, after)] == [0, 1]
