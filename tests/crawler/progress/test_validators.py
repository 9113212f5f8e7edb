""" "Not modified": requested where it is safe, trusted for a while, and never again from a site that lied."""

from __future__ import annotations

import pytest

from crawler.progress.validators import TRUSTED_TIMES, Validators
from storage.captures import CaptureOutcome
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Offer, Site

START = "https://market.example/offers"


def after(*, etag: str | None, rows: str, then: int = 0, before: Validators | None = None) -> Validators:
    """Validators after a list came in full, was settled, and was reported unchanged `then` times."""
    subject = before or Validators({}, may_keep=lambda _: True)
    subject.remember(START, etag, None, rows)
    subject.settle(())
    for _ in range(then):
        subject.mark_not_modified(START)
    return Validators(subject.cursor(), may_keep=lambda _: True)


@pytest.mark.parametrize("then", range(TRUSTED_TIMES + 1))
def test_not_modified_is_believed_a_few_times_in_a_row(then: int) -> None:
    """Then the list is requested in full, so that an ETag that never changes hides nothing for long."""
    asked = after(etag='"1"', rows="ab", then=then).conditions(START)

    assert bool(asked) is (then < TRUSTED_TIMES)


def test_a_site_whose_rows_change_and_whose_validators_do_not_is_not_asked_again() -> None:
    """Its answers are worth nothing; each run reads the list."""
    liar = after(etag='"1"', rows="abc", before=after(etag='"1"', rows="ab", then=TRUSTED_TIMES))

    assert liar.conditions(START) == {}
    assert after(etag='"2"', rows="abcd", before=liar).conditions(START) == {}


def test_a_site_whose_validators_change_with_its_rows_is_believed_anew() -> None:
    """The count of answers in a row begins again."""
    honest = after(etag='"2"', rows="abc", before=after(etag='"1"', rows="ab", then=TRUSTED_TIMES))

    assert honest.conditions(START) == {"If-None-Match": '"2"'}


def test_a_list_that_has_not_changed_costs_one_short_answer(crawl: Runs, site: Site) -> None:
    """The second run sends the ETag and ends with "not modified"; a new offer is read at once."""
    source = crawl.declare("market", f"{site.url}/tagged-offers", item=None)
    crawl.run(source)

    second = crawl.run(source)
    site.offers = {"new": Offer("Fresh database"), **site.offers}
    third = crawl.run(source)

    assert (second.outcome, second.reason) == (RunOutcome.NOTHING_NEW, None)
    assert [each.outcome for each in crawl.captures(second)] == [CaptureOutcome.UNCHANGED]
    assert (third.outcome, third.listings_new) == (RunOutcome.NEW_LISTINGS, 1)


def test_a_list_of_which_something_is_unread_is_asked_for_in_full(crawl: Runs, site: Site) -> None:
    """ "Not modified" would leave the second page unread for ever."""
    polite = {"delay_s": 0, "robots": False}
    small, large = ({"pages": pages, "recheck_items": 0} for pages in (1, 200))
    start = f"{site.url}/tagged-offers"
    crawl.run(crawl.declare("market", start, item=None, politeness=polite, budget=small))

    again = crawl.run(crawl.declare("market", start, item=None, politeness=polite, budget=large))

    assert "if-none-match" not in site.requests[-1].headers
    assert (again.listings_new, len(crawl.listings())) == (7, 12)


def test_a_json_list_is_asked_with_its_date(crawl: Runs, site: Site) -> None:
    """Last-Modified is enough where there is no ETag, and the route for JSON sends it too."""
    shape = {"rows": "$.rows", "key": "$.id", "url": f"{site.url}/offer/{{key}}"}
    source = crawl.declare(
        "api", f"{site.url}/dated-api", kind="json", list=shape, row={"title": "$.title"}, item=None
    )
    crawl.run(source)

    second = crawl.run(source)

    assert second.outcome == RunOutcome.NOTHING_NEW
    assert [each.status for each in crawl.captures(second)] == [304]
