"""A stored listing, or the listing of an alert, is investigated with its evidence, on both databases."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from matching.investigation.stored_subject import open_listing
from matching.investigation.subject import OpenSubject, SubjectKind
from storage import captures, sources
from storage.alerts import Alert, AlertKind, Severity, TriageState
from storage.captures import CaptureRecord, CaptureRole, EvidenceGone
from storage.listing_tables import ListingVersion
from tests.matching.test_service import Archive
from tests.matching.test_service import archive as archive
from tests.storage import given

PAGE = b"<h1>data</h1>"
BODY = "出售 趣店 客户 13800138000"


def opened(archive: Archive, version_id: int, *, alert: Alert | None = None) -> OpenSubject:
    with archive.database.reading() as session:
        listing_id = archive.version(version_id).listing_id
        found = open_listing(session, archive.evidence, listing_id, alert=alert)
    assert found is not None
    return found


def test_texts_come_from_the_evidence_with_digests(archive: Archive) -> None:
    """Unmasked for the comparison; what is shown of them is masked, and the digest is that of the text."""
    version_id = archive.store(body=BODY, attachment="a,b\n1,2")

    found = opened(archive, version_id)

    texts = dict(found.texts)
    assert texts["body"].decode() == BODY
    assert [name for name in texts if name.startswith("attachment")]
    by_name = {one.name: one.sha256 for one in found.subject.parts}
    assert by_name["body"] == hashlib.sha256(BODY.encode()).hexdigest()
    assert found.subject.kind is SubjectKind.LISTING
    assert "13800138000" not in str(found.subject.as_dict())
    assert found.subject.listing is not None
    assert found.subject.listing.source == "market"
    assert found.subject.listing.unread == ()


def captured(archive: Archive, sha256: str) -> int:
    """Store a response whose row says that its body has this digest; return the capture's id."""
    url, at = "https://market.example/page", archive.clock()
    with archive.evidence.writer("page", now=at) as writer:
        place = writer.response(url=url, status=200, headers=[], body=PAGE, fetched_at=at)
        writer.sync()
    with archive.database.transaction() as session:
        source = sources.source_by_name(session, "market")
        assert source is not None
        run_id, _ = given.running(session, source.id)
        page = CaptureRecord(run_id, source.id, url, CaptureRole.ITEM, at, 200, sha256, len(PAGE), place)
        (number,) = captures.add_captures(session, [page])
    return number


@pytest.mark.parametrize(
    ("sha256", "fault"),
    [(hashlib.sha256(PAGE).hexdigest(), None), ("0" * 64, "evidence_damaged")],
    ids=["as stored", "other bytes"],
)
def test_captures_are_read_again(archive: Archive, sha256: str, fault: str | None) -> None:
    """The stored bytes have the digest of the report today, or the report says that they have not."""
    version_id = archive.store(body=BODY, capture_id=captured(archive, sha256))

    found = opened(archive, version_id).subject

    assert found.listing is not None
    (capture,) = found.listing.captures
    assert (capture.sha256, capture.fault, capture.gone) == (sha256, fault, None)


def test_a_text_that_is_gone_is_said_and_not_replaced(archive: Archive) -> None:
    """The masked text of the database would only show that nothing can be found in it."""
    version_id = archive.store(body=BODY)
    with archive.database.transaction() as session:
        version = session.get(ListingVersion, version_id)
        assert version is not None
        version.evidence_gone = EvidenceGone.EXPIRED

    found = opened(archive, version_id)

    assert found.texts == ()
    assert found.subject.listing is not None
    assert found.subject.listing.unread == ("evidence_expired",)


def test_an_alert_has_its_times(archive: Archive) -> None:
    """When the alert was opened and acknowledged is what a regulator asks first."""
    version_id = archive.store(body=BODY)
    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    alert = Alert(
        id=7,
        kind=AlertKind.FINDING,
        dedupe_key="k",
        company_id=None,
        severity=Severity.HIGH,
        score=80,
        title="t",
        state=TriageState.ACKNOWLEDGED,
        opened_at=at,
        updated_at=at,
        acknowledged_at=at,
        revision=2,
        listing_gone=False,
    )

    found = opened(archive, version_id, alert=alert).subject

    assert found.kind is SubjectKind.ALERT
    assert found.alert is not None
    assert (found.alert.id, found.alert.severity, found.alert.messages) == (7, "high", 2)
    assert found.alert.acknowledged_at == at


def test_a_listing_that_does_not_exist_is_none(archive: Archive) -> None:
    """The command says how to find the numbers that exist."""
    with archive.database.reading() as session:
        assert open_listing(session, archive.evidence, 99) is None


def test_sources_can_be_read_again(archive: Archive) -> None:
    """The sweep reads them, then the rows, then the tables."""
    found = opened(archive, archive.store(body=BODY))

    first, second = ([name for name, _ in found.sources()] for _ in range(2))

    assert first == second
