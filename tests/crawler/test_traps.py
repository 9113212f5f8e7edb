"""Real runs through the site of walls and traps: the right outcome for each, and no more asked for than
needed.
"""

from __future__ import annotations

import pytest

from storage import sources
from storage.captures import CaptureOutcome
from storage.runs import RunOutcome
from storage.sources import SourceHealth
from tests.crawler.conftest import Runs
from tests.peers import traps
from tests.peers.walls import WALLS
from tests.peers.web import Site

POLITE = {"delay_s": 0, "robots": False}
PLAIN = {"politeness": POLITE}


def health(crawl: Runs, name: str) -> SourceHealth:
    with crawl.database.reading() as session:
        source = sources.by_name(session, name)
    assert source is not None
    return source.health


@pytest.mark.parametrize(
    "name", ["mybb-no-permission", "xenforo-403", "endgame-queue", "cloudflare-challenge", "smf-ban"]
)
def test_a_wall_is_the_outcome_of_its_run(crawl: Runs, site: Site, name: str) -> None:
    """Neither an empty result nor "not recognised" nor "refused": a wall with its reason, everywhere."""
    source = crawl.declare("market", f"{site.url}/walls/{name}", **PLAIN)

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.WALL, WALLS[name].reason)
    assert [(each.outcome, each.reason) for each in crawl.captures(run)] == [
        (CaptureOutcome.FAILED, WALLS[name].reason)
    ]
    assert health(crawl, "market") is SourceHealth.WALL


def test_a_redirect_to_a_login_is_a_wall(crawl: Runs, site: Site) -> None:
    """Also where the login page has rows that the selectors find: none of them is stored."""
    source = crawl.declare("market", f"{site.url}/redirect-to-login", item=None, **PLAIN)

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.WALL, "login_wall")
    assert crawl.listings() == {}


def test_a_captcha_in_the_middle_is_told_beside_what_was_read(crawl: Runs, site: Site) -> None:
    """The first page is stored; the run says that the second is a captcha, and later runs look again."""
    source = crawl.declare("market", f"{site.url}/wall-after-page-1", item=None, **PLAIN)

    first, second = crawl.run(source), crawl.run(source)

    assert (first.outcome, first.reason) == (RunOutcome.NEW_LISTINGS, "partly_read")
    assert first.detail == "1 of 2 pages could not be read: 1 captcha."
    assert (second.outcome, second.reason) == (RunOutcome.NOTHING_NEW, "partly_read")


def test_a_captcha_ends_the_visit(crawl: Runs, site: Site) -> None:
    """Of twenty sections hardly another is asked for once the site has shown one; they count as unread."""
    sections = [f"{site.url}/offers?section={number}" for number in range(19)]
    alone = {**POLITE, "concurrency": 1}
    source = crawl.declare("market", [f"{site.url}/walls/recaptcha", *sections], item=None, politeness=alone)

    run = crawl.run(source)

    assert len(site.requests) <= 4
    assert run.pages_unread is not None
    assert run.pages_unread >= 16


def test_listings_that_are_all_behind_a_login_are_a_wall(crawl: Runs, site: Site) -> None:
    """The list is read and stored; that none of its threads can be read is the outcome."""
    source = crawl.declare("market", f"{site.url}/wall-behind-each-row", **PLAIN)

    run = crawl.run(source)

    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.WALL, "login_wall", 3)


def test_a_page_that_is_parsed_for_ever_is_given_up(crawl: Runs, site: Site) -> None:
    """Parsing has its bound in CPU: the capture says so, the run ends by itself and says why."""
    crawl.set(parse_cpu_s=0.5)
    run = crawl.run(crawl.declare("parses-for-ever", f"{site.url}/offers"))

    assert (run.outcome, run.reason) == (RunOutcome.PAGE_NOT_RECOGNISED, "parse_timeout")
    assert [each.reason for each in crawl.captures(run)] == ["parse_timeout"]


assert traps
