"""storage.retention.erasure: what was erased is in no row, file, index or free page; the rest is whole."""

import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from storage import alerts, companies, custody, dumps, erased_listings, holds, listings, runs, search, watch
from storage.canary_matches import CanaryMatch
from storage.captures import Capture, EvidenceGone
from storage.database.base import Database
from storage.errors import EvidenceExpired, HeldByCase, SourceIsRead
from storage.evidence.erasing import members_in
from storage.evidence.verification import all_evidence_rows, verify_record
from storage.evidence.warc import EvidenceStore, ListingText
from storage.evidence_removals import pending_removals
from storage.listing_tables import UNTOLD, Listing, ListingVersion
from storage.matches import Match, MatchSummary
from storage.retention import erasure
from storage.retention.erasing_files import erase_requested
from storage.retention.scrubbing import scrub
from storage.sample_verdicts import SampleVerdict
from storage.sources import AlertState
from tests.storage import given
from tests.storage.given import NOW
from tests.storage.retention.archive import DAY, Archive

#: In no other text, in three scripts; a text of each length that SQLite stores in another way.
SECRETS = ("Quillmarsh Verwaltung", "奎爾瑪什客戶資料庫", "клиенты Квиллмарш")
GONE = f"{SECRETS[0]} rows for sale. " + "\n".join(f"{SECRETS[1]} {n}" for n in range(3000)) + SECRETS[2]


@pytest.fixture
def archive(database: Database, evidence: EvidenceStore) -> Archive:
    made = Archive(database, evidence)
    made.begin()
    return made


