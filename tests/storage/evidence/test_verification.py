"""Rows against files: what is missing, cut, altered; and the export that others can check."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from storage import captures
from storage.database.base import Database
from storage.errors import EvidenceUnwritable
from storage.evidence.export import evidence_of_listing, export_evidence
from storage.evidence.verification import (
    all_evidence_rows,
    newest_evidence_rows,
    short_files,
    verify_record,
)
from storage.evidence.warc import EvidenceStore, ListingText
from storage.listings import AttachmentRecord, version_by_id
from tests.storage import given
from tests.storage.given import NOW
from tests.storage.test_captures import record

BODY = b"<h1>Rows of Invented Lender</h1>"


@pytest.fixture
def listing_id(database: Database, evidence: EvidenceStore) -> int:
    """A listing with an attachment whose records are in two files."""
    with evidence.writer("page") as writer:
        page = writer.response(url="https://m.example/1", status=200, headers=[], body=BODY, fetched_at=NOW)
    with evidence.writer("text") as writer:
        text = writer.text(ListingText({"title": "Rows"}), refers_to=page, url="https://m.example/1")
        more = writer.text(ListingText({"attachment": "1,2"}), refers_to=page, url="https://m.example/1.csv")
    with database.transaction() as session:
        source_id = given.source(session)
        run_id, _ = given.running(session, source_id)
        row = record(run_id, source_id, "https://m.example/1", page)
        [capture_id] = captures.add_captures(session, [replace(row, sha256=hashlib.sha256(BODY).hexdigest())])
        attached = AttachmentRecord("1.csv", "text/csv", 3, more, capture_id)
        version_id = given.version(session, place=text, capture_id=capture_id, attachments=(attached,))
        version = version_by_id(session, version_id)
        assert version is not None
        return version.listing_id


def faults(database: Database, evidence: EvidenceStore) -> list[tuple[str, str]]:
    found = (verify_record(evidence, row) for row in all_evidence_rows(database))
    return [(fault.row.kind, fault.reason) for fault in found if fault is not None]


def file_of(evidence: EvidenceStore, label: str) -> Path:
    [path] = evidence.folder.glob(f"*/{label}-*.warc.gz")
    return path


def test_what_is_as_it_was_stored_has_no_fault(
    database: Database, evidence: EvidenceStore, listing_id: int
) -> None:
    """Every row is looked at: the capture, the version's text and the attachment's."""
    assert [row.kind for row in all_evidence_rows(database)] == ["capture", "version", "attachment"]
    assert faults(database, evidence) == []
    with database.reading() as session:
        assert list(short_files(session, evidence)) == []
        assert len(newest_evidence_rows(session, 10)) == 3


def test_a_missing_file_is_a_fault_of_each_row_in_it(
    database: Database, evidence: EvidenceStore, listing_id: int
) -> None:
    """The quick look finds it as well, by the file's name."""
    path = file_of(evidence, "text")
    path.unlink()

    assert faults(database, evidence) == [
        ("version", "evidence_missing"),
        ("attachment", "evidence_missing"),
    ]
    with database.reading() as session:
        [(file, what)] = short_files(session, evidence)
    assert (file, what) == (str(path.relative_to(evidence.folder)), "does not exist")


def test_a_file_that_was_cut_is_too_short(
    database: Database, evidence: EvidenceStore, listing_id: int
) -> None:
    """The record at its end is damaged, the one before it is not."""
    path = file_of(evidence, "text")
    path.write_bytes(path.read_bytes()[:-1])

    assert faults(database, evidence) == [("attachment", "evidence_damaged")]
    with database.reading() as session:
        [(_, what)] = short_files(session, evidence)
    assert "rows point at" in what


@pytest.mark.parametrize("place", [20, -30, -1])
def test_one_altered_byte_is_a_fault(
    database: Database, evidence: EvidenceStore, listing_id: int, place: int
) -> None:
    """The length is right, so only reading the bytes finds it."""
    path = file_of(evidence, "page")
    with database.reading() as session:
        row = next(each for each in newest_evidence_rows(session, 10) if each.kind == "capture")
    altered = bytearray(path.read_bytes())
    altered[(row.place.offset if place > 0 else 0) + place] ^= 0x41
    path.write_bytes(altered)

    assert faults(database, evidence) == [("capture", "evidence_damaged")]


def test_another_page_in_its_place_is_a_fault(
    database: Database, evidence: EvidenceStore, listing_id: int
) -> None:
    """A well-formed record with other content is not what the row's sha256 says."""
    with database.transaction() as session:
        row = next(each for each in newest_evidence_rows(session, 10) if each.kind == "capture")
        stored = captures.capture_by_id(session, row.id)
        assert stored is not None
        stored.sha256 = "0" * 64

    assert faults(database, evidence) == [("capture", "evidence_damaged")]


def test_an_export_holds_the_records_and_their_hashes(
    database: Database, evidence: EvidenceStore, listing_id: int, tmp_path: Path
) -> None:
    """Somebody without Spillwatch can read it with gzip and sha256sum."""
    with database.reading() as session:
        rows = evidence_of_listing(session, listing_id)
    done = export_evidence(evidence, rows, tmp_path / "out")

    packed = (tmp_path / "out" / "evidence.warc.gz").read_bytes()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    sums = dict(line.split("  ")[::-1] for line in (tmp_path / "out" / "SHA256SUMS").read_text().splitlines())
    assert [each["kind"] for each in manifest["records"]] == ["capture", "version", "attachment"]
    assert BODY in gzip.decompress(packed)
    for each in manifest["records"]:
        member = packed[each["offset_here"] :][: each["length"]]
        original = (evidence.folder / each["file"]).read_bytes()[each["offset"] :][: each["length"]]
        assert member == original
        assert hashlib.sha256(member).hexdigest() == each["record_sha256"]
    assert manifest["records"][0]["body_sha256"] == hashlib.sha256(BODY).hexdigest()
    assert sums["evidence.warc.gz"] == hashlib.sha256(packed).hexdigest()
    assert done.faults == ()
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()} == {0o600}


def test_an_export_names_what_is_gone_and_overwrites_nothing(
    database: Database, evidence: EvidenceStore, listing_id: int, tmp_path: Path
) -> None:
    """The other records are exported; a second export into the same folder is refused."""
    file_of(evidence, "page").unlink()
    with database.reading() as session:
        rows = evidence_of_listing(session, listing_id)
    done = export_evidence(evidence, rows, tmp_path / "out")

    assert [(each.row.kind, each.reason) for each in done.faults] == [("capture", "evidence_missing")]
    assert [each.kind for each in done.records] == ["version", "attachment"]
    with pytest.raises(EvidenceUnwritable, match="File exists"):
        export_evidence(evidence, rows, tmp_path / "out")
