"""`[entry]` of paste sites and families: a price that only a title says."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from pydantic import ValidationError

from crawler.listing import ParsedPrice
from crawler.sources import PageRole, read_definition
from tests.crawler.sources.pages import family_adapter, json_page, parse_page, single_listing, toml_adapter

ROOT = "https://blog.example/"
API = f"{ROOT}wp-json/wp/v2/posts?per_page=50&orderby=id&offset=0"
ENTRY = {
    "price": {"select": "body", "pattern": "(?i)price: (.+)"},
    "seller": {"select": "title", "pattern": r"^\[(\w+)\]"},
}
PASTE = """
kind = "paste"
start = "https://paste.example/api"
raw = "https://paste.example/raw/{key}"
currency = "USD"
[list]
rows = "$.pastes"
key = "$.id"
url = "https://paste.example/{key}"
[row]
title = "$.title"
[entry]
price = { select = "title", pattern = '(\\d+) ?\\$' }
claimed_records = "body"
"""


def post(title: str, body: str) -> dict[str, object]:
    return {
        "id": 5,
        "link": f"{ROOT}5",
        "title": {"rendered": title},
        "content": {"rendered": body},
        "_embedded": {"author": [{"name": "root"}]},
    }


def test_a_family_s_listing_gets_the_fields_of_its_texts() -> None:
    """The price from the post, the seller from the title; else what was read stays."""
    reader = family_adapter("wordpress", ROOT, entry=ENTRY)
    said = single_listing(
        reader.parse(json_page([post("[fox] Lot", "<p>Price: $1,200<br>XMR too</p>")], API))
    )
    silent = single_listing(reader.parse(json_page([post("Lot", "<p>ask me</p>")], API)))

    assert (said.seller, said.price) == ("fox", ParsedPrice(Decimal("1200"), "USD"))
    assert (silent.seller, silent.price) == ("root", None)


def test_a_paste_gets_them_from_its_row_and_from_its_text() -> None:
    """The row's title is there before the text is read."""
    reader = toml_adapter(PASTE)
    rows = parse_page(
        reader, json.dumps({"pastes": [{"id": "k7", "title": "base 300 $"}]}), role=PageRole.API
    )
    [follow] = rows.follows
    whole = single_listing(parse_page(reader, "40,000 records\nof a shop", role=PageRole.RAW, follow=follow))

    assert follow.partial is not None
    assert follow.partial.price == ParsedPrice(Decimal("300"), "USD")
    assert (whole.price, whole.claimed_records) == (ParsedPrice(Decimal("300"), "USD"), 40_000)


def test_what_the_selectors_found_is_counted() -> None:
    """For `source try` and the health of the source."""
    parsed = family_adapter("wordpress", ROOT, entry=ENTRY).parse(json_page([post("Lot", "")], API))

    assert {(each.part, each.field, each.tried, each.found) for each in parsed.findings} >= {
        ("entry", "seller", 1, 0)
    }


def test_a_text_that_a_listing_does_not_have_is_a_mistake() -> None:
    """The parts of a feed's entry are no texts of a listing."""
    with pytest.raises(ValidationError, match="title"):
        read_definition({"kind": "mybb", "start": ROOT, "entry": {"price": "summary"}})
