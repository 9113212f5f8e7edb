"""What a killed run had captured and not parsed is read from the evidence at the next visit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from storage.captures import CaptureOutcome
from storage.runs import Run, RunOutcome
from tests.crawler.conftest import CHILD, Runs
from tests.peers.web import Site


def killed_at(role: str) -> Sequence[str]:
    """A run's process that is killed, by a real SIGKILL, when it is about to parse a page of this role."""
    lines = (
        "import os, signal, sys",
        "import crawler.spiders.left_pages as left, crawler.spiders.source as source",
        "import tests.crawler.child as child",
        "parse = source.parse_page",
        "def parse_or_die(run, response, follow, captured):",
        f"    if follow.role == {role!r}:",
        "        os.kill(os.getpid(), signal.SIGKILL)",
        "    return parse(run, response, follow, captured)",
        "source.parse_page = left.parse_page = parse_or_die",
        "sys.exit(child.main())",
    )
    return (sys.executable, "-c", "\n".join(lines))


def outcomes(crawl: Runs, run: Run) -> dict[str, list[tuple[CaptureOutcome, str | None]]]:
    found: dict[str, list[tuple[CaptureOutcome, str | None]]] = {}
    for capture in crawl.captures(run):
        found.setdefault(capture.role.value, []).append((capture.outcome, capture.reason))
    return found


@pytest.fixture
def small(site: Site) -> Site:
    """A site with two offers, so that a run asks for both pages at once."""
    for key in list(site.offers)[2:]:
        del site.offers[key]
    site.offers["1"].body = "All customers of Invented Lender, with three rows as proof."
    return site


def test_what_was_captured_before_a_kill_is_stored_though_the_site_is_gone(crawl: Runs, small: Site) -> None:
    """The item page comes from the evidence with its text, and nothing is requested for it."""
    source = crawl.declare("market", f"{small.url}/offers", budget={"recheck_items": 0})
    killed = crawl.run(source, child=killed_at("item"))
    left = outcomes(crawl, killed)["item"]
    captured = {
        capture.url.rpartition("/")[2] for capture in crawl.captures(killed) if capture.role == "item"
    }
    small.dead = True
    small.requests.clear()

    run = crawl.run(source)

    assert killed.reason == "killed"
    assert set(left) == {(CaptureOutcome.PENDING, None)}
    assert run.outcome is RunOutcome.COULD_NOT_FETCH
    assert set(outcomes(crawl, killed)["item"]) == {(CaptureOutcome.PARSED, None)}
    assert all(not small.asked_for(f"/offer/{key}") for key in captured)
    bodies = {key: crawl.versions(crawl.offer(key))[-1].body for key in captured}
    assert bodies == {key: small.offers[key].body for key in captured}
    assert run.listings_new == len(crawl.listings()) >= 1


def test_a_list_page_that_was_not_parsed_gives_its_rows(crawl: Runs, small: Site) -> None:
    """Killed at the list, no listing was known; its rows are stored from the evidence."""
    source = crawl.declare("market", f"{small.url}/offers")
    killed = crawl.run(source, child=killed_at("list"))
    small.dead = True

    crawl.run(source)

    assert outcomes(crawl, killed) == {"list": [(CaptureOutcome.PARSED, None)]}
    assert sorted(each.title for each in crawl.listings().values()) == [
        "Database number 1",
        "Database number 2",
    ]


def test_a_site_that_still_shows_them_gives_each_listing_once(crawl: Runs, small: Site) -> None:
    """What the evidence gave is not stored a second time, and nothing counts as edited."""
    source = crawl.declare("market", f"{small.url}/offers")
    crawl.run(source, child=killed_at("item"))

    run = crawl.run(source)

    assert (run.outcome, run.listings_new) == (RunOutcome.NEW_LISTINGS, 2)
    assert [len(crawl.versions(each)) for each in crawl.listings().values()] == [1, 1]
    assert crawl.run(source).outcome is RunOutcome.NOTHING_NEW


def test_what_the_site_changed_since_is_not_undone(crawl: Runs, small: Site) -> None:
    """A capture that is older than the newest reading writes nothing."""
    source = crawl.declare("market", f"{small.url}/offers", budget={"recheck_items": 5})
    crawl.run(source)
    small.offers["1"].title = "Changed once"
    crawl.run(source, child=killed_at("item"))
    small.offers["1"].title = "Changed twice"

    crawl.run(source)

    titles = [version.title for version in crawl.versions(crawl.offer("1"))]
    assert titles[-1] == "Changed twice"
    assert titles[0] == "Database number 1"


def test_a_page_that_ends_the_process_is_tried_three_times(crawl: Runs, small: Site) -> None:
    """Then it has failed, and the source is read as before."""
    source = crawl.declare("market", f"{small.url}/offers")
    first = crawl.run(source, child=killed_at("item"))
    for _ in range(3):
        crawl.run(source, child=killed_at("item"))
    reasons = {reason for _, reason in outcomes(crawl, first)["item"]}

    run = crawl.run(source, child=CHILD)

    assert reasons == {"left_3"}
    assert (CaptureOutcome.FAILED, "left_unparsed") in outcomes(crawl, first)["item"]
    assert run.outcome is RunOutcome.NEW_LISTINGS


def test_evidence_that_is_gone_is_a_reason(crawl: Runs, small: Site) -> None:
    """The capture has failed with it, and the visit goes on."""
    source = crawl.declare("market", f"{small.url}/offers")
    killed = crawl.run(source, child=killed_at("item"))
    for file in Path(crawl.evidence_dir).glob("2*/*.warc.gz"):
        file.unlink()
    # The next run writes a file of this name. The same bytes at the same place would be the evidence again.
    for offer in small.offers.values():
        offer.body += " And twenty more rows for serious buyers."

    run = crawl.run(source)

    assert set(outcomes(crawl, killed)["item"]) == {(CaptureOutcome.FAILED, "evidence_missing")}
    assert run.outcome is RunOutcome.NEW_LISTINGS
