"""`kind = "html"`: rows, items, paging, and pages that are none of these."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crawler.errors import NotThere
from crawler.listing import ParsedPrice
from crawler.sources import PageRole
from crawler.sources.kinds.list_adapter import MAX_ROWS
from tests.crawler.sources.pages import URL, item_listing, parse_page, single_listing, toml_adapter

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
    """A row without a link, or beyond the limit, may be a known listing, which is not gone."""
    row = "<tr class=offer><td><a class=title href='/o/{}'>Offer</a>"
    good = [row.format(number) for number in range(MAX_ROWS)]
    many = [row.format(number) for number in range(MAX_ROWS + 1)]

    pages = ["".join(rows) for rows in (good, [*good[1:], "<tr class=offer><td>Offer"], many)]
    assert [parse_page(toml_adapter(MARKET), f"<table>{page}</table>").whole for page in pages] == [
        True,
        False,
        False,
    ]


def test_rows_become_follows_with_what_they_say() -> None:
    """Each row with a link is followed once, by an address without session and fragment."""
    parsed = parse_page(toml_adapter(MARKET), ROWS)

    said = [(each.url, each.partial and (each.partial.title, each.partial.price)) for each in parsed.follows]
    assert said == [
        ("https://market.example/o/1", ("出售 数据", ParsedPrice(Decimal(3000), "CNY"))),
        ("https://market.example/o/2", ("Two", None)),
    ]
    assert [(each.url, each.title) for each in parsed.listings] == [(URL, "no")]
    assert parsed.rows_left == 1


@pytest.mark.parametrize(
    "link",
    [
        'href="javascript:void(0)"',
        'href="magnet:?xt=urn:btih:c12fe1"',
        'href="mailto:seller@market.example"',
        'href="tel:+4917139200"',
        'href="http://[broken"',
        'href="http://market.example:99999/o/1"',
        'href="#"',
        'href="#offer-7"',
        'href="data:text/html,x"',
        f'href="/o/{"x" * 3000}"',
    ],
)
def test_a_row_whose_link_leads_nowhere_is_a_listing_without_a_page(link: str) -> None:
    """Rows with such a link are told from each other by their titles; a moved row is the same listing."""
    rows = [f"<tr class=offer><td><a class=title {link}>{name}</a>" for name in ("One Bank", "Two Bank")]

    first = parse_page(toml_adapter(MARKET), f"<table>{''.join(rows)}</table>")
    second = parse_page(toml_adapter(MARKET), f"<table>{''.join(reversed(rows))}</table>", URL + "?page=2")

    assert [each.title for each in first.listings] == ["One Bank", "Two Bank"]
    assert first.follows == ()
    assert (first.whole, first.rows_left) == (True, 0)
    assert {each.key: each.row_digest for each in first.listings} == {
        each.key: each.row_digest for each in second.listings
    }


def test_a_row_with_a_title_and_no_link_is_a_listing() -> None:
    """The name in its title is matched; headings and rows without text are not counted as lost."""
    source = MARKET.replace('title = "a.title"', 'title = ".title"')
    page = """<table><tr class=offer><th>Offer<th>Price<tr class=offer><td class=title>Hidden Bank<td>x
<tr class=offer><td>  <tr class=offer><td>advertisement"""

    parsed = parse_page(toml_adapter(source), page)

    assert [each.title for each in parsed.listings] == ["Hidden Bank"]
    assert (parsed.rows_left, parsed.whole) == (1, False)


@pytest.mark.parametrize(
    ("row", "title", "body", "kept"),
    [
        ("Norwick, all clients", "Thread not found", "It does not exist.", "Norwick, all clients"),
        ("Norwick Mutual", "Norwick Mutual, all clients", "40 GB", ""),
        ("Norwick  Mutual, all cli...", "NORWICK Mutual, all clients", "40 GB", ""),
        ("Norwick Mutual, all cli…", "Norwick Mutual, all clients", "40 GB", ""),
        ("Norwick Mutual", "Base", "the clients of Norwick Mutual", ""),
        ("Norwick Mutual", "Norwick", "Mutual", ""),
        ("Norwick Mutual", "Mutual", "Norwick", "Norwick Mutual"),
    ],
)
def test_what_only_the_row_says_is_kept_beside_its_page(row: str, title: str, body: str, kept: str) -> None:
    """A page that says less than its row, such as "not found", does not take the row's words away."""
    adapter = toml_adapter(MARKET)
    [follow] = parse_page(
        adapter, f"<table><tr class=offer><td><a class=title href=/o/1>{row}</a></table>"
    ).follows

    listing = item_listing(adapter, f"<h1>{title}</h1><div class=text>{body}</div>", follow)

    assert (listing.title, listing.body, listing.row) == (title, body, kept)


