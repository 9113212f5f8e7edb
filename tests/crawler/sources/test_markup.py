"""Markup of any quality: a tree and a text of it, in a bounded time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from crawler.clean.text import neutral
from crawler.errors import ParseTimedOut
from crawler.parsing.cpu_limit import cpu_bound
from crawler.sources import PageRefused, PageRole
from crawler.sources.errors import PageUnreadable
from crawler.sources.markup import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_PAGE_BYTES,
    SMALL_PAGE_BYTES,
    fed,
    text_of,
    text_of_markup,
    tree,
)
from tests.crawler.sources.pages import parse_page, toml_adapter
from tests.crawler.sources.shapes import SHAPES, Shape

#: Of processor time; each takes a second or two where nothing else runs.
BOUND_S = 15.0
HOSTILE: dict[str, Callable[[], str]] = {
    "deep": lambda: "<b>" * 1_000_000 + "x",
    "deep and closed": lambda: "<div>" * 300_000 + "x" + "</div>" * 300_000,
    "deep but small": lambda: "<i>" * 20_000 + "x",
    "tables in tables": lambda: "<table><tr><td>" * 200_000,
    "a million attributes": lambda: "<p " + " ".join(f"a{n}=1" for n in range(1_000_000)) + ">x",
    "as many as a small page holds": lambda: "<p " + " ".join(f"{n:x}" for n in range(25_000)) + ">x",
    "attributes behind a quoted end": lambda: '<p a=">" ' + " ".join(f"{n:x}" for n in range(500_000)) + ">x",
    "a long attribute": lambda: "<p title='" + "a" * 10_000_000 + "'>x",
    "unclosed lists": lambda: "<li><p>" * 500_000,
    "unclosed links": lambda: "<a href=x>" * 300_000,
    "line breaks": lambda: "x<br>" * 500_000,
    "entities": lambda: "&amp;" * 2_000_000,
    "broken entities": lambda: "&" * 4_000_000,
    "less-than signs": lambda: "<" * 4_000_000,
    "comments": lambda: "<!--" * 1_000_000,
    "spaces": lambda: "<p>" + " " * 5_000_000 + "x",
    "spaces and line ends": lambda: "<p>" + " \n" * 2_000_000 + "x",
    "nulls": lambda: "\x00<p>\x00" * 500_000,
    "one word": lambda: "a" * 10_000_000,
    "ends of the page": lambda: "x</html>" * 500_000,
    "as many attributes as are read": lambda: ("<p " + " ".join(map(str, range(64))) + ">x") * 40_000,
    "more attributes than are read": lambda: ("<p " + " ".join(map(str, range(300))) + ">x") * 8_000,
}
#: What makes a small page a large one without a word: before its content, so that nothing swallows it.
PADDINGS = {
    "a comment": f"<!--{'-' * SMALL_PAGE_BYTES} -->",
    "comments": "<!-- x -->" * (SMALL_PAGE_BYTES // 8),
    "spaces": " \n" * (SMALL_PAGE_BYTES // 2),
    "a script": f"<script>{'if (a<b) c++; ' * (SMALL_PAGE_BYTES // 10)}</script>",
    "spaces in a tag": f"<i {' ' * SMALL_PAGE_BYTES}></i>",
    "a long attribute": f"<i title='{'<p> ' * (SMALL_PAGE_BYTES // 3)}'></i>",
    "one attribute again and again": f"<i{' a=1' * (SMALL_PAGE_BYTES // 3)}></i>",
    "many attributes": f"<i {' '.join(f'@{n:x}' for n in range(SMALL_PAGE_BYTES // 4))}></i>",
    "a few attributes too many": f"<!--{'-' * SMALL_PAGE_BYTES} --><i {' '.join(map(str, range(65)))}></i>",
    "many elements": "<i></i>" * (SMALL_PAGE_BYTES // 6),
    "deep elements": f"{'<i>' * 30_000}{'</i>' * 30_000}",
}
SOUP = [
    "<", ">", "</", "/>", "<p>", "</p>", "<div>", "</div>", "<b", "x=1", "='", '"', "'", " ", "\n", "\r",
    "word", "中", "<!--", "-->", "<![CDATA[", "]]>", "<?p", "&amp;", "&#1;", "&#xb;", "&am", "\x0b", "\x01",
    "\x1c", "\ud800", "<script>", "</script>", "<style>", "<title>", "</title>", "<textarea>", "<noscript>",
    "<select>", "<option>", "<table>", "<tr>", "<td>", "<li>", "<br>", "<pre>", "</pre>", "<head>", "<body>",
    "<body class=x>", "</body>", "</html>", "<html a=1>", "<frameset>", "<o:p>", "</o:p>", "xml:lang=de",
    "<svg><use xlink:href='#'/></svg>", "xmlns:fb='u'", "@click", "{x}y=1", '<a"b>', "<x{y>", "<span hidden>",
    "<meta charset=gbk>", '<a href="x>y">',
]  # fmt: skip
OUT_OF_MEMORY = """
import resource
from crawler.sources.markup import tree
page = "<p a=1>x</p>" * 1_000_000
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (80 << 20), resource.RLIM_INFINITY))
tree(page)
"""
BAIT = """
kind = "html"
start = "https://market.example/"
[list]
rows = "div"
link = "a"
[row]
title = { select = "p", pattern = '^(a+)+$' }
claimed_records = { select = "p", pattern = '(.*)*(.*)*x' }
price = "p"
posted_at = "p"
seller = "p"
data_classes = "p"
sample = "p"
"""


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.slow
def test_hostile_markup_costs_a_bounded_time(make: Callable[[], str]) -> None:
    """Parsing and taking the text take seconds at most, whatever the page does."""
    page = make()
    began = time.process_time()
    text_of(tree(page))

    assert time.process_time() - began < BOUND_S


@pytest.mark.parametrize(
    "text",
    [
        "a" * 5_000_000 + "!",
        "1" * 1_000_000,
        "1," * 500_000,
        "2026-" * 300_000,
        "1 " * 500_000,
        "万" * 500_000,
    ],
)
def test_bait_for_patterns_costs_a_bounded_time(text: str) -> None:
    """Neither an operator's careless pattern nor a cleaner of ours hangs on an author's text."""
    began = time.process_time()
    parse_page(toml_adapter(BAIT), f"<div><a href=/1></a><p>{text}</p></div>")

    assert time.process_time() - began < BOUND_S


@pytest.mark.slow
def test_the_time_limit_of_a_page_holds_while_libxml2_reads_it() -> None:
    """End tags without an element cost the depth each; the page is given up between two chunks."""
    began = time.process_time()
    with pytest.raises(ParseTimedOut), cpu_bound(1):
        tree("<div>" * 20_000 + "</b>" * 4_000_000)

    assert time.process_time() - began < BOUND_S


@pytest.mark.parametrize("size", [127 << 10, 129 << 10, 500 << 10])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_page_is_read_alike_whatever_its_size(shape: Shape, size: int) -> None:
    """Names and characters that XML does not know, and what follows the end, are as usual in large pages."""
    posts = shape.posts_in(size)
    page = shape.page(posts)

    assert size * 0.99 < len(page.encode()) <= size
    assert text_of(tree(page)) == shape.words(posts)


@pytest.mark.parametrize("padding", PADDINGS.values(), ids=PADDINGS.keys())
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_padded_page_says_what_it_said(shape: Shape, padding: str) -> None:
    """Whoever makes a small page large, or sends it through the bounded builder, hides nothing."""
    page = shape.page(3)

    padded = tree(f"<html><body>{padding}{page}")
    assert neutral(text_of(padded)) == neutral(text_of(tree(f"<html><body>{page}")))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(SOUP), max_size=60).map("".join), st.sampled_from(list(PADDINGS)))
@pytest.mark.slow
def test_any_markup_is_read_alike_whatever_its_size(soup: str, padding: str) -> None:
    """Behind a padding the same is read as without it; control characters and white space aside."""
    small, large = tree(f"<html><body><i></i>{soup}"), tree(f"<html><body>{PADDINGS[padding]}<i></i>{soup}")

    assert neutral(text_of(large)).split() == neutral(text_of(small)).split()


def test_names_and_links_of_a_large_page_are_those_of_a_small_one() -> None:
    """A selector finds `xml:lang`, `o:p` and `xlink:href` in both, and in a page with a stuffed tag."""
    page = "<body xml:lang=en><o:p @a=1 :b='2'>x</o:p><svg><use xlink:href='#i' /></svg><a href='/1'>y</a>"
    stuffed = page + "<p " + " ".join(f"a{n}" for n in range(100)) + ">"
    pages = [page, page + "<!-- x -->" * 20_000, stuffed + "<!-- x -->" * 20_000]

    for root in map(tree, pages):
        found = [(each.tag, dict(each.attrib)) for each in root.iter("body", "o:p", "use", "a")]
        assert found == [
            ("body", {"xml:lang": "en"}),
            ("o:p", {"@a": "1", ":b": "2"}),
            ("use", {"xlink:href": "#i"}),
            ("a", {"href": "/1"}),
        ]


def test_what_is_in_deep_markup_stays_in_its_element() -> None:
    """A script below the last level that is kept is no text, and a link there keeps its address."""
    deep = "<div>" * (MAX_DEPTH + 2_000)
    root = tree(f"{deep}a<script>no()</script><a href=/1>b</a>c<b>d")

    assert text_of(root).split() == ["a", "bcd"]
    assert root.xpath("//a/@href") == ["/1"]


def test_a_page_at_which_the_parser_fails_is_unreadable() -> None:
    """It is never an empty page; the message names libxml2's error and quotes nothing of the page."""
    with pytest.raises(PageUnreadable, match="ERR_TAG_NOT_FINISHED in line 2") as caught:
        fed(b"<a>\n13912345678", etree.XMLParser())

    assert caught.value.reason == "page_unreadable"
    assert "139" not in str(caught.value)


