"""Markup of any quality: a tree and a text of it, in a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources import PageRefused, Role
from crawler.sources.markup import MAX_ATTRIBUTES, MAX_PAGE_BYTES, text_of, text_of_markup, tree
from tests.crawler.sources.pages import parse_page as read
from tests.crawler.sources.pages import toml_adapter as adapter

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
}
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
    read(adapter(BAIT), f"<div><a href=/1></a><p>{text}</p></div>")

    assert time.process_time() - began < BOUND_S


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
        read(adapter(BAIT), b"<p>" + b"x" * MAX_PAGE_BYTES)

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


@given(st.binary(max_size=500), st.sampled_from(list(Role)[:-1]))
def test_any_body_is_taken_by_every_kind(body: bytes, role: Role) -> None:
    """No body raises in any adapter; what is not recognised has no listing."""
    for toml in (
        BAIT,
        'kind = "feed"\nstart = "https://a.example/"\n[item]\nbody = "p"\n',
        'kind = "json"\nstart = "https://a.example/"\n[list]\nrows = "$..a"\nlink = "$.u"\n'
        '[item]\nbody = "$.b"\n',
        'kind = "paste"\nstart = "https://a.example/"\nraw = "https://a.example/{key}"\n'
        '[list]\nrows = "a"\nlink = "a"\nkey = "a"\n',
    ):
        parsed = read(adapter(toml), body, role=role)
        assert parsed.recognised or not parsed.listings
