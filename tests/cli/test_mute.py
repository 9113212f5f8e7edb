"""`spillwatch mute` with the installed command, on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database.base import Database
from tests.alerts.world import World
from tests.cli.command import answer, spillwatch


@pytest.fixture
def folder(tmp_path: Path, sqlite_database: Database) -> Path:
    """A folder whose configuration names the database of a world with one finding."""
    World(sqlite_database).add_finding()
    url = sqlite_database.engine.url.render_as_string(hide_password=False)
    (tmp_path / "spillwatch.toml").write_text(f'[storage]\ndatabase_url = "{url}"\n')
    return tmp_path


def test_a_mute_from_its_trial_to_its_end(folder: Path) -> None:
    conditions = (
        "qudian",
        "--until",
        "2d",
        "--reason",
        "a test of ours",
        "--source",
        "market",
        "--by",
        "anna",
    )
    tried = answer(folder, "mute", "add", *conditions, "--try")
    made = answer(folder, "mute", "add", *conditions)
    listed = answer(folder, "mute", "list")
    ended = answer(folder, "mute", "end", "1", "--by", "bob")
    again = answer(folder, "mute", "end", "1", code=1)
    past = answer(folder, "mute", "list", "--ended")

    assert (tried["messages"], tried["whole"]) == (0, True)  # nobody was told: there is no channel
    assert [each["id"] for each in listed] == [made["id"]] == [1]
    assert (made["source"], made["max_severity"], made["by"]) == ("market", "high", "anna")
    assert (ended["ended"], again["ended"], past[0]["ended_by"]) == (True, False, "bob")


@pytest.mark.parametrize(
    "arguments",
    [("qudian", "--until", "2020-01-01"), ("qudian", "--until", "soon"), ("nobody", "--until", "2d")],
)
def test_a_mute_that_cannot_be(folder: Path, arguments: tuple[str, ...]) -> None:
    assert spillwatch(folder, "mute", "add", *arguments, "--reason", "x").returncode != 0
