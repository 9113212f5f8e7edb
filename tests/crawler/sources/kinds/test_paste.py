"""`kind = "paste"`: a list in HTML or JSON, and raw texts."""

from __future__ import annotations

import json

import pytest

from crawler.sources import Follow, Page, PageRole
from tests.crawler.sources.pages import NOW, item_listing, parse_page, toml_adapter

URL = "https://paste.example/recent"
COMMON = f'kind = "paste"\nstart = "{URL}"\nraw = "https://paste.example/raw/{{key}}"\n'
HTML = (
    COMMON
    + """
[list]
rows = "tr"
link = "a"
key = { select = "a", attr = "href", pattern = '/(\\w+)$' }
[row]
title = "a"
"""
)
JSON = (
    COMMON
    + """
[list]
rows = "$.pastes"
url = "https://paste.example/{key}"
key = "$.id"
[row]
title = "$.name"
"""
)
FOLLOW = Follow("https://paste.example/raw/ab1", PageRole.RAW, "ab1")


@pytest.mark.parametrize(
    ("toml", "body"),
    [
        (HTML, "<table><tr><td><a href=/ab1>notes</a>"),
        (JSON, json.dumps({"pastes": [{"id": "ab1", "name": "notes"}]})),
    ],
)
def test_every_row_leads_to_a_raw_text(toml: str, body: str) -> None:
    """The language of `rows` decides whether the list is HTML or JSON."""
    (follow,) = parse_page(toml_adapter(toml), body, url=URL).follows

    assert (follow.url, follow.role, follow.key) == (FOLLOW.url, PageRole.RAW, "ab1")
    assert follow.partial is not None
    assert (follow.partial.title, follow.partial.url) == ("notes", "https://paste.example/ab1")


@pytest.mark.parametrize("charset", ["gbk", "utf-8", "utf-16", "cp1251"])
def test_a_raw_text_is_the_body_as_it_stands(charset: str) -> None:
    """Tabs, indentation and empty lines are kept; line breaks are unified; control characters are dropped."""
    text = (
        "имя\tтелефон\r\n\r\n  Иван\tобразец данных\x07\n"
        if charset == "cp1251"
        else "姓名\t电话\r\n\r\n  张三\t样本数据\x07\n"
    )
    listing = item_listing(toml_adapter(HTML), text.encode(charset), FOLLOW)

    assert listing.body == text.replace("\r\n", "\n").replace("\x07", "")
    assert listing.title == text.partition("\r")[0].replace("\t", " ")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"\x89PNG\r\n\x1a\n\0\0", ""), (b"GIF89a", "image/gif"), (b"text\0\0\0more", "text/plain")],
)
def test_what_is_no_text_has_no_body(body: bytes, content_type: str) -> None:
    """A picture on a paste site gives a listing without a body."""
    page = Page(FOLLOW.url, body, PageRole.RAW, NOW, content_type=content_type, key="ab1")
    (listing,) = toml_adapter(HTML).parse(page).listings

    assert listing.body == ""


def test_a_raw_page_that_is_html_is_read_as_text() -> None:
    """HTML in place of the raw text is converted to text."""
    page = Page(FOLLOW.url, b"<p>a</p><p>b</p>", PageRole.RAW, NOW, content_type="text/html", key="ab1")
    (listing,) = toml_adapter(HTML).parse(page).listings

    assert listing.body == "a\nb"


def test_a_paste_is_looked_at_again_where_its_raw_text_is() -> None:
    """A recheck reads the raw text, not the page around it."""
    (follow,) = parse_page(toml_adapter(HTML), "<table><tr><td><a href=/ab1>notes</a>", url=URL).follows

    assert follow.partial is not None
    assert toml_adapter(HTML).own_page(follow.partial) == follow
