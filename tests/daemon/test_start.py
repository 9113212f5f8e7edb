"""What commands that only read the database do not import or read."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from cli.exits import Exit
from storage.database import schema
from storage.database.base import Database
from tests.cli.command import TIMEOUT_S, answer, environment

# Importing one of these takes half a second or more. A script may call such a command every minute.
SLOW_IMPORTS = {
    "alembic",
    "numpy",
    "scrapy",
    "lxml",
    "httpx",
    "jinja2",
    "phonenumbers",
    "cryptography",
    "daachorse",
}
#: Needed by no command that only says what there is.
FOR_A_COMMAND = {"sqlalchemy", "pydantic", "structlog", "twisted", "warcio"}
#: Needed for sources and for a rare checksum, but not for a match.
NOT_FOR_MATCH = {
    *("alembic", "scrapy", "lxml", "httpx", "jinja2", "feedparser", "jsonpath", "re2", "apscheduler"),
    *("crawler.sources", "alerts.sender", "Crypto", "psycopg"),
}
PROGRAM = """
import sys
from cli.main import main
try:
    main()
except SystemExit as end:
    assert end.code in {None, 0, 1, 2}, end.code  # 1: a match that found nothing; 2: no command
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
    ("command", "unwanted"),
    [
        ("runs", SLOW_IMPORTS),
        ("listings", SLOW_IMPORTS),
        ("alerts list", SLOW_IMPORTS),
        ("--version", {*SLOW_IMPORTS, *FOR_A_COMMAND}),
        ("--help", {*SLOW_IMPORTS, *FOR_A_COMMAND}),
        ("", {*SLOW_IMPORTS, *FOR_A_COMMAND}),
        ("db revision", SLOW_IMPORTS),
        ("rematch", SLOW_IMPORTS),
        ("evidence verify", SLOW_IMPORTS),
        ("doctor --only database", SLOW_IMPORTS),
        ("match dump.txt", NOT_FOR_MATCH),
    ],
)
def test_reading_commands_import_nothing_slow(home: Path, command: str, unwanted: set[str]) -> None:
    """Libraries for crawling, matching, sending or migrating are imported only by commands that need them."""
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
    assert unwanted.intersection(imported) == set()


def test_help_costs_little_time() -> None:
    """Less than 0.4 s of CPU, measured against a bare interpreter: the machine may be busy with others."""
    bare = cpu_seconds("-c", "import argparse, json, logging, asyncio")
    helping = min(cpu_seconds("-m", "cli.main", "--help") for _ in range(3))

    assert helping < 0.4 or helping < 8 * bare


def cpu_seconds(*arguments: str) -> float:
    """Return the CPU time of a Python program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], env=environment(), capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_broken_source_keeps_nobody_from_what_is_stored(home: Path) -> None:
    """A mistake in a source's file affects neither `listings` nor `match`."""
    (home / "sources").mkdir()
    (home / "sources" / "market.toml").write_text("kind = ")

    assert answer(home, "listings") == []
    assert answer(home, "match", "dump.txt", code=Exit.NEGATIVE)["rows"] == 1
