"""kill -9 at random moments of the demo's cycle, then a restart: nothing is lost or duplicated."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from demo import database_snapshot
from demo.demo_stage import Stage
from demo.expectations import count_problems, delivery_problems, missing_alerts, unexpected_alerts
from demo.story import EXPECTED
from storage.alerts import AlertKind
from storage.captures import Capture
from storage.evidence.warc import EvidenceStore
from storage.listing_tables import ListingVersion
from tests.journeys.killer import Killer, is_daemon, is_run

SEED = 20261122


@pytest.mark.timeout(900)
def test_fifty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """After 50 kills of daemon or runs at random moments, each listing exists once and each alert arrived."""
    survive(tmp_path, kills=50, database_url=None)


@pytest.mark.timeout(600)
def test_the_same_holds_on_postgresql(tmp_path: Path, empty_postgres_url: str) -> None:
    """The same holds for PostgreSQL, where a kill can leave a transaction open."""
    survive(tmp_path, kills=5, database_url=empty_postgres_url)


def survive(folder: Path, *, kills: int, database_url: str | None) -> None:
    with Stage(folder / "demo", every="1s", database_url=database_url) as stage:
        killer = Killer(stage, kills=kills, seed=SEED)
        killer.play()

        told = database_snapshot.read_alerts(stage.database)
        assert len(killer.done) == kills
        assert all(kill.runs or kill.rows for kill in killer.done)
        assert count_problems(database_snapshot.read_snapshot(stage.database).counts) == []
        assert list(missing_alerts(EXPECTED, told)) == []
        assert list(delivery_problems(told, stage.receipts)) == []
        # A source whose runs are killed causes an alert too. There must be no other alerts about findings.
        assert (
            list(unexpected_alerts(EXPECTED, [alert for alert in told if alert.kind is not AlertKind.SOURCE]))
            == []
        )
        assert_evidence_is_whole(stage)
        assert [pid for pid in killer.pids if is_run(pid) or is_daemon(pid)] == []


def assert_evidence_is_whole(stage: Stage) -> None:
    """Assert that the evidence contains the bytes of every row, undamaged."""
    store = EvidenceStore(stage.workspace.folder / "var" / "evidence")
    with stage.database.reading() as session:
        for version in session.scalars(select(ListingVersion)):
            assert version.place is not None
            assert store.read_text(version.place).parts["title"]
        for capture in session.scalars(select(Capture)):
            assert capture.place is not None
            store.read_response(capture.place, capture.sha256)
