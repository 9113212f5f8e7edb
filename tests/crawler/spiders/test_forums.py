"""Forums of six programs, each in four runs: everything, nothing new, something new, redesigned."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from storage.database.base import Database
from storage.listings import Life, Listing
from storage.runs import Run, RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.forums.board import LOCKED, LONG, MOVED, SAMPLE, Thread
from tests.peers.forums.server import PROGRAMS, ForumSite

pytestmark = pytest.mark.timeout(300)  # the first test waits for four runs, while four others run

#: The edited thread is among the first that are due for a recheck.
EDITED, ANSWERED, OPENED = 45, LONG, 46
LATER = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
LISTS = 3
#: Number of simultaneous runs, each with a process of its own.
AT_ONCE = 2


@dataclass
class Story:
    """The results of four runs: `asked` are the URLs that each requested, `first` the listings after the
    first.
    """

    site: ForumSite
    runs: Runs
    ended: list[Run]
    asked: list[list[str]]
    first: dict[str, Listing]

    @property
    def threads(self) -> list[Thread]:
        """The initial threads of this board."""
        return [each for each in self.site.board.threads.values() if each.id not in (MOVED, OPENED)]

    def stored(self, thread: Thread) -> Listing:
        return self.first[f"t{thread.id}"]


@pytest.fixture(scope="module")
def stories(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Story]]]:
    """The stories of the selected programs, run side by side, because a run mostly waits for its process."""
    params = [getattr(getattr(item, "callspec", None), "params", {}) for item in request.session.items]
    wanted = {each["story"] for each in params if "story" in each}
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        begun = {}
        for program in (name for name in PROGRAMS if name in wanted):
            folder = tmp_path_factory.mktemp(program)
            shutil.copy(sqlite_template, folder / "spillwatch.db")
            url = f"sqlite:///{folder / 'spillwatch.db'}"
            database = stack.enter_context(closing(Database.open(url)))
            site = stack.enter_context(ForumSite(program))
            begun[program] = pool.submit(told, site, Runs(database, url, folder / "evidence"))
        yield begun


@pytest.fixture(params=PROGRAMS)
def story(request: pytest.FixtureRequest, stories: dict[str, Future[Story]]) -> Story:
    return stories[request.param].result()


def told(site: ForumSite, runs: Runs) -> Story:
    """1. everything; 2. again; 3. a new thread, a reply and an edit; 4. an unknown page."""
    story = Story(site, runs, [], [], {})
    run(story)
    story.first = runs.listings()
    run(story)
    board = site.board
    board.open(OPENED, at=LATER)
    board.reply(board.threads[ANSWERED], at=LATER + timedelta(minutes=1), quote="Fresh data 7, no haggling.")
    edited = board.threads[EDITED].first
    edited.text, edited.edited = "Sold.", LATER
    run(story, rechecks=10)
    site.redesigned = True
    run(story)
    return story


def run(story: Story, *, rechecks: int = 0) -> None:
    name = story.site.program.name
    source = story.runs.declare(
        name,
        story.site.start,
        kind=name,
        list=None,
        row=None,
        item=None,
        date_order="mdy",
        currency="USDT",
        budget={"recheck_items": rechecks},
    )
    story.site.requests.clear()
    story.ended.append(story.runs.run(source))
    story.asked.append(story.site.paths)


def test_a_first_run_stores_every_thread_and_every_reply(story: Story) -> None:
    """Three list pages and three pages of one thread give each listing once; moved threads are left out."""
    expected = {f"t{thread.id}" for thread in story.threads}
    expected |= {f"t{thread.id}/p{post.id}" for thread in story.threads for post in thread.posts[1:25]}

    assert (story.ended[0].outcome, story.ended[0].reason) == (RunOutcome.NEW_LISTINGS, None)
    assert set(story.first) == expected
    assert story.ended[0].pages_unread == 0


def test_author_date_title_and_count_of_every_thread_are_as_posted(story: Story) -> None:
    """Dates are certain and in UTC, whatever the board's zone, and a prefix precedes the title."""
    prefixed = story.site.program.name not in ("phpbb", "smf")
    expected = [
        (
            f"[{thread.prefix}] {thread.title}" if thread.prefix and prefixed else thread.title,
            thread.first.author,
            thread.first.posted,
            False,
            thread.id * 1000,
        )
        for thread in story.threads
    ]
    rows = (story.stored(thread) for thread in story.threads)

    found = [
        (row.title, row.seller, row.posted_at, row.posted_at_uncertain, row.claimed_records) for row in rows
    ]

    assert found == expected


def test_the_price_is_the_title_s_or_the_board_s_own(story: Story) -> None:
    """`$107` in a title; a board's price for reading on is in the currency that the source names."""
    charges = story.site.program.name == "discuz"
    rows = {thread.id: story.stored(thread) for thread in story.threads}

    for number, row in rows.items():
        expected: tuple[Decimal | None, str | None] = (None, None)
        if number % 3 == 0:
            expected = (Decimal(100 + number), "USD")
        elif charges and number % 5 == 0:
            expected = (Decimal(30), "USDT")
        assert (row.price_amount, row.price_currency) == expected, number


