"""`spillwatch investigate` as a user runs it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cli.exits import Exit
from matching.fingerprints.key_file import write_key
from tests.cli.command import answer, spillwatch
from tests.matching.investigation.answers import (
    COMPANY,
    CUSTOMERS,
    KEY,
    NOW,
    STRANGERS,
    enrolled_file,
    sample_of,
    values_of,
)
from tests.matching.investigation.lists import masked

COMPANY_FILE = """name = "榆塘小贷"

[[terms]]
text = "榆塘小贷"
kind = "name"
owner = "Compliance"
reason = "Its name"

[fingerprints]
key_file = "../yutang.key"
default_region = "CN"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one company whose customers are enrolled."""
    folder = tmp_path_factory.mktemp("investigate")
    assert spillwatch(folder, "init", ".").returncode == Exit.OK
    for example in (folder / "companies").iterdir():
        example.unlink()
    (folder / "companies" / f"{COMPANY}.toml").write_text(COMPANY_FILE)
    write_key(KEY, folder / "yutang.key", NOW - timedelta(days=1))
    ran = spillwatch(folder, "segment", "import", str(enrolled_file()))
    assert ran.returncode == Exit.OK, ran.stderr
    return folder


def test_a_sample_is_answered_with_reports(home: Path) -> None:
    """JSON on standard output, and a file per language and format; no value is anywhere."""
    people = [*CUSTOMERS[10:14], *STRANGERS[:3]]
    sample_of(home, people)

    found = answer(
        home, "investigate", "sample.csv", "--html", "--language", "zh", "--language", "en", "--ordinals", "o"
    )

    assert found["companies"][0]["full"]["customers"] == 4
    assert found["reports"] == ["investigation/yutang.zh.html", "investigation/yutang.en.html"]
    assert found["reproduction"]["command"] == "spillwatch investigate sample.csv"
    written = "".join((home / path).read_text() for path in found["reports"])
    assert "榆塘小贷" in written
    assert not [value for value in values_of(people) if value in written + str(found)]
    assert (home / "o" / "yutang.csv").read_text().count("\n") == 5


def test_people_read_sentences(home: Path) -> None:
    """Four of seven people are customers."""
    sample_of(home, [*CUSTOMERS[10:14], *STRANGERS[:3]])

    ran = spillwatch(home, "investigate", "sample.csv")

    assert ran.returncode == Exit.OK
    assert "yutang: 4 rows agree with a customer on two fields or more" in ran.stdout


@pytest.mark.parametrize(
    ("text", "code"),
    [("nothing here but words\n", Exit.NEGATIVE), ("", Exit.REFUSED)],
    ids=["nothing found", "nothing read"],
)
def test_the_exit_code_tells_a_no_from_an_empty_input(home: Path, text: str, code: Exit) -> None:
    """As `match` does."""
    (home / "words.txt").write_text(text)

    ran = spillwatch(home, "investigate", "words.txt", "--html", "--out", "none")

    assert ran.returncode == code
    assert not (home / "none").exists()


def test_a_named_company_gets_its_no_in_writing(home: Path) -> None:
    """Counsel needs the report that says that nothing was found, too."""
    sample_of(home, STRANGERS[:5], name="strangers.csv")

    ran = spillwatch(home, "investigate", "strangers.csv", "--company", COMPANY, "--html", "--out", "no")

    assert ran.returncode == Exit.NEGATIVE
    assert "Nothing of 榆塘小贷 was found" in (home / "no/yutang.en.html").read_text()


def test_too_little_is_said_with_its_reason(home: Path) -> None:
    """Three masked rows of strangers: neither found nor excluded."""
    (home / "few.txt").write_text(masked(STRANGERS[:3]))

    ran = spillwatch(home, "investigate", "few.txt")

    assert ran.returncode == Exit.REFUSED
    assert "yutang: nothing was found, but that is no answer. Too little to say." in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [(), ("sample.csv", "--listing", "1"), ("--listing", "1", "--alert", "1")],
    ids=["nothing", "sample and listing", "listing and alert"],
)
def test_one_subject_is_wanted(home: Path, arguments: tuple[str, ...]) -> None:
    """Which of two was meant is not guessed."""
    assert spillwatch(home, "investigate", *arguments).returncode == Exit.USAGE


@pytest.mark.parametrize("arguments", [("--listing", "99"), ("--alert", "99"), ("missing.csv",)])
def test_what_does_not_exist_is_refused(home: Path, arguments: tuple[str, ...]) -> None:
    """The message says how to find the numbers that exist."""
    assert spillwatch(home, "investigate", *arguments).returncode == Exit.REFUSED
