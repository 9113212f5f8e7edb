"""After downtime a source is read back to where it was, over as many runs as necessary."""

from __future__ import annotations

from storage.runs import Run, RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Offer, Site


def test_three_weeks_are_caught_up_with_within_the_budget(crawl: Runs, site: Site) -> None:
    """Forty new offers come before the known ones, and a run may request five pages: each run says what stays
    unread while more is posted and deleted; then one page is enough again.
    """
    source = crawl.declare(
        "market", f"{site.url}/offers", item=None, budget={"pages": 200}, politeness=POLITE
    )
    crawl.run(source)
    before = dict(site.offers)
    missed = {f"new-{number}": Offer(f"Missed database {number}") for number in range(40)}
    site.offers = {**missed, **before}
    small = crawl.declare("market", f"{site.url}/offers", item=None, budget=SMALL, politeness=POLITE)

    visits = [crawl.run(small)]
    site.offers = {"late": Offer("Posted meanwhile"), **site.offers}
    for key in ("new-1", "new-2", "new-3"):
        del site.offers[key]
    while visits[-1].reason == "budget_ended":
        visits.append(crawl.run(small))
    site.requests.clear()
    after = crawl.run(small)

    assert [told(run) for run in visits] == [("budget_ended", True), (None, False)]
    assert {each.title for each in crawl.listings().values()} >= {offer.title for offer in missed.values()}
    assert len(crawl.listings()) == 12 + 40 + 1
    assert (after.outcome, after.pages_unread, len(site.requests)) == (RunOutcome.NOTHING_NEW, 0, 1)


POLITE = {"delay_s": 0, "robots": False}
SMALL = {"pages": 6, "recheck_items": 0}


def told(run: Run) -> tuple[str | None, bool]:
    """The reason, and whether pages stayed unread."""
    return run.reason, bool(run.pages_unread)
