"""The handlers of matching, on both databases and a real evidence store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from matching import service
from matching.enrolment.enrol import enroll
from matching.fingerprints.key_file import write_key
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import open_segment
from matching.service import RELOAD_UNUSABLE, REMATCH_CHUNK, MatchingService
from matching.settings import MatchingSettings
from storage import captures, companies, coverage, listings, matches, sources, watch
from storage.captures import CaptureRecord, CaptureRole, EvidenceGone
from storage.companies import DeclaredCompany, DeclaredTerm, SegmentRecord, TermKind
from storage.database import base
from storage.database.base import Database
from storage.errors import DatabaseBusy, DatabaseUnreachable, SchemaOutdated, StoreUnreachable
from storage.evidence.warc import EvidenceStore, ListingText, RecordPlace
from storage.listing_tables import ListingVersion, MatchState
from storage.listings import AttachmentRecord, ListingRecord
from storage.matches import Match, MatchSummary
from storage.retention.policy import clear_places
from storage.stores.folder_store import FolderStore
from storage.watch import MatchScope, Rematch, RematchState
from storage.work import WorkKind
from tests.clocks import Clock
from tests.dispatchers import RecordingDispatcher
from tests.matching.customers import as_csv, customers
from tests.storage import given
from text.charset import decode_page

ROWS = customers(40)
KEY = RootKey("k1", bytes(range(32)))


@dataclass
class Archive:
    """A watched company, and listings whose text lies in the evidence."""

    database: Database
    evidence: EvidenceStore
    folder: Path
    settings: MatchingSettings
    clock: Clock = field(default_factory=Clock)
    dispatcher: RecordingDispatcher = field(default_factory=RecordingDispatcher)

    def __post_init__(self) -> None:
        self.declare("qudian", "趣店")
        with self.database.transaction() as session:
            declared = [sources.DeclaredSource("market", "html", {}, "sources/market.toml")]
            sources.sync_declared_sources(session, declared, self.clock())
        self.service = self.restarted()

    def restarted(self) -> MatchingService:
        """Return a new service, as after a restart of the process."""
        return MatchingService(
            database=self.database,
            evidence=self.evidence,
            settings=self.settings,
            dispatcher=self.dispatcher,
            clock=self.clock,
        )

    def declare(self, *terms: str, kind: TermKind = TermKind.NAME, mail_provider: bool = False) -> None:
        """Declare the company with these terms."""
        company = DeclaredCompany(
            "quillmere",
            "Quillmere Credit",
            [DeclaredTerm(term, kind) for term in terms],
            {"fingerprints": {"default_region": "CN"}, "mail_provider": mail_provider},
            "companies/quillmere.toml",
        )
        with self.database.transaction() as session:
            companies.sync_declared_companies(session, [company], self.clock())

    def capture(self, *, charset: str) -> int:
        """Store a page that was decoded from this charset; return its id."""
        with self.database.transaction() as session:
            source = sources.source_by_name(session, "market")
            assert source is not None
            run_id, _ = given.running(session, source.id)
            url, now = "https://market.example/page", self.clock()
            page = CaptureRecord(
                run_id, source.id, url, CaptureRole.ITEM, now, 200, "0" * 64, 1, None, charset=charset
            )
            [capture_id] = captures.add_captures(session, [page])
        return capture_id

    def store(
        self,
        *,
        title: str = "data",
        body: str = "",
        attachment: str | None = None,
        capture_id: int | None = None,
    ) -> int:
        """Store a listing with its evidence; return the version's id."""
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
            capture_id=capture_id,
        )
        with self.database.transaction() as session:
            source = sources.source_by_name(session, "market")
            assert source is not None
            (upserted,) = listings.upsert_many(session, source.id, [record], self.clock())
        assert upserted.version_id is not None
        return upserted.version_id

    def add_segment(self) -> int:
        """Enrol the customers and add the segment; return its id."""
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
        """Carry out all due rematches, chunk by chunk; return the number of chunks."""
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
    """The rows have places, masked excerpts and counts; the unmasked text comes from the evidence."""
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
    assert archive.dispatcher.row_ids(WorkKind.EVALUATE) == [summary.id]
    assert archive.version(version_id).match_state is MatchState.MATCHED