@pytest.mark.slow
def test_a_page_for_which_memory_is_missing_is_not_an_empty_one() -> None:
    """libxml2 reports it as an error among others; the run ends as one that wanted too much memory."""
    process = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY], capture_output=True, text=True, check=False
    )

    assert process.stderr.splitlines()[-1:] == ["MemoryError"]


@pytest.mark.parametrize(
    "page", ["", " \n", "<!-- x -->", "<!DOCTYPE html>", "</p>", "<?x?>", "<!--" * 99_999]
)
def test_a_page_without_anything_is_an_empty_one(page: str) -> None:
    """It has been read to its end, and there is nothing in it."""
    assert etree.tostring(tree(page)) == b"<html/>"


def test_what_follows_deep_markup_is_still_read() -> None:
    """An author who nests a thousand tags hides neither the rest of the page nor the text inside."""
    root = tree("<div>" * 5_000 + "inside" + "</div>" * 5_000 + "<h1>behind</h1>")

    assert text_of(root).split() == ["inside", "behind"]
    assert len(root.xpath("//h1")) == 1


def test_a_tag_keeps_its_first_attributes() -> None:
    """Of a stuffed tag the first attributes are kept, so that a link in it leads on."""
    page = '<a href="/x" ' + " ".join(f"a{n}=1" for n in range(100_000)) + ">x</a>"
    (link,) = tree(page).xpath("//a")

    assert (link.get("href"), len(link.attrib)) == ("/x", MAX_ATTRIBUTES)


