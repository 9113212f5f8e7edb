"""The daemon's path for canaries: from a listing's text to rows that alerts judge, also by a rematch."""

from pathlib import Path

import pytest

from alerts.message import message_of
from alerts.render import plain_text
from alerts.service import AlertService
from alerts.settings import AlertsSettings
from matching.enrolment.segment_intake import base_record
from matching.fingerprints.segments import open_segment
from storage import alerts as alert_rows
from storage import canary_matches, companies
from storage.alerts import Severity
from storage.canary_matches import CanaryMatch
from storage.work import WorkKind
from tests.matching.canaries.planted import KEY, invented, planted_segment, row_of
from tests.matching.customers import customers
from tests.matching.test_service import Archive
from tests.matching.test_service import archive as archive

CANARIES = invented()
ROWS = customers(40)


def add_canaries(archive: Archive) -> int:
    """Import the segment of the company's canaries; return its number."""
    folder = archive.settings.segments_dir
    folder.mkdir(exist_ok=True)
    made = planted_segment(archive.folder, CANARIES, key=KEY, slug="quillmere").segment.path
    segment = open_segment(made.rename(folder / made.name))
    with archive.database.transaction() as session:
        company = companies.company_by_slug(session, "quillmere")
        assert company is not None
        record = base_record(segment, segment.path.name, company.id)
        return companies.add_segment(session, record, archive.clock())


def stored(archive: Archive, version_id: int) -> list[CanaryMatch]:
    with archive.database.reading() as session:
        listing_id = archive.version(version_id).listing_id
        return list(canary_matches.canaries_of_listing(session, listing_id, limit=100))


def test_a_canary_in_a_listing_becomes_rows_and_work_for_the_alerts(archive: Archive) -> None:
    """Without any mention, and it is no customer; the rows have set, days, fields and place, and no value."""
    archive.add_segment()
    segment_id = add_canaries(archive)
    version_id = archive.store(body=f"rows\n{row_of(CANARIES[7])}", attachment=",".join(ROWS[0]))

    archive.service.match_version(version_id)

    (summary,) = archive.summaries(version_id)
    (found,) = stored(archive, version_id)
    assert (summary.canaries, summary.canary_sets, summary.customers) == (1, ["crm--acme"], 1)
    assert (found.segment_id, found.label, found.ordinal, found.place) == (
        segment_id,
        "crm--acme",
        8,
        "body:2",
    )
    assert (found.evidence, found.fields) == ("certain", ["email", "phone", "resident_id"])
    assert {match.segment_id for match in archive.matches(version_id)} != {segment_id}
    assert archive.dispatcher.row_ids(WorkKind.EVALUATE) == [summary.id]


def test_the_alert_of_a_canary_names_its_place_and_wakes_somebody(archive: Archive) -> None:
    """From the published text to the message: critical, with system, partner, days, number and place."""
    add_canaries(archive)
    version_id = archive.store(title="fresh base 2026", body=f"sample\n{row_of(CANARIES[7])}")
    archive.service.match_version(version_id)
    severity, text = told(archive)

    assert severity is Severity.CRITICAL
    for expected in ("crm", "partner acme", "2026-04-01", "2026-09-01", "number 8", "body:2"):
        assert expected in text
    assert str(CANARIES[7].email) not in text


def told(archive: Archive) -> tuple[Severity, str]:
    """Judge what is due, and return the severity and the text of the only alert."""
    judging = AlertService(
        database=archive.database,
        settings=AlertsSettings(),
        dispatcher=archive.dispatcher,
        clock=archive.clock,
    )
    for summary_id in archive.dispatcher.row_ids(WorkKind.EVALUATE):
        judging.evaluate(summary_id)
    with archive.database.reading() as session:
        [alert] = alert_rows.recent_alerts(session)
        revision = alert_rows.last_revision(session, alert)
        return revision.severity, plain_text(message_of(alert, revision, installation="test"))


def test_canaries_that_are_enrolled_later_are_found_in_the_archive(archive: Archive) -> None:
    """A rematch of fingerprints finds them; one of terms leaves them as they are."""
    version_id = archive.store(body=f"qudian\n{CANARIES[0].email}")
    archive.service.match_version(version_id)
    before = stored(archive, version_id)
    add_canaries(archive)
    archive.rematch_all()
    after = stored(archive, version_id)
    archive.declare("another term")
    archive.rematch_all()

    assert (before, [one.label for one in after]) == ([], ["crm"])
    assert [one.label for one in stored(archive, version_id)] == ["crm"]
    assert [summary.canaries for summary in archive.summaries(version_id)] == [1]


def test_a_number_of_a_canary_alone_wakes_nobody(archive: Archive) -> None:
    """It is kept as what it is, and is no hit of a customer."""
    add_canaries(archive)
    version_id = archive.store(body=f"call {CANARIES[0].phone}")

    archive.service.match_version(version_id)

    (summary,) = archive.summaries(version_id)
    assert (summary.canaries, summary.canary_singles, summary.hits, summary.customers) == (0, 1, {}, 0)


@pytest.mark.parametrize("value", ["email", "resident_id"])
def test_no_value_of_a_canary_is_in_the_database(archive: Archive, tmp_path: Path, value: str) -> None:
    """The register never leaves the premises."""
    add_canaries(archive)
    version_id = archive.store(body=row_of(CANARIES[0]))
    archive.service.match_version(version_id)

    with archive.database.reading() as session:
        tables = ("canary_matches", "match_summaries", "segments", "matches")
        rows = [session.connection().exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables]
    assert str(getattr(CANARIES[0], value)) not in str(rows)
