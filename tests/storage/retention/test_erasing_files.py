"""storage.retention.erasing_files: what is erased is gone wherever its file is."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database.base import Database
from storage.evidence.digest import digest_beside
from storage.evidence.sealing import EvidenceSealer, PartWriter
from storage.evidence.warc import EvidenceStore, ListingText, RecordPlace
from storage.evidence_removals import pending_removals, request_removals
from storage.listing_tables import MatchState
from storage.listings import upsert_many
from storage.retention.erasing_files import ErasedRecords, erase_requested
from storage.stores.byte_store import ByteStore
from storage.stores.folder_store import FolderStore
from storage.stores.object_store import ObjectStore
from storage.work import SilentDispatcher
from tests.peers.s3 import S3Server, s3_settings
from tests.storage import given
from tests.storage.given import NOW

SECRETS = ("first secret", "second secret", "third secret")


@pytest.fixture(params=["folder", "bucket"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> ByteStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "shared")
    server: S3Server = request.getfixturevalue("s3_server")
    return ObjectStore(server.bucket(), "evidence", s3_settings(server.url))


def written(folder: Path) -> list[RecordPlace]:
    """Write records that compression leaves readable, as a search of the bytes wants them."""
    with EvidenceStore(folder).writer("market", now=NOW) as writer:
        pages = [
            writer.response(url="", status=200, headers=[], body=secret.encode(), fetched_at=NOW)
            for secret in SECRETS[:2]
        ]
        return [*pages, writer.text(ListingText({"body": SECRETS[2]}), refers_to=pages[1], url="")]


def erase(database: Database, evidence: EvidenceStore, *places: RecordPlace, **how: bool) -> ErasedRecords:
    if evidence.shared is None:
        digest_beside(evidence.folder)
    with database.transaction() as session:
        request_removals(session, places, NOW, **how)
    return erase_requested(database, evidence, now=NOW, limit=9)


def pending(database: Database) -> int:
    with database.reading() as session:
        return pending_removals(session)


def test_records_of_an_object_are_erased_and_the_others_stay(
    sqlite_database: Database, shared: ByteStore, tmp_path: Path
) -> None:
    """With the texts that were read from them; when nothing else is left, the object is deleted."""
    places = written(tmp_path / "here")
    shared.create(places[0].file, tmp_path / "here" / places[0].file)
    evidence = EvidenceStore(tmp_path / "elsewhere", shared=shared)
    whole = shared.size(places[0].file)

    some = erase(sqlite_database, evidence, places[1], with_texts=True)
    kept, size = evidence.read_member(places[0]), shared.size(places[0].file)
    erased = [evidence.read_member(place) for place in places[1:]]
    rest = erase(sqlite_database, evidence, places[0])

    assert (some.reason, some.files_deleted, rest.files_deleted) == (None, 0, 1)
    assert kept
    assert size == whole
    assert [len(member) for member in erased] == [place.length for place in places[1:]]
    assert all(b"\0" * 40 in member for member in erased)
    assert (shared.size(places[0].file), pending(sqlite_database)) == (None, 0)


def test_a_copy_in_an_earlier_folder_is_erased(sqlite_database: Database, tmp_path: Path) -> None:
    """Whoever moved to another folder still has the files of the one before."""
    places = written(tmp_path / "before")
    evidence = EvidenceStore(tmp_path / "now", earlier=tmp_path / "before")

    done = erase(sqlite_database, evidence, *places)

    assert (done.reason, done.files_deleted) == (None, 1)
    assert list((tmp_path / "before").rglob("*.warc.gz")) == []


def test_a_file_that_another_machine_has_not_sealed_stays_requested(
    sqlite_database: Database, shared: ByteStore, tmp_path: Path
) -> None:
    """Otherwise its bytes would come into the bucket later, and nobody would erase them."""
    [first, *_] = written(tmp_path / "other-machine")
    with sqlite_database.transaction() as session:
        record = given.record("1", place=first)
        upsert_many(session, given.source(session), [record], NOW, match_state=MatchState.UNSEALED)
    evidence = EvidenceStore(tmp_path / "here", shared=shared)

    waiting = erase(sqlite_database, evidence, first)
    shared.create(first.file, tmp_path / "other-machine" / first.file)
    done = erase_requested(sqlite_database, evidence, now=NOW, limit=9)

    assert (waiting.reason, waiting.records) == ("evidence_missing", 0)
    assert (done.reason, done.records, pending(sqlite_database)) == (None, 1, 0)


def test_a_file_that_is_not_sealed_yet_is_erased_before_it_is(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Not while a run writes it or stores it: then the store would get the bytes from before."""
    shared = FolderStore(tmp_path / "shared")
    evidence = EvidenceStore(tmp_path / "here", shared=shared)
    with PartWriter(
        evidence,
        shared,
        source="market",
        run_id=1,
        epoch=1,
        database=sqlite_database,
        dispatcher=SilentDispatcher(),
        seal_after_s=60,
        now=NOW,
    ) as writer:
        first, second = (
            writer.response(url="", status=200, headers=[], body=each.encode(), fetched_at=NOW)
            for each in SECRETS[:2]
        )
        writing = erase(sqlite_database, evidence, first)
    done = erase_requested(sqlite_database, evidence, now=NOW, limit=9)
    sealed = EvidenceSealer(evidence, sqlite_database, SilentDispatcher()).seal_left().sealed

    assert (writing.reason, done.reason, done.records, sealed) == ("evidence_unreachable", None, 1, 1)
    elsewhere = EvidenceStore(tmp_path / "elsewhere", shared=shared)
    assert b"\0" * 40 in elsewhere.read_member(first)
    assert b"\0" * 40 not in elsewhere.read_member(second)


def test_damage_in_an_object_does_not_delete_what_follows_it(
    sqlite_database: Database, shared: ByteStore, tmp_path: Path
) -> None:
    """Behind a damaged record may be one that an alert cites."""
    places = written(tmp_path / "here")
    shared.create(places[0].file, tmp_path / "here" / places[0].file)
    shared.overwrite(places[0].file, places[1].offset + 30, b"damaged!")
    evidence = EvidenceStore(tmp_path / "elsewhere", shared=shared)

    done = erase(sqlite_database, evidence, places[0])

    assert done.files_deleted == 0
    assert evidence.read_text(places[2]).parts["body"] == SECRETS[2]