def test_links_count_from_the_page_s_base() -> None:
    """`<base href>` says what the links of rows, of the next page and of an item count from."""
    head = '<html><head><base target=_top><base href="/forum/"></head><body>'
    rows = "<table><tr class=offer><td><a class=title href=threads/7>7</a></table><a class=next href=p2>n</a>"

    parsed = parse_page(toml_adapter(MARKET), head + rows)
    [follow] = parsed.follows
    item = item_listing(toml_adapter(MARKET), head + ITEM.replace('"/more"', '"more"'), follow)

    assert (follow.url, parsed.next_page) == (
        "https://market.example/forum/threads/7",
        "https://market.example/forum/p2",
    )
    assert "https://market.example/forum/more" in item.links


def test_an_item_completes_its_row() -> None:
    """Fields are cleaned by name, dropped and hidden parts are removed, and the price of the row is kept."""
    reader = toml_adapter(MARKET)
    listing = item_listing(reader, ITEM, parse_page(reader, ROWS).follows[0])

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
    parsed = parse_page(toml_adapter(MARKET.partition("[item]")[0]), ROWS)

    assert [each.title for each in parsed.listings] == ["出售 数据", "Two", "no"]
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
    """A link to the page itself is not followed; a page without a link is the end."""
    parsed = parse_page(toml_adapter(MARKET), page)

    assert (parsed.next_page, parsed.end, parsed.recognised) == (onward, end, True)


@pytest.mark.parametrize(
    "link",
    [
        '<a class=next href="#">next</a>',
        '<a class=next href="javascript:void(0)">next</a>',
        '<a class=next href="/offers">next</a>',
        '<a class=next href="https://market.example/offers#page2">next</a>',
        '<a class=next href="">next</a>',
        '<a class=next onclick="more()">next</a>',
        '<a class=next href="mailto:a@b.example">next</a>',
    ],
)
def test_a_next_page_that_leads_nowhere_is_told(link: str) -> None:
    """Neither a page nor the end of the list."""
    parsed = parse_page(toml_adapter(MARKET), f"{ROWS}<ul><li>{link}</li></ul>")

    assert (parsed.next_page, parsed.end) == (None, False)
    assert parsed.next_nowhere


@pytest.mark.parametrize(
    "link",
    [
        '<li class="disabled"><a class=next href="#">next</a></li>',
        '<li><a class=next href="#" aria-disabled="true">next</a></li>',
        '<li><a class="next btn is-disabled">next</a></li>',
        '<li><a class=previous href="#">previous</a></li>',
    ],
)
def test_a_next_page_that_is_switched_off_is_the_end(link: str) -> None:
    """As the usual frameworks write it."""
    parsed = parse_page(toml_adapter(MARKET), f"{ROWS}<ul>{link}</ul>")

    assert (parsed.next_page, parsed.end, parsed.next_nowhere) == (None, True, "")


@pytest.mark.parametrize("link", ['<a class=next href="2">', "<a class=next>/offers/2</a>"])
def test_a_next_page_may_be_relative_or_a_text(link: str) -> None:
    """An address is an address."""
    onward = parse_page(toml_adapter(MARKET), ROWS + link).next_page

    assert (onward or "").endswith("/2")


def test_without_paging_the_end_is_not_known() -> None:
    """A list without paging may show only the newest listings, so others are not gone."""
    assert not parse_page(toml_adapter(MARKET.replace('next = "a.next"', "")), ROWS).end


