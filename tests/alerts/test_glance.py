"""alerts.glance: what a list shows of a finding; and that the migration filled the same into older rows."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import select

from storage.alerts import Alert, AlertRevision, priority_of
from storage.database.base import Database
from storage.sample_verdicts import SampleRecord, VerdictRecord
from storage.sources import SourceHealth
from tests.alerts.world import World

MIGRATION = import_module("storage.migrations.versions.0017_finding_list")


@pytest.fixture
def world(sqlite_url: str) -> World:
    return World(Database.open(sqlite_url))


def glanced(world: World) -> list[tuple[str | None, dict[str, Any]]]:
    """Return verdict and figures of all alerts; they are what the migration would fill in, too."""
    with world.database.reading() as session:
        rows = session.execute(
            select(Alert, AlertRevision)
            .join(AlertRevision, AlertRevision.alert_id == Alert.id)
            .where(AlertRevision.number == Alert.revision)
            .order_by(Alert.id)
        ).all()
    for alert, revision in rows:
        assert MIGRATION._glance(revision.content, revision.signals) == (alert.verdict, alert.glance)
        assert priority_of(alert.severity, alert.score) == alert.priority
    return [(alert.verdict, alert.glance) for alert, _ in rows]


def test_the_strongest_answer(world: World) -> None:
    """Rows that agree come first, then an answer for masked rows, then single hits, and last a bare name."""
    ours = VerdictRecord("ours", 20, 19, 18, 0.85, 0.97, 1.0, "rows_independent")
    sample = SampleRecord(20, 0)
    found: list[dict[str, Any]] = [
        {},
        {"single_hits": 4},
        {"single_hits": 4, "sample": sample, "verdict": VerdictRecord("no_masks", 9)},
        {"single_hits": 4, "sample": sample, "verdict": ours},
        {"coherent_rows": 12, "customers": 9, "single_hits": 4, "sample": sample, "verdict": ours},
        {"known_rows": {"old leak": 40}},
    ]
    for number, each in enumerate(found):
        world.judging.evaluate(world.match(world.crawl(f"{number}", text=f"t{number}"), **each))

    share = {"low": 0.85, "middle": 0.97, "high": 1.0}
    assert glanced(world) == [
        ("not_enrolled", {"claimed": 1_000_000}),
        ("single_hits", {"claimed": 1_000_000}),
        ("single_hits", {"claimed": 1_000_000}),
        ("ours", {"claimed": 1_000_000, **share}),
        ("rows_agree", {"claimed": 1_000_000, "rows": 12, "customers": 9, **share}),
        ("not_enrolled", {"claimed": 1_000_000, "old": True}),
    ]


def test_the_last_revision_counts(world: World) -> None:
    """What a later revision says replaces it: customers were enrolled, the listing is gone."""
    world.add_finding()
    world.enrol(customers=100)
    world.judging.evaluate(world.match(world.crawl(text="more", claimed_records=5_000_000), single_hits=1))
    world.remove_listing()

    assert glanced(world) == [("single_hits", {"claimed": 5_000_000, "gone": True})]


def test_other_alerts_have_none(world: World) -> None:
    """An alert about a source has no verdict."""
    world.change_health(SourceHealth.REFUSED)

    assert glanced(world) == [(None, {})]
