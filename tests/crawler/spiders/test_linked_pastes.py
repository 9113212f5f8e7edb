"""Pastes that listings link to: read by one step, once, if the paste site is configured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from storage.listings import Listing
from storage.runs import RunOutcome
from tests.crawler.conftest import Runs
from tests.peers.programs import Content, Served, discourse
from tests.peers.software import software
from tests.peers.web import Answer, Asked

NONE: dict[str, object] = {"row": None, "item": None, "budget": {"recheck_items": 0}}


class Forum:
    """Discourse, and on the same host a paste site without a list, whose pastes tests change."""

    def __init__(self) -> None:
        self.content = Content()
        self.pastes: dict[str, Answer] = {}

    def __call__(self, content: Content, asked: Asked, url: str) -> Answer | None:
        if asked.path == "/pastes":
            return Answer(b"<html><form>New paste</form></html>")
        return self.pastes.get(asked.path.removeprefix("/raw/")) or discourse(content, asked, url)

    def put(self, key: str, text: str) -> None:
        self.pastes[key] = Answer(text.encode(), content_type="text/plain; charset=utf-8")


@pytest.fixture
def forum() -> Forum:
    return Forum()


@pytest.fixture
def site(forum: Forum) -> Iterator[Served]:
    with Served(forum, forum.content) as running:
        yield running


def declared(crawl: Runs, site: Served) -> int:
    """The forum's source, and the paste site's."""
    crawl.declare(
        "pastes",
        f"{site.url}/pastes",
        **NONE,
        kind="paste",
        raw=f"{site.url}/raw/{{key}}",
        list={"rows": "tr.none", "url": f"{site.url}/p/{{key}}", "key": "a", "empty": "form"},
    )
    return crawl.declare("forum", site.url, **NONE, kind="discourse", list=None)


def offered(forum: Forum, site: Served, *keys: str) -> None:
    topic = forum.content.add()
    topic.first.text = "Sample: " + " ".join(f'<a href="{site.url}/p/{key}">here</a>' for key in keys)


def pastes(crawl: Runs) -> list[Listing]:
    return [each for each in crawl.listings().values() if "/l" in each.key]


def test_a_paste_that_a_listing_links_to_is_stored_with_it(crawl: Runs, forum: Forum, site: Served) -> None:
    """Its text is a listing that belongs to the thread, found in the same run; its own links are not
    followed.
    """
    forum.put("abc", f"name,phone\nAda,none\n{site.url}/p/further\n")
    forum.put("further", "Not to be read.")
    offered(forum, site, "abc")
    source = declared(crawl, site)

    run = crawl.run(source)

    [paste] = pastes(crawl)
    assert (run.outcome, run.reason, run.listings_new) == (RunOutcome.NEW_LISTINGS, None, 2)
    assert (paste.thread_key, paste.url) == ("t1", f"{site.url}/raw/abc")
    assert crawl.versions(paste)[0].body.startswith("name,phone\nAda,none\n")
    assert "/raw/further" not in site.paths


def test_a_paste_is_asked_for_once(crawl: Runs, forum: Forum, site: Served) -> None:
    """A new reply leads to the thread again, but not to known pastes, even if they have expired."""
    forum.put("abc", "name,phone")
    offered(forum, site, "abc")
    source = declared(crawl, site)
    crawl.run(source)
    forum.content.reply(forum.content.topics[0])
    forum.pastes.clear()
    site.requests.clear()

    run = crawl.run(source)

    assert (run.reason, run.listings_new, run.listings_changed) == (None, 1, 0)
    assert "/raw/abc" not in site.paths
    assert len(pastes(crawl)) == 1


def test_a_paste_that_is_not_there_troubles_nobody(crawl: Runs, forum: Forum, site: Served) -> None:
    """Pastes expire, and the run does not report it."""
    offered(forum, site, "gone")
    source = declared(crawl, site)

    run = crawl.run(source)

    assert (run.outcome, run.reason, pastes(crawl)) == (RunOutcome.NEW_LISTINGS, None, [])
    assert "/raw/gone" in site.paths


def test_a_paste_that_fails_is_asked_for_again(crawl: Runs, forum: Forum, site: Served) -> None:
    """The run reports it, and the next run reads the paste, although its thread shows nothing new."""
    forum.pastes["abc"] = Answer(b"Sorry", status=500)
    offered(forum, site, "abc")
    source = declared(crawl, site)
    first = crawl.run(source)
    forum.put("abc", "name,phone")

    run = crawl.run(source)

    assert (first.reason, run.reason, run.listings_new) == ("partly_read", None, 1)
    assert [crawl.versions(each)[0].body for each in pastes(crawl)] == ["name,phone"]


def test_no_more_than_a_few_pastes_of_a_listing_are_read(crawl: Runs, forum: Forum, site: Served) -> None:
    """A listing full of links is bait, or a collection."""
    keys = [f"k{number}" for number in range(12)]
    for key in keys:
        forum.put(key, f"Text of {key}")
    offered(forum, site, *keys)
    source = declared(crawl, site)

    crawl.run(source)

    assert len(pastes(crawl)) == 5


def test_archives_and_pictures_behind_a_paste_site_are_not_read(
    crawl: Runs, forum: Forum, site: Served
) -> None:
    """One is not requested because of its name, the other is not stored because of its type."""
    forum.pastes["dump"] = Answer(b"PK\x03\x04", content_type="application/zip")
    offered(forum, site, "all.zip", "dump")
    source = declared(crawl, site)

    crawl.run(source)

    assert pastes(crawl) == []
    assert "/raw/all.zip" not in site.paths


def test_a_real_paste_server_without_a_list_is_followed_to(
    crawl: Runs, forum: Forum, site: Served, tmp_path: Path
) -> None:
    """pinnwand gives a paste to anybody with its link: a reply's link leads to its text."""
    with software("linkbin", tmp_path / "linkbin") as url:
        file = {"lexer": "text", "content": "姓名,电话\nAda,none\n"}
        made = httpx.post(f"{url}/api/v1/paste", json={"expiry": "1day", "files": [file]})
        topic = forum.content.add(replies=1)
        topic.last.text = f'Sample: <a href="{made.json()["link"]}">here</a>'
        listed = {"rows": "tr.none", "empty": "body", "url": f"{url}/{{key}}", "key": "a"}
        bins = crawl.declare(
            "bins", f"{url}/about", **NONE, kind="paste", raw=f"{url}/raw/{{key}}", list=listed
        )
        source = crawl.declare("forum", site.url, **NONE, kind="discourse", list=None)

        looked, run = crawl.run(bins), crawl.run(source)

    [paste] = pastes(crawl)
    assert (looked.outcome, looked.reason) == (RunOutcome.NOTHING_NEW, None)
    assert (run.outcome, run.reason, paste.thread_key) == (RunOutcome.NEW_LISTINGS, None, "t1")
    assert crawl.versions(paste)[0].body == file["content"]
