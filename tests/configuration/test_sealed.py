"""A source whose address contains a key, with the installed command."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.exits import Exit
from tests.cli.command import answer, spillwatch
from tests.peers.privatebin import ID, KEY, served_paste
from tests.peers.programs import Content, Served

SOURCE = """
kind = "privatebin"
start = "{url}/?{id}#{key}"
allow_private_addresses = ["127.0.0.1"]
[politeness]
delay_s = 0
robots = false
"""


@pytest.mark.slow
def test_a_sealed_paste_is_opened_and_no_row_holds_its_key(tmp_path: Path) -> None:
    """The run gets the key from the source's file, and no stored file contains it."""
    home = tmp_path / "home"
    assert spillwatch(tmp_path, "init", "home").returncode == Exit.OK
    with Served(served_paste, Content()) as site:
        (home / "sources/bin.toml").write_text(SOURCE.format(url=site.url, id=ID, key=KEY))
        run = answer(home, "crawl", "bin")

    written = [each for each in (home / "var").rglob("*") if each.is_file()]
    assert (run["outcome"], run["listings_new"]) == ("new_listings", 2)
    assert any(ID.encode() in each.read_bytes() for each in written)
    assert not any(KEY.encode() in each.read_bytes() for each in written)


def test_a_link_that_is_refused_does_not_show_its_key(tmp_path: Path) -> None:
    """The mistake about a burn-after-reading paste shows the address without its key."""
    home = tmp_path / "home"
    assert spillwatch(tmp_path, "init", "home").returncode == Exit.OK
    burning = SOURCE.format(url="https://bin.example", id=ID, key=f"-{KEY}")
    (home / "sources/bin.toml").write_text(burning)

    ran = spillwatch(home, "check")

    assert ran.returncode == Exit.CONFIGURATION
    output = ran.stdout + ran.stderr
    assert all(part in output for part in ("bin.toml: start", f"https://bin.example/?{ID}#***"))
    assert KEY not in output
