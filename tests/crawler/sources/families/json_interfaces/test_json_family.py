"""The base of families with a JSON interface."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest

from crawler.sources.families.json_interfaces.json_family import (
    body_fields,
    number_at,
    objects_at,
    site_root,
    text_at,
    title_fields,
)
from tests.crawler.sources.pages import family_adapter, json_page


@pytest.mark.parametrize(
    ("document", "path", "said"),
    [
        ({"a": {"b": "text"}}, ("a", "b"), "text"),
        ({"a": [{"b": 7}]}, ("a", 0, "b"), "7"),
        ({"a": [{"b": 7}]}, ("a", 5, "b"), ""),
        ({"a": True}, ("a",), ""),
        ({"a": None}, ("a", "b"), ""),
        ({"a": {"b": [1]}}, ("a", "b"), ""),
        ([1], ("a",), ""),
    ],
)
def test_what_is_no_text_is_none(document: object, path: tuple[Any, ...], said: str) -> None:
    """Any other value, and a missing one, is an empty text."""
    assert text_at(document, *path) == said


@pytest.mark.parametrize(("value", "read"), [(5, 5), ("12", 12), (-1, 0), (1.5, 0), ("1e9", 0), (10**20, 0)])
def test_a_number_is_a_whole_one_of_bounded_length(value: object, read: int) -> None:
    """Anything but a whole number of limited length is 0."""
    assert number_at({"n": value}, "n") == read


def test_objects_are_those_of_a_list() -> None:
    """Other values in a list are left out; anything but a list gives None."""
    assert objects_at({"rows": [{"a": 1}, 5, None]}, "rows") == [{"a": 1}]
    assert objects_at({"rows": {"a": 1}}, "rows") is None


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://forum.example/d/5-title", "https://forum.example/"),
        ("https://forum.example/forum/api/posts?x=1", "https://forum.example/forum/"),
        ("https://forum.example", "https://forum.example/"),
        ("https://forum.example/deals/", "https://forum.example/deals/"),
    ],
)
def test_a_site_may_be_installed_below_a_path(url: str, site: str) -> None:
    """The root is the part before the program's own paths."""
    assert site_root(url, "api", "d") == site


def test_a_post_is_its_own_text_its_sample_and_its_links() -> None:
    """Quotes are dropped, and a block of code is the sample and not part of the body."""
    markup = (
        '<blockquote>Sample?</blockquote><p>Here: <a href="/x">list</a></p>'
        "<pre><code>name\tphone\nAda\tnone</code></pre><p>Cheap.</p>"
    )

    said = body_fields(markup, base="https://forum.example/d/5", quotes="blockquote")

    assert said == {
        "body": "Here: list\nCheap.",
        "sample": "name\tphone\nAda\tnone",
        "links": ("https://forum.example/x",),
    }


def test_a_title_is_read_without_its_markup() -> None:
    """Entities in titles are decoded, and the claimed number of records is read."""
    assert title_fields("A &amp; B&#58; <b>120k</b> records") == {
        "title": "A & B: 120k records",
        "claimed_records": 120_000,
    }


PLAIN_TITLE = "Base of <lender.example> & partners, vector<T>"
USER = {"uid": 3, "user": {"username": "marta"}}
LISTS: dict[str, tuple[str, object]] = {
    "discourse": (
        "https://forum.example/latest.json",
        {"topic_list": {"topics": [{"id": 5, "title": PLAIN_TITLE}]}},
    ),
    "flarum": (
        "https://forum.example/api/discussions",
        {"data": [{"type": "discussions", "id": "5", "attributes": {"title": PLAIN_TITLE}}]},
    ),
    "nodebb": (
        "https://forum.example/api/recent",
        {"topics": [{**USER, "tid": 5, "title": escape(PLAIN_TITLE), "titleRaw": PLAIN_TITLE}]},
    ),
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_title_that_is_no_html_keeps_what_stands_in_angle_brackets(kind: str) -> None:
    """These programs give titles as they were typed, so that `<lender.example>` is no markup."""
    url, document = LISTS[kind]

    [follow] = family_adapter(kind, "https://forum.example/").parse(json_page(document, url)).follows

    assert follow.partial is not None
    assert follow.partial.title == PLAIN_TITLE
