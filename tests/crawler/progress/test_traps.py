"""Real runs through the site of walls and traps: the right outcome for each, and no needless requests."""

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
        source = sources.source_by_name(session, name)
    assert source is not None
    return source.health


@pytest.mark.parametrize(
    "name", ["mybb-no-permission", "xenforo-403", "endgame-queue", "cloudflare-challenge", "smf-ban"]
)
def test_a_wall_is_the_outcome_of_its_run(crawl: Runs, site: Site, name: str) -> None:
    """It is a wall with its reason everywhere, not an empty result, "not recognised" or "refused"."""
    source = crawl.declare("market", f"{site.url}/walls/{name}", **PLAIN)

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.WALL, WALLS[name].reason)
    assert [(each.outcome, each.reason) for each in crawl.captures(run)] == [
        (CaptureOutcome.FAILED, WALLS[name].reason)
    ]
    assert health(crawl, "market") is SourceHealth.WALL


def test_a_redirect_to_a_login_is_a_wall(crawl: Runs, site: Site) -> None:
    """Also if the selectors find rows on the login page: none of them is stored."""
    source = crawl.declare("market", f"{site.url}/redirect-to-login", item=None, **PLAIN)

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.WALL, "login_wall")
    assert crawl.listings() == {}


def test_a_captcha_in_the_middle_is_told_beside_what_was_read(crawl: Runs, site: Site) -> None:
    """The first page is stored; the run says that the second is a captcha, and later runs try again."""
    source = crawl.declare("market", f"{site.url}/wall-after-page-1", item=None, **PLAIN)

    first, second = crawl.run(source), crawl.run(source)

    assert (first.outcome, first.reason) == (RunOutcome.NEW_LISTINGS, "partly_read")
    assert (first.detail or "").startswith("1 of 2 pages ")
    assert "1 captcha" in (first.detail or "")
    assert (second.outcome, second.reason) == (RunOutcome.NOTHING_NEW, "partly_read")


def test_a_captcha_ends_the_visit(crawl: Runs, site: Site) -> None:
    """Once the site has shown a captcha, hardly another of twenty sections is requested; they count as
    unread.
    """
    sections = [f"{site.url}/offers?section={number}" for number in range(19)]
    alone = {**POLITE, "concurrency": 1}
    source = crawl.declare("market", [f"{site.url}/walls/recaptcha", *sections], item=None, politeness=alone)

    run = crawl.run(source)

    assert len(site.requests) <= 4
    assert run.pages_unread is not None
    assert run.pages_unread >= 16


def test_listings_that_are_all_behind_a_login_are_a_wall(crawl: Runs, site: Site) -> None:
    """The list is read and stored; the outcome is that none of its threads can be read."""
    source = crawl.declare("market", f"{site.url}/wall-behind-each-row", **PLAIN)

    run = crawl.run(source)

    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.WALL, "login_wall", 3)


def test_a_page_that_is_parsed_for_ever_is_given_up(crawl: Runs, site: Site) -> None:
    """Parsing has a CPU limit: the capture says so, and the run ends by itself and says why."""
    crawl.set(parse_cpu_s=0.5)
    run = crawl.run(crawl.declare("parses-for-ever", f"{site.url}/offers"))

    assert (run.outcome, run.reason) == (RunOutcome.PAGE_NOT_RECOGNISED, "parse_timeout")
    assert [each.reason for each in crawl.captures(run)] == ["parse_timeout"]


@pytest.mark.parametrize(
    ("path", "outcome", "reason", "detail", "requests"),
    [
        ("/same-rows-for-ever", RunOutcome.NEW_LISTINGS, "trap", "same listings", 3),
        ("/new-keys-for-ever", RunOutcome.NEW_LISTINGS, "trap", "same listings", 3),
        ("/circle", RunOutcome.NEW_LISTINGS, "trap", "next page", 3),
        ("/calendar", RunOutcome.NEW_LISTINGS, "trap", "8 pages", 8),
        ("/missing-200", RunOutcome.PAGE_NOT_RECOGNISED, "nothing_matched", "Page not found", 1),
        ("/redirect-loop", RunOutcome.COULD_NOT_FETCH, "too_many_redirects", "5 times", 6),
    ],
)
def test_a_trap_is_left_and_told(
    crawl: Runs, site: Site, path: str, outcome: RunOutcome, reason: str, detail: str, requests: int
) -> None:
    """The run's row names it after a handful of requests, and what was found on the way is stored."""
    source = crawl.declare("market", site.url + path, item=None, budget={"depth": 8}, **PLAIN)

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (outcome, reason)
    assert detail in (run.detail or "")
    assert len(site.requests) == requests


def test_session_ids_multiply_no_listing(crawl: Runs, site: Site) -> None:
    """Known parameters are removed from a URL; an unknown one is noticed and reported."""
    known = crawl.declare("market", f"{site.url}/session-ids", item=None, **PLAIN)
    crawl.run(known)
    again = crawl.run(known)
    unknown = crawl.declare("other", f"{site.url}/unknown-session-ids", item=None, **PLAIN)
    crawl.run(unknown)
    run = crawl.run(unknown)

    assert (again.outcome, again.reason, again.listings_new) == (RunOutcome.NOTHING_NEW, None, 0)
    assert (run.outcome, run.reason) == (RunOutcome.NEW_LISTINGS, "trap")
    assert "6 of 6 new listings" in (run.detail or "")


def test_one_pattern_of_addresses_may_be_bounded(crawl: Runs, site: Site) -> None:
    """Calendar days between the offers cost no more requests than the file allows."""
    source = crawl.declare("market", f"{site.url}/calendar-in-the-list", budget={"alike": 5}, **PLAIN)

    run = crawl.run(source)

    assert all(part in (run.detail or "") for part in ("30 ", " /day/N", "[budget] allows 5"))
    assert len([path for path in site.paths if path.startswith("/day/")]) == 5
    assert len([path for path in site.paths if path.startswith("/offer/")]) == 5


def test_a_site_that_answers_429_for_ever_is_left_alone(crawl: Runs, site: Site) -> None:
    """Without Retry-After the pause is ten seconds; if that is longer than allowed, the run ends."""
    crawl.set(retry_wait_s=5)
    run = crawl.run(crawl.declare("market", f"{site.url}/429-forever", **PLAIN))

    assert (run.outcome, run.reason) == (RunOutcome.COULD_NOT_FETCH, "rate_limited")
    assert len(site.requests) == 1


def test_each_page_has_its_own_charset(crawl: Runs, site: Site) -> None:
    """Pages that declare no charset or a wrong one are each read in the right one."""
    run = crawl.run(crawl.declare("market", f"{site.url}/mixed-charsets", item=None, **PLAIN))

    titles = {each.title for each in crawl.listings().values()}
    assert titles == set(traps.TITLES)
    assert run.outcome is RunOutcome.NEW_LISTINGS


def test_a_page_that_redirects_to_the_front_page_is_not_there(crawl: Runs, site: Site) -> None:
    """The front page is not read as the listing, whatever the selectors find there."""
    site.failures_left = 1
    run = crawl.run(crawl.declare("market", f"{site.url}/two-threads", **PLAIN))

    assert (run.detail or "").startswith("1 of 3 pages ")
    assert "1 sent_to_the_front" in (run.detail or "")
    assert sorted(each.title for each in crawl.listings().values()) == ["Database 2", "Database number 1"]
    assert (CaptureOutcome.FAILED, "sent_to_the_front") in [
        (each.outcome, each.reason) for each in crawl.captures(run)
    ]
