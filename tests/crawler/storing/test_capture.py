"""Captures beside the pages: robots.txt and redirects, which show why a page was requested or not."""

from __future__ import annotations

import pytest

from storage.captures import CaptureOutcome, CaptureRole
from storage.evidence.warc import EvidenceStore
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Answer, Site


def test_the_robots_txt_that_forbade_a_page_is_kept(crawl: Runs, site: Site) -> None:
    """Years later somebody may ask why a list was not read; the file of that day answers."""
    rules = b"User-agent: *\nDisallow: /offers\n"
    site.robots = Answer(rules, content_type="text/plain")

    run = crawl.run(crawl.declare("market", f"{site.url}/offers"))

    [kept] = crawl.everything_captured(run)
    assert run.outcome == RunOutcome.REFUSED
    assert (kept.role, kept.outcome) == (CaptureRole.ROBOTS, CaptureOutcome.PARSED)
    assert kept.place is not None
    assert EvidenceStore(crawl.evidence_dir).read_response(kept.place, kept.sha256).body == rules
    assert run.captures == 0


def test_a_redirect_that_was_followed_is_kept_before_its_page(crawl: Runs, site: Site) -> None:
    """It is stored with its target; the page is a capture of its own, under its own URL."""
    polite = {"delay_s": 0, "robots": False}
    start = f"{site.url}/redirect-to-offers"

    run = crawl.run(crawl.declare("market", start, item=None, politeness=polite))

    first, second, *_ = crawl.everything_captured(run)
    assert (first.role, first.status, first.outcome) == (CaptureRole.REDIRECT, 301, CaptureOutcome.PARSED)
    assert (second.role, second.url) == (CaptureRole.LIST, f"{site.url}/offers")
    assert first.place is not None
    headers = EvidenceStore(crawl.evidence_dir).read_response(first.place, first.sha256).headers
    assert (b"Location", b"/offers") in [(bytes(name), bytes(value)) for name, value in headers]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/redirect-to-private", "private_address"), ("/redirect-to-file", "scheme_refused")],
)
def test_a_redirect_that_was_refused_is_kept_with_the_reason(
    crawl: Runs, site: Site, path: str, reason: str
) -> None:
    """The evidence shows where the site sent us, and the row why we did not go."""
    polite = {"delay_s": 0, "robots": False}

    run = crawl.run(crawl.declare("market", site.url + path, politeness=polite))

    [kept] = crawl.everything_captured(run)
    assert (kept.role, kept.status) == (CaptureRole.REDIRECT, 302)
    assert (kept.outcome, kept.reason) == (CaptureOutcome.FAILED, reason)
