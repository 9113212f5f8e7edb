"""`spillwatch user`: the people of the console, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.exits import Exit
from tests.cli.command import answer, spillwatch


@pytest.fixture
def home(tmp_path: Path) -> Path:
    settings = (
        '[storage]\ndatabase_url = "sqlite:///x.db"\n[web]\npublic_url = "https://console.lender.example/"\n'
    )
    (tmp_path / "spillwatch.toml").write_text(settings)
    return tmp_path


def test_a_person_is_invited_disabled_and_invited_again(home: Path) -> None:
    """Links are of public_url, and each one is new. Names are folded, and nobody is stored twice."""
    first = answer(home, "user", "invite", "Anna")
    again = spillwatch(home, "user", "invite", "anna")
    wrong = spillwatch(home, "user", "invite", "a b")
    nobody = spillwatch(home, "user", "invite", "bob", "--company", "none")
    disabled = answer(home, "user", "disable", "anna")
    enabled = answer(home, "user", "disable", "anna", "--enable")
    second = answer(home, "user", "reset", "anna")
    unknown = spillwatch(home, "user", "end-sessions", "bob")
    (person,) = answer(home, "user", "list")

    links = [each["link"].partition("/welcome/") for each in (first, second)]
    assert [link[0] for link in links] == ["https://console.lender.example"] * 2
    assert links[0][2] != links[1][2]
    assert [each.returncode for each in (again, wrong, nobody, unknown)] == [
        Exit.REFUSED,
        Exit.USAGE,
        Exit.REFUSED,
        Exit.REFUSED,
    ]
    assert (disabled["changed"], enabled["changed"]) == (True, True)
    assert (person["name"], person["state"]) == ("anna", "invited")
    assert person["roles"] == [{"company": None, "role": "admin"}]
