"""daemon.retention_lane: passes as work of the engine, and what is said about them."""

from datetime import datetime

from prometheus_client import REGISTRY
from sqlalchemy import select
from structlog.testing import capture_logs

from daemon.retention_lane import RetentionService
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.listing_tables import ListingVersion
from storage.retention.passes import FIRST_AFTER
from storage.settings import RetentionSettings
from tests.storage.given import NOW
from tests.storage.retention.archive import DAY, Archive


def test_a_pass_is_work_until_it_ends(sqlite_database: Database, evidence: EvidenceStore) -> None:
    """The engine's calls announce the first pass, and a week later carry out one and say what it did; then
    nothing is due until the next day. A call for a pass that has ended does nothing.
    """
    archive = Archive(sqlite_database, evidence)
    archive.begin()
    archive.visit(NOW - 900 * DAY, {"1": "alpha text"})
    archive.visit(NOW - 800 * DAY, {"1": "beta text"})
    now = NOW
    service = RetentionService(sqlite_database, evidence, RetentionSettings(), lambda: now)

    def work(at: datetime) -> int:
        """Call the handler as long as work is due; return the number of calls."""
        nonlocal now
        now, calls = at, 0
        while True:
            with sqlite_database.reading() as session:
                due = service.due(session, now=now, limit=1)
            if not due:
                return calls
            service.carry_on(due[0])
            calls += 1

    before = REGISTRY.get_sample_value("spillwatch_retention_passes_total", {"outcome": "deleted"}) or 0
    with capture_logs() as logs:
        announced = work(NOW)
        carried_out = work(NOW + FIRST_AFTER)
        service.carry_on(2)
        again = work(NOW + FIRST_AFTER + DAY / 2)
        next_day = work(NOW + FIRST_AFTER + DAY)

    assert (announced, carried_out >= 2, again, next_day >= 2) == (1, True, 0, True)
    assert [line["action"] for line in logs] == ["retention_announced", *["retention_finished"] * 2]
    assert (logs[1]["outcome"], logs[1]["listing_versions"], logs[2]["outcome"]) == (
        "deleted",
        1,
        "nothing_old",
    )
    assert (
        REGISTRY.get_sample_value("spillwatch_retention_passes_total", {"outcome": "deleted"}) == before + 1
    )
    with sqlite_database.reading() as session:
        assert session.scalars(select(ListingVersion.number)).all() == [2]
