"""Links to pastes: which are followed, and where their text is."""

from __future__ import annotations

import pytest

from crawler.sources import read_definition
from crawler.sources.paste_links import PasteLinks, decode_paste_text

HTML_LIST = {
    "rows": "tr",
    "link": "a",
    "key": {"select": "a", "attr": "href", "pattern": r"/([a-z]+)$"},
}
JSON_LIST = {"rows": "$.pastes", "key": "$.id", "url": "https://json.example/p/{key}"}
SOURCES: list[dict[str, object]] = [
    {
        "kind": "paste",
        "start": "https://html.example/",
        "raw": "https://html.example/raw/{key}",
        "list": HTML_LIST,
    },
    {
        "kind": "paste",
        "start": "https://json.example/",
        "raw": "https://json.example/r/{key}",
        "list": JSON_LIST,
    },
    {"kind": "pastebin", "start": "https://scrape.pastebin.com/api_scraping.php"},
    {"kind": "gists", "start": "https://api.github.com/gists/public"},
    {"kind": "privatebin", "start": f"https://bin.example/?{'a' * 16}#{'9' * 44}"},
]
GIST = "aa5a315d61ae9438b18d"


def links(**changes: object) -> PasteLinks:
    return PasteLinks.of((read_definition({**source, **changes}) for source in SOURCES), via="direct")


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("https://html.example/abc", "https://html.example/raw/abc"),
        ("https://html.example/raw/abc", "https://html.example/raw/abc"),
        ("https://json.example/p/x-1", "https://json.example/r/x-1"),
        ("https://pastebin.com/AbCd1234", "https://scrape.pastebin.com/api_scrape_item.php?i=AbCd1234"),
        ("https://pastebin.com/raw/AbCd1234", "https://scrape.pastebin.com/api_scrape_item.php?i=AbCd1234"),
        (f"https://gist.github.com/ada/{GIST}", f"https://gist.githubusercontent.com/ada/{GIST}/raw"),
        (f"https://gist.github.com/{GIST}", f"https://gist.githubusercontent.com/raw/{GIST}"),
    ],
)
def test_a_link_to_a_configured_site_leads_to_its_text(link: str, text: str) -> None:
    """Every address of a paste leads to its text."""
    assert links().text_url(link) == text


@pytest.mark.parametrize(
    "link",
    [
        "https://other.example/abc",
        "https://html.example.evil.example/abc",
        "https://html.example/all.zip",
        "https://json.example/p/a/b",
        "https://json.example/p/..%2Fadmin",
        "https://pastebin.com/tools",
        f"https://bin.example/?{'a' * 16}",
        f"https://gist.github.com/ada/{GIST}/archive/x.zip",
    ],
)
def test_any_other_link_is_left_alone(link: str) -> None:
    """Other sites, other pages, archives and PrivateBin links are not followed."""
    assert links().text_url(link) is None


def test_a_site_that_is_disabled_is_not_followed() -> None:
    """A disabled source is ignored."""
    assert links(enabled=False).text_url("https://html.example/abc") is None


@pytest.mark.parametrize(("via", "followed"), [("direct", False), ("tor", True)])
def test_a_site_behind_tor_is_followed_through_tor_alone(via: str, followed: bool) -> None:
    """A paste site that is read through Tor is never requested directly."""
    behind = PasteLinks.of([read_definition({**SOURCES[0], "via": "tor"})], via=via)

    assert (behind.text_url("https://html.example/abc") is not None) == followed


@pytest.mark.parametrize(
    ("text", "content_type", "read"),
    [
        ("a\tb\r\n", "text/plain", "a\tb\n"),
        ("<p>a</p><p>b</p>", "text/html; charset=utf-8", "a\nb"),
        ("PK\x03\x04\0\0", "text/plain", ""),
    ],
)
def test_what_comes_is_read_as_text(text: str, content_type: str, read: str) -> None:
    """A raw text is kept, HTML becomes text, and binary data gives an empty text."""
    assert decode_paste_text(text, content_type) == read
