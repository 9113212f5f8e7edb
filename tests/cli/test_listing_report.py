"""`spillwatch listings show` tells of canaries and of masked rows, also where nobody was compared."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from storage.canary_matches import CanaryEvidence, CanaryRecord
from storage.database import schema
from storage.database.base import Database
from storage.sample_verdicts import SampleRecord, VerdictRecord
from tests.alerts.world import World
from tests.matching.invoked import invoke

VERDICT = VerdictRecord("partly_ours", 20, 19, 18, 0.31, 0.5, 0.68, "the rows were not picked by one region")


def test_a_listing_shows_its_canaries_and_its_masked_rows(tmp_path: Path) -> None:
    """Sets with days and places; rows that were read and that were not; the answer with its interval."""
    (tmp_path / "spillwatch.toml").write_text('[storage]\ndatabase_url = "sqlite:///spillwatch.db"\n')
    database = Database.open(f"sqlite:///{tmp_path}/spillwatch.db")
    schema.upgrade_schema(database)
    world = World(database)
    found = CanaryRecord(
        world.enrol(customers=1, purpose="canaries"),
        CanaryEvidence.CERTAIN,
        "crm--acme",
        date(2026, 3, 1),
        date(2026, 9, 1),
        7,
        ("email", "phone"),
        1,
        "body:3",
    )
    world.match(world.crawl(), canary_records=[found], verdict=VERDICT, sample=SampleRecord(20, 2, cut=True))
    world.match(world.crawl("other", text="other", title="other"), sample=SampleRecord(3, 0))
    database.close()

    first, second = (invoke(tmp_path, "listings", "show", number).output for number in ("1", "2"))

    for expected in (
        "CANARIES",
        "crm--acme",
        "2026-03-01",
        "2026-09-01",
        "certain",
        "email, phone",
        "body:3",
    ):
        assert expected in first
    for expected in ("20 rows were read, 2 could not be; there were more", "partly_ours", "31% to 68%"):
        assert expected in first
    assert "CANARIES" not in second
    assert "compared with no company" in second
