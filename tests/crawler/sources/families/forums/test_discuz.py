"""Discuz!: prices, hidden content, noise and Chinese dates."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.sources import PageRole
from tests.crawler.sources.pages import SITE, family_adapter, parse_page, row_listings, thread_posts

LIST = f"{SITE}/forum-2-1.html"
ROW = """<table id="threadlisttableid"><tbody id="{kind}_7"><tr><td class="icn"><a
href="thread-7-1-1.html"></a></td><th
class="common">{type} <a href="thread-7-1-1.html" class="s xst">{title}</a>{after}</th><td class="by"><cite><a
href="space-uid-9.html" c="1">狐狸</a></cite><em><span>{date}</span></em></td><td class="num"><a
href="thread-7-1-1.html"
class="xi2">4</a><em>{views}</em></td><td class="by"><cite><a href="#" c="1">{last}</a></cite><em><a
href="#">{last_at}</a></em>
</td></tr></tbody></table>"""
POST = """<h1 class="ts"><a
href="forum.php?mod=forumdisplay&amp;fid=2&amp;filter=typeid&amp;typeid=1">[出售]</a> <span
id="thread_subject">数据</span></h1><table id="pid99" class="plhin"><tr><td class="pls"><div
class="authi">{author}</div></td><td
class="plc"><div class="authi"><em id="authorposton99">发表于 {date}</em></div><div class="pct"><div
class="pcb">{pcb}</div></div>
<div class="sign">签名</div></td></tr></table><div id="ft"><p class="xs0">{clock}</p></div>"""
BOTH = ' - [阅读权限 <span class="xw1">100</span>] - [售价 <span class="xw1">30</span> 金币]'
SOLD = """<div class="locked"><a href="javascript:;" class="viewpay">购买</a>
本主题需向作者支付 <strong>30 金币</strong></div>"""
CODE = """看<div class="blockcode"><div id="c"><ol><li>a,b<br />
<li>1,2<br />
</ol></div><em onclick="copycode()">复制代码</em></div>"""
ANNOUNCEMENT = """<table id="threadlisttableid"><tbody><tr><th><strong class="xst">公告:
<a href="forum.php?mod=announcement">x</a></strong></th></tr></tbody>"""
EMPTY = '<tbody class="bw0_all"><tr><th colspan="5"><p class="emp">尚无主题</p></th></tr></tbody></table>'
AUTHOR = '<a href="space-uid-9.html" class="xw1">狐狸</a>'
CLOCK = 'GMT+8, 2026-3-10 12:00<span id="debuginfo"> , Processed in 0.04 second(s)</span>'


USUAL = {
    "kind": "normalthread",
    "type": "",
    "title": "数据",
    "after": "",
    "date": "2026-3-1",
    "views": "1",
    "last": "owl",
    "last_at": "昨天 12:30",
}


def row(**parts: str) -> str:
    return ROW.format(**{**USUAL, **parts})


def body(markup: str) -> str:
    return (
        f'<div class="t_fsz"><table><tr><td class="t_f" id="postmessage_99">{markup}</td></tr></table></div>'
    )


def post(pcb: str, *, date: str = "2026-3-1 12:30", author: str = AUTHOR, clock: str = CLOCK) -> str:
    return POST.format(pcb=pcb, date=date, author=author, clock=clock)


@pytest.mark.parametrize(
    ("after", "title", "currency", "expected"),
    [
        (' - [售价 <span class="xw1">30</span> 金币]', "数据", "CNY", "30 CNY"),
        (' - [售價 <span class="xw1">30</span> USDT]', "数据", None, "30 USDT"),
        (' - [售价 <span class="xw1">30</span> 金币]', "数据", None, None),
        (' - [阅读权限 <span class="xw1">100</span>]', "数据", "CNY", None),
        (BOTH, "数据", "CNY", "30 CNY"),
        (' - [售价 <span class="xw1">30</span> 金币]', "数据 500 USDT", "CNY", "500 USDT"),
        ("", "数据 100万条", "CNY", None),
    ],
)  # fmt: skip
def test_the_price_in_a_row(after: str, title: str, currency: str | None, expected: str | None) -> None:
    """The price in the title comes first; points are money only if the source says so; a rank is no price."""
    [found] = row_listings(family_adapter("discuz", currency=currency), row(after=after, title=title), LIST)

    assert (str(found.price) if found.price else None) == expected


def test_a_new_price_changes_a_row_even_where_it_is_no_money() -> None:
    """The price for reading is part of the digest; the time of the last post and the views are not."""
    cost = ' - [售价 <span class="xw1">{}</span> 金币]'
    reader = family_adapter("discuz")
    pages = (
        row(after=cost.format(30)),
        row(after=cost.format(30), views="9", last_at="3 天前"),
        row(after=cost.format(50)),
    )
    same, later, dearer = (row_listings(reader, page, LIST)[0].row_digest for page in pages)

    assert same == later
    assert same != dearer


def test_the_kind_of_a_thread_is_its_prefix() -> None:
    """A row and the page of its thread give the same prefix, so that a recheck sees no change."""
    kind = '<em>[<a href="forum.php?mod=forumdisplay&amp;fid=2&amp;filter=typeid&amp;typeid=1">出售</a>]</em>'
    [listed] = row_listings(family_adapter("discuz"), row(type=kind), LIST)
    [own] = thread_posts(family_adapter("discuz"), post(body("x")), f"{SITE}/thread-7-1-1.html")

    assert listed.title == own.title == "[出售] 数据"


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('甲<font class="jammer">x9 q</font>乙<br /><span style="display:none">z1</span>丙', "甲乙\n丙"),
        ('<i class="pstatus"> 本帖最后由 狐狸 于 2026-3-2 编辑 </i><br />正文', "正文"),
        ('<div class="quote"><blockquote>别人的<br />话</blockquote></div><br />我的', "我的"),
        ('正文<div class="locked">游客，请<a href="#">回复</a></div>', "正文\n[hidden by the site]"),
    ],
)
def test_a_body_is_without_noise(markup: str, expected: str) -> None:
    """Words of noise, hidden spans, notes of edits and quotes are dropped; hidden content is marked."""
    [first] = thread_posts(family_adapter("discuz"), post(body(markup)), f"{SITE}/thread-7-1-1.html")

    assert first.body == expected


def test_a_post_that_is_sold_is_said_to_be_hidden() -> None:
    """A post that is completely hidden has no message, and its thread is read."""
    [first] = thread_posts(
        family_adapter("discuz"),
        post(SOLD),
        f"{SITE}/thread-7-1-1.html",
    )

    assert (first.title, first.seller, first.body) == ("[出售] 数据", "狐狸", "[hidden by the site]")


MESSAGE = """<title>提示信息 - 论坛 - Powered by Discuz!</title><div id="messagetext" class="alert_info">
<p>抱歉，{}</p></div><div id="messagelogin"></div>"""


@pytest.mark.parametrize("words", ["本帖要求阅读权限高于 10 才能浏览", "本帖要求閱讀權限高於 10 才能瀏覽"])
def test_a_thread_for_members_of_a_rank_is_what_its_row_said(words: str) -> None:
    """Its page is a single message; a recheck, which has no row, finds nothing new."""
    reader, page = family_adapter("discuz"), MESSAGE.format(words)
    [follow] = parse_page(reader, row(), LIST).follows
    [found] = parse_page(reader, page, follow.url, role=PageRole.ITEM, follow=follow).listings
    again = parse_page(reader, page, follow.url, role=PageRole.ITEM)

    assert (found.title, found.seller, found.body) == ("数据", "狐狸", "[hidden by the site]")
    assert (again.recognised, again.listings) == (True, ())


def test_a_message_that_nobody_knows_is_no_thread() -> None:
    """An unknown message of the board may be a wall, so it is not recognised."""
    assert not parse_page(
        family_adapter("discuz"), MESSAGE.format("未定义操作"), LIST, role=PageRole.ITEM
    ).recognised


def test_an_anonymous_author_is_named_as_the_board_names_them() -> None:
    """An author without a link to a profile is read."""
    [first] = thread_posts(
        family_adapter("discuz"), post(body("x"), author="匿名者"), f"{SITE}/thread-7-1-1.html"
    )

    assert first.seller == "匿名者"


@pytest.mark.parametrize(
    ("date", "clock", "expected", "uncertain"),
    [
        ("2026-3-1 12:30:05", CLOCK, "2026-03-01 04:30:05", False),
        ('<span title="2026-3-9 12:30:05">昨天&nbsp;12:30</span>', CLOCK, "2026-03-09 04:30:05", False),
        ("昨天&nbsp;12:30", CLOCK, "2026-03-09 04:30", False),
        ("半小时前", "", "2026-03-10 03:30", False),
        ("3&nbsp;天前", CLOCK, "2026-03-07 04:00", True),
        ("2026-3-1 12:30", "", "2026-03-01 12:30", True),
    ],
)
def test_dates_in_words_are_read(date: str, clock: str, expected: str, *, uncertain: bool) -> None:
    """Dates are in the zone of the footer; the full date in a title wins over "yesterday"."""
    [first] = thread_posts(
        family_adapter("discuz"), post(body("x"), date=date, clock=clock), f"{SITE}/thread-7-1-1.html"
    )

    assert (first.posted_at, first.posted_at_uncertain) == (
        datetime.fromisoformat(expected).replace(tzinfo=UTC),
        uncertain,
    )


@pytest.mark.parametrize(
    ("date", "expected", "uncertain"),
    [
        ("2026-3-1", "2026-02-28 16:00", True),
        ('<span title="2026-3-9">昨天</span>', "2026-03-08 16:00", True),
        ('<span title="2026-3-9">昨天&nbsp;12:30</span>', "2026-03-09 04:30", False),
    ],
)
def test_a_row_s_date_is_uncertain_where_it_is_a_day_alone(
    date: str, expected: str, *, uncertain: bool
) -> None:
    """A list gives only the day, so the time of a thread is marked as uncertain."""
    [follow] = parse_page(family_adapter("discuz", timezone="Asia/Shanghai"), row(date=date), LIST).follows

    assert follow.partial is not None
    assert (follow.partial.posted_at, follow.partial.posted_at_uncertain) == (
        datetime.fromisoformat(expected).replace(tzinfo=UTC),
        uncertain,
    )


def test_code_is_the_sample_line_by_line() -> None:
    """The lines of code are list items, with or without a line break between them."""
    [first] = thread_posts(family_adapter("discuz"), post(body(CODE)), f"{SITE}/thread-7-1-1.html")

    assert (first.body, first.sample) == ("看", "a,b\n1,2")


def test_what_is_no_thread_of_this_board_is_left_out() -> None:
    """An announcement and a moved thread are left out, and an empty board is recognised."""
    reader = family_adapter("discuz")

    assert row_listings(reader, row(type="移动:"), LIST) == []
    assert len(row_listings(reader, row(kind="stickthread"), LIST)) == 1
    assert parse_page(reader, ANNOUNCEMENT + EMPTY, LIST).recognised
    assert not parse_page(reader, ANNOUNCEMENT, LIST).recognised


def test_a_feed_of_a_board_leads_to_its_list() -> None:
    """The address of a feed in Discuz!, which may contain an authorisation, leads to the list page."""
    reader = family_adapter("discuz", f"{SITE}/forum.php?mod=rss&fid=2&auth=0")
    [start] = reader.start({})
    item = f"<item><title>数据</title><link>{SITE}/forum.php?mod=viewthread&amp;tid=7</link></item>"
    parsed = parse_page(
        reader, f"<rss version='2.0'><channel>{item}</channel></rss>", start.url, role=start.role
    )

    assert (start.role, [each.key for each in parsed.follows]) == (PageRole.FEED, ["t7"])
    assert parsed.next_page == f"{SITE}/forum.php?mod=forumdisplay&fid=2"
