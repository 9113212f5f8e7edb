"""How the command starts: what a look at the database neither imports nor reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.exits import Exit
from storage.database import schema
from storage.database.base import Database
from tests.cli.command import TIMEOUT_S, answer, environment

# Half a second and more each, in every command of every script that asks every minute.
DEAR = {"alembic", "numpy", "scrapy", "lxml", "httpx", "jinja2", "phonenumbers", "cryptography", "daachorse"}
#: What a source may say, and a checksum that is rarely asked for: nothing for a match.
NO_MATCH = {
    *("alembic", "scrapy", "lxml", "httpx", "jinja2", "feedparser", "jsonpath", "re2", "apscheduler"),
    *("crawler.sources", "alerts.sender", "Crypto", "psycopg"),
}
PROGRAM = """
import sys
from cli.main import main
try:
    main()
except SystemExit as end:
    assert end.code in {None, 0, 1}, end.code  # 1: a match that found nothing
print("imported", *sys.modules, file=sys.stderr)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with an empty configuration and a database."""
    (tmp_path / "spillwatch.toml").write_text('[storage]\ndatabase_url = "sqlite:///spillwatch.db"\n')
    database = Database.open(f"sqlite:///{tmp_path / 'spillwatch.db'}")
    schema.upgrade_schema(database)
    database.close()
    (tmp_path / "dump.txt").write_text("nothing\n")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "dear"),
    [
        ("runs", DEAR),
        ("listings", DEAR),
        ("alerts list", DEAR),
        ("--version", {*DEAR, "sqlalchemy"}),
        ("match dump.txt", NO_MATCH),
    ],
)
def test_a_look_imports_nothing_dear(home: Path, command: str, dear: set[str]) -> None:
    """What crawls, matches, sends or migrates is imported by the commands that do."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command.split()],
        cwd=home,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    imported = ran.stderr.partition("imported ")[2].split()
    assert "cli.main" in imported, ran.stderr
    assert dear.intersection(imported) == set()


def test_a_broken_source_keeps_nobody_from_what_is_stored(home: Path) -> None:
    """One person's mistake in a source's file takes neither the listings nor a match away from another."""
    (home / "sources").mkdir()
    (home / "sources" / "market.toml").write_text("kind = ")

    assert answer(home, "listings") == []
    assert answer(home, "match", "dump.txt", code=Exit.NEGATIVE)["rows"] == 1