@pytest.mark.parametrize(
    ("mail_provider", "fields"),
    [(False, {"address": 2, "lookalike": 1, "title": 1}), (True, {"lookalike": 1, "title": 1})],
)
def test_addresses_and_lookalikes_are_counted_apart(
    archive: Archive, mail_provider: bool, fields: dict[str, int]
) -> None:
    """A domain in addresses and in another host's name is no mention of the body."""
    archive.declare("quillmere.example", kind=TermKind.DOMAIN, mail_provider=mail_provider)
    body = "anna@quillmere.example\nberta%40mail.quillmere.example\nlogin at my-quillmere.example"
    version_id = archive.store(title="quillmere.example", body=body)

    archive.service.match_version(version_id)

    (summary,) = archive.summaries(version_id)
    assert (summary.mention_fields, summary.terms) == (fields, ["quillmere.example"])


@pytest.mark.parametrize(
    ("charset", "name", "body", "expected"),
    [
        ("cp866", "Рядовский", "свежая база\nбанк Рядовский, проверено", ["body:2"]),
        ("cp1254", "Şimşekli", "Şimşekli Bankası, Şimşekli müşterileri", ["body:1"]),
        ("cp1251", "Рядовский", "Продаю базу Рядовский банк, свежая", ["body:1"]),
        ("cp1251", "Вірний", "Продаю базу Рядовский банк, свежая", []),
    ],
)
def test_a_name_is_found_in_the_charset_that_the_page_was_really_in(
    archive: Archive, charset: str, name: str, body: str, expected: list[str]
) -> None:
    """A few words on a page do not tell its charset; a name that is read in another one tells it."""
    archive.declare(name)
    page = decode_page(body.encode(charset))
    version_id = archive.store(body=page.text, capture_id=archive.capture(charset=page.charset))

    archive.service.match_version(version_id)

    assert [match.place for match in archive.matches(version_id)] == expected


def test_fingerprints_of_an_attachment_are_counted_in_rows(archive: Archive) -> None:
    """Ten rows agree with ten customers; their matches have ordinals and places, and no value."""
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
    """It has no summary, nothing is announced, and it is not due again."""
    version_id = archive.store(body="nothing")

    archive.service.match_version(version_id)

    assert (archive.summaries(version_id), archive.dispatcher.work) == ([], [])
    assert archive.version(version_id).match_state is MatchState.MATCHED


def test_matching_twice_changes_nothing(archive: Archive) -> None:
    """The second call of the handler finds nothing to do."""
    version_id = archive.store(body="qudian")
    archive.service.match_version(version_id)
    before = [match.identity for match in archive.matches(version_id)]

    archive.service.match_version(version_id)

    assert [match.identity for match in archive.matches(version_id)] == before
    assert len(archive.dispatcher.row_ids(WorkKind.EVALUATE)) == 1


def test_damaged_evidence_is_tried_again_and_then_given_up(archive: Archive) -> None:
    """Each wait is twice the last; the row says why it failed, and other versions are matched."""
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
    """A missing file does not end the daemon: the version waits for its next attempt."""
    version_id = archive.store(body="qudian")
    for path in archive.evidence.folder.rglob("*.warc.gz"):
        path.unlink()

    archive.service.match_version(version_id)

    row = archive.version(version_id)
    assert (row.match_state, row.match_reason) == (MatchState.PENDING, "evidence_missing")


def test_a_claim_is_given_back_when_the_database_answers_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is away the claim cannot be released; that is tried again, and the version is due soon."""
    version_id = archive.store(body="qudian")
    write, failures = archive.database.write, [DatabaseUnreachable("away") for _ in range(3)]

    def failing(work: Callable[[Session], object]) -> object:
        if failures:
            raise failures.pop()
        return write(work)

    def match(claim: object) -> None:
        monkeypatch.setattr(archive.database, "write", failing)
        raise DatabaseUnreachable("away")

    monkeypatch.setattr(service, "WRITE_AGAIN_S", (0.0,) * 5)
    monkeypatch.setattr(archive.service, "_match_with_stable_watch", match)
    archive.service.match_version(version_id)
    row = archive.version(version_id)
    monkeypatch.undo()
    archive.clock.advance(hours=1)
    archive.service.match_version(version_id)

    assert (row.match_state, row.match_reason, failures) == (MatchState.PENDING, "database_unreachable", [])
    assert archive.version(version_id).match_state is MatchState.MATCHED


def test_a_rematch_is_given_back_when_the_database_answers_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database dies in a chunk and is away when the claim is given back: the rematch is due soon, and the
    attempt does not count.
    """
    archive.store(body="qudian")
    archive.rematch_all()
    rematch_id = request_rematch_of_all(archive)
    write, failures = archive.database.write, [DatabaseUnreachable("away") for _ in range(3)]

    def failing(work: Callable[[Session], object]) -> object:
        if failures:
            raise failures.pop()
        return write(work)

    def match(watched: object, claim: object) -> None:
        monkeypatch.setattr(archive.database, "write", failing)
        raise DatabaseUnreachable("away")

    monkeypatch.setattr(service, "WRITE_AGAIN_S", (0.0,) * 5)
    monkeypatch.setattr(archive.service, "_rematch_chunk", match)
    archive.service.rematch(rematch_id)
    row = archive.rematches()[0]
    monkeypatch.undo()
    archive.clock.advance(minutes=1)
    archive.rematch_all()

    assert (row.id, row.state, row.attempts) == (rematch_id, RematchState.QUEUED, 0)
    assert (row.failure, failures) == ("database_unreachable", [])
    assert archive.rematches()[0].state is RematchState.FINISHED


