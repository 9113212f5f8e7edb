"""A run against a well-behaved site: what is read, followed, stored, captured and announced."""

from __future__ import annotations

import hashlib

from crawler.running.child_protocol import RunProgress
from storage import sources
from storage.captures import CaptureOutcome, CaptureRole
from storage.evidence.warc import EvidenceStore
from storage.listings import Life
from storage.runs import RunOutcome
from storage.sources import SourceHealth
from storage.work import WorkKind
from tests.crawler.conftest import Runs
from tests.peers.web import Answer, Offer, Site


def test_everything_on_every_page_is_stored_once(crawl_both: Runs, site: Site) -> None:
    """A first run reads all three pages of the list and the page of each of the twelve offers."""
    source = crawl_both.declare("market", f"{site.url}/offers")

    run = crawl_both.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.NEW_LISTINGS, None)
    assert (run.listings_seen, run.listings_new, run.listings_changed, run.pages_unread) == (12, 12, 0, 0)
    assert run.captures == 15
    assert {str(number) for number in range(1, 13)} == {
        key.rpartition("/")[2] for key in crawl_both.listings()
    }
    first = crawl_both.offer("1")
    assert first.seller == "vendor"
    assert str(first.price_amount).partition(".")[0] == "500"


def test_a_second_run_asks_for_the_first_page_and_what_is_looked_at_again(crawl: Runs, site: Site) -> None:
    """Known listings are not fetched again, except those that the budget rechecks."""
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 2})
    crawl.run(source)
    site.requests.clear()

    run = crawl.run(source)

    assert (run.outcome, run.reason, run.detail) == (RunOutcome.NOTHING_NEW, None, None)
    assert [
        path if not path.startswith("/offer/") else "/offer/" for path in sorted(site.paths, key=_order)
    ] == ["/robots.txt", "/offers", "/offer/", "/offer/"]


def _order(path: str) -> int:
    return ["/robots.txt", "/offers"].index(path) if path in ("/robots.txt", "/offers") else 2


def test_only_what_is_new_is_followed(crawl: Runs, site: Site) -> None:
    """A new offer on the first page is fetched; the list is read up to a page that holds only known ones."""
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 0})
    crawl.run(source)
    _put_first(site, "99", "A new database")
    site.requests.clear()

    run = crawl.run(source)

    assert (run.outcome, run.listings_new) == (RunOutcome.NEW_LISTINGS, 1)
    assert [path.rpartition("/")[2] for path in site.paths if path.startswith("/offer/")] == ["99"]
    assert sorted(asked.query.get("page", "1") for asked in site.asked_for("/offers")) == ["1", "2"]


def test_a_changed_row_gives_a_new_version(crawl_both: Runs, site: Site) -> None:
    """After a new price in the list, the offer's page is read again and gives version 2."""
    source = crawl_both.declare("market", f"{site.url}/offers", budget={"recheck_items": 0})
    crawl_both.run(source)
    site.offers["1"].price = "$400"

    run = crawl_both.run(source)

    changed = crawl_both.offer("1")
    assert (run.outcome, run.listings_new, run.listings_changed) == (RunOutcome.NEW_LISTINGS, 0, 1)
    assert (changed.life, changed.version_number) == (Life.PRICE_CHANGED, 2)


def test_an_edit_that_the_list_does_not_show_is_found_by_a_recheck(crawl: Runs, site: Site) -> None:
    """A known listing's own page is read again in its turn, with what its row had said, and compared."""
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 12})
    crawl.run(source)
    site.offers["7"].body = "Now with telephone numbers."

    run = crawl.run(source)

    [edited] = [each for each in crawl.listings().values() if each.version_number == 2]
    assert (run.listings_changed, edited.life, edited.title) == (1, Life.EDITED, "Database number 7")
    assert [change["field"] for change in crawl.versions(edited)[1].changes] == ["body"]
    assert edited.price_amount is not None