@pytest.mark.parametrize(
    ("url", "onward"),
    [(URL, URL + "?page=2"), (URL + "?page=2", URL + "?page=3"), (URL + "?page=9", URL + "?page=10")],
)
def test_pages_can_be_counted(url: str, onward: str) -> None:
    """With a `page_url`, the number in the address grows; the start is the first page."""
    assert parse_page(toml_adapter(COUNTED), ROWS, url=url).next_page == onward


def test_counting_ends_on_the_last_page_that_the_site_names() -> None:
    """`last_page` gives the largest number that it finds, which is the number of pages."""
    reader = toml_adapter(COUNTED.replace('empty = "p.none"', 'last_page = ".pages a"'))
    page = ROWS + "<div class=pages><a>1</a><a>2</a><a>12</a></div>"
    last = parse_page(reader, page, url=URL + "?page=12")

    assert (parse_page(reader, page).pages_total, parse_page(reader, page).next_page) == (12, URL + "?page=2")
    assert (last.next_page, last.end) == (None, True)


@pytest.mark.parametrize(
    "page", ["", "<h1>Log in</h1>", "<table><tr class=offer><td>no link</table>", "\x00\x01"]
)
def test_a_page_without_rows_is_not_recognised(page: str) -> None:
    """A login, an empty answer and rows without links are not an empty list."""
    parsed = parse_page(toml_adapter(MARKET), page)

    assert (parsed.recognised, parsed.end, parsed.next_page) == (False, False, None)


@pytest.mark.parametrize("page", ["<h1>Log in</h1>", "<div class=text>no title</div>", ""])
def test_an_item_without_a_title_or_a_body_is_not_recognised(page: str) -> None:
    """Both are required if they are configured, unless the source file says otherwise."""
    reader = toml_adapter(MARKET)

    assert not parse_page(reader, page, role=PageRole.ITEM).recognised


@pytest.mark.parametrize(
    "gone", ['".missing"', '{ select = "h1", pattern = "(?i)not found" }', "\"xpath://p[. = 'Sorry']\""]
)
def test_a_page_can_say_that_its_listing_is_gone(gone: str) -> None:
    """`gone` finds something on it, though title and body are found too; elsewhere it finds nothing."""
    reader = toml_adapter(MARKET.replace("[item]", f"[item]\ngone = {gone}"))
    missing = "<h1 class='missing'>Not found</h1><div class='text'>-</div><p>Sorry</p>"
    there = "<h1>Lot</h1><div class='text'>Names</div><p>Found</p>"

    with pytest.raises(NotThere):
        parse_page(reader, missing, role=PageRole.ITEM)
    parsed = parse_page(reader, there, role=PageRole.ITEM)

    assert (single_listing(parsed).title, parsed.recognised) == ("Lot", True)
    assert "gone" not in {each.field for each in parsed.findings}


def test_a_field_can_be_required_or_not() -> None:
    """`required = false` accepts an offer without text; `required = true` refuses one without a price."""
    lenient = toml_adapter(
        MARKET.replace('body = "div.text"', 'body = { select = "div.text", required = false }')
    )
    strict = toml_adapter(MARKET.replace('price = "td.price"', 'price = { select = "b", required = true }'))

    assert parse_page(lenient, "<h1>T</h1>", role=PageRole.ITEM).recognised
    assert [each.url for each in parse_page(strict, ROWS).follows] == ["https://market.example/o/1"]


def test_fields_are_cut_joined_and_taken_from_attributes() -> None:
    """The first group of a pattern is used, `join` joins matches, and CSS and XPath may name attributes."""
    reader = toml_adapter(
        'kind = "html"\nstart = "https://market.example/"\n[list]\nrows = "li"\nlink = "a"\n'
        'key = { select = "a::attr(href)", pattern = \'id=(\\d+)\' }\nstate = ".replies"\n[row]\n'
        'title = { select = "b", join = " / " }\nseller = "xpath:./@data-by"\n'
        'claimed_records = "xpath:string(.//i)"\n'
    )
    (listing,) = parse_page(
        reader, '<li data-by=fox><a href="/t?id=42&x=1"><b>A</b><b>B</b><i>3k</i><u class=replies>7</u>'
    ).listings

    assert (listing.key, listing.title, listing.seller, listing.claimed_records) == (
        "42",
        "A / B",
        "fox",
        3_000,
    )
    assert listing.row_digest == "https://market.example/t?id=42&x=1\x1f7\x1fA / B\x1f"