class AwayStore(FolderStore):
    """A store of files that does not answer."""

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        raise StoreUnreachable("the test's store is away")


def test_a_store_that_is_away_costs_a_version_no_attempt(archive: Archive, tmp_path: Path) -> None:
    """However long it lasts, a version is matched once its evidence can be read; so is the archive."""
    version_id = archive.store(body="qudian")
    away = MatchingService(
        database=archive.database,
        evidence=EvidenceStore(tmp_path / "other", shared=AwayStore(tmp_path / "shared")),
        settings=archive.settings,
        dispatcher=archive.dispatcher,
        clock=archive.clock,
    )
    with archive.database.transaction() as session:
        watch.request_rematch(
            session, scope=MatchScope.ALL, company_id=None, reason="test", now=archive.clock()
        )
        rematch_id = watch.due_rematches(session, now=archive.clock(), limit=9)[0]
    for _ in range(archive.settings.attempts + 1):
        away.match_version(version_id)
        away.rematch(rematch_id)
        archive.clock.advance(hours=1)
    waiting = archive.version(version_id)
    with archive.database.reading() as session:
        paused = watch.rematch_by_id(session, rematch_id)
    archive.service.match_version(version_id)

    assert paused is not None
    assert (paused.state, paused.failure, paused.attempts) == ("queued", "evidence_unreachable", 0)
    assert (waiting.match_state, waiting.match_reason) == (MatchState.PENDING, "evidence_unreachable")
    assert archive.version(version_id).match_state is MatchState.MATCHED


def test_a_busy_database_costs_a_version_no_attempt(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often its matches cannot be written, a version is matched once the database is free."""
    monkeypatch.setattr(base, "RETRY_PAUSES_S", ())
    version_id = archive.store(body="qudian")
    record = matches.record_matches

    def refuse(*_: object, **__: object) -> None:
        raise DatabaseBusy

    monkeypatch.setattr(matches, "record_matches", refuse)
    for _ in range(archive.settings.attempts + 1):
        archive.service.match_version(version_id)
        archive.clock.advance(hours=1)
    waiting = archive.version(version_id)
    monkeypatch.setattr(matches, "record_matches", record)
    archive.service.match_version(version_id)

    assert (waiting.match_state, waiting.match_reason) == (MatchState.PENDING, "database_busy")
    assert archive.version(version_id).match_state is MatchState.MATCHED


def test_a_version_that_kills_the_daemon_is_given_up(archive: Archive) -> None:
    """Claims without an end count as attempts: after the last one the version fails."""
    version_id = archive.store(body="qudian")
    for _ in range(archive.settings.attempts):
        with archive.database.transaction() as session:
            listings.claim_for_matching(session, version_id, now=archive.clock())
            listings.release_claims(session)

    archive.service.match_version(version_id)

    row = archive.version(version_id)
    assert (row.match_state, row.match_reason) == (MatchState.FAILED, "match_crashed")


def test_text_beyond_the_bound_is_left_unread(archive: Archive) -> None:
    """Text behind `text_limit_mb` is not matched, and the version ends as matched."""
    archive.settings = archive.settings.model_copy(update={"text_limit_mb": 0.001})
    version_id = archive.store(body="x " * 600 + "qudian")

    archive.restarted().match_version(version_id)

    assert (archive.summaries(version_id), archive.version(version_id).match_state) == (
        [],
        MatchState.MATCHED,
    )


def test_a_new_term_searches_the_archive_by_itself(archive: Archive) -> None:
    """The change requests a rematch, which goes through the archive in chunks and announces its findings."""
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
    assert len(archive.dispatcher.row_ids(WorkKind.EVALUATE)) == len(version_ids)


def test_a_new_segment_searches_the_archive_by_itself(archive: Archive) -> None:
    """Fingerprints are found in the evidence; mentions that were found before stay."""
    version_id = archive.store(body=f"qudian\n{','.join(ROWS[0])}")
    archive.service.match_version(version_id)

    archive.add_segment()
    archive.rematch_all()

    (summary,) = archive.summaries(version_id)
    assert (summary.mentions, summary.coherent_rows) == (1, 1)


def test_a_rematch_that_finds_the_same_alerts_nobody(archive: Archive) -> None:
    """Nothing is announced, because the summary's digest has not changed."""
    version_id = archive.store(body="qudian")
    archive.service.match_version(version_id)
    archive.dispatcher.work.clear()
    with archive.database.transaction() as session:
        watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=archive.clock())

    archive.rematch_all()

    assert archive.dispatcher.row_ids(WorkKind.EVALUATE) == []


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


