"""storage.disk_space: how much is free, how fast it fills, and when there is no room for new work."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from storage.database.base import Database
from storage.disk_space import (
    MIB,
    DailyGrowth,
    DataPlace,
    DiskFloor,
    daily_growth,
    data_places,
    forecasts,
)
from storage.evidence.warc import EvidenceStore
from storage.settings import StorageSettings
from tests.peers.small_disk import small_disk
from tests.storage.given import NOW
from tests.storage.retention.archive import DAY, Archive


def test_the_growth_is_what_the_rows_say(database: Database, evidence: EvidenceStore) -> None:
    """Evidence per day is that of the files; the database's is estimated; without rows, nothing is said."""
    archive = Archive(database, evidence)
    archive.begin()
    with database.reading() as session:
        assert daily_growth(session, now=NOW) is None
    archive.visit(NOW - timedelta(hours=1), {"x": "too short a time"})
    with database.reading() as session:
        assert daily_growth(session, now=NOW) is None
    archive.visit(NOW - 300 * DAY, {"old": "long ago"})
    for day in range(10):
        archive.visit(NOW - day * DAY - timedelta(hours=2), {str(day): f"text {day} " * 200})

    with database.reading() as session:
        growth = daily_growth(session, now=NOW)

    new = [path for path in evidence.folder.glob("2*/*") if path.parent.name > "2026-01"]
    size = sum(path.stat().st_size for path in new)
    assert growth and growth.freed == 0
    assert 0.7 * size / 9.1 < growth.evidence < 1.05 * size / 9.1
    assert 2 * 1400 * 2 < growth.database < 20_000


def test_places_of_one_file_system_are_one_disk(tmp_path: Path) -> None:
    """Their growth adds up; what retention frees is taken off the evidence."""
    storage = StorageSettings(
        database_url=SecretStr(f"sqlite:///{tmp_path}/x/y.db"), evidence_dir=tmp_path / "e" / "not" / "yet"
    )
    growth = DailyGrowth(evidence=50 * MIB, database=20 * MIB, freed=30 * MIB)

    [disk] = forecasts(data_places(storage), 100 * MIB, growth, now=NOW)
    [calm] = forecasts(data_places(storage), 0, DailyGrowth(5, 0, 9), now=NOW)
    [unknown] = forecasts(data_places(storage), 0, None, now=NOW)

    assert (disk.what, disk.path, disk.growth) == (("evidence", "database"), tmp_path, 40 * MIB)
    assert disk.floor_at and disk.floor_at - NOW == timedelta(days=(disk.free - 100 * MIB) / (40 * MIB))
    assert (calm.floor_at, unknown.growth, unknown.floor_at) == (None, None, None)
    server = StorageSettings(database_url=SecretStr("postgresql://u:p@db.lender.example/x"))
    assert [place.what for place in data_places(server)] == ["evidence"]


@pytest.mark.needs("mount")
def test_the_floor_holds_new_work_back_until_there_is_room(tmp_path: Path) -> None:
    """Below it, the disk is named; a little above it, still; a tenth above it there is room. 0: no floor."""
    now = 0.0
    with small_disk(tmp_path / "disk", size_kb=20 * 1024) as disk:
        place = DataPlace("evidence", disk / "evidence")
        floor = DiskFloor((place,), 10 * MIB, clock=lambda: now)
        found = []
        for used_mb in (5, 11, 9.5, 8, 9.5):
            (disk / "filler").write_bytes(bytes(int(used_mb * MIB)))
            now += 3
            found.append(floor.problem() is None)
        (disk / "filler").write_bytes(bytes(15 * MIB))
        now += 1
        cached = floor.problem() is None
        now += 2
        short = floor.problem()

    assert found == [True, False, False, True, True]
    assert cached
    assert short and "disk_floor_mb is 10" in short and "evidence" in short
    assert DiskFloor((place,), 0).problem() is None
