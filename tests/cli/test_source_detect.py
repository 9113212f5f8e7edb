"""`spillwatch source detect`, used to watch a newly found site."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import answer, spillwatch
from tests.peers.forums.server import ForumSite
from tests.peers.web import Answer

OWN = ("--private",)


@pytest.fixture
def site() -> Iterator[ForumSite]:
    with ForumSite("discuz") as site:
        yield site


def test_a_site_is_named_with_its_reasons_and_its_file(tmp_path: Path, site: ForumSite) -> None:
    """robots.txt and one page are fetched, and the JSON names the family, its signs and the source file."""
    found = answer(tmp_path, "source", "detect", site.start, *OWN)
    first = found["families"][0]

    assert (found["kind"], found["status"], found["start"]) == ("discuz", 200, site.start)
    assert (first["title"], first["weight"] >= 10) == ("Discuz! X", True)
    assert {"where": "markup", "found": 'name="generator" content="Discuz! X3.4'} in first["signs"]
    assert tomllib.loads(found["toml"])["kind"] == "discuz"
    assert len(site.requests) == 2


def test_what_it_writes_can_be_tried_at_once(tmp_path: Path, site: ForumSite) -> None:
    """`source try` reads a list page, a thread and the next page with the written file."""
    file = tmp_path / "board.toml"
    wrote = spillwatch(tmp_path, "source", "detect", site.start, *OWN, "--write", str(file))
    with file.open("a") as more:
        more.write("[politeness]\ndelay_s = 0\n")
    pages = answer(tmp_path, "source", "try", str(file))["pages"]
    found = {(page["page"], each["field"]): each for page in pages for each in page["fields"]}

    assert (wrote.returncode, "source try" in wrote.stdout) == (0, True)
    assert {page["page"]: page["problem"] for page in pages} == {
        "list page": None,
        "listing": None,
        "next page": None,
    }
    assert found["list page", "seller"]["found"] == 15
    assert found["listing", "body"]["found"] >= 1


def test_without_a_file_the_toml_is_all_of_the_output(tmp_path: Path, site: ForumSite) -> None:
    """Without --write, standard output is the TOML only, so that it can be redirected to a file."""
    ran = spillwatch(tmp_path, "source", "detect", site.start, *OWN)

    assert ran.returncode == 0, ran.stderr
    assert tomllib.loads(ran.stdout)["start"] == site.start


def test_a_file_is_never_written_over(tmp_path: Path, site: ForumSite) -> None:
    """An existing file is refused with exit code 6 before anything is fetched."""
    file = tmp_path / "board.toml"
    file.write_text("mine")
    ran = spillwatch(tmp_path, "source", "detect", site.start, *OWN, "--write", str(file))

    assert (ran.returncode, file.read_text(), site.requests) == (6, "mine", [])


def test_a_page_that_cannot_be_had_is_a_problem(tmp_path: Path, site: ForumSite) -> None:
    """A private address that is not allowed is refused as in a run, with exit code 1."""
    found = answer(tmp_path, "source", "detect", site.start, code=1)

    assert (found["problem"], found["toml"], found["kind"]) == ("private_address", None, None)
    assert site.requests == []


def test_robots_are_obeyed(tmp_path: Path, site: ForumSite) -> None:
    """A page that robots.txt forbids is not fetched."""
    site.robots = Answer(b"User-agent: *\nDisallow: /\n", content_type="text/plain")
    found = answer(tmp_path, "source", "detect", site.start, *OWN, code=1)

    assert (found["problem"], site.paths) == ("robots_forbidden", ["/robots.txt"])


def test_a_site_that_nobody_knows_says_so(tmp_path: Path, site: ForumSite) -> None:
    """Without a known program and a feed, the message names the guide, and the exit code is 1."""
    site.redesigned = True
    ran = spillwatch(tmp_path, "source", "detect", site.start, *OWN)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert "write-a-source.md" in ran.stderr


def test_an_address_that_is_none_is_a_mistake_of_the_command_line(tmp_path: Path) -> None:
    """An invalid address ends with exit code 2 and a message that says what an address needs."""
    ran = spillwatch(tmp_path, "source", "detect", "board.example")

    assert ran.returncode == 2
    assert "http://" in ran.stderr
