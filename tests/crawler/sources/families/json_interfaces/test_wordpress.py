"""WordPress: where its API is, and which parts of a post are read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crawler.errors import NotThere
from crawler.sources import PageRole
from crawler.sources.families.family import UnknownPage
from crawler.sources.families.json_interfaces.wordpress import WORDPRESS
from tests.crawler.sources.pages import family_adapter, json_page, single_listing

ROOT = "https://blog.example/"
API = f"{ROOT}wp-json/wp/v2/posts?per_page=50&orderby=id&offset=0"
POST = {
    "id": 5,
    "link": f"{ROOT}2026/03/acme/",
    "date_gmt": "2026-03-01T12:30:00",
    "modified_gmt": "2026-03-02T00:00:00",
    "title": {"rendered": "ACME &#8211; 500k records"},
    "content": {"rendered": "<p>Soon.</p><pre>name\tphone</pre>", "protected": False},
    "_embedded": {"author": [{"name": "root"}]},
}


@pytest.mark.parametrize(
    ("start", "asked"),
    [
        ("https://blog.example/leaks/", "https://blog.example/leaks/wp-json/wp/v2/posts?per_page=50&"),
        ("https://blog.example/wp-json/", "https://blog.example/wp-json/wp/v2/posts?per_page=50&"),
        (
            "https://blog.example/index.php?rest_route=/",
            "https://blog.example/index.php?rest_route=/wp/v2/posts&per_page=50&",
        ),
    ],
)
def test_the_api_is_found_from_the_blog_and_from_its_own_address(start: str, asked: str) -> None:
    """Each start gives two lists: by age, so that no post is left out, and by last change, for edits."""
    by_age, by_change = (follow.url for follow in family_adapter("wordpress", start).start({}))

    assert by_age.startswith(asked)
    assert "orderby=id" in by_age
    assert by_change == by_age.replace("orderby=id", "orderby=modified")


@pytest.mark.parametrize(
    ("href", "start"),
    [
        (f"{ROOT}index.php?rest_route=/", f"{ROOT}index.php?rest_route=/"),
        ("https://elsewhere.example/wp-json/", ROOT),
    ],
)
def test_a_page_names_its_api(href: str, start: str) -> None:
    """The link of a page to its API is used, unless it leads to another site."""
    link = f'<link rel="https://api.w.org/" href="{href}" />'

    assert WORDPRESS.start(UnknownPage(f"{ROOT}about", 200, {}, frozenset(), link)) == start


def test_a_post_is_complete() -> None:
    """A date without a zone is UTC, and a block of code is the sample."""
    listing = single_listing(family_adapter("wordpress", ROOT).parse(json_page([POST], API)))

    assert (listing.key, listing.url, listing.title) == ("p5", POST["link"], "ACME – 500k records")
    assert (listing.body, listing.sample, listing.seller) == ("Soon.", "name\tphone", "root")
    assert str(listing.posted_at) == "2026-03-01 12:30:00+00:00"
    assert (listing.posted_at_uncertain, listing.claimed_records) == (False, 500_000)


def test_a_post_is_asked_for_by_its_number() -> None:
    """An empty answer means that it is in the trash, a draft or deleted; another post proves nothing."""
    reader = family_adapter("wordpress", ROOT)
    listing = single_listing(reader.parse(json_page([POST], API)))
    own = reader.own_page(listing)
    assert own is not None
    assert own.url.startswith("https://blog.example/wp-json/wp/v2/posts?per_page=50&")
    assert own.url.endswith("&include=5")

    again = reader.parse(json_page([POST], own.url, role=PageRole.ITEM, key="p5"))
    other = reader.parse(json_page([{**POST, "id": 9}], own.url, role=PageRole.ITEM, key="p5"))

    assert (single_listing(again), other.recognised) == (listing, False)
    with pytest.raises(NotThere):
        reader.parse(json_page([], own.url, role=PageRole.ITEM, key="p5"))
    assert reader.own_page(replace(listing, key="0b7c99")) is None


def test_a_large_post_that_was_pasted_from_a_word_processor_keeps_its_body() -> None:
    """An `<o:p>` in a post of 143 KB is read like any other element."""
    sentence = "<p>Ropes and lanterns of Ankerby.</p>"
    rendered = sentence * (143_000 // len(sentence)) + "<p>The end.<o:p></o:p></p>"

    listing = single_listing(
        family_adapter("wordpress", ROOT).parse(json_page([{**POST, "content": {"rendered": rendered}}], API))
    )

    assert listing.body.split("\n")[0] == "Ropes and lanterns of Ankerby."
    assert listing.body.split("\n")[-1] == "The end."


def test_a_protected_post_is_a_title() -> None:
    """The text of a protected post is not shown to guests."""
    protected = {**POST, "content": {"rendered": "", "protected": True}, "date_gmt": "0000-00-00T00:00:00"}

    listing = single_listing(family_adapter("wordpress", ROOT).parse(json_page([protected], API)))

    assert (listing.title, listing.body, listing.posted_at) == ("ACME – 500k records", "", None)


def test_pages_are_turned_by_what_came() -> None:
    """The offset grows by the posts that came, because a site may return fewer; an empty page is the end."""
    reader = family_adapter("wordpress", ROOT)

    first = reader.parse(json_page([POST, {**POST, "id": 4}], API))
    last = reader.parse(json_page([], API))

    assert first.next_page == API.replace("offset=0", "offset=2")
    assert (last.next_page, last.end, last.recognised) == (None, True, True)


@pytest.mark.parametrize(
    "document", [{"code": "rest_no_route", "data": {"status": 404}}, [{"id": 5}], [{}], "x"]
)
def test_another_shape_is_not_recognised(document: object) -> None:
    """An error of the API is not an empty blog."""
    assert not family_adapter("wordpress", ROOT).parse(json_page(document, API)).recognised
