"""A page as lines of text: what people see of it, masked, with places that selectors can name."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd

from crawler.settings import CrawlerSettings
from daemon import looks
from daemon.errors import LookFailed, LookTimedOut
from daemon.looks import read_stored_page
from daemon.page_lines import MAX_BYTES, MAX_LINES, page_lines, undo_encoding
from storage.evidence.warc import RawResponse

PAGE = b"""<html><head><title>t</title></head><body><h1>Market</h1>
<div class="row first"><a class="title" href="/o/1">Data of <b>138</b>12345678</a>
<span class=price>3 BTC</span></div>
<div id=main class="row">loose text <p>inner block</p> tail text</div><script>alert(1)</script>
<table><tr><td class=n>Name</td><td>anna.smith@lender.example</td></tr></table></body></html>"""


def test_each_block_and_each_named_element_has_a_line() -> None:
    assert page_lines(PAGE).lines == [
        ("html body h1", "Market"),
        ("html body div.row.first", "Data of 138****5678 3 BTC"),
        ("html body div.row.first a.title", "Data of 138****5678"),
        ("html body div.row.first span.price", "3 BTC"),
        ("html body div#main.row", "loose text"),
        ("html body div#main.row", "tail text"),
        ("html body div#main.row p", "inner block"),
        ("body table tr td.n", "Name"),
        ("body table tr td", "a***h@lender.example"),
    ]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", "", []),
        (b"plain\n\n\x1b[31mred 13812345678", "", [("", "plain"), ("", "red 138****5678")]),
        (
            b'{"a": [{"title": "x", "tel": "13812345678"}], "b c": true, "none": null}',
            "application/json",
            [("$.a[0].title", "x"), ("$.a[0].tel", "138****5678"), ('$["b c"]', "true")],
        ),
        (b"[" * 5000, "", [("", "[" * 300)]),
        (
            b'<?xml version="1.0"?><rss><channel><title>T</title>'
            b"<item><title>One</title></item></channel></rss>",
            "application/rss+xml",
            [("body rss channel title", "T"), ("rss channel item title", "One")],
        ),
        (b"<p>" * 100_000 + b"deep", "text/html", None),
    ],
    ids=["empty", "plain", "json", "brackets", "feed", "deep"],
)
def test_other_pages(body: bytes, content_type: str, expected: list[tuple[str, str]] | None) -> None:
    found = page_lines(body, content_type=content_type).lines

    assert found == (expected if expected is not None else found)


def test_the_number_of_lines_is_bounded() -> None:
    found = page_lines(b"<li>13812345678</li>" * 5_000)

    assert (len(found.lines), found.cut, {text for _, text in found.lines}) == (
        MAX_LINES,
        True,
        {"138****5678"},
    )


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br", "", "unknown"])
def test_a_bomb_is_undone_up_to_a_limit(coding: str) -> None:
    body = bytes(20_000_000)
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": lambda whole: gzip.compress(whole, mtime=0),
        "deflate": zlib.compress,
        "br": lambda whole: bytes(brotli.compress(whole, quality=1)),
        "zstd": zstd.compress,
    }
    for each in coding.split(", "):
        body = packers[each](body) if each in packers else body[:100]

    assert len(undo_encoding(body, coding)) <= 2 * MAX_BYTES + 1
    assert undo_encoding(b"damaged", coding) in (b"damaged", b"")


def test_a_page_is_read_in_a_process_that_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has a deadline, and its end without an answer is an error with a reason."""
    headers = ((b"Content-Encoding", b"gzip"),)
    page = RawResponse("https://board.example/", 200, headers, gzip.compress(PAGE, mtime=0))
    settings = CrawlerSettings()

    def read() -> looks.StoredPage:
        return read_stored_page(page, content_type="text/html", charset=None, settings=settings)

    assert [text for _, text in read().lines][:2] == ["Market", "Data of 138****5678 3 BTC"]
    monkeypatch.setattr(looks, "LOOK_COMMAND", ("false",))
    with pytest.raises(LookFailed):
        read()
    monkeypatch.setattr(looks, "LOOK_COMMAND", ("sleep", "60"))
    monkeypatch.setattr(looks, "PAGE_S", 0.2)
    with pytest.raises(LookTimedOut):
        read()
