"""`spillwatch erase` and `hold`: what is refused, what is asked, and what is left to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.exits import Exit
from storage.database import schema
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from tests.cli.command import answer, spillwatch
from tests.storage import given
from tests.storage.given import NOW
from tests.storage.retention.archive import Archive

REASON = ("--reason", "Art. 17")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A configuration, an archive of two listings, and a company whose file is still there."""
    (tmp_path / "spillwatch.toml").write_text('[storage]\ndatabase_url = "sqlite:///x.db"\n')
    (tmp_path / "companies").mkdir()
    (tmp_path / "companies" / "lender.toml").write_text(
        'name = "Lender"\n[[terms]]\ntext = "lender"\nkind = "name"\nowner = "us"\nreason = "our name"\n'
    )
    with closing(Database.open(f"sqlite:///{tmp_path / 'x.db'}")) as database:
        schema.upgrade_schema(database)
        archive = Archive(database, EvidenceStore(tmp_path / "var" / "evidence"))
        archive.begin()
        archive.visit(NOW, {"1": "alpha text", "2": "other text"})
        with database.transaction() as session:
            given.company(session)
    yield tmp_path


def test_a_hold_refuses_an_erasure_until_it_is_released(home: Path) -> None:
    """The message names the case. A second case holds on; the entries say who did what."""
    for case in ("2026-17", "2026-18"):
        answer(home, "hold", "add", case, "--listing", "1", "--reason", "order", "--by", "anna")
    again = answer(home, "hold", "add", "2026-17", "--listing", "1", "--reason", "order")
    refused = spillwatch(home, "erase", "listing", "1", *REASON, "--yes")
    first = answer(home, "hold", "release", "1", "--reason", "closed")
    still = spillwatch(home, "erase", "listing", "1", *REASON, "--yes")
    answer(home, "hold", "release", "2", "--reason", "closed")
    erased = answer(home, "erase", "listing", "1", *REASON, "--yes")

    assert again["added"] is False
    assert (refused.returncode, "2026-17, 2026-18" in refused.stderr) == (Exit.REFUSED, True)
    assert (first["released"], first["still_held_by"]) == (True, ["2026-18"])
    assert (still.returncode, "2026-18" in still.stderr) == (Exit.REFUSED, True)
    assert (erased["subject"], erased["left"], erased["counts"]["listings"]) == ("listing 1", [], 1)
    assert [hold["case"] for hold in answer(home, "hold", "list")] == []
    assert len(answer(home, "hold", "list", "--released")) == 2
    entries = answer(home, "retention", "--history")["entries"]
    assert [(each["action"], each["case"], each["by"]) for each in reversed(entries)][:2] == [
        ("held", "2026-17", "anna"),
        ("held", "2026-18", "anna"),
    ]
    assert entries[0]["action"] == "erased"


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("erase", "listing", "99", *REASON, "--yes"), Exit.REFUSED, "no listing 99"),
        (("erase", "company", "lender", *REASON, "--yes"), Exit.REFUSED, "companies/lender.toml"),
        (("erase", "company", "nobody", *REASON, "--yes"), Exit.REFUSED, "known: lender"),
        (("erase", "listing", "1", *REASON, "--json"), Exit.USAGE, "--yes"),
        (("erase", "listing", "1", "--yes"), Exit.USAGE, "--reason"),
        (("erase", "listing", "1", *REASON), Exit.NEGATIVE, ""),  # nobody says yes
        (("hold", "add", "x", "--reason", "y"), Exit.USAGE, "one of"),
        (("hold", "add", "x", "--reason", "y", "--alert", "7"), Exit.REFUSED, "no alert 7"),
        (("hold", "add", "x", "--reason", "y", "--company", "z"), Exit.REFUSED, "known: lender"),
        (("hold", "release", "7", "--reason", "y"), Exit.REFUSED, "no hold 7"),
    ],
)
def test_what_is_refused_changes_nothing(
    home: Path, arguments: tuple[str, ...], code: Exit, part: str
) -> None:
    """The message says what was found and what to do."""
    ran = spillwatch(home, *arguments)

    assert (ran.returncode, part in " ".join(ran.stderr.split())) == (code, True), ran.stderr
    assert answer(home, "retention", "--history")["entries"] == []


def test_what_cannot_be_cleaned_is_said_and_finished_later(home: Path) -> None:
    """A reader keeps SQLite's log, so the command ends with 1; `erase finish` does the rest."""
    (home / "companies" / "lender.toml").unlink()
    with (home / "spillwatch.toml").open("a") as file:
        file.write("busy_timeout_s = 1\n")
    with closing(sqlite3.connect(home / "x.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM listings").fetchone()
        busy = answer(home, "erase", "company", "lender", *REASON, "--yes", code=Exit.NEGATIVE)
    done = answer(home, "erase", "finish")

    assert ("erase finish" in busy["left"][0], busy["subject"]) == (True, "company lender")
    assert done["left"] == []
    assert (home / "x.db-wal").exists() is False or (home / "x.db-wal").stat().st_size == 0
