"""A source whose address is a key as well, through the installed command."""

from __future__ import annotations

from pathlib import Path

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


def test_a_sealed_paste_is_opened_and_no_row_holds_its_key(tmp_path: Path) -> None:
    """The run is handed the key out of the source's file; rows have the paste, and its address alone."""
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
    """Such as one to a paste that burns: the mistake names what is wrong, and the address without its end."""
    home = tmp_path / "home"
    assert spillwatch(tmp_path, "init", "home").returncode == Exit.OK
    burning = SOURCE.format(url="https://bin.example", id=ID, key=f"-{KEY}")
    (home / "sources/bin.toml").write_text(burning)

    ran = spillwatch(home, "check")

    assert ran.returncode == Exit.CONFIGURATION
    told = ran.stdout + ran.stderr
    assert f"bin.toml: start: found 'https://bin.example/?{ID}#***'; wanted whole links" in told
    assert KEY not in told
