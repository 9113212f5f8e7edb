"""The how-to "Is it ours?" can be followed: its commands are run as they stand there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from cli.exits import Exit
from tests.cli.command import spillwatch
from tests.docs.pages import DOCS, Page
from tests.matching.investigation.report.reports import pdf_words

PAGE = DOCS / "how-to" / "is-it-ours.md"


def commands() -> list[list[str]]:
    """Return the page's commands without their `spillwatch`."""
    lines = [line for block in Page(PAGE).blocks if block.info == "sh" for line in block.text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("spillwatch ")]


@pytest.mark.needs("cjk_font")
def test_the_page_can_be_followed(tmp_path: Path) -> None:
    """Each command works, in the order of the page; what it promises comes out, and no value of the list."""
    first, *others = commands()
    assert spillwatch(tmp_path, *first).returncode == Exit.OK
    folder = tmp_path / "practice"
    printed = ""

    for command in others:
        ran = spillwatch(folder, *command)
        expected = Exit.NEGATIVE if "sample-strangers.txt" in command else Exit.OK
        assert ran.returncode == expected, (command, ran.stderr)
        printed += ran.stdout + ran.stderr

    assert {path.name for path in (folder / "case").iterdir()} == {
        f"yutang.{language}.{form}" for language in ("en", "zh") for form in ("html", "pdf")
    }
    assert "yutang: ours. Of 20 different rows" in printed
    assert "yutang: not ours. Of 20 different rows" in printed
    assert "enrolled before 2020-06-05" in printed
    assert len((folder / "affected.csv").read_text().splitlines()) == 1 + 12
    printed += "".join(path.read_text() for path in (folder / "case").glob("*.html"))
    printed += "".join(pdf_words(path.read_bytes()) for path in (folder / "case").glob("*.pdf"))
    values = {
        value
        for line in (folder / "customers.csv").read_text().splitlines()[1:]
        for value in line.split(",")[1:5]
    }
    assert len(values) > 18_000
    assert [value for value in values if value in printed] == []
