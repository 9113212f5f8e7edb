"""The outcome of a run: the order of the rules."""

from __future__ import annotations

import gc
from weakref import WeakSet

import pytest

from crawler.errors import (
    BudgetEnded,
    NotThere,
    RateLimited,
    SiteDenied,
    TimedOut,
    TorUnreachable,
)
from crawler.running.run_tally import Failures, PageCounts, RunTally


@pytest.mark.parametrize(
    ("tally", "outcome", "reason"),
    [
        (RunTally(PageCounts(read=1)), "nothing_new", None),
        (RunTally(PageCounts(read=1), listings_new=1), "new_listings", None),
        (RunTally(PageCounts(read=1), listings_changed=1), "new_listings", None),
        (RunTally(PageCounts(unrecognised=1)), "page_not_recognised", "nothing_matched"),
        (RunTally(PageCounts(failures=Failures([TimedOut()]))), "could_not_fetch", "timed_out"),
        (RunTally(PageCounts(failures=Failures([SiteDenied()]))), "refused", "site_denied"),
        (
            RunTally(PageCounts(failures=Failures([TimedOut()]), unrecognised=1)),
            "page_not_recognised",
            "nothing_matched",
        ),
        (RunTally(PageCounts(read=1, failures=Failures([NotThere()]))), "nothing_new", "partly_read"),
        (
            RunTally(PageCounts(read=1), items=PageCounts(unrecognised=2)),
            "page_not_recognised",
            "items_not_recognised",
        ),
        (
            RunTally(PageCounts(read=1), items=PageCounts(read=1, unrecognised=2)),
            "nothing_new",
            "partly_read",
        ),
        (RunTally(PageCounts(read=1), rechecks=PageCounts(unrecognised=1)), "nothing_new", "partly_read"),
        (
            RunTally(PageCounts(read=1), rechecks=PageCounts(unrecognised=3)),
            "page_not_recognised",
            "items_not_recognised",
        ),
        (RunTally(PageCounts(read=1), closed=BudgetEnded(), unread=2), "nothing_new", "budget_ended"),
        (RunTally(PageCounts(read=1), closed=RateLimited()), "nothing_new", "rate_limited"),
        (
            RunTally(PageCounts(read=1), listings_new=1, closed=TorUnreachable()),
            "could_not_fetch",
            "tor_unreachable",
        ),
        (RunTally(PageCounts(read=1), absent=(7, 12)), "nothing_new", "many_absent"),
        (RunTally(closed=BudgetEnded()), "could_not_fetch", "budget_ended"),
        (RunTally(closed=RateLimited()), "could_not_fetch", "rate_limited"),
    ],
)
def test_the_first_rule_that_applies_decides(tally: RunTally, outcome: str, reason: str | None) -> None:
    """What prevented reading the lists comes first, then a redesign, then what was stored."""
    ending = tally.ending()

    assert (ending.outcome.value, ending.reason) == (outcome, reason)


def test_the_sentence_counts_what_went_wrong_by_kind() -> None:
    """The most frequent cause comes first, with the number of all pages that were tried."""
    failures = Failures([TimedOut(), NotThere(), TimedOut()])
    tally = RunTally(PageCounts(read=2), items=PageCounts(read=4, unrecognised=1, failures=failures))

    detail = tally.ending().detail or ""
    assert detail.startswith("4 of 10 pages ")
    assert "2 timed_out, 1 not_there, 1 not_recognised" in detail


def test_an_ending_is_masked_before_it_is_a_row() -> None:
    """Everything that a sentence quotes is masked."""
    ending = RunTally(PageCounts(failures=Failures([TimedOut("call 13912345678")]))).ending()

    assert ending.masked(lambda text: text.replace("13912345678", "***")).detail == "call ***"


def test_what_is_lost_is_named_and_the_rest_is_counted() -> None:
    """A redesign may lose every selector; the sentence stays short enough to read."""
    tally = RunTally(PageCounts(read=1), degraded=tuple(f"row.{name} is lost." for name in "abcdefg"))

    ending = tally.ending()
    assert (ending.outcome.value, ending.reason) == ("nothing_new", "parser_degraded")
    assert (ending.detail or "").startswith("row.a is lost. row.b is lost.")
    assert "row.e is lost. 2 more." in (ending.detail or "")


class Body:
    """A page's body; the test checks whether anything still refers to it."""

    size = 100


def failed_while_holding(body: Body) -> TimedOut:
    """Return an error raised in a frame that holds a page."""
    try:
        raise TimedOut(f"{body.size} bytes had come.")
    except TimedOut as error:
        return error


def test_of_many_failures_the_pages_are_let_go() -> None:
    """Every error is counted, and all but the first are released with the objects of their tracebacks."""
    failures, bodies = Failures(), WeakSet[Body]()
    for _ in range(100):
        body = Body()
        bodies.add(body)
        failures.add(failed_while_holding(body))
    del body

    gc.collect()

    assert (len(failures), failures.kinds) == (100, {"timed_out": 100})
    assert len(bodies) == 1