def test_a_row_with_a_state_is_read_again_for_its_title_and_its_price() -> None:
    """Views, dates and the last poster change with every reader; what is offered does not."""
    reader = toml_adapter(
        MARKET.partition("[item]")[0].replace("[row]", 'state = ".replies"\n[row]', 1)
        + 'seller = ".last"\nposted_at = ".when"\n'
    )
    row = (
        "<tr class=offer><td><a class=title href=/o/1>{0}</a><td class=price>{1}<td class=replies>{2}"
        "<td class=last>{3}<td class=when>{4}<td>{5} views"
    )
    digests = [
        parse_page(reader, row.format(*values)).listings[0].row_digest
        for values in (
            ("Rows", "$5", "7", "fox", "1 hour ago", 10),
            ("Rows", "$5", "7", "owl", "2 hours ago", 11),
            ("Rows SOLD", "$5", "7", "fox", "1 hour ago", 10),
            ("Rows", "$4", "7", "fox", "1 hour ago", 10),
            ("Rows", "$5", "8", "fox", "1 hour ago", 10),
        )
    ]

    assert [digest == digests[0] for digest in digests[1:]] == [True, False, False, False]


def test_a_row_s_digest_does_not_change_with_the_hour() -> None:
    """A date such as "3 hours ago" is not in the digest; the price is."""
    reader = toml_adapter(MARKET.partition("[item]")[0] + 'posted_at = "td.when"\n')
    page = "<tr class=offer><td><a class=title href=/o/1>T</a><td class=price>$5<td class=when>"
    digests = [
        parse_page(reader, f"<table>{page}{when}").listings[0].row_digest for when in ("3小时前", "4小时前")
    ]
    cheaper = parse_page(reader, f"<table>{page.replace('$5', '$4')}3小时前").listings[0].row_digest

    assert digests[0] == digests[1] != cheaper


def test_an_item_may_be_fetched_elsewhere_than_it_is_shown() -> None:
    """`item.url` is requested; the listing keeps the address that people open."""
    toml = MARKET.replace("[item]", '[item]\nurl = "https://market.example/print/{key}"').replace(
        'link = "a.title"',
        'link = "a.title"\nkey = { select = "a.title", attr = "href", pattern = \'/o/(\\d+)\' }',
    )
    (follow, *_) = parse_page(toml_adapter(toml), ROWS).follows

    assert (follow.url, follow.partial and follow.partial.url) == (
        "https://market.example/print/1",
        "https://market.example/o/1",
    )


def test_a_known_listing_is_read_from_its_page_alone() -> None:
    """A recheck has no row, and keeps the key and the address."""
    parsed = parse_page(toml_adapter(MARKET), ITEM, url="https://market.example/o/1", role=PageRole.ITEM)

    assert [(each.key, each.title) for each in parsed.listings] == [
        ("https://market.example/o/1", "客户 数据")
    ]


def test_findings_say_which_selector_found_nothing() -> None:
    """The findings count in how many rows a selector found something, with the first value."""
    findings = {
        each.field: each
        for each in parse_page(toml_adapter(MARKET.replace("td.price", "td.gone")), ROWS).findings
    }

    assert (findings["title"].tried, findings["title"].found, findings["title"].read) == (4, 4, "出售 数据")
    assert (findings["price"].tried, findings["price"].found) == (4, 0)


@pytest.mark.parametrize("charset", ["gbk", "utf-8", "utf-16"])
def test_the_charset_is_decided_from_the_page(charset: str) -> None:
    """Undeclared GBK, UTF-8 and UTF-16 are detected."""
    parsed = parse_page(toml_adapter(MARKET), ROWS.encode(charset))

    assert parsed.follows[0].partial is not None
    assert parsed.follows[0].partial.title == "出售 数据"
