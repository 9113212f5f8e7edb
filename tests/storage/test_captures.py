"""storage.captures: one row per response, written before anything parses it."""

import pytest

from storage import captures
from storage.captures import CaptureConclusion, CaptureOutcome, CaptureRecord, CaptureRole
from storage.database.base import Database
from storage.errors import DatabaseConflict
from storage.evidence.warc import RecordPlace
from tests.storage import given
from tests.storage.given import NOW


def record(run_id: int, source_id: int, url: str, place: RecordPlace | None = None) -> CaptureRecord:
    return CaptureRecord(
        run_id=run_id,
        source_id=source_id,
        url=url,
        role=CaptureRole.ITEM,
        fetched_at=NOW,
        status=200,
        sha256="0" * 64,
        size=12,
        place=place,
        content_type="text/html",
    )


def test_ids_come_in_the_order_of_the_records(database: Database) -> None:
    """For a thousand captures in one call, each returned id belongs to its record and place."""
    place = RecordPlace("2026-03-14/run.warc.gz", 17, 40)
    urls = [f"https://market.example/{number}" for number in range(1000)]
    with database.transaction() as session:
        source_id = given.source(session)
        run_id, _ = given.running(session, source_id)
        ids = captures.add_captures(session, [record(run_id, source_id, url, place) for url in urls])

    with database.reading() as session:
        found = {capture.id: capture for capture in captures.captures_of_run(session, run_id)}
    assert [found[capture_id].url for capture_id in ids] == urls
    assert {(capture.place, capture.outcome) for capture in found.values()} == {
        (place, CaptureOutcome.PENDING)
    }


def test_nothing_to_add(database: Database) -> None:
    """An empty list writes nothing and returns no ids."""
    with database.transaction() as session:
        assert captures.add_captures(session, []) == []


def test_conclusions(database: Database) -> None:
    """Each capture gets its own outcome; without a new charset, the stored one stays."""
    with database.transaction() as session:
        source_id = given.source(session)
        run_id, _ = given.running(session, source_id)
        first, second, third = captures.add_captures(
            session, [record(run_id, source_id, str(number)) for number in range(3)]
        )
        captures.conclude_capture(session, first, outcome=CaptureOutcome.PARSED, charset="gb18030")
        captures.conclude_capture(session, first, outcome=CaptureOutcome.UNCHANGED)
        captures.conclude_captures(
            session,
            [
                CaptureConclusion(second, CaptureOutcome.FAILED, "page_too_large"),
                CaptureConclusion(third, CaptureOutcome.PARSED, None, "utf-8"),
            ],
        )

    with database.reading() as session:
        found = [(one.outcome, one.reason, one.charset) for one in captures.captures_of_run(session, run_id)]
    assert found == [
        (CaptureOutcome.UNCHANGED, None, "gb18030"),
        (CaptureOutcome.FAILED, "page_too_large", None),
        (CaptureOutcome.PARSED, None, "utf-8"),
    ]


def test_a_capture_belongs_to_a_run(database: Database) -> None:
    """A capture of a run that does not exist is refused, and so is its whole batch."""
    with pytest.raises(DatabaseConflict), database.transaction() as session:
        captures.add_captures(session, [record(99, given.source(session), "https://market.example/")])