def test_two_listings_that_share_a_link_are_two(crawl: Runs, site: Site) -> None:
    """Each is requested and stored, although their URL is the same."""
    pages = {"rows": "tr.row", "link": "a", "key": "td.price"}
    source = crawl.declare("market", f"{site.url}/two-rows-one-link", list=pages)

    run = crawl.run(source)

    assert (run.listings_seen, run.listings_new, sorted(crawl.listings())) == (2, 2, ["$1", "$2"])


def test_a_change_in_the_list_counts_though_its_listing_is_looked_at_again(crawl: Runs, site: Site) -> None:
    """A recheck knows the old row, and neither replaces nor undoes the new one."""
    site.offers = {key: site.offers[key] for key in ("1", "2")}
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 12})
    crawl.run(source)
    site.offers["1"].price = "$400"

    run = crawl.run(source)

    changed = crawl.offer("1")
    assert (run.listings_changed, changed.life, changed.version_number) == (1, Life.PRICE_CHANGED, 2)


def test_every_response_is_kept_as_received_before_it_is_parsed(crawl_both: Runs, site: Site) -> None:
    """Each page has a capture row with its outcome, and the evidence store has its bytes under its sha256."""
    source = crawl_both.declare("market", f"{site.url}/gzip")

    run = crawl_both.run(source)

    listed, *items = crawl_both.captures(run)
    assert listed.place is not None
    kept = EvidenceStore(crawl_both.evidence_dir).read_response(listed.place, listed.sha256)
    assert (listed.role, listed.status, listed.outcome) == (CaptureRole.LIST, 200, CaptureOutcome.PARSED)
    assert listed.sha256 == hashlib.sha256(kept.body).hexdigest()
    assert kept.body[:2] == b"\x1f\x8b"
    assert (b"Content-Encoding", b"gzip") in kept.headers
    assert {CaptureOutcome.PARSED} == {each.outcome for each in items}


def test_new_versions_are_announced_for_matching_after_they_are_stored(crawl: Runs, site: Site) -> None:
    """The daemon gets each new version, and its text is in the evidence store, unmasked."""
    site.offers["1"].body = "Contact 13912345678 now"
    source = crawl.declare("market", f"{site.url}/offers")

    crawl.run(source)

    listing = crawl.offer("1")
    [version] = crawl.versions(listing)
    announced = [work.row_id for work in crawl.dispatcher.work if work.kind is WorkKind.MATCH]
    assert version.place is not None
    text = EvidenceStore(crawl.evidence_dir).read_text(version.place)
    assert 12 == len(announced) == len(set(announced))
    assert version.id in announced
    assert text.parts["body"].strip() == "Contact 13912345678 now"
    assert "13912345678" not in version.body


def test_progress_is_told_while_a_run_goes_on(crawl: Runs, site: Site) -> None:
    """The last progress message has the counts of the run's row."""
    run = crawl.run(crawl.declare("market", f"{site.url}/offers"))

    last = crawl.progress[-1]

    assert isinstance(last, RunProgress)
    assert (run.id, run.listings_new, run.captures) == (
        last.run_id,
        last.counts.listings_new,
        last.counts.captures,
    )


def test_a_feed_that_has_not_changed_is_not_sent_again(crawl: Runs, site: Site) -> None:
    """The second run sends the feed's ETag and takes 304 for "nothing new", with a capture that says so."""
    source = crawl.declare("news", f"{site.url}/feed", kind="feed", list=None, row=None, item=None)
    first = crawl.run(source)

    second = crawl.run(source)

    assert (first.outcome, first.listings_new) == (RunOutcome.NEW_LISTINGS, 12)
    assert second.outcome == RunOutcome.NOTHING_NEW
    assert [each.outcome for each in crawl.captures(second)] == [CaptureOutcome.UNCHANGED]
    assert "if-none-match" in site.asked_for("/feed")[1].headers


