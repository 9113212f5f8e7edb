"""Known list pages are read again, for listings without a page of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from crawler.progress.rereading import KnownPage, ListRereading
from storage.listings import Life
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.web import Offer, Site

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
START = "https://market.example/offers"
BUDGET = {"recheck_items": 2}


def page(number: int) -> str:
    return START if number == 1 else f"{START}?page={number}"


def rereading(state: dict[str, Any] | None = None, *, day: int = 0, pages: int = 2) -> ListRereading:
    now = NOW + timedelta(days=day)
    return ListRereading(
        state or {}, now=now, pages=pages, depth=50, may_keep=lambda url: "private" not in url
    )


def visit(
    state: dict[str, Any], *, day: int, pages: int = 2, last: int = 6
) -> tuple[list[int], dict[str, Any]]:
    """One run over a list of `last` pages; return the pages that were read again, and the next state."""
    subject = rereading(state, day=day, pages=pages)
    following = next((each.url for each in subject.saved_pages().values()), None)
    if following is None:
        following = subject.begin(START, page(2), "list", whole=True)
    read = []
    while following is not None:
        number = int(following.rpartition("=")[2])
        read.append(number)
        following = subject.add(
            START,
            following,
            [(f"{number}{letter}", letter) for letter in "ab"],
            next_url=page(number + 1) if number < last else None,
            next_role="list",
            end=number == last,
            whole=True,
        )
    subject.finished([START], [])
    return read, subject.state([START], [], all_shown=False)


def test_known_pages_are_read_again_over_several_visits_and_then_one_rests() -> None:
    """Each visit continues with the last page of the one before; after the end, one visit reads nothing."""
    read: list[list[int]] = []
    state: dict[str, Any] = {}
    for day in range(8):
        pages, state = visit(state, day=day)
        read.append(pages)

    assert read == [[2, 3], [3, 4], [4, 5], [5, 6], [], [2, 3], [3, 4], [4, 5]]


def test_one_page_per_visit_gets_through() -> None:
    """The page that was read is not read again for ever."""
    read: list[list[int]] = []
    state: dict[str, Any] = {}
    for day in range(6):
        pages, state = visit(state, day=day, pages=1, last=4)
        read.append(pages)

    assert read == [[2], [3], [4], [], [2], [3]]


def test_the_moment_is_that_of_the_first_visit() -> None:
    """Every row was shown since the rereading began, not since its last visit."""
    _, state = visit({}, day=0)
    subject = rereading(state, day=3, pages=9)
    for number in (3, 4):
        subject.add(
            START, page(number), [("a", "a")], next_url=page(9), next_role="list", end=False, whole=True
        )

    before = subject.finished([START], [])
    subject.add(START, page(9), [("z", "z")], next_url=None, next_role="list", end=True, whole=True)

    assert (before, subject.finished([START], [])) == (None, NOW)
    assert subject.finished([START, "https://market.example/other"], []) is None


def test_a_list_without_an_end_proves_nothing() -> None:
    """Neither one that stops without saying so, nor a circle, nor one with a row left out."""
    for next_url, end, whole in ((None, False, True), (START, False, True), (None, True, False)):
        subject = rereading()
        subject.begin(START, page(2), "list", whole=True)
        onward = subject.add(
            START, page(2), [("a", "a")], next_url=next_url, next_role="list", end=end, whole=whole
        )

        assert (onward, subject.finished([START], [])) == (None, None)
        assert subject.state([START], [], all_shown=False) == {"rests": True}


def test_a_list_ends_before_a_page_that_is_missing_and_was_counted_up() -> None:
    """Known pages too: the shorter one was the last."""
    subject = rereading()
    subject.begin(START, page(2), "list", whole=True)
    rows = [("a", "a")]
    subject.add(START, page(2), rows, next_url=page(3), next_role="list", end=False, whole=True)

    assert not subject.end_before(START, first_rows=1)
    assert subject.end_before(START, first_rows=2)
    assert subject.finished([START], []) == NOW


def test_an_address_with_an_identifier_is_not_kept() -> None:
    """The next run begins with the list again."""
    subject = rereading(pages=0)
    subject.begin(START, "https://market.example/private", "list", whole=True)

    assert subject.state([START], [], all_shown=False)["pages"] == {}
    assert rereading(subject.state([START], [], all_shown=False)).begin(START, page(2), "list", whole=True)


def test_a_saved_page_has_its_role() -> None:
    """A list behind a feed is no feed."""
    subject = rereading(pages=0)
    subject.begin(START, page(2), "api", whole=True)

    assert rereading(subject.state([START], [], all_shown=False)).saved_pages() == {
        START: KnownPage(page(2), "api")
    }


def test_edits_and_removals_deep_in_a_list_are_noticed(crawl: Runs, site: Site) -> None:
    """Of rows without a page of their own, on the last of three list pages, within a stated number of visits;
    no visit reads more than its share.
    """
    site.offers = {str(number): Offer(f"Database number {number}", price="$10") for number in range(15)}
    source = crawl.declare("market", f"{site.url}/offers", item=None, budget=BUDGET)
    crawl.run(source)
    site.offers["12"].price = "$99"
    del site.offers["11"]

    visits = [crawl.run(source) for _ in range(4)]

    assert (crawl.offer("12").life, str(crawl.offer("12").price_amount)) == (Life.PRICE_CHANGED, "99")
    assert (crawl.offer("11").life, crawl.offer("14").life) == (Life.GONE, Life.NEW)
    assert [run.listings_changed for run in visits] == [0, 1, 0, 0]
    assert [run.pages for run in visits] == [2, 4, 2, 4]  # robots.txt, the first page, two known pages
    assert {run.reason for run in visits} == {None}


def test_a_list_that_became_shorter_is_no_failure(crawl: Runs, site: Site) -> None:
    """The page that the last visit saved shows nothing any more; the run says nothing."""
    site.offers = {str(number): Offer(f"Database number {number}") for number in range(12)}
    source = crawl.declare("market", f"{site.url}/offers", item=None, budget={"recheck_items": 1})
    before = [crawl.run(source) for _ in range(3)]
    site.offers = {str(number): site.offers[str(number)] for number in range(6)}

    after = crawl.run(source)

    assert [run.pages for run in before] == [4, 2, 3]
    assert (after.outcome, after.reason, after.pages) == (RunOutcome.NOTHING_NEW, None, 3)


def test_a_list_of_listings_with_pages_is_read_again_a_few_pages_per_visit() -> None:
    """It only looks for new listings: what it does not show is not concluded to be gone."""
    read: list[list[str]] = []
    state: dict[str, Any] = {}
    finished = []
    for day in range(3):
        subject = rereading(state, day=day, pages=10)
        following = next((each.url for each in subject.saved_pages().values()), None)
        following = following or subject.begin(START, page(2), "list", whole=True, few=True)
        pages = []
        while following is not None:
            pages.append(following.rpartition("=")[2])
            onward = page(int(pages[-1]) + 1) if pages[-1] != "6" else None
            rows = [(f"{pages[-1]}{letter}", f"{letter} of {pages[-1]}") for letter in "ab"]
            following = subject.add(
                START, following, rows, next_url=onward, next_role="list", end=onward is None, whole=True
            )
        read.append(pages)
        finished.append(subject.finished([START], []))
        state = subject.state([START], [], all_shown=False)

    assert read == [["2", "3", "4"], ["4", "5", "6"], []]
    assert finished == [None, None, None]


def test_a_new_listing_behind_the_first_page_is_found(crawl: Runs, site: Site) -> None:
    """A shop that sorts by name shows it on any page; its listings have pages of their own."""
    site.offers = {str(number): Offer(f"Database number {number}") for number in range(12)}
    source = crawl.declare("market", f"{site.url}/offers", budget={"recheck_items": 2})
    crawl.run(source)
    site.offers["99"] = Offer("Zeta database")

    visits = [crawl.run(source), crawl.run(source)]

    assert [run.listings_new for run in visits] == [0, 1]
    assert crawl.offer("99").title == "Zeta database"
