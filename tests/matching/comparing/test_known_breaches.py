"""People of a known breach are no customers: their rows say that the data may be old."""

from datetime import UTC, datetime

import pytest

from matching.comparing.findings import Findings
from matching.comparing.results import results_of
from matching.comparing.stored_findings import agreement_arrays, findings_as_json, findings_from_json
from matching.enrolment.enrol import enroll
from matching.fingerprints.segments import HeaderParts, SegmentPurpose, open_segment
from matching.watch import Watch, WatchedSegment, watch_of
from tests.matching.comparing.test_findings import KEY, matched, segment
from tests.matching.customers import as_csv, customers

ROWS = customers(300)
KNOWN = HeaderParts(purpose=SegmentPurpose.KNOWN_BREACH, label="forum-2019")


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """Customers 1 to 200; the breach of 2019 had 101 to 300."""
    folder = tmp_path_factory.mktemp("lists")
    (folder / "known.csv").write_text(as_csv(ROWS[100:]))
    enroll(
        folder / "known.csv",
        folder / "known.segment",
        company="company1",
        key=KEY,
        default_region="CN",
        now=datetime(2026, 3, 1, tzinfo=UTC),
        parts=KNOWN,
        masks=False,
    )
    known = WatchedSegment(70, 1, open_segment(folder / "known.segment"), "CN", KEY)
    return watch_of([], [segment(folder, ROWS[:200]), known])


def counted(findings: Findings) -> tuple[int, int, dict[str, int], dict[str, int]]:
    [result] = results_of(findings)
    return result.coherent_rows, result.customers, result.known_rows, result.recycled_rows


def test_rows_of_a_known_breach_are_counted_apart(watch: Watch) -> None:
    """Of 100 rows of customers 30 were in the breach; 50 rows are of the breach alone."""
    rows = [*ROWS[30:130], *ROWS[200:250]]
    findings = matched(watch, "\n".join(",".join(row) for row in rows))
    stored = findings_from_json(
        findings_as_json(findings), dict(agreement_arrays(findings)), watch, findings.limit
    )

    assert counted(findings) == (100, 100, {"forum-2019": 80}, {"forum-2019": 30})
    assert counted(stored) == counted(findings)
    assert {hit.segment.id for hit in findings.companies[1].hits} == {11}


def test_one_value_of_somebody_in_a_known_breach_is_nothing(watch: Watch) -> None:
    """Single hits are chance, or another leak of the same person."""
    findings = matched(watch, "\n".join(row.phone for row in ROWS[200:]))

    assert [result for result in results_of(findings) if result.known_rows] == []
    assert not any(found.hit_fields for found in findings.companies.values())