def test_a_changed_source_file_reads_the_whole_feed_again(crawl: Runs, site: Site) -> None:
    """Validators belong to the definition under which they were received: after an edit the feed is requested
    in full.
    """
    parts = {"kind": "feed", "list": None, "row": None, "item": None}
    crawl.run(crawl.declare("news", f"{site.url}/feed", **parts))

    run = crawl.run(crawl.declare("news", f"{site.url}/feed", **parts, currency="EUR"))

    assert [each.status for each in crawl.captures(run)] == [200]


def test_a_json_api_is_read_over_its_pages_through_httpx(crawl: Runs, site: Site) -> None:
    """Kind `json` is fetched with httpx, with the same captures, over every page."""
    source = crawl.declare(
        "api",
        f"{site.url}/api",
        kind="json",
        list={"rows": "$.rows", "key": "$.id", "url": f"{site.url}/offer/{{key}}", "next": "$.next"},
        row={"title": "$.title", "body": "$.text"},
        item=None,
    )

    run = crawl.run(source)

    assert (run.outcome, run.listings_new, run.captures) == (RunOutcome.NEW_LISTINGS, 12, 3)
    assert {CaptureRole.API} == {each.role for each in crawl.captures(run)}


def test_text_attachments_are_fetched_and_nothing_else(crawl: Runs, site: Site) -> None:
    """An offer's text file is kept; a picture with a text file's name is not read; an archive is not
    requested.
    """
    site.offers["1"].attachments = ["/sample.txt", "/picture-named-txt.txt", "/dump.zip"]
    source = crawl.declare("market", f"{site.url}/offers")

    run = crawl.run(source)

    [version] = crawl.versions(crawl.offer("1"))
    kept = [each for each in crawl.captures(run) if each.role is CaptureRole.ATTACHMENT]
    assert [each.name for each in version.attachments] == ["sample.txt"]
    assert [each.outcome for each in kept] == [CaptureOutcome.PARSED]
    assert site.asked_for("/dump.zip") == []
    place = version.attachments[0].place
    assert place is not None
    assert "name,phone" in EvidenceStore(crawl.evidence_dir).read_text(place).parts["attachment"]


def test_an_attachment_that_fails_is_asked_for_by_the_next_run(crawl: Runs, site: Site) -> None:
    """The listing is stored without it, and its feed is requested in full until the attachment has come."""
    site.offers = {"1": Offer("Database", attachments=["/late-sample.txt"])}
    site.failures_left = 1
    item = {"body": "div.description", "attachments": "a.attachment"}
    budget = {"recheck_items": 0}
    source = crawl.declare(
        "news", f"{site.url}/feed", kind="feed", list=None, row=None, item=item, budget=budget
    )

    first, second, third = (crawl.run(source) for _ in range(3))

    stored = [[each.name for each in version.attachments] for version in crawl.versions(crawl.offer("1"))]
    assert (first.listings_new, first.reason, second.listings_changed) == (1, "partly_read", 1)
    assert stored == [[], ["late-sample.txt"]]
    assert [each.outcome for each in crawl.captures(third)] == [CaptureOutcome.UNCHANGED]


def test_an_attachment_beyond_the_budget_is_unread_and_no_trouble(crawl: Runs, site: Site) -> None:
    """The run says that a page stayed unread, and the next run with enough budget reads it."""
    site.offers = {"1": Offer("Database", attachments=["/sample.txt"])}
    polite = {"delay_s": 0, "robots": False}
    small, large = ({"pages": pages, "recheck_items": 0} for pages in (2, 200))
    first = crawl.run(crawl.declare("market", f"{site.url}/offers", politeness=polite, budget=small))

    crawl.run(crawl.declare("market", f"{site.url}/offers", politeness=polite, budget=large))

    assert (first.listings_new, first.reason, first.pages_unread) == (1, "budget_ended", 1)
    stored = crawl.versions(crawl.offer("1"))
    assert [[each.name for each in version.attachments] for version in stored] == [[], ["sample.txt"]]


