"""Discourse: which parts of its JSON are read."""

from __future__ import annotations

import pytest

from crawler.sources import Follow
from tests.crawler.sources.pages import answered_page, family_adapter, followed_page, json_page
from tests.peers.programs import Content, discourse

ROOT = "https://forum.example/"
POST = {"id": 70, "post_number": 1, "post_type": 1, "username": "marta", "cooked": "<p>Text</p>"}


def topic(held: Content) -> Follow:
    reader = family_adapter("discourse", ROOT)
    [follow] = reader.parse(answered_page(discourse, held, reader.start({})[0])).follows
    return follow


@pytest.mark.parametrize(
    ("start", "asked"),
    [
        ("https://forum.example", f"{ROOT}latest.json"),
        ("https://forum.example/c/sales/5?x=1", f"{ROOT}c/sales/5.json"),
        ("https://forum.example/tag/data", f"{ROOT}tag/data.json"),
        ("https://forum.example/b/t/title/5", "https://forum.example/b/latest.json"),
        ("https://forum.example/top.json?period=all", "https://forum.example/top.json?period=all"),
    ],
)
def test_a_start_is_an_address_that_a_browser_shows(start: str, asked: str) -> None:
    """A start is any page of the forum, a category, a tag, or the JSON itself."""
    assert [follow.url for follow in family_adapter("discourse", start).start({})] == [asked]


@pytest.mark.parametrize(
    ("more", "onward"),
    [
        ("/latest?no_definitions=true&page=1", f"{ROOT}latest.json?no_definitions=true&page=1"),
        ("/c/sales/5/l/latest.json?page=1", f"{ROOT}c/sales/5/l/latest.json?page=1"),
        ("https://elsewhere.example/latest?page=1", None),
        ("", None),
    ],
)
def test_the_next_page_is_on_the_same_host(more: str, onward: str | None) -> None:
    """The next page is JSON on the same host; a link to another host is ignored."""
    document = {"topic_list": {"topics": [{"id": 5, "title": "x"}], "more_topics_url": more}}

    assert (
        family_adapter("discourse", ROOT).parse(json_page(document, f"{ROOT}latest.json")).next_page == onward
    )


def test_further_pages_are_read_from_the_newest_on() -> None:
    """The first page has the ids of all posts, so the other pages are read newest first."""
    held = Content()
    held.add(replies=50)

    parsed = family_adapter("discourse", ROOT).parse(answered_page(discourse, held, topic(held)))

    assert [url.rpartition("?")[2] for url in parsed.rest] == ["page=3", "page=2"]


def test_events_and_what_is_hidden_are_not_read() -> None:
    """An event, a whisper, a hidden post and a deleted post are left out."""
    held = Content()
    held.add()
    others: list[dict[str, object]] = [
        {"post_type": 3},
        {"post_type": 4},
        {"hidden": True},
        {"user_deleted": True},
        {},
    ]
    rows = [POST, *({**POST, "id": 80 + n, "post_number": n, **each} for n, each in enumerate(others, 2))]
    document = {"title": "x", "post_stream": {"posts": rows, "stream": []}}

    parsed = family_adapter("discourse", ROOT).parse(followed_page(document, topic(held)))

    assert [each.key for each in parsed.listings] == ["t1", "t1/p86"]


@pytest.mark.parametrize("document", [{}, {"topic_list": {}}, {"topic_list": {"topics": [{"id": "x"}]}}])
def test_another_shape_is_not_recognised(document: object) -> None:
    """A document without topics is not an empty forum."""
    assert not family_adapter("discourse", ROOT).parse(json_page(document, f"{ROOT}latest.json")).recognised
