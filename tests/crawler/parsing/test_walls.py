"""The recognition of walls, with synthetic pages in the shape of real software."""

from __future__ import annotations

import time

import pytest

from crawler.errors import LoginWall, Walled
from crawler.parsing.walls import RawPage, wall_of
from storage.runs import RunOutcome
from tests.peers.walls import ORDINARY, WALLS, Wall

HERE = "https://market.example/forum-2.html"


def judged(
    page: Wall, *, url: str = HERE, asked: str = HERE, recognised: bool = False, charset: str = "utf-8"
) -> Walled | None:
    body = page.body.encode(charset, "replace")
    return wall_of(RawPage(url, asked, page.headers, body, charset), recognised=recognised)


@pytest.mark.parametrize("name", WALLS)
def test_a_wall_is_recognised_with_its_reason(name: str) -> None:
    """Login, captcha, queue, ban and age check are distinguished, whatever their status."""
    found = judged(WALLS[name])

    assert found is not None
    assert (found.reason, found.outcome) == (WALLS[name].reason, RunOutcome.WALL)
    assert str(found).startswith("market.example ")


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_page_is_no_wall(name: str) -> None:
    """A login form in the header, a registration's captcha script, or posts quoting a wall do not count."""
    assert judged(ORDINARY[name]) is None


def test_the_words_of_a_wall_are_found_in_the_site_s_own_charset() -> None:
    """A Chinese forum in GBK that says "you have not logged in" is recognised."""
    found = judged(WALLS["discuz-gbk"], charset="gb18030")

    assert isinstance(found, LoginWall)


@pytest.mark.parametrize(
    "address",
    [
        "https://market.example/login",
        "https://market.example/login.php?next=%2Foffers",
        "https://market.example/member.php?action=login",
        "https://market.example/ucp.php?mode=login",
        "https://market.example/index.php?action=login",
        "https://market.example/wp-login.php",
        "https://market.example/users/sign_in",
    ],
)
def test_a_redirect_to_a_login_is_a_wall_whatever_the_page_shows(address: str) -> None:
    """Also if the source's selectors found something on the login page."""
    assert isinstance(judged(ORDINARY["mybb-list"], url=address, recognised=True), LoginWall)


def test_a_page_that_is_recognised_is_no_wall() -> None:
    """The words on a page do not matter once the selectors have read it."""
    assert judged(WALLS["smf-ban"], recognised=True) is None


def test_a_source_whose_address_has_login_in_it_is_no_wall() -> None:
    """Only a redirect to such a URL counts."""
    address = "https://market.example/login/offers"

    assert judged(ORDINARY["mybb-list"], url=address, asked=address) is None


def test_ten_megabytes_of_bait_cost_a_bounded_time() -> None:
    """Only the beginning of a page is searched."""
    bait = Wall(None, "<form><input type=password>" + "<a href=x>captcha " * 600_000)
    began = time.process_time()
    judged(bait)

    assert time.process_time() - began < 5
