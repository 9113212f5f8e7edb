"""The files that sweeps keep on disk, and when they are removed."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from matching.checkpoint import remove_abandoned
from tests.cli.command import spillwatch

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = (f"{'0a' * 16}.sweep", f"{'0b' * 16}.part", f"{'0c' * 16}.sweep", "notes.sweep", f"{'0d' * 16}.txt")
AGES_DAYS = (15, 15, 13, 99, 99)


def kept(folder: Path, now: datetime) -> set[str]:
    """Create files of those ages, and a link to a file that is not ours; return all names."""
    folder.mkdir(parents=True)
    for name, days in zip(NAMES, AGES_DAYS, strict=True):
        (folder / name).write_text("kept")
        moment = (now - timedelta(days=days)).timestamp()
        os.utime(folder / name, (moment, moment))
    (folder / f"{'0e' * 16}.sweep").symlink_to(folder / "notes.sweep")
    return {*NAMES, f"{'0e' * 16}.sweep"}


def test_abandoned_sweeps_are_removed(tmp_path: Path) -> None:
    """Old sweeps and drafts are removed; younger ones, and files that no sweep has written, stay."""
    before = kept(tmp_path / "sweeps", NOW)

    removed = remove_abandoned(tmp_path / "sweeps", before=NOW - timedelta(days=14))

    assert removed == 2
    assert {path.name for path in (tmp_path / "sweeps").iterdir()} == before - set(NAMES[:2])


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """Before the first match the folder does not exist."""
    assert remove_abandoned(tmp_path / "none", before=NOW) == 0


def test_match_removes_abandoned_sweeps(tmp_path: Path, sqlite_template: Path) -> None:
    """`match` removes those older than the setting, and leaves nothing of its own when it has ended."""
    (tmp_path / "spillwatch.toml").write_text("[matching]\nsweep_keep_days = 13.5\n")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "spillwatch.db").write_bytes(sqlite_template.read_bytes())
    (tmp_path / "rows.txt").write_text("nothing\n" * 200_000)
    before = kept(tmp_path / "var" / "sweeps", datetime.now(UTC))

    ran = spillwatch(tmp_path, "match", "rows.txt", extra={"SPILLWATCH_MATCHING__SWEEP_SAVE_S": "0"})

    assert ran.returncode == 1, ran.stderr
    assert {path.name for path in (tmp_path / "var" / "sweeps").iterdir()} == before - set(NAMES[:2])