def request_rematch_of_all(archive: Archive) -> int:
    with archive.database.transaction() as session:
        return watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=archive.clock())


def rename_table(archive: Archive, table: str, name: str) -> None:
    with archive.database.transaction() as session:
        session.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def test_an_unfinished_rematch_goes_on_by_itself(archive: Archive) -> None:
    """A chunk that was claimed and never ended is due again after its lease, without a restart."""
    archive.store(body="qudian")
    rematch_id = request_rematch_of_all(archive)
    with archive.database.transaction() as session:
        watch.claim_rematch(session, rematch_id, now=archive.clock())

    meanwhile = archive.rematch_all()
    archive.clock.now += watch.REMATCH_LEASE
    archive.rematch_all()

    (row,) = [row for row in archive.rematches() if row.id == rematch_id]
    assert meanwhile <= 2  # of the rematch that the company's term asked for
    assert (row.state, row.scanned, row.attempts) == (RematchState.FINISHED, 1, 1)


def test_a_chunk_that_fails_each_time_ends_its_rematch(archive: Archive) -> None:
    """Each wait is twice the last; then the rematch fails with its reason, and is not due any more."""
    archive.store(body="qudian")
    archive.rematch_all()
    rematch_id = request_rematch_of_all(archive)
    rename_table(archive, "matches", "away")

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
    """When the cause is gone, the rematch goes on, and the next chunk has all its attempts."""
    version_id = archive.store(body="qudian")
    archive.rematch_all()
    rematch_id = request_rematch_of_all(archive)
    rename_table(archive, "matches", "away")
    with pytest.raises(SchemaOutdated):
        archive.service.rematch(rematch_id)
    rename_table(archive, "away", "matches")

    archive.clock.now += timedelta(seconds=archive.settings.retry_after_s)
    archive.service.rematch(rematch_id)
    between = archive.rematches()[0]
    archive.rematch_all()

    row = archive.rematches()[0]
    assert (between.attempts, between.failure, between.scanned) == (0, None, 1)
    assert (row.id, row.state, row.failure) == (rematch_id, RematchState.FINISHED, None)
    assert len(archive.summaries(version_id)) == 1


def test_a_rematch_that_kills_the_daemon_is_given_up(archive: Archive) -> None:
    """Claims without an end count as attempts: after the last one the rematch fails."""
    archive.store(body="qudian")
    archive.rematch_all()
    rematch_id = request_rematch_of_all(archive)
    for _ in range(archive.settings.attempts):
        with archive.database.transaction() as session:
            watch.claim_rematch(session, rematch_id, now=archive.clock())
            watch.recover_rematches(session)

    archive.service.rematch(rematch_id)

    row = archive.rematches()[0]
    assert (row.state, row.failure) == (RematchState.FAILED, "match_crashed")


def test_a_rematch_of_terms_does_without_evidence_that_is_gone(archive: Archive) -> None:
    """It searches the masked text in the database, which is enough for names."""
    version_id = archive.store(body="x")
    for path in archive.evidence.folder.rglob("*.warc.gz"):
        path.unlink()

    archive.declare("masked")
    archive.rematch_all()

    assert [match.field for match in archive.matches(version_id)] == ["title", "body"]


def test_a_rematch_of_fingerprints_leaves_what_it_cannot_read(archive: Archive) -> None:
    """Hits that were found while the evidence existed stay."""
    archive.add_segment()
    version_id = archive.store(body=",".join(ROWS[0]))
    archive.service.match_version(version_id)
    for path in archive.evidence.folder.rglob("*.warc.gz"):
        path.unlink()
    with archive.database.transaction() as session:
        watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=archive.clock())

    archive.rematch_all()

    assert archive.summaries(version_id)[0].coherent_rows == 1


