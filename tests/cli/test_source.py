"""`spillwatch source`, used to write a source file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import answer, spillwatch
from tests.peers import traps  # noqa: F401 - its pages are the site's, too
from tests.peers.web import Answer, Offer, Site

#: Synthetic, but in an operator's range: other mobile numbers are not masked.
NUMBER = "13812345678"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(offers=7) as site:
        yield site


@pytest.fixture
def market(tmp_path: Path, site: Site) -> Path:
    """A source file for the site with one selector that finds nothing, and no configuration beside it."""
    file = tmp_path / "market.toml"
    file.write_text(
        f"""
kind = "html"
start = "{site.url}/offers"
allow_private_addresses = ["127.0.0.1"]
politeness = {{ delay_s = 0 }}
[list]
rows = "tr.row"
link = "a"
next = "a[rel=next]"
[row]
title = "a"
price = "td.price"
seller = "td.seller"
[item]
title = "h1"
body = "div.description"
"""
    )
    return file


def fields(pages: list[dict[str, Any]], page: str) -> dict[str, dict[str, Any]]:
    (found,) = [each for each in pages if each["page"] == page]
    return {each["field"]: each for each in found["fields"]}


def test_a_trial_shows_what_every_selector_found(market: Path, site: Site) -> None:
    """One list page, one listing and the next page are fetched, and each selector's results are counted."""
    pages = answer(market.parent, "source", "try", str(market))["pages"]

    assert {each["page"] for each in pages} == {"list page", "listing", "next page"}
    price = fields(pages, "list page")["price"]
    assert (price["tried"], price["found"], price["value"], price["read"]) == (5, 5, "$500", "500 USD")
    assert fields(pages, "list page")["seller"]["found"] == 0
    assert fields(pages, "listing")["title"]["value"] == "Database number 1"
    assert sorted(site.paths) == ["/offer/1", "/offers", "/offers", "/robots.txt"]


def test_a_trial_is_a_table_for_people(market: Path) -> None:
    """The table shows what each selector found, and a sentence summarises each page."""
    ran = spillwatch(market.parent, "source", "try", str(market))

    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert any("5 listings" in line and "next page" in line for line in lines)
    assert any("td.seller" in line and "nothing" in line for line in lines)
    assert any("td.price" in line and "5 of 5" in line and "500 USD" in line for line in lines)


def test_a_trial_names_what_found_nothing_within_80_columns(market: Path, site: Site) -> None:
    """With what the page shows instead; no line below the sentence about the page is longer."""
    market.write_text(market.read_text().replace('"tr.row"', '"tr.offer"'))

    ran = spillwatch(market.parent, "source", "try", str(market), extra={"COLUMNS": "80"})

    said = " ".join(ran.stdout.split())
    assert "list.rows (tr.offer) finds nothing on the page. list.link (a) finds 6 on the whole page." in said
    assert "The page has tr.row (5): " in said
    assert max(map(len, ran.stdout.splitlines()[1:])) <= 80


def test_a_trial_shows_no_one_s_data(market: Path, site: Site) -> None:
    """Identifiers are masked and escape sequences removed, in the table and in JSON."""
    site.offers["1"] = Offer(f"\x1b[31mcall {NUMBER}", body=f"{NUMBER} is in it")
    outputs = [
        spillwatch(market.parent, "source", "try", str(market), *options).stdout
        for options in ((), ("--json",))
    ]

    assert all("138****5678" in output for output in outputs)
    assert not any(NUMBER in output or "\x1b" in output for output in outputs)


def test_a_trial_stores_nothing(market: Path) -> None:
    """A trial leaves no database, evidence or key behind."""
    answer(market.parent, "source", "try", str(market))

    assert [each.name for each in market.parent.iterdir()] == ["market.toml"]


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("/offers", "/redesigned", "page_not_recognised"),
        ("/offers", "/missing", "not_there"),
        ("/offers", "/walls/endgame-queue", "queue"),
        ("/offers", "/walls/xenforo-403", "login_wall"),
        ("/offers", "/redirect-to-login", "login_wall"),
        ('allow_private_addresses = ["127.0.0.1"]', "", "private_address"),
        ("div.description", "div.nothing", "page_not_recognised"),
    ],
)
def test_a_trial_that_fails_says_why(market: Path, before: str, after: str, problem: str) -> None:
    """A missing, forbidden or unrecognised page has its reason in the JSON, and the exit code is 1."""
    market.write_text(market.read_text().replace(before, after))
    pages = answer(market.parent, "source", "try", str(market), code=1)["pages"]

    assert problem in [each["problem"] for each in pages]


def test_a_trial_obeys_robots(market: Path, site: Site) -> None:
    """A trial does not fetch what robots.txt forbids."""
    site.robots = Answer(b"User-agent: *\nDisallow: /offers\n", content_type="text/plain")
    pages = answer(market.parent, "source", "try", str(market), code=1)["pages"]

    assert [each["problem"] for each in pages] == ["robots_forbidden"]
    assert site.paths == ["/robots.txt"]


def test_every_mistake_of_a_file_is_told_without_a_request(market: Path, site: Site) -> None:
    """A misspelt key and a broken selector are named with file and key, and the exit code is 3."""
    market.write_text(market.read_text().replace("tr.row", "tr[[").replace("next =", "nxt ="))
    ran = spillwatch(market.parent, "source", "try", str(market))

    assert ran.returncode == 3
    assert all(part in ran.stderr for part in ("market.toml: list.rows", "'tr[['", "list.nxt", '"next"'))
    assert site.requests == []


def test_sources_are_listed_with_health_and_last_run(market: Path) -> None:
    """A declared source is listed before its first run, and with its outcome after it."""
    home = market.parent
    (home / "spillwatch.toml").write_text("")
    (home / "sources").mkdir()
    market.rename(home / "sources/market.toml")
    before = answer(home, "source", "list")
    answer(home, "crawl", "market")
    after = answer(home, "source", "list")

    assert [(each["name"], each["kind"], each["health"], each["last_run"]) for each in before] == [
        ("market", "html", "unknown", None)
    ]
    assert [(each["name"], each["health"], each["last_outcome"]) for each in after] == [
        ("market", "ok", "new_listings")
    ]
    assert "market" in spillwatch(home, "source", "list").stdout
