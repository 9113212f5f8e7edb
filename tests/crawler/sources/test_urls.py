"""Each page has one spelling of its URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources.urls import MAX_URL_CHARS, canonical_url, fill_template, may_be_text, number_in_url

BASE = "https://market.example/list/index.html?page=1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/t?sid=abc&id=2#post", "https://market.example/t?id=2"),
        ("/t?id=2&PHPSESSID=abc", "https://market.example/t?id=2"),
        ("/t?s=0123456789abcdef0123456789abcdef&id=2", "https://market.example/t?id=2"),
        ("/t?s=search&id=2", "https://market.example/t?s=search&id=2"),
        ("/t;jsessionid=9A?id=2", "https://market.example/t?id=2"),
        ("/viewtopic.php?f=2&t=7&view=print", "https://market.example/viewtopic.php?f=2&t=7"),
        ("/viewtopic.php?t=7&view=unread", "https://market.example/viewtopic.php?t=7&view=unread"),
        (
            "/index.php?PHPSESSID=9f&action=printpage;topic=12.0",
            "https://market.example/index.php?topic=12.0",
        ),
        ("/printthread.php?tid=7", "https://market.example/showthread.php?tid=7"),
        ("/t.php?tid=7&highlight=fresh+data&utm_source=x", "https://market.example/t.php?tid=7"),
        (
            "/forum.php?mod=viewthread&tid=7&formhash=0a1b2c3d",
            "https://market.example/forum.php?mod=viewthread&tid=7",
        ),
        ("/t?side=left&s=1", "https://market.example/t?side=left&s=1"),
        ("?page=2", "https://market.example/list/index.html?page=2"),
        ("HTTPS://Market.Example:443", "https://market.example/"),
        ("http://market.example:8080/a b/é", "http://market.example:8080/a%20b/%C3%A9"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("http://[2001:db8::1]:80/x", "http://[2001:db8::1]/x"),
        (" \n/x ", "https://market.example/x"),
    ],
)
def test_an_address_is_absolute_and_has_no_session(url: str, expected: str) -> None:
    """Sessions, fragments, default ports and the case of the host make no second spelling."""
    assert canonical_url(url, base=BASE) == expected


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "mailto:fox@market.example",
        "data:text/html,x",
        "file:///etc/passwd",
        "http://me:secret@market.example/",
        "http://[broken",
        "http://market.example:99999/",
        "http://",
        "/" + "x" * MAX_URL_CHARS,
    ],
)
def test_what_is_no_page_has_no_address(url: str) -> None:
    """Other schemes, passwords, invalid hosts and very long paths are refused."""
    assert canonical_url(url, base=BASE) is None


PARAMETERS = st.sampled_from(
    ["sid=1", "a=b", "view=print", "", "print", "s", "=", "utm_source=x", "highlight"]
)


@given(st.lists(st.tuples(st.sampled_from("&;"), PARAMETERS), max_size=8))
def test_an_address_without_its_session_stays_as_it_is(parts: list[tuple[str, str]]) -> None:
    """A canonical URL is unchanged by a second pass, for every combination of parameters."""
    once = canonical_url("/t?" + "".join(separator + part for separator, part in parts), base=BASE)

    assert once is not None
    assert canonical_url(once, base=BASE) == once
    assert "sid=" not in once


@given(st.text(max_size=200))
def test_any_link_is_taken(url: str) -> None:
    """No link raises an error, and a canonical URL is unchanged by a second pass."""
    once = canonical_url(url, base=BASE)

    assert once is None or canonical_url(once, base=BASE) == once


def test_a_template_is_filled_and_read_back() -> None:
    """Text from a page is quoted, and the number in a numbered address is found again."""
    assert (
        fill_template("https://a.example/{key}/raw", key="../x?y=1") == "https://a.example/..%2Fx%3Fy%3D1/raw"
    )
    assert number_in_url("https://a.example/l?p={page}&x=.", "https://a.example/l?p=12&x=.") == 12
    assert number_in_url("https://a.example/l?p={page}", "https://a.example/l") is None


def test_archives_and_media_are_no_text() -> None:
    """Archives and media are never fetched."""
    names = ("a.txt", "a.csv", "a", "a.ZIP", "a.7z", "a.jpg")

    assert [name for name in names if may_be_text(f"https://a.example/{name}?x=1")] == ["a.txt", "a.csv", "a"]
