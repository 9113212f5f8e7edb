"""`kind = "html"`: rows, items, paging and what a page that is none of these means."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crawler.listing import ParsedPrice
from crawler.sources import Role
from crawler.sources.kinds.list_adapter import MAX_ROWS
from tests.crawler.sources.read import URL, adapter, item, read

MARKET = """
kind = "html"
start = "https://market.example/offers"
timezone = "Asia/Shanghai"
[list]
rows = "tr.offer"
link = "a.title"
next = "a.next"
empty = "p.none"
[row]
title = "a.title"
price = "td.price"
[item]
title = "h1"
body = "div.text"
seller = ".seller"
claimed_records = ".count"
data_classes = ".tags li"
posted_at = { select = "time", attr = "datetime" }
sample = "pre"
attachments = "a.file"
drop = ["blockquote", "font.jammer"]
"""
COUNTED = MARKET.replace('next = "a.next"', 'page_url = "https://market.example/offers?page={page}"')
ROWS = """<table><tr><th>Offers
<tr class=offer><td><a class=title href="/o/1?sid=77">出售 <b>数据</b></a><td class=price>3000元
<tr class=offer><td><a class=title href="o/2#top">Two</a><td class=price>free
<tr class=offer><td>advertisement
<tr class=offer><td><a class=title href="javascript:x">no</a>
<tr class=offer><td><a class=title href="/o/1">again</a></table>"""
ITEM = """<h1>客户 <i>数据</i></h1><blockquote>quoted</blockquote>
<div class=text>First<font class=jammer>x9</font> line
<a href="/more">more</a><p>second line<script>evil()</script></p></div><span class=seller> old  fox </span>
<b class=count>100万条</b><ul class=tags><li>phone<li>ID, name</ul>
<time datetime="2026-03-01 12:00">x</time>
<pre>a\tb\n  c\td</pre><a class=file href="s.txt">s</a><a class=file href="all.zip">all</a>"""


def test_a_page_of_which_a_row_was_left_out_is_not_whole() -> None:
    """A row without a link and one beyond the limit may be listings that we know: they are not absent."""
    row = "<tr class=offer><td><a class=title href='/o/{}'>Offer</a>"
    good = [row.format(number) for number in range(MAX_ROWS)]
    many = [row.format(number) for number in range(MAX_ROWS + 1)]

    pages = ["".join(rows) for rows in (good, [*good[1:], "<tr class=offer><td>Offer"], many)]
    assert [read(adapter(MARKET), f"<table>{page}</table>").whole for page in pages] == [True, False, False]


def test_rows_become_follows_with_what_they_say() -> None:
    """Each row that leads to a page is followed once, by an address without session and fragment."""
    parsed = read(adapter(MARKET), ROWS)

    said = [(each.url, each.partial and (each.partial.title, each.partial.price)) for each in parsed.follows]
    assert said == [
        ("https://market.example/o/1", ("出售 数据", ParsedPrice(Decimal(3000), "CNY"))),
        ("https://market.example/o/2", ("Two", None)),
    ]
    assert parsed.listings == ()


def test_an_item_completes_its_row() -> None:
    """Every field is cleaned as its name says; dropped and hidden parts are gone; the row's price stays."""
    reader = adapter(MARKET)
    listing = item(reader, ITEM, read(reader, ROWS).follows[0])

    assert (listing.key, listing.title, listing.seller) == (
        "https://market.example/o/1",
        "客户 数据",
        "old fox",
    )
    assert listing.body == "First line more\nsecond line"
    assert listing.price == ParsedPrice(Decimal(3000), "CNY")
    assert (listing.claimed_records, listing.data_classes) == (1_000_000, ("phone", "ID", "name"))
    assert (listing.posted_at, listing.posted_at_uncertain) == (datetime(2026, 3, 1, 4, tzinfo=UTC), False)
    assert listing.sample == "a\tb\n  c\td"
    assert listing.links == ("https://market.example/more",)
    assert listing.attachments == ("https://market.example/o/s.txt",)


def test_rows_that_say_everything_are_listings() -> None:
    """Without `[item]`, nothing is followed."""
    parsed = read(adapter(MARKET.partition("[item]")[0]), ROWS)

    assert [each.title for each in parsed.listings] == ["出售 数据", "Two"]
    assert parsed.follows == ()


@pytest.mark.parametrize(
    ("page", "onward", "end"),
    [
        (ROWS + '<a class=next href="?page=2">', URL + "?page=2", False),
        (ROWS + f'<a class=next href="{URL}#again">', None, False),
        (ROWS, None, True),
        ("<p class=none>no offers</p>", None, True),
    ],
)
def test_the_next_page_is_followed_until_there_is_none(page: str, onward: str | None, end: bool) -> None:
    """A link leads on unless it leads nowhere else; where the page shows none, the list has ended."""
    parsed = read(adapter(MARKET), page)

    assert (parsed.next_page, parsed.end, parsed.recognised) == (onward, end, True)


def test_without_paging_the_end_is_not_known() -> None:
    """A list that names no next page may be a window: what is absent from it is not gone."""
    assert not read(adapter(MARKET.replace('next = "a.next"', "")), ROWS).end


@pytest.mark.parametrize(
    ("url", "onward"),
    [(URL, URL + "?page=2"), (URL + "?page=2", URL + "?page=3"), (URL + "?page=9", URL + "?page=10")],
)
def test_pages_can_be_counted(url: str, onward: str) -> None:
    """With a `page_url`, the number in the address counts on; the start is the first page."""
    assert read(adapter(COUNTED), ROWS, url=url).next_page == onward


