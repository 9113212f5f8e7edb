"""`spillwatch evidence` and what `doctor` says of the evidence: with real files, as a user runs them."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.exits import Exit
from storage.alerts import Alert
from storage.captures import Capture, CaptureRecord, CaptureRole, EvidenceGone, add_captures
from storage.database import schema
from storage.database.base import Database
from storage.evidence.digest import digest_beside
from storage.evidence.warc import EvidenceStore, ListingText
from storage.listings import version_by_id
from storage.retention.policy import clear_places
from tests.cli.command import answer, spillwatch
from tests.storage import given
from tests.storage.given import NOW

BODY = b"<h1>Rows of Invented Lender</h1>"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A configuration with one listing, its alert 1, and the evidence of both."""
    (tmp_path / "spillwatch.toml").write_text('[storage]\ndatabase_url = "sqlite:///x.db"\n')
    store = EvidenceStore(tmp_path / "var" / "evidence")
    digest_beside(store.folder)
    with store.writer("market-1", now=NOW) as writer:
        page = writer.response(url="https://m.example/1", status=200, headers=[], body=BODY, fetched_at=NOW)
        text = writer.text(ListingText({"title": "Rows"}), refers_to=page, url="https://m.example/1")
    with closing(Database.open(f"sqlite:///{tmp_path / 'x.db'}")) as database:
        schema.upgrade_schema(database)
        with database.transaction() as session:
            source_id = given.source(session)
            run_id, _ = given.running(session, source_id)
            sha256 = hashlib.sha256(BODY).hexdigest()
            capture = CaptureRecord(
                run_id, source_id, "https://m.example/1", CaptureRole.ITEM, NOW, 200, sha256, len(BODY), page
            )
            [capture_id] = add_captures(session, [capture])
            version = version_by_id(session, given.version(session, place=text, capture_id=capture_id))
            assert version is not None
            alert_id = given.alert(session).alert_id
            found = session.get_one(Alert, alert_id)
            found.listing_id = version.listing_id
    yield tmp_path


def warc(home: Path) -> Path:
    [path] = (home / "var" / "evidence").glob("*/*.warc.gz")
    return path


def test_whole_evidence_is_verified_and_exported(home: Path) -> None:
    """Both commands end with 0, and the export is private."""
    verified = answer(home, "evidence", "verify")
    exported = answer(home, "evidence", "export", "1", "--to", "proof")
    again = spillwatch(home, "evidence", "export", "1", "--to", "proof")

    assert verified == {
        "ok": True,
        "checked": {"capture": 1, "version": 1, "attachment": 0},
        "waiting": 0,
        "faults": [],
    }
    assert (exported["records"], exported["left_out"]) == (2, [])
    assert stat.S_IMODE((home / "proof").stat().st_mode) == 0o700
    names = sorted(path.name for path in (home / "proof").iterdir())
    assert names == ["SHA256SUMS", "evidence.warc.gz", "manifest.json"]
    assert (again.returncode, "File exists" in again.stderr) == (Exit.DATABASE, True)


def test_deleted_records_are_named_and_are_no_fault(home: Path) -> None:
    """What retention has deleted is in manifest and answer; `verify` and `doctor` have no fault."""
    with closing(Database.open(f"sqlite:///{home / 'x.db'}")) as database, database.transaction() as session:
        gone = EvidenceGone.EXPIRED
        assert len(clear_places(session, Capture, Capture.id == 1, gone)) == 1

    verified = answer(home, "evidence", "verify")
    doctor = answer(home, "doctor", "--only", "evidence")
    exported = answer(home, "evidence", "export", "1", "--to", "proof")

    deleted = [{"kind": "capture", "id": 1, "why": "expired"}]
    assert (verified["checked"]["capture"], verified["faults"], doctor["ok"]) == (0, [], True)
    assert (exported["records"], exported["left_out"], exported["deleted"]) == (1, [], deleted)
    assert json.loads((home / "proof" / "manifest.json").read_text())["deleted"] == deleted


def test_lost_evidence_is_named_by_each_command(home: Path) -> None:
    """`verify` lists the records, `doctor` the file, and `export` what it leaves out; each ends with 1."""
    warc(home).unlink()

    verified = answer(home, "evidence", "verify", code=Exit.NEGATIVE)
    doctor = answer(home, "doctor", "--only", "evidence", code=Exit.NEGATIVE)
    exported = answer(home, "evidence", "export", "1", code=Exit.NEGATIVE)
    table = spillwatch(home, "evidence", "verify")

    assert {fault["reason"] for fault in verified["faults"]} == {"evidence_missing"}
    assert [each["level"] for each in doctor["findings"]] == ["ok", "failed"]
    assert "does not exist" in doctor["findings"][1]["found"]
    assert (exported["records"], len(exported["left_out"])) == (0, 2)
    assert "2 are missing or damaged" in table.stdout


def test_an_altered_byte_is_found_by_doctor(home: Path) -> None:
    """The file has its length; the hash of one of the newest records differs."""
    content = bytearray(warc(home).read_bytes())
    content[-20] ^= 0xFF
    warc(home).write_bytes(content)

    doctor = answer(home, "doctor", "--only", "evidence", code=Exit.NEGATIVE)

    assert [each["level"] for each in doctor["findings"]] == ["ok", "failed"]


def test_an_alert_without_evidence_is_refused(home: Path) -> None:
    """No such alert, or one about Spillwatch itself."""
    ran = spillwatch(home, "evidence", "export", "99")

    assert (ran.returncode, "There is no alert 99" in ran.stderr) == (Exit.REFUSED, True)