def test_a_page_beyond_the_limit_is_refused() -> None:
    """The message says how large it was and how much is parsed."""
    with pytest.raises(PageRefused, match=f"at most {MAX_PAGE_BYTES}") as caught:
        parse_page(toml_adapter(BAIT), b"<p>" + b"x" * MAX_PAGE_BYTES)

    assert caught.value.reason == "page_too_large"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<div>a<p>b <b>c</b></p>d<br>e</div>", "a\nb c\nd\ne"),
        ("<table><tr><td>1<td>2<tr><th>3<td>4</table>", "1\t2\n3\t4"),
        ("a<script>x</script><style>y</style><noscript>z</noscript>b", "ab"),
        ("a<span style='color: red; display : none'>x</span><i hidden>y</i>b", "ab"),
        ("<pre>a  b\n\tc</pre>", "a  b\n\tc"),
        ("<ul><li>a<li>b</ul>&lt;c&gt; &amp; &nbsp;d", "a\nb\n<c> & d"),
        ("  plain   text ", "  plain   text "),
        ("a<!-- x --><p>b", "a\nb"),
        ("a<!-- x -->b<?php c ?>d<p>e<!-- x -->", "abd\ne"),
        ("<p>a</body><p>b</html><p>c</html><html><body class=x>d</html>e", "a\nb\nc\nd\ne"),
        ("<textarea>a</textarea><select><option>b</select>c", "c"),
        ("<p>unclosed <b>tag <a href='x", "unclosed tag"),
        ("", ""),
    ],
)
def test_text_is_what_a_reader_sees(markup: str, text: str) -> None:
    """A line a block, cells parted by tabs; scripts, hidden parts, comments and forms are no text."""
    assert text_of_markup(markup) == text


@given(st.text(alphabet="<>/=\"' abdiv&;!-\x00\ud800中\n", max_size=300))
def test_any_markup_is_taken(markup: str) -> None:
    """No page raises, and its text is a string."""
    assert isinstance(text_of(tree(markup)), str)


@given(st.binary(max_size=500), st.sampled_from(list(PageRole)[:-1]))
def test_any_body_is_taken_by_every_kind(body: bytes, role: PageRole) -> None:
    """No body raises in any adapter; what is not recognised has no listing."""
    for toml in (
        BAIT,
        'kind = "feed"\nstart = "https://a.example/"\n[item]\nbody = "p"\n',
        'kind = "json"\nstart = "https://a.example/"\n[list]\nrows = "$..a"\nlink = "$.u"\n'
        '[item]\nbody = "$.b"\n',
        'kind = "paste"\nstart = "https://a.example/"\nraw = "https://a.example/{key}"\n'
        '[list]\nrows = "a"\nlink = "a"\nkey = "a"\n',
    ):
        parsed = parse_page(toml_adapter(toml), body, role=role)
        assert parsed.recognised or not parsed.listings


def test_a_textarea_is_read_where_it_is_named() -> None:
    """Paste sites show their text in one; within a page it is a form, which nobody reads."""
    root = tree("<div>above<textarea readonly>\nrow one\n  row  two &lt;b&gt;\n</textarea>below</div>")
    [area] = root.iter("textarea")

    assert (text_of(area), text_of(root)) == ("row one\n  row  two <b>", "abovebelow")