def test_a_listing_whose_own_page_fails_is_stored_from_its_row(crawl: Runs, site: Site) -> None:
    """A title is worth an alert although the listing's page requires a login; the next run tries it again."""
    site.offers["2"].status = 403
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 0})

    first = crawl.run(source)
    site.offers["2"].status = 200
    second = crawl.run(source)

    assert (first.outcome, first.reason, first.listings_new) == (RunOutcome.NEW_LISTINGS, "partly_read", 12)
    assert (first.detail or "").startswith("1 of 15 pages ")
    assert "1 site_denied" in (first.detail or "")
    assert (second.outcome, second.listings_changed) == (RunOutcome.NEW_LISTINGS, 1)


def test_a_budget_that_ends_says_how_much_is_unread_and_the_next_run_goes_on_there(
    crawl: Runs, site: Site
) -> None:
    """Four runs of eight requests each read what one run could not, without a gap."""
    source = crawl.declare(
        "market",
        f"{site.url}/offers",
        budget={"pages": 8, "recheck_items": 0},
        politeness={"delay_s": 0, "robots": False},
    )

    first = crawl.run(source)
    while (last := crawl.run(source)).reason == "budget_ended":
        pass

    assert (first.outcome, first.reason) == (RunOutcome.NEW_LISTINGS, "budget_ended")
    assert first.detail is not None
    assert "(8 pages)" in first.detail
    assert first.pages_unread is not None
    assert first.pages_unread >= 1
    assert len(crawl.listings()) == 12
    assert (last.pages_unread, last.reason) == (0, None)


def test_a_change_of_health_is_announced_and_only_once(crawl: Runs, site: Site) -> None:
    """A source that is no longer recognised makes one change row; staying so makes none."""
    source = crawl.declare("market", [f"{site.url}/fails-at-first"], item=None)
    crawl.run(source)
    site.failures_left = 2

    crawl.run(source)
    crawl.run(source)

    [change] = [work for work in crawl.dispatcher.work if work.kind is WorkKind.SOURCE_CHANGE]
    with crawl.database.reading() as session:
        row = sources.change_by_id(session, change.row_id)
    assert row is not None
    assert (row.before, row.after) == (SourceHealth.OK, SourceHealth.COULD_NOT_FETCH)


def test_robots_txt_is_obeyed_unless_the_source_says_otherwise(crawl: Runs, site: Site) -> None:
    """A forbidden list ends the run as refused; `robots = false` in the source's file reads it."""
    site.robots = Answer(b"User-agent: *\nDisallow: /offers\n", content_type="text/plain")
    obeying = crawl.declare("market", f"{site.url}/offers")
    ignoring = crawl.declare("other", f"{site.url}/offers", politeness={"delay_s": 0, "robots": False})

    refused, read = crawl.run(obeying), crawl.run(ignoring)

    assert (refused.outcome, refused.reason) == (RunOutcome.REFUSED, "robots_forbidden")
    assert refused.detail is not None
    assert "politeness.robots" in refused.detail
    assert read.outcome == RunOutcome.NEW_LISTINGS


def test_a_robots_txt_that_cannot_be_read_closes_the_site(crawl: Runs, site: Site) -> None:
    """RFC 9309: a robots.txt that answers 500 forbids everything, and the run says so."""
    site.robots = Answer(b"", status=500)
    source = crawl.declare("market", f"{site.url}/offers")

    run = crawl.run(source)

    assert (run.outcome, run.reason) == (RunOutcome.COULD_NOT_FETCH, "robots_unreachable")
    assert site.asked_for("/offers") == []


def _put_first(site: Site, key: str, title: str) -> None:
    newest = type(site.offers["1"])(title)
    site.offers = {key: newest, **site.offers}
