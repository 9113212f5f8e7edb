"""The outcome of a run and its message for each kind of malformed input, with real child processes."""

from __future__ import annotations

import pytest

from storage.captures import CaptureOutcome
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Offer, Site


@pytest.mark.parametrize(
    ("path", "outcome", "reason", "detail"),
    [
        ("/empty", RunOutcome.PAGE_NOT_RECOGNISED, "nothing_matched", "selectors"),
        ("/redesigned", RunOutcome.PAGE_NOT_RECOGNISED, "nothing_matched", "selectors"),
        (
            "/just-a-moment",
            RunOutcome.PAGE_NOT_RECOGNISED,
            "nothing_matched",
            "“Just a moment, 138****8000”",
        ),
        (
            "/fifty-megabytes",
            RunOutcome.COULD_NOT_FETCH,
            "body_too_large",
            "2097152 bytes",
        ),
        (
            "/gzip-bomb",
            RunOutcome.COULD_NOT_FETCH,
            "decompressed_too_large",
            "decompress",
        ),
        ("/gzip-layers", RunOutcome.COULD_NOT_FETCH, "bad_encoding", "5 times; at most 2"),
        ("/broken-gzip", RunOutcome.COULD_NOT_FETCH, "bad_encoding", "127.0.0.1"),
        (
            "/one-byte-a-second",
            RunOutcome.COULD_NOT_FETCH,
            "timed_out",
            "within 1 s",
        ),
        ("/drops", RunOutcome.COULD_NOT_FETCH, "connection_lost", "closed the connection"),
        ("/truncated", RunOutcome.COULD_NOT_FETCH, "truncated", "complete"),
        (
            "/redirect-to-file",
            RunOutcome.REFUSED,
            "scheme_refused",
            "scheme 'file'",
        ),
        (
            "/redirect-to-private",
            RunOutcome.REFUSED,
            "private_address",
            "127.0.0.2",
        ),
        ("/redirect-to-localhost", RunOutcome.REFUSED, "private_address", "localhost"),
        ("/redirect-to-onion", RunOutcome.REFUSED, "onion_without_tor", ".onion"),
        (
            "/redirect-on-and-on",
            RunOutcome.COULD_NOT_FETCH,
            "too_many_redirects",
            "5 times",
        ),
        ("/404", RunOutcome.COULD_NOT_FETCH, "not_there", "(HTTP 404)"),
        ("/403", RunOutcome.REFUSED, "site_denied", "(HTTP 403)"),
        ("/500s", RunOutcome.COULD_NOT_FETCH, "server_error", "(HTTP 500)"),
        ("/429", RunOutcome.COULD_NOT_FETCH, "rate_limited", "3600 s"),
        (
            "/429-until-the-end-of-time",
            RunOutcome.COULD_NOT_FETCH,
            "rate_limited",
            " 10 s",
        ),
        ("/archive", RunOutcome.REFUSED, "content_refused", "archives and media"),
    ],
)
def test_a_list_that_cannot_be_had_has_its_outcome_and_its_sentence(
    crawl: Runs, site: Site, path: str, outcome: RunOutcome, reason: str, detail: str
) -> None:
    """Not recognised, could not fetch and refused are distinguished, with a reason and what was found."""
    if reason == "timed_out":
        crawl.set(request_timeout_s=1)
    source = crawl.declare("market", site.url + path, politeness={"delay_s": 0, "robots": False})

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (outcome, reason)
    assert detail in (run.detail or "")
    assert crawl.listings() == {}


def test_endless_pages_end_with_the_budget(crawl: Runs, site: Site) -> None:
    """There is always a next page, so the run ends with its budget and says that pages stay unread."""
    source = crawl.declare(
        "market",
        f"{site.url}/endless-pages",
        item=None,
        budget={"pages": 6},
        politeness={"delay_s": 0, "robots": False},
    )

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.NEW_LISTINGS, "budget_ended")
    assert (run.captures, run.listings_new, run.pages_unread) == (6, 30, 1)
    assert "(6 pages)" in (run.detail or "")
    assert "1 known page " in (run.detail or "")


def test_a_page_whose_next_page_is_itself_is_read_once(crawl: Runs, site: Site) -> None:
    """A loop of links does not make an endless crawl."""
    source = crawl.declare("market", f"{site.url}/same-page-for-ever", item=None)

    run = crawl.run(source)

    assert (run.outcome, run.captures) == (RunOutcome.NEW_LISTINGS, 1)


def test_bytes_that_are_no_text_are_read_all_the_same(crawl: Runs, site: Site) -> None:
    """Invalid UTF-8 costs only its own characters, not the page; the evidence has the bytes."""
    source = crawl.declare("market", f"{site.url}/invalid-utf8", item=None)

    run = crawl.run(source)

    assert (run.outcome, run.listings_new) == (RunOutcome.NEW_LISTINGS, 5)
    assert {each.outcome for each in crawl.captures(run)} == {CaptureOutcome.PARSED}


def test_a_charset_that_is_none_enters_no_row(crawl: Runs, site: Site) -> None:
    """A header may hold anything, even a telephone number: only names of charsets are stored."""
    run = crawl.run(crawl.declare("market", f"{site.url}/number-for-a-charset", item=None))

    [capture] = crawl.captures(run)
    assert (capture.charset, capture.outcome) == (None, CaptureOutcome.FAILED)
    assert "13800138000" not in (capture.content_type or "")