def test_evidence_that_retention_deleted_takes_no_hit_away_and_is_no_failure(archive: Archive) -> None:
    """Hits of earlier matchings stay, new names are found in the masked text, and the rematch ends as whole;
    the version has the reason.
    """
    archive.add_segment()
    version_id = archive.store(body=",".join(ROWS[0]))
    archive.service.match_version(version_id)
    with archive.database.transaction() as session:
        this = ListingVersion.id == version_id
        assert len(clear_places(session, ListingVersion, this, EvidenceGone.EXPIRED)) == 1
        watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=archive.clock())

    archive.rematch_all()
    archive.declare("masked")
    archive.rematch_all()

    assert archive.summaries(version_id)[0].coherent_rows == 1
    assert {(each.state, each.failure) for each in archive.rematches()} == {(RematchState.FINISHED, None)}
    assert archive.version(version_id).match_reason == "evidence_expired"


@pytest.mark.parametrize("scope", [MatchScope.ALL, MatchScope.TERMS, MatchScope.FINGERPRINTS])
def test_a_rematch_that_could_not_read_everything_says_so(archive: Archive, scope: MatchScope) -> None:
    """Its row and the version have the reason, until the evidence is back and is matched again."""
    version_id = archive.store(body=",".join(ROWS[0]))
    archive.service.match_version(version_id)
    [path] = archive.evidence.folder.rglob("*.warc.gz")
    away = path.rename(path.with_suffix(".away"))

    def rematch() -> tuple[RematchState, str | None, str | None]:
        with archive.database.transaction() as session:
            watch.request_rematch(session, scope=scope, reason="asked for", now=archive.clock())
        archive.rematch_all()
        row = archive.rematches()[0]
        return row.state, row.failure, archive.version(version_id).match_reason

    without = rematch()
    with archive.database.reading() as session:
        counted = coverage.unread_versions(session, since=archive.clock() - timedelta(days=1))
    away.rename(path)

    assert without == (RematchState.FINISHED, "evidence_unread", "evidence_missing")
    assert counted == {1: 1}
    assert archive.version(version_id).match_state is MatchState.MATCHED
    assert rematch() == (RematchState.FINISHED, None, None)


def other_key(path: Path, archive: Archive) -> None:
    """Put another key in the place of ours."""
    path.unlink()
    write_key(RootKey("k2", bytes(32)), path, archive.clock())


@pytest.mark.parametrize("harm", ["exposed", "gone", "other key", "damaged segment"])
def test_an_unusable_segment_keeps_no_mention_back_and_is_caught_up_on(archive: Archive, harm: str) -> None:
    """Mentions are found meanwhile; when the segment can be used again, a rematch finds the fingerprints."""
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
    """Hits that cannot be found again are not deleted."""
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


def test_a_version_is_matched_again_if_the_watch_changes_meanwhile(archive: Archive) -> None:
    """Rows are written only if the watch is still the one that the version was matched with."""

    class Meanwhile(EvidenceStore):
        """Evidence during whose reading a term is added."""

        def read_text(self, place: RecordPlace) -> ListingText:
            archive.declare("qudian", "selling")
            return super().read_text(place)

    version_id = archive.store(body="qudian selling")
    service = MatchingService(
        database=archive.database,
        evidence=Meanwhile(archive.evidence.folder),
        settings=archive.settings,
        dispatcher=archive.dispatcher,
        clock=archive.clock,
    )

    service.match_version(version_id)

    assert archive.summaries(version_id)[0].terms == ["qudian", "selling"]


def test_a_removed_segment_is_not_looked_up_any_more(archive: Archive) -> None:
    """The next version has no hits."""
    segment_id = archive.add_segment()
    first = archive.store(body=",".join(ROWS[0]))
    archive.service.match_version(first)
    with archive.database.transaction() as session:
        companies.retire_segment(session, segment_id)
    second = archive.store(body=",".join(ROWS[0]))

    archive.service.match_version(second)

    assert [len(archive.summaries(version_id)) for version_id in (first, second)] == [1, 0]


def test_no_value_reaches_the_database(archive: Archive) -> None:
    """No row of any table has one of the customers' values."""
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
    """A version that another worker has claimed is matched only after the lease of that claim."""
    version_id = archive.store(body="qudian")
    with archive.database.transaction() as session:
        listings.claim_for_matching(session, version_id, now=archive.clock())

    archive.service.match_version(version_id)
    archive.clock.now += timedelta(hours=1)
    unmatched = archive.summaries(version_id)
    archive.service.match_version(version_id)

    assert (unmatched, len(archive.summaries(version_id))) == ([], 1)


def test_the_companys_region_wins_over_the_lists(archive: Archive) -> None:
    """Telephone numbers without + are those of the region in the company's file, if it has one."""
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