def test_counting_ends_on_the_last_page_that_the_site_names() -> None:
    """`last_page` is the largest number that it finds, and says how many pages there are."""
    reader = adapter(COUNTED.replace('empty = "p.none"', 'last_page = ".pages a"'))
    page = ROWS + "<div class=pages><a>1</a><a>2</a><a>12</a></div>"
    last = read(reader, page, url=URL + "?page=12")

    assert (read(reader, page).pages_total, read(reader, page).next_page) == (12, URL + "?page=2")
    assert (last.next_page, last.end) == (None, True)


@pytest.mark.parametrize(
    "page", ["", "<h1>Log in</h1>", "<table><tr class=offer><td>no link</table>", "\x00\x01"]
)
def test_a_page_without_rows_is_not_recognised(page: str) -> None:
    """A login, an empty answer or rows that lead nowhere are no empty list."""
    parsed = read(adapter(MARKET), page)

    assert (parsed.recognised, parsed.end, parsed.next_page) == (False, False, None)


@pytest.mark.parametrize("page", ["<h1>Log in</h1>", "<div class=text>no title</div>", ""])
def test_an_item_without_a_title_or_a_body_is_not_recognised(page: str) -> None:
    """Both are required where they are configured, unless the file says otherwise."""
    reader = adapter(MARKET)

    assert not read(reader, page, role=Role.ITEM).recognised


def test_a_field_can_be_required_or_not() -> None:
    """`required = false` lets an offer without text through; `required = true` refuses one without price."""
    lenient = adapter(MARKET.replace('body = "div.text"', 'body = { select = "div.text", required = false }'))
    strict = adapter(MARKET.replace('price = "td.price"', 'price = { select = "b", required = true }'))

    assert read(lenient, "<h1>T</h1>", role=Role.ITEM).recognised
    assert [each.url for each in read(strict, ROWS).follows] == ["https://market.example/o/1"]


def test_fields_are_cut_joined_and_taken_from_attributes() -> None:
    """A pattern's first group counts, `join` puts matches together, CSS and XPath may name attributes."""
    reader = adapter(
        'kind = "html"\nstart = "https://market.example/"\n[list]\nrows = "li"\nlink = "a"\n'
        'key = { select = "a::attr(href)", pattern = \'id=(\\d+)\' }\nstate = ".replies"\n[row]\n'
        'title = { select = "b", join = " / " }\nseller = "xpath:./@data-by"\n'
        'claimed_records = "xpath:string(.//i)"\n'
    )
    (listing,) = read(
        reader, '<li data-by=fox><a href="/t?id=42&x=1"><b>A</b><b>B</b><i>3k</i><u class=replies>7</u>'
    ).listings

    assert (listing.key, listing.title, listing.seller, listing.claimed_records) == (
        "42",
        "A / B",
        "fox",
        3_000,
    )
    assert listing.row_digest == "https://market.example/t?id=42&x=1\x1f7"


def test_a_row_s_digest_does_not_change_with_the_hour() -> None:
    """ "3 hours ago" is another text each hour; a changed price is a change."""
    reader = adapter(MARKET.partition("[item]")[0] + 'posted_at = "td.when"\n')
    page = "<tr class=offer><td><a class=title href=/o/1>T</a><td class=price>$5<td class=when>"
    digests = [read(reader, f"<table>{page}{when}").listings[0].row_digest for when in ("3小时前", "4小时前")]
    cheaper = read(reader, f"<table>{page.replace('$5', '$4')}3小时前").listings[0].row_digest

    assert digests[0] == digests[1] != cheaper


def test_an_item_may_be_fetched_elsewhere_than_it_is_shown() -> None:
    """`item.url` is asked for; the listing's address stays the one that people open."""
    toml = MARKET.replace("[item]", '[item]\nurl = "https://market.example/print/{key}"').replace(
        'link = "a.title"',
        'link = "a.title"\nkey = { select = "a.title", attr = "href", pattern = \'/o/(\\d+)\' }',
    )
    (follow, *_) = read(adapter(toml), ROWS).follows

    assert (follow.url, follow.partial and follow.partial.url) == (
        "https://market.example/print/1",
        "https://market.example/o/1",
    )


def test_a_known_listing_is_read_from_its_page_alone() -> None:
    """A second look has no row: the key and the address it brings are kept."""
    parsed = read(adapter(MARKET), ITEM, url="https://market.example/o/1", role=Role.ITEM)

    assert [(each.key, each.title) for each in parsed.listings] == [
        ("https://market.example/o/1", "客户 数据")
    ]


def test_findings_say_which_selector_found_nothing() -> None:
    """In how many rows a selector found something, the first value, and how it was read."""
    findings = {
        each.field: each for each in read(adapter(MARKET.replace("td.price", "td.gone")), ROWS).findings
    }

    assert (findings["title"].tried, findings["title"].found, findings["title"].read) == (3, 3, "出售 数据")
    assert (findings["price"].tried, findings["price"].found) == (3, 0)


@pytest.mark.parametrize("charset", ["gbk", "utf-8", "utf-16"])
def test_the_charset_is_decided_from_the_page(charset: str) -> None:
    """Undeclared GBK and UTF-16 rows are read."""
    parsed = read(adapter(MARKET), ROWS.encode(charset))

    assert parsed.follows[0].partial is not None
    assert parsed.follows[0].partial.title == "出售 数据"