def test_a_reply_is_its_own_author_s_and_knows_its_thread(story: Story) -> None:
    """Each of the 24 replies on three pages has its author, date and post URL, and no title."""
    thread = story.site.board.threads[LONG]
    rows = [story.first[f"t{LONG}/p{post.id}"] for post in thread.posts[1:25]]

    assert [(row.seller, row.posted_at) for row in rows] == [
        (post.author, post.posted) for post in thread.posts[1:25]
    ]
    assert {(row.thread_key, row.title) for row in rows} == {(f"t{LONG}", "")}
    assert all(row.url.endswith(str(post.id)) for row, post in zip(rows, thread.posts[1:25], strict=True))


def test_only_what_an_author_wrote_is_the_body(story: Story) -> None:
    """Quotes, signatures, noise and code are not part of the body; code is the sample; hidden parts are
    noted.
    """
    board = story.site.board
    texts = {
        row.key: version
        for row in story.first.values()
        for version in story.runs.versions(row)
        if version.number == 1
    }
    quoted = board.threads[LONG].posts[2]
    locked, coded = texts[f"t{LOCKED}"], texts["t8"]

    assert texts[f"t{LONG}/p{quoted.id}"].body.splitlines() == [quoted.text, "proof"]
    assert coded.body.splitlines() == [board.threads[8].first.text, "proof"]
    assert (coded.sample, list(coded.links)) == (SAMPLE, ["https://paste.example/8"])
    assert "[hidden by the site]" in locked.body.splitlines()
    assert not any("Signed" in version.body for version in texts.values())


def test_no_address_is_asked_for_twice_whatever_session_it_carried(story: Story) -> None:
    """44 threads, two more pages of one thread, three list pages and robots.txt are the only requests."""
    assert len(story.asked[0]) == len(story.threads) + 2 + LISTS + 1


def test_a_second_run_finds_nothing_new_on_one_page(story: Story) -> None:
    """Parts that change with each view, a counter or a session, are not news."""
    ended = story.ended[1]

    assert (ended.outcome, ended.reason, ended.listings_new, ended.listings_changed) == (
        RunOutcome.NOTHING_NEW,
        None,
        0,
        0,
    )
    assert len(story.asked[1]) == 2


def test_after_new_posts_only_these_are_new(story: Story) -> None:
    """A thread, and a reply on another thread's third page: its own words without its quotes."""
    board, after = story.site.board, story.runs.listings()
    answer = board.threads[ANSWERED].last
    [reply] = [row for key, row in after.items() if key not in story.first and row.thread_key]
    [version] = story.runs.versions(reply)

    assert story.ended[2].listings_new == 2
    assert after.keys() - story.first.keys() == {f"t{OPENED}", f"t{ANSWERED}/p{answer.id}"}
    assert version.body.splitlines() == [answer.text, "proof"]


def test_an_edit_of_a_first_post_is_a_version(story: Story) -> None:
    """The list does not show it; a recheck of the thread finds it, and it is the only change."""
    row = story.runs.listings()[f"t{EDITED}"]
    _, edited = story.runs.versions(row)

    assert (story.ended[2].listings_changed, row.life, row.version_number) == (1, Life.EDITED, 2)
    assert edited.body.splitlines() == ["Sold.", "proof"]
    assert [change["field"] for change in edited.changes] == ["body"]


def test_a_redesign_is_no_quiet_day(story: Story) -> None:
    """A page without the expected parts is not recognised, and no listing is gone because of it."""
    ended = story.ended[3]

    assert ended.outcome == RunOutcome.PAGE_NOT_RECOGNISED
    assert not any(row.gone_at for row in story.runs.listings().values())


def test_a_feed_comes_first_and_the_list_only_behind_something_new(crawl: Runs) -> None:
    """The list gives what the feed does not reach; a feed without news is the only page read."""
    with ForumSite("mybb") as site:
        source = crawl.declare(
            "feed",
            site.feed,
            kind="mybb",
            list=None,
            row=None,
            item=None,
            replies=False,
            budget={"recheck_items": 0},
        )
        first = crawl.run(source)
        stored = set(crawl.listings())
        site.requests.clear()
        second = crawl.run(source)

    assert (first.outcome, len(stored)) == (RunOutcome.NEW_LISTINGS, 44)
    assert second.outcome == RunOutcome.NOTHING_NEW
    assert site.paths == ["/robots.txt", "/syndication.php"]


def test_a_thread_that_is_kept_from_guests_is_no_page_that_could_not_be_read(crawl: Runs) -> None:
    """What its row says is stored with a note that the rest is hidden, and rechecks are rare."""
    with ForumSite("discuz") as site:
        site.board.threads = {number: site.board.threads[number] for number in (ANSWERED, EDITED)}
        site.board.threads[ANSWERED].rank = 10
        source = crawl.declare(
            "ranked",
            site.start,
            kind="discuz",
            list=None,
            row=None,
            item=None,
            replies=False,
            budget={"recheck_items": 50},
        )
        first, second = crawl.run(source), crawl.run(source)
    row = crawl.listings()[f"t{ANSWERED}"]
    [version] = crawl.versions(row)

    assert [(run.outcome, run.reason) for run in (first, second)] == [
        (RunOutcome.NEW_LISTINGS, None),
        (RunOutcome.NOTHING_NEW, None),
    ]
    assert (row.seller, version.body) == ("seller1", "[hidden by the site]")
    assert [asked.query.get("tid") for asked in site.requests].count(str(ANSWERED)) == 2
