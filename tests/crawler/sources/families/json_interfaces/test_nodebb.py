"""NodeBB: what of its API is read, and what is left."""

from __future__ import annotations

import pytest

from tests.crawler.sources.families.documents import adapter, answered, followed, page
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
    """Any page of the forum, or a category."""
    assert [follow.url for follow in adapter("nodebb", start).start({})] == [asked]


def test_a_deleted_topic_is_not_followed() -> None:
    """Its row is still there, its posts are not."""
    document = {"topics": [TOPIC, {**TOPIC, "tid": 8, "deleted": 1}]}

    parsed = adapter("nodebb", ROOT).parse(page(document, f"{ROOT}api/recent?term=alltime"))

    assert [follow.key for follow in parsed.follows] == ["t7"]
    assert parsed.follows[0].partial is not None
    assert parsed.follows[0].partial.title == "A & B"


def test_further_pages_are_read_from_the_newest_on() -> None:
    """The first page says how many there are."""
    held = Content()
    held.add(replies=50)
    reader = adapter("nodebb", ROOT)
    [follow] = reader.parse(answered(nodebb, held, reader.start({})[0])).follows

    parsed = reader.parse(answered(nodebb, held, follow))

    assert [url.rpartition("&")[2] for url in parsed.rest] == ["page=3", "page=2"]


def test_a_deleted_post_is_not_read_and_a_deleted_account_has_no_name() -> None:
    """What stands in their places are words of the forum's own language."""
    gone = {**POST, "pid": 71, "deleted": 1, "content": "[[topic:post_is_deleted]]"}
    orphan = {**POST, "pid": 72, "uid": 0, "user": {"username": "[[global:guest]]"}}
    document = {**TOPIC, "mainPid": 70, "posts": [POST, gone, orphan]}
    reader = adapter("nodebb", ROOT)
    [follow] = reader.parse(page({"topics": [TOPIC]}, f"{ROOT}api/recent?term=alltime")).follows

    parsed = reader.parse(followed(document, follow))

    assert [(each.key, each.seller) for each in parsed.listings] == [("t7", "marta"), ("t7/p72", None)]


@pytest.mark.parametrize("document", [{}, {"topics": None}, {"topics": [{"title": "no id"}]}, []])
def test_another_shape_is_not_recognised(document: object) -> None:
    """A list without topics is no empty forum."""
    assert not adapter("nodebb", ROOT).parse(page(document, f"{ROOT}api/recent")).recognised
