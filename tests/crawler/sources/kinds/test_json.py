"""`kind = "json"`: rows by JSONPath, paging by cursor and number, and documents that are not recognised."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crawler.listing import ParsedPrice
from crawler.sources import PageRole
from tests.crawler.sources.pages import item_listing, parse_page, toml_adapter

API = "https://forum.example/api/offers"
FORUM = f"""
kind = "json"
start = "{API}"
currency = "USD"
[list]
rows = "$.data"
key = "$.id"
url = "https://forum.example/d/{{key}}"
next = "$.links.next"
[row]
title = "$.attributes.title"
price = "$.attributes.price"
posted_at = "$.attributes.at"
data_classes = "$.attributes.tags"
[item]
url = "https://forum.example/api/offers/{{key}}"
body = {{ select = "$.html", markup = true }}
attachments = "$.files[*].url"
"""
OFFER = {
    "id": 7,
    "attributes": {"title": "T\u202e", "price": 12.5, "at": 1772368200, "tags": ["phone", "ID"]},
}


def document(*rows: object, **rest: object) -> str:
    return json.dumps({"data": rows, **rest})


def test_rows_are_read_by_their_paths() -> None:
    """Numbers, epochs and arrays are cleaned as fields, and the key is put into the addresses."""
    (follow,) = parse_page(toml_adapter(FORUM), document(OFFER), url=API, role=PageRole.API).follows

    assert (follow.url, follow.role, follow.key) == ("https://forum.example/api/offers/7", PageRole.ITEM, "7")
    assert follow.partial is not None
    assert (follow.partial.url, follow.partial.title) == ("https://forum.example/d/7", "T")
    assert follow.partial.price == ParsedPrice(Decimal("12.5"), "USD")
    assert follow.partial.posted_at == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert follow.partial.data_classes == ("phone", "ID")


def test_an_item_s_markup_becomes_text() -> None:
    """`markup = true` reads HTML in JSON; attachments that are not text are left out."""
    reader = toml_adapter(FORUM)
    (follow,) = parse_page(reader, document(OFFER), url=API, role=PageRole.API).follows
    listing = item_listing(
        reader, json.dumps({"html": "<p>a<p>b", "files": [{"url": "/s.csv"}, {"url": "/s.rar"}]}), follow
    )

    assert (listing.title, listing.body) == ("T", "a\nb")
    assert listing.attachments == ("https://forum.example/s.csv",)


@pytest.mark.parametrize(
    ("paging", "links", "onward", "end"),
    [
        ('next = "$.links.next"', {"next": "/api/offers?p=2"}, API + "?p=2", False),
        ('next = "$.links.next"', {"next": None}, None, True),
        ('next = "$.links.next"', {}, None, True),
        (
            f'next = "$.links.next"\npage_url = "{API}?after={{cursor}}"',
            {"next": "a/b="},
            API + "?after=a%2Fb%3D",
            False,
        ),
        (f'page_url = "{API}?page={{page}}"', {}, API + "?page=2", False),
        (
            f'page_url = "{API}?offset={{page}}"\npage_first = 0\npage_step = 50',
            {},
            API + "?offset=50",
            False,
        ),
    ],
)
def test_paging_by_link_cursor_and_number(
    paging: str, links: dict[str, Any], onward: str | None, end: bool
) -> None:
    """A link is resolved, a cursor is quoted in its place, and numbers grow by their step."""
    reader = toml_adapter(FORUM.replace('next = "$.links.next"', paging))
    parsed = parse_page(reader, document(OFFER, links=links), url=API, role=PageRole.API)

    assert (parsed.next_page, parsed.end) == (onward, end)


def test_an_empty_array_is_an_answer() -> None:
    """An empty array of rows is recognised, and is the end."""
    parsed = parse_page(toml_adapter(FORUM), document(), url=API, role=PageRole.API)

    assert (parsed.recognised, parsed.end, parsed.follows) == (True, True, ())


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>log in",
        '{"error": "denied"}',
        "[" * 100_000,
        '{"data": ' * 5_000,
        "1" * 10_000,
        '{"data": [1, "x", null]}',
        "null",
    ],
)
def test_what_is_no_answer_is_not_recognised(body: str) -> None:
    """HTML, an error, deep nesting, long numbers and invalid rows are not recognised and raise no error."""
    assert not parse_page(toml_adapter(FORUM), body, url=API, role=PageRole.API).recognised


def test_a_key_cannot_leave_its_place_in_an_address() -> None:
    """A key with slashes, dots and a query is quoted."""
    (follow,) = parse_page(
        toml_adapter(FORUM), document({"id": "../../admin?x=1#"}), url=API, role=PageRole.API
    ).follows

    assert follow.url == "https://forum.example/api/offers/..%2F..%2Fadmin%3Fx%3D1%23"


def test_rows_may_be_the_matches_themselves() -> None:
    """A path with a wildcard finds the rows one by one, and the document may be the array."""
    for rows, body in (("$.data[*]", document(OFFER)), ("$", json.dumps([OFFER]))):
        (follow,) = parse_page(
            toml_adapter(FORUM.replace('"$.data"', f'"{rows}"')), body, url=API, role=PageRole.API
        ).follows
        assert follow.key == "7"
