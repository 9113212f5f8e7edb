"""Addresses in plain text: what is one, where it ends, and what only looks like one."""

from __future__ import annotations

import pytest

from crawler.sources.bare_links import MAX_BARE_LINKS, bare_links

ONION = "a2" * 28 + ".onion"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("Sample: https://paste.example/AbCd1234.", ["https://paste.example/AbCd1234"]),
        ("(see https://paste.example/a_(b))", ["https://paste.example/a_(b)"]),
        ("[url]http://files.example/x?id=7&p=2[/url]", ["http://files.example/x?id=7&p=2"]),
        ("hxxps://paste[.]example/raw/1", ["https://paste.example/raw/1"]),
        ("样本：https://paste.example/raw/1。联系我", ["https://paste.example/raw/1"]),
        ("proof at paste.example/AbCd1234, price 500", ["https://paste.example/AbCd1234"]),
        (f"mirror {ONION}", [f"http://{ONION}/"]),
        (f"mirror {ONION}/leaks/7", [f"http://{ONION}/leaks/7"]),
        ("https://a.example/1 https://a.example/1", ["https://a.example/1"]),
        ("HTTPS://A.example/One#part", ["https://a.example/One"]),
        ('<a href="https://a.example/2">', ["https://a.example/2"]),
    ],
)
def test_an_address_in_a_text_is_a_link(text: str, links: list[str]) -> None:
    """With or without its scheme, in brackets, in a sentence of any script, or written to be harmless."""
    assert list(bare_links([text])) == links


@pytest.mark.parametrize(
    "text",
    [
        "clients of Smith.and.Sons, 2 GB",
        "marta@mail.example/2026",
        "files: sample.txt/part1, dump.sql/users",
        "and/or, 24/7, n/a, 1.5/2.0",
        "https:// is what it begins with",
        "e.g./i.e.",
        "version 1.2.3/4",
        "C:\\data\\a.b/c",
        "",
    ],
)
def test_what_only_looks_like_an_address_is_no_link(text: str) -> None:
    """Names, mail addresses, files, fractions and abbreviations."""
    assert list(bare_links([text])) == []


def test_the_number_of_links_is_limited() -> None:
    """A page of addresses costs a bounded time and place."""
    text = " ".join(f"https://a.example/{number}" for number in range(3 * MAX_BARE_LINKS))

    assert len(list(bare_links([text]))) == MAX_BARE_LINKS
    assert list(bare_links(["a." * 500_000, "http://" + "a/" * 500_000, "a-" * 500_000 + "/x"])) == []
