"""NodeBB: which parts of its API are read."""

from __future__ import annotations

import pytest

from tests.crawler.sources.pages import answered_page, family_adapter, followed_page, json_page
from tests.peers.programs import Content, nodebb

ROOT = "https://forum.example/"
TOPIC = {"tid": 7, "title": "A &amp; B", "slug": "7/a-b", "postcount": 1, "user": {"username": "marta"}}
POST = {"pid": 70, "uid": 1, "index": 0, "content": "<p>Text</p>", "user": {"username": "marta"}}


@pytest.mark.parametrize(
    ("start", "asked"),
    [
        ("https://forum.example/recent", f"{ROOT}api/recent?term=alltime"),
        ("https://forum.example/category/5/sales?x=1", f"{ROOT}api/category/5/sales?sort=recently_replied"),
        ("https://forum.example/b/topic/7/x", "https://forum.example/b/api/recent?term=alltime"),
    ],
)
def test_a_start_is_an_address_that_a_browser_shows(start: str, asked: str) -> None:
    """A start is any page of the forum, or a category."""
    assert [follow.url for follow in family_adapter("nodebb", start).start({})] == [asked]


def test_a_deleted_topic_is_not_followed() -> None:
    """A deleted topic still has a row, but no posts."""
    document = {"topics": [TOPIC, {**TOPIC, "tid": 8, "deleted": 1}]}

    parsed = family_adapter("nodebb", ROOT).parse(json_page(document, f"{ROOT}api/recent?term=alltime"))

    assert [follow.key for follow in parsed.follows] == ["t7"]
    assert parsed.follows[0].partial is not None
    assert parsed.follows[0].partial.title == "A & B"


def test_further_pages_are_read_from_the_newest_on() -> None:
    """The first page states the number of pages, so the others are read newest first."""
    held = Content()
    held.add(replies=50)
    reader = family_adapter("nodebb", ROOT)
    [follow] = reader.parse(answered_page(nodebb, held, reader.start({})[0])).follows

    parsed = reader.parse(answered_page(nodebb, held, follow))

    assert [url.rpartition("&")[2] for url in parsed.rest] == ["page=3", "page=2"]


def test_a_deleted_post_is_not_read_and_a_deleted_account_has_no_name() -> None:
    """Text and names in their places are words of the forum's language, and are dropped."""
    gone = {**POST, "pid": 71, "deleted": 1, "content": "[[topic:post_is_deleted]]"}
    orphan = {**POST, "pid": 72, "uid": 0, "user": {"username": "[[global:guest]]"}}
    document = {**TOPIC, "mainPid": 70, "posts": [POST, gone, orphan]}
    reader = family_adapter("nodebb", ROOT)
    [follow] = reader.parse(json_page({"topics": [TOPIC]}, f"{ROOT}api/recent?term=alltime")).follows

    parsed = reader.parse(followed_page(document, follow))

    assert [(each.key, each.seller) for each in parsed.listings] == [("t7", "marta"), ("t7/p72", None)]


@pytest.mark.parametrize("document", [{}, {"topics": None}, {"topics": [{"title": "no id"}]}, []])
def test_another_shape_is_not_recognised(document: object) -> None:
    """A document without topics is not an empty forum."""
    assert not family_adapter("nodebb", ROOT).parse(json_page(document, f"{ROOT}api/recent")).recognised