def files(archive: Archive, tmp_path: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file of the database and of the evidence; without PostgreSQL's own log, which we cannot clean."""
    folders = [tmp_path]
    if archive.database.dialect == "postgresql":
        with archive.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CHECKPOINT"))
            folder = Path(str(connection.scalar(text("SHOW data_directory"))))
        folders.append(folder / "base")
        folders.append(folder / "global")
    for each in folders:
        for path in each.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                yield path, content
                if path.suffix == ".gz":
                    yield path, gzip.decompress(content)


def found_in(archive: Archive, tmp_path: Path, *words: str) -> set[str]:
    wanted = [word.encode(form) for word in words for form in ("utf-8", "utf-16-le")]
    wanted += [word.encode("unicode-escape") for word in words if not word.isascii()]
    return {path.name for path, content in files(archive, tmp_path) if any(w in content for w in wanted)}


def erase(archive: Archive, listing_id: int = 1) -> erasure.Erasure:
    """Erase a listing as the command does."""
    done = erasure.erase_listing(
        archive.database, archive.evidence, listing_id, person="anna", reason="Art. 17", now=NOW
    )
    assert done
    finish(archive, done)
    return done


def finish(archive: Archive, done: erasure.Erasure) -> None:
    erased = erase_requested(archive.database, archive.evidence, now=NOW, limit=100)
    assert (erased.reason, erased.last_file) == (None, None)
    assert scrub(archive.database, done.traces).left is None


def fill(archive: Archive) -> int:
    """Two listings over three visits, with alerts about each and a company found in both; return its id."""
    with archive.database.transaction() as session:
        company_id = given.company(session, terms=("lender", SECRETS[0]))
    [first, other] = archive.visit(NOW - 9 * DAY, {"1": GONE, "2": "other text"}, shown=SECRETS[2])
    [edited] = archive.visit(NOW - 8 * DAY, {"1": GONE + " edited", "2": "other text"})
    archive.visit(NOW - 7 * DAY, {"1": GONE + " edited", "2": "other text"})
    archive.visit(NOW - 6 * DAY, {str(n): f"text {n}" for n in range(3, 40)})
    for version in (first, edited):
        archive.match(version, company_id, excerpt=f"excerpt {SECRETS[0]}")
    archive.match(other, company_id)
    for number in (1, 2):
        archive.alert(1, number, company=company_id, title=f"{SECRETS[0]} is offered", text=SECRETS[2])
    archive.alert(2, 1, company=company_id)
    return company_id


def test_an_erased_listing_is_found_nowhere(archive: Archive, tmp_path: Path) -> None:
    """Rows, index, evidence, write-ahead log and free pages hold nothing of it, whatever was written before;
    the entry says who erased it and why, and every other record is whole and where it was.
    """
    fill(archive)
    with archive.database.transaction() as session:  # an alert and an index entry that were written over
        session.execute(update(Listing).where(Listing.id == 2).values(title=f"{SECRETS[0]} once"))
        search.index_listing(session, 2, f"{SECRETS[0]} once")
    with archive.database.transaction() as session:
        session.execute(update(Listing).where(Listing.id == 2).values(title="other text"))
        search.index_listing(session, 2, "other text")
    before = found_in(archive, tmp_path, *SECRETS)
    assert {name.endswith(".gz") for name in before} == {True, False}

    done = erase(archive)

    with archive.database.transaction() as session:
        # Terms of the company are its own, and stay.
        session.execute(text("DELETE FROM matches WHERE listing_id = 2"))
        session.execute(text("UPDATE terms SET text = 'brand' WHERE text LIKE 'Quill%'"))
    assert scrub(archive.database, done.traces).left is None
    assert found_in(archive, tmp_path, *SECRETS, "quillmarsh") == set()
    assert [
        fault
        for row in all_evidence_rows(archive.database)
        if (fault := verify_record(archive.evidence, row))
    ] == []
    with archive.database.reading() as session:
        assert [found.id for found in listings.search_listings(session, "other")] == [2]
        assert listings.search_listings(session, "quillmarsh") == []
        assert [alert.listing_id for alert in alerts.recent_alerts(session)] == [2]
        [entry] = custody.custody_entries(session, limit=5)
    assert (entry.action, entry.subject, entry.subject_id) == ("erased", "listing", 1)
    assert (entry.person, entry.reason, entry.subject_name) == ("anna", "Art. 17", None)
    assert (entry.counts["listing_versions"], entry.counts["alerts"]) == (2, 1)
    assert dict(done.counts) == entry.counts


def test_the_site_may_go_on_showing_it(archive: Archive) -> None:
    """An erased listing is known to the crawler as erased, and its number is not given away again."""
    archive.visit(NOW - DAY, {"1": "first text", "2": "second text"})
    archive.alert(2, 1)

    erase(archive, 2)

    with archive.database.reading() as session:
        known = listings.known_listings(session, 1, ["1", "2", "3"])
        keys = erased_listings.erased_keys(session, 1, ["2", "3"])
    assert {key: each.erased for key, each in known.items()} == {"1": False, "2": True}
    assert set(keys) == {"2"}
    archive.visit(NOW, {"3": "third text"})
    assert archive.alert(3, 1).alert_id == 2
    with archive.database.reading() as session:
        assert session.scalars(select(Listing.id).order_by(Listing.id)).all() == [1, 3]


def test_other_listings_of_its_alert_are_judged_again(archive: Archive) -> None:
    """An alert that tells of an erased listing and of another one goes as a whole, so the other one's matches
    wait to be judged again. Re-posts and data sets get another first listing.
    """
    company_id = fill(archive)
    archive.alert(2, 1, key="finding:lender:1", company=company_id, change=alerts.AlertChange.UPDATED)
    with archive.database.transaction() as session:
        session.execute(update(Listing).where(Listing.id.in_((3, 4))).values(repost_of_id=1))
        session.execute(update(Listing).where(Listing.id.in_((5, 6))).values(data_set_id=1))

    erase(archive)

    with archive.database.reading() as session:
        states = session.execute(select(MatchSummary.listing_id, MatchSummary.alert_state)).all()
        members = session.execute(
            select(Listing.id, Listing.repost_of_id, Listing.data_set_id).where(Listing.id.in_((3, 4, 5, 6)))
        )
        kept = {row[0]: (row[1], row[2]) for row in members}
    assert [tuple(row) for row in states] == [(2, AlertState.PENDING)]
    assert kept == {3: (None, None), 4: (3, None), 5: (None, None), 6: (None, 5)}


def test_a_listing_whose_alerts_are_erased_tells_of_nothing(archive: Archive) -> None:
    """It is not read at every look once it goes; one that another alert tells of is, and says so."""
    company_id = fill(archive)
    with archive.database.transaction() as session:
        other = given.company(session, "bank", ("Norvapay",))
    archive.alert(1, 1, key="finding:bank:1", company=other)
    archive.alert(3, 1, key="finding:lender:3", company=company_id)

    def told() -> dict[int, bool | None]:
        with archive.database.reading() as session:
            found = session.execute(select(Listing.id, Listing.told_gone).where(Listing.id.in_((1, 3))))
            return {row.id: row.told_gone for row in found}

    before = told()
    erasure.erase_company(archive.database, "lender", person="anna", reason="contract ended", now=NOW)
    after = told()
    with archive.database.transaction() as session:
        session.execute(update(Listing).values(gone_at=NOW))
    with archive.database.reading() as session:
        changed = alerts.alerts_with_life_changes(session, now=NOW, limit=9)
        untold = session.scalars(select(Listing.id).where(text(UNTOLD))).all()

    assert (before, after) == ({1: False, 3: False}, {1: False, 3: None})
    assert (len(changed), list(untold)) == (1, [1])


def test_a_response_of_many_listings_goes_and_their_texts_stay(archive: Archive) -> None:
    """A feed's response holds every entry: it goes with the erased one, and the others keep row and text."""
    fill(archive)
    with archive.database.transaction() as session:
        feed = session.scalar(select(func.min(Capture.id)))
        session.execute(update(ListingVersion).where(ListingVersion.listing_id == 2).values(capture_id=feed))

    erase(archive)

    with archive.database.reading() as session:
        version = session.scalars(select(ListingVersion).where(ListingVersion.listing_id == 2)).one()
        capture = session.get_one(Capture, feed)
    assert version.place and archive.evidence.read_text(version.place).parts["body"] == "other text"
    assert (capture.place, capture.evidence_gone) == (None, EvidenceGone.ERASED)


@pytest.mark.parametrize("subject", list(holds.HoldSubject))
def test_what_a_case_holds_is_not_erased(archive: Archive, subject: holds.HoldSubject) -> None:
    """Neither the held listing, nor one of a held finding or company, nor one whose page another held listing
    was read from. The message names the case, and nothing has changed.
    """
    company_id = fill(archive)
    subject_id = {"finding": 1, "listing": 1, "company": company_id}[subject.value]
    with archive.database.transaction() as session:
        holds.add_hold(session, "2026-17", subject, subject_id, person="anna", reason="x", now=NOW)

    with pytest.raises(HeldByCase, match="2026-17"):
        erase(archive)
    with pytest.raises(HeldByCase, match="2026-17"):
        erasure.erase_company(archive.database, "lender", person="anna", reason="x", now=NOW)

    with archive.database.reading() as session:
        assert (pending_removals(session), session.get(Listing, 1) is not None) == (0, True)
    with archive.database.transaction() as session:
        holds.release_hold(session, 1, person="anna", reason="closed", now=NOW)
        holds.add_hold(session, "2026-18", holds.HoldSubject.LISTING, 2, person="anna", reason="x", now=NOW)
        feed = session.scalar(select(func.min(Capture.id)))
        session.execute(update(ListingVersion).where(ListingVersion.listing_id == 2).values(capture_id=feed))
    with pytest.raises(HeldByCase, match="2026-18"):
        erase(archive)


def test_a_kill_between_rows_and_bytes_loses_nothing(archive: Archive, tmp_path: Path) -> None:
    """After a kill behind the transaction, the records are still requested, and the next call erases them. A
    run in progress is waited for.
    """
    fill(archive)
    with archive.database.transaction() as session:
        run_id, epoch = given.running(session, 1, "in progress")
    with pytest.raises(SourceIsRead):
        erase(archive)
    with archive.database.transaction() as session:
        runs.finish_run(session, run_id, epoch, outcome=runs.RunOutcome.NOTHING_NEW, now=NOW)
    # What a killed run had written before its rows: no row points at it.
    with archive.evidence.writer("market-99", now=NOW - 8 * DAY) as writer:
        writer.text(ListingText({"body": GONE}), refers_to=None, url="")
    with archive.evidence.writer("board-99", now=NOW - 8 * DAY) as writer:
        writer.text(ListingText({"body": "of another source"}), refers_to=None, url="")
    # The file of run 2 of `market`, or of the source `market-2`: what that one's rows point at stays.
    archive.visit(NOW - 8 * DAY, {"20": "a text of another source"}, source="market-2")
    archive.visit(NOW - 8 * DAY, {"21": "a text of yet another source"}, source="marketplace")

    done = erasure.erase_listing(
        archive.database, archive.evidence, 1, person="anna", reason="Art. 17", now=NOW
    )
    with archive.database.reading() as session:
        assert done and pending_removals(session) == done.counts["records"]
    finish(archive, done)

    left = [
        path
        for path in archive.evidence.folder.rglob("*.gz")
        if SECRETS[0].encode() in gzip.decompress(path.read_bytes())
    ]
    assert left == []
    assert [path.name[:9] for path in archive.evidence.folder.rglob("board*")] == ["board-99-"]
    faults = [verify_record(archive.evidence, row) for row in all_evidence_rows(archive.database)]
    assert set(faults) == {None}
    kinds = {member.kind for path in archive.evidence.folder.rglob("*.gz") for member in members_in(path)}
    assert kinds == {"warcinfo", "response", "conversion", "metadata"}
    assert (
        erasure.erase_listing(archive.database, archive.evidence, 1, person="anna", reason="again", now=NOW)
        is None
    )


def test_an_erased_company_is_found_nowhere(archive: Archive, tmp_path: Path) -> None:
    """Its terms, segments, matches and alerts are gone from every file; its slug stays in the entry, and the
    listings stay as they are.
    """
    company_id = fill(archive)
    word = "Norvapay Holding"
    with archive.database.transaction() as session:
        session.execute(text("UPDATE terms SET text = :word WHERE text LIKE 'Quill%'"), {"word": word})
        session.execute(text("UPDATE companies SET name = :word"), {"word": f"{word} Ltd"})
        session.execute(text("UPDATE matches SET excerpt = :word"), {"word": f"data of {word}"})
        session.execute(text("UPDATE alerts SET title = :word"), {"word": f"Data of {word} is offered"})
        record = companies.SegmentRecord(
            company_id, "norvapay-1-00.segment", "k1", "c1", ("email",), 10, 5, "0" * 64, "series", "state"
        )
        companies.add_segment(session, record, NOW)
        dump = dumps.Dump(
            key="k", watch_version="w", company="lender", options={}, created_at=NOW, used_at=NOW
        )
        session.add(dump)
        revision = watch.watch_revision(session)
    assert found_in(archive, tmp_path, word)

    done = erasure.erase_company(archive.database, "lender", person="anna", reason="contract ended", now=NOW)
    assert done
    finish(archive, done)

    assert found_in(archive, tmp_path, word, "norvapay-1") == set()
    with archive.database.reading() as session:
        assert companies.company_by_slug(session, "lender") is None
        assert watch.watch_revision(session) != revision
        assert [
            session.scalar(select(func.count()).select_from(table))
            for table in (Match, CanaryMatch, SampleVerdict, alerts.Alert, dumps.Dump)
        ] == [0, 0, 0, 0, 0]
        assert session.get(Listing, 1)
        [entry] = custody.custody_entries(session, limit=5)
    assert (entry.subject_name, entry.subject_id, entry.counts["terms"]) == ("lender", company_id, 2)
    assert EvidenceExpired.reason not in str(entry.counts)
    assert timedelta(0) == NOW - entry.at