def test_a_title_of_a_megabyte_is_cut_to_what_a_title_may_be(crawl: Runs, site: Site) -> None:
    """The row stays small, the page's other listings are stored, and the run ends normally."""
    source = crawl.declare("market", f"{site.url}/megabyte-title", item=None)

    run = crawl.run(source)

    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.NEW_LISTINGS, None, 5)
    assert max(len(each.title) for each in crawl.listings().values()) < 20_000


def test_markup_and_terminal_commands_in_a_title_are_only_text(crawl: Runs, site: Site) -> None:
    """`<script>` is kept as text; terminal commands are removed."""
    source = crawl.declare("market", f"{site.url}/script-and-ansi", item=None)

    crawl.run(source)

    title = crawl.offer("1").title
    assert "<script>alert(1)</script>" in title
    assert "\x1b" not in title
    assert "\x07" not in title


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd"])
def test_every_compression_is_undone_and_its_bomb_is_not(crawl: Runs, site: Site, coding: str) -> None:
    """A page in each coding is read; 40 MB of zeros end the request at the limit."""
    source = crawl.declare("market", [f"{site.url}/{coding}", f"{site.url}/{coding}-bomb"], item=None)

    run = crawl.run(source)

    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.NEW_LISTINGS, "partly_read", 5)
    assert (run.detail or "").startswith("1 of 2 pages ")
    assert "1 decompressed_too_large" in (run.detail or "")


def test_the_json_route_bounds_and_refuses_the_same(crawl: Runs, site: Site) -> None:
    """A bomb and a private redirect end a JSON source in the same way."""
    shape = {"kind": "json", "list": {"rows": "$.rows", "link": "$.url"}, "row": None, "item": None}
    bombed = crawl.run(crawl.declare("bombed", f"{site.url}/gzip-bomb", **shape))
    redirected = crawl.run(crawl.declare("redirected", f"{site.url}/redirect-to-metadata", **shape))

    assert (bombed.outcome, bombed.reason) == (RunOutcome.COULD_NOT_FETCH, "decompressed_too_large")
    assert (redirected.outcome, redirected.reason) == (RunOutcome.REFUSED, "private_address")


def test_a_site_that_asks_to_wait_a_second_is_given_it(crawl: Runs, site: Site) -> None:
    """After 429 with a short Retry-After the run waits and requests the page again."""
    crawl.set(retries=1)
    source = crawl.declare("market", f"{site.url}/429-retry-after", item=None)

    run = crawl.run(source)

    assert (run.outcome, len(site.asked_for("/429-retry-after"))) == (RunOutcome.NEW_LISTINGS, 2)


def test_a_failure_that_passes_is_tried_again(crawl: Runs, site: Site) -> None:
    """Two answers of 500, then the page: it is read, and each answer has a capture."""
    crawl.set(retries=2)
    site.failures_left = 2
    source = crawl.declare("market", f"{site.url}/fails-at-first", item=None)

    run = crawl.run(source)

    assert run.outcome is RunOutcome.NEW_LISTINGS
    assert [each.status for each in crawl.captures(run)] == [500, 500, 200]


def test_a_redirect_is_followed_within_the_rules(crawl: Runs, site: Site) -> None:
    """A moved list is read at its new URL."""
    source = crawl.declare("market", f"{site.url}/redirect-to-offers")

    run = crawl.run(source)

    assert (run.outcome, run.listings_new) == (RunOutcome.NEW_LISTINGS, 12)


def test_a_page_that_could_not_be_used_is_kept_and_its_capture_says_why(crawl: Runs, site: Site) -> None:
    """Every capture ends in an outcome, also one that no adapter ever got."""
    source = crawl.declare("market", [f"{site.url}/broken-gzip", f"{site.url}/404", f"{site.url}/redesigned"])

    run = crawl.run(source)

    assert sorted((each.status, each.outcome, each.reason) for each in crawl.captures(run)) == [
        (200, CaptureOutcome.FAILED, "bad_encoding"),
        (200, CaptureOutcome.NOT_RECOGNISED, "nothing_matched"),
        (404, CaptureOutcome.FAILED, "not_there"),
    ]


def test_nothing_about_a_person_leaves_the_evidence(crawl: Runs, site: Site) -> None:
    """Identifiers on a page, in a URL and in an error are only in the files of the evidence store."""
    person = "13912345678"
    site.offers["1"].body = f"call {person} or ada.lovelace@mail.example"
    site.offers["1"].seller = person
    site.offers["ada.lovelace@mail.example"] = Offer(f"Phone {person}")
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 3})

    crawl.run(source)
    site.offers["ada.lovelace@mail.example"].status = 500
    site.offers["1"].status = 404
    crawl.run(source)

    home = crawl.evidence_dir.parent
    kept = [path for path in home.rglob("*") if path.is_file() and crawl.evidence_dir not in path.parents]
    assert len(crawl.listings()) == 13
    assert kept
    for path in kept:
        assert person.encode() not in path.read_bytes(), path.name
        assert b"ada.lovelace" not in path.read_bytes(), path.name
