"""Families that answer in JSON (and Telegram's preview), in real runs: what is read, and what is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest

from storage.listings import Life, Listing
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.programs import PROGRAMS, STARTS, Content, Served, Topic

FORUMS = ("flarum", "nodebb", "discourse")
#: Families whose list shows an edit; the others need a recheck to find it.
OTHERS = ("wordpress", "telegram", "pastebin", "gists", "ransomlook", "ransomware_live")
Shown = tuple[str, str | None, datetime | None]


@dataclass(frozen=True)
class Scale:
    """The numbers that give more than one page of each kind."""

    topics: int
    replies: int = 0


SCALES = {
    "flarum": Scale(52, 105),
    "nodebb": Scale(25, 50),
    "discourse": Scale(32, 50),
    "wordpress": Scale(55),
    "telegram": Scale(45),
    "pastebin": Scale(8),
    "gists": Scale(104),
    "ransomlook": Scale(45),
    "ransomware_live": Scale(30),
}


def filled(scale: Scale) -> Content:
    """A long thread, and others without replies."""
    content = Content()
    content.add(replies=scale.replies)
    for _ in range(scale.topics - 1):
        content.add()
    return content


def declared(crawl: Runs, site: Served, kind: str, *, rechecks: int = 0) -> int:
    start = f"{site.url}{STARTS.get(kind, '/')}"
    budget = {"pages": 500, "recheck_items": rechecks}
    return crawl.declare(
        kind, start, kind=kind, list=None, row=None, item=None, timezone="UTC", budget=budget
    )


def stored(crawl: Runs) -> tuple[list[Listing], list[Listing]]:
    """First posts, and replies."""
    found = list(crawl.listings().values())
    return [each for each in found if each.thread_key is None], [each for each in found if each.thread_key]


def shown(listings: list[Listing]) -> set[Shown]:
    return {(each.title, each.seller, each.posted_at) for each in listings}


def expected(content: Content, kind: str) -> set[Shown]:
    owner = {"telegram": "Leaks today"}
    return {(topic.title, owner.get(kind, topic.first.author), topic.first.at) for topic in content.topics}


@pytest.mark.parametrize("kind", FORUMS)
def test_a_forum_is_read_over_its_pages_and_visited_again(crawl: Runs, kind: str) -> None:
    """First every thread and reply, over several pages of each; then nothing; then only what is new, and an
    edit as a version.
    """
    content = filled(SCALES[kind])
    with Served(PROGRAMS[kind], content) as site:
        source = declared(crawl, site, kind)
        first = crawl.run(source)

        threads, replies = stored(crawl)
        long = content.topics[0]
        assert (first.outcome, first.reason) == (RunOutcome.NEW_LISTINGS, None)
        assert shown(threads) == expected(content, kind)
        assert {(each.seller, each.posted_at) for each in replies} == {
            (post.author, post.at) for post in long.posts[1:]
        }
        assert {crawl.versions(each)[0].body for each in replies} == {post.text for post in long.posts[1:]}
        assert {each.thread_key for each in replies} == {"t1"}
        assert {each.claimed_records for each in threads} == {
            (number + 1) * 1000 for number in range(1, len(content.topics) + 1)
        }

        again = crawl.run(source)

        assert (again.outcome, again.reason, again.listings_new) == (RunOutcome.NOTHING_NEW, None, 0)

        content.add()
        answer = content.reply(content.topics[4])
        edited = content.topics[9].first
        edited.text, edited.edits = "Now with telephone numbers.", 1
        declared(crawl, site, kind, rechecks=100)
        later = crawl.run(source)

        assert (later.outcome, later.listings_new, later.listings_changed) == (RunOutcome.NEW_LISTINGS, 2, 1)
        threads, replies = stored(crawl)
        assert shown(threads) == expected(content, kind)
        assert [each.thread_key for each in replies if each.posted_at == answer.at] == ["t5"]
        [changed] = [each for each in threads if each.version_number == 2]
        assert (changed.life, crawl.versions(changed)[1].body) == (Life.EDITED, edited.text)


def test_a_site_that_was_redesigned_is_no_quiet_day(crawl: Runs) -> None:
    """A page of no known program ends the run as not recognised, and no listing is gone because of it. That
    the other families do not recognise it either is tested without a run.
    """
    with Served(PROGRAMS["discourse"], filled(Scale(3))) as site:
        source = declared(crawl, site, "discourse")
        crawl.run(source)
        site.redesigned = True

        run = crawl.run(source)

    assert run.outcome == RunOutcome.PAGE_NOT_RECOGNISED
    assert [each.gone_at for each in stored(crawl)[0]] == [None] * 3


def _edit(topic: Topic) -> None:
    topic.first.text, topic.first.edits = "Now with telephone numbers.", 1


@pytest.mark.parametrize("kind", OTHERS)
def test_what_stands_alone_is_read_over_its_pages_and_visited_again(crawl: Runs, kind: str) -> None:
    """First everything, over several pages; then nothing; then only what is new, and an edit as a version."""
    content = filled(SCALES[kind])
    with Served(PROGRAMS[kind], content) as site:
        source = declared(crawl, site, kind)
        first = crawl.run(source)

        assert (first.outcome, first.reason) == (RunOutcome.NEW_LISTINGS, None)
        assert shown(stored(crawl)[0]) == expected(content, kind)
        asked = len(site.requests)

        again = crawl.run(source)

        assert (again.outcome, again.reason, again.listings_new) == (RunOutcome.NOTHING_NEW, None, 0)
        # robots.txt, and the first page of each list.
        assert len(site.requests) - asked == (3 if kind == "wordpress" else 2)

        content.add()
        _edit(content.topics[-3])
        declared(crawl, site, kind, rechecks=100)
        later = crawl.run(source)

        assert (later.outcome, later.listings_new, later.listings_changed) == (RunOutcome.NEW_LISTINGS, 1, 1)
        threads, _ = stored(crawl)
        assert shown(threads) == expected(content, kind)
        [changed] = [each for each in threads if each.version_number == 2]
        assert changed.life == Life.EDITED
        assert BODIES.get(kind, _body)(crawl, changed)


def _body(crawl: Runs, listing: Listing) -> bool:
    return "Now with telephone numbers." in crawl.versions(listing)[1].body


def _attached(crawl: Runs, listing: Listing) -> bool:
    """A gist's text is in its one text file; its archive and its picture are not requested."""
    return [each.name for each in crawl.versions(listing)[1].attachments] == ["list.txt"]


BODIES: dict[str, Callable[[Runs, Listing], bool]] = {"gists": _attached}
