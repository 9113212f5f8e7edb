"""The title or heading of an unrecognised page is quoted."""

from __future__ import annotations

import time

import pytest

from crawler.sources.unrecognised_page import (
    MAX_QUOTED_CHARS,
    MAX_SEARCHED_BYTES,
    describe_document,
    quote_title,
)


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (b"<html><title>Just a moment...</title><h1>Wait</h1>", "Its title is “Just a moment...”."),
        (b"<title> </title><h1>Please <b>log in</b></h1>", "Its first heading is “Please log in”."),
        (b"<h2>We have moved", "Its first heading is “We have moved”."),
        ("<title>登录</title>".encode("gb18030"), "Its title is “登录”."),
        (b"<title>a\x1b[31mb\x00\r\n<b>c</title>", "Its title is “ab <b>c”."),
        (b"<?xml version='1.0'?><html><title>XML</title></html>", "Its title is “XML”."),
        (b'{"error": "not found"}', ""),
        (b"https://market.example/offers", ""),
        (b"\x00\xff\xfe<", ""),
        (b"", ""),
    ],
)
def test_a_title_or_a_heading_is_quoted_in_one_clean_line(page: bytes, sentence: str) -> None:
    """The title comes before headings; a page without them, or without HTML, gives no sentence."""
    assert quote_title(page) == sentence


def test_what_is_quoted_is_cut_short() -> None:
    """A title of a megabyte is cut, and only the beginning of a page is searched."""
    assert quote_title(b"<title>" + b"x" * (1 << 20)) == f"Its title is “{'x' * MAX_QUOTED_CHARS}”."
    assert quote_title(b" " * MAX_SEARCHED_BYTES + b"<title>late</title>") == ""


@pytest.mark.parametrize(
    "page",
    [b"<h1>" * 100_000, b"<div " + b"a=b " * 100_000 + b">", b"<title>" * 100_000, b"<!--" * 100_000],
    ids=["headings in headings", "attributes", "titles in titles", "open comments"],
)
def test_hostile_markup_is_read_within_a_bounded_time(page: bytes) -> None:
    """Deep nesting and many elements take less than five seconds of CPU time."""
    began = time.process_time()

    quote_title(page)

    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The answer is empty."),
        (
            b"<!doctype html><title>Sign in</title>",
            "The answer is not JSON, but markup. Its title is “Sign in”.",
        ),
        (b"<?xml version='1.0'?><rss/>", "The answer is not JSON, but markup."),
        (b'{"data": [1, 2', "The answer begins like JSON, but is incomplete or invalid."),
        (b"Too many requests", "The answer is not JSON: it begins with “Too many requests”."),
        (b"[1, 2]", "The answer is JSON, a list of 2."),
        (b"null", "The answer is JSON, a single value."),
        (b"{}", "The answer is JSON, an object with no keys."),
        (
            b'{"code": 7, "message": "API key required"}',
            "The answer is JSON, an object with the keys code, message. It says “API key required”.",
        ),
        (b"[" * 100_000, "The answer is JSON that is nested too deeply."),
    ],
)
def test_what_came_instead_of_json_is_told(body: bytes, said: str) -> None:
    """A login page, an error of the interface, a cut answer."""
    assert describe_document(body) == said
