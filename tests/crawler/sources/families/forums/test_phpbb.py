"""phpBB: sessions, offsets and the messages of empty boards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.sources import PageRole
from tests.crawler.sources.pages import SITE, family_adapter, parse_page, row_listings, thread_posts
from tests.peers.walls import WALLS

LIST = f"{SITE}/viewforum.php?f=2"
ROW = """<ul class="topiclist topics"><li class="row bg1 {kind}"><dl class="row-item {icon}"><dt><div
class="list-inner">
<a href="./viewtopic.php?t=7&amp;sid={sid}" class="topictitle">Data 500k lines, 300 EUR</a><div
class="topic-poster">by
<span class="username">Guest fox</span> &raquo; <time
datetime="2026-03-01T12:30:00+08:00">Sun Mar 01</time></div></div></dt>
<dd class="posts">{replies} <dfn>Replies</dfn></dd><dd class="views">{views}</dd><dd class="lastpost"><span>by
<a href="#" class="username">owl</a> <a
href="./viewtopic.php?p=99&amp;sid={sid}#p99"></a></span></dd></dl></li></ul>"""
POST = """<h2 class="topic-title"><a href="./viewtopic.php?t=7">Data</a></h2><div id="p99"
class="post has-profile bg2">
<dl class="postprofile"><dt><strong><span class="username">Guest fox</span></strong></dt></dl><p
class="author"><a href="#"
title="Post 10:30 2026-01-01"></a>by <strong><span
class="username">Guest fox</span></strong> &raquo; {date}</p>
<div class="content">{body}</div></div>{footer}"""
CODE = """see<div class="codebox"><p>Code: <a href="#">Select all</a></p><pre><code>a\tb
1\t2</code></pre></div>end"""
FOOTER = """<ul id="nav-footer">
<li class="rightside">All times are <span title="UTC-5">UTC-05:00</span></li></ul>"""


def row(
    *, kind: str = "", icon: str = "topic_read", sid: str = "a", replies: str = "4", views: str = "1"
) -> str:
    return ROW.format(kind=kind, icon=icon, sid=sid, replies=replies, views=views)


def test_a_row_is_the_same_in_every_session() -> None:
    """Neither the address nor the digest of a row contains the session or the views."""
    reader = family_adapter("phpbb")
    [one], [two] = (
        row_listings(reader, page, LIST) for page in (row(sid="1" * 32), row(sid="2" * 32, views="9"))
    )

    assert one == two
    assert (one.key, one.url, one.seller) == ("t7", f"{SITE}/viewtopic.php?t=7", "Guest fox")
    assert (str(one.price), one.claimed_records) == ("300 EUR", 500_000)
    assert one.posted_at == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)


def test_a_sticky_row_is_a_thread_and_a_moved_one_is_not() -> None:
    """The row that a moved thread leaves behind leads to another board."""
    reader = family_adapter("phpbb")

    assert len(row_listings(reader, row(kind="sticky"), LIST)) == 1
    assert row_listings(reader, row(icon="topic_moved"), LIST) == []


def test_a_time_without_an_element_is_read_in_the_zone_of_the_footer() -> None:
    """Old styles have dates in words and the offset in the footer; the title of a link is not a date."""
    html = POST.format(date="Sun Mar 01, 2026 2:34 pm", body="x", footer=FOOTER)
    [first] = thread_posts(family_adapter("phpbb"), html, f"{SITE}/viewtopic.php?t=7")

    assert (first.posted_at, first.posted_at_uncertain) == (datetime(2026, 3, 1, 19, 34, tzinfo=UTC), False)


@pytest.mark.parametrize(
    ("markup", "body", "sample"),
    [
        ("<blockquote><cite>owl:</cite>theirs<blockquote>older</blockquote></blockquote>mine", "mine", ""),
        ('<blockquote class="uncited"><div>theirs</div></blockquote>mine', "mine", ""),
        (CODE, "see\nend", "a\tb\n1\t2"),
        ('before<div class="hidebox"><a href="#">log in</a></div>', "before\n[hidden by the site]", ""),
    ],
)  # fmt: skip
def test_quotes_go_and_code_is_the_sample(markup: str, body: str, sample: str) -> None:
    """Nested quotes are dropped, and the tabs of a sample are kept."""
    html = POST.format(date="", body=markup, footer="")
    [first] = thread_posts(family_adapter("phpbb"), html, f"{SITE}/viewtopic.php?t=7")

    assert (first.body, first.sample) == (body, sample)


def test_an_empty_forum_says_so() -> None:
    """The panel of an empty board is recognised by the section of the page."""
    panel = '<div class="panel"><div class="inner"><strong>There are no topics.</strong></div></div>'
    empty, other = (
        parse_page(family_adapter("phpbb"), f'<body id="phpbb" class="section-{each} ltr">{panel}', LIST)
        for each in ("viewforum", "login")
    )

    assert (empty.recognised, other.recognised) == (True, False)


def test_a_board_that_guests_may_not_read_is_not_empty() -> None:
    """A board that guests may not read has the panel of an empty one, and a login form below it."""
    page = WALLS["phpbb-board-unread"].body

    assert not parse_page(family_adapter("phpbb"), page, LIST).recognised
    assert "required permissions" in page


def test_a_first_post_that_is_repeated_on_every_page_is_no_reply() -> None:
    """An add-on repeats the first post; it is found by the author and time in the row."""
    reader, url = family_adapter("phpbb"), f"{SITE}/viewtopic.php?t=7&start=10"
    shown = '<time datetime="2026-03-01T04:{}:00+00:00">then</time>'
    page = "".join(
        POST.format(date=shown.format(minute), body="x", footer="").replace("p99", f"p{number}")
        for number, minute in ((99, 30), (120, 59))
    )
    [follow] = parse_page(reader, row(), LIST).follows
    parsed = parse_page(reader, page, url, role=PageRole.REPLIES, follow=follow)

    assert [each.key for each in parsed.listings] == ["t7/p120"]


def test_a_feed_is_no_list_of_topics() -> None:
    """Its entries lead to posts, which name no topic, so a feed as a start is not recognised."""
    reader = family_adapter("phpbb", f"{SITE}/app.php/feed/forum/2")
    [start] = reader.start({})
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/viewtopic.php?p=9#p9"/></entry></feed>'
    )

    assert start.role is PageRole.LIST
    assert not parse_page(reader, atom, start.url).recognised


CATEGORY = """<body id="phpbb" class="section-viewforum"><ul id="nav-breadcrumbs"><li><a
href="./index.php">Index</a></li>
<li><a href="./viewforum.php?f=1">Market</a></li></ul><h2><a href="./viewforum.php?f=2">Databases</a></h2>
<div class="forabg"><ul class="topiclist forums">{}</ul></div></body>"""
BOARD = '<li class="row"><a href="./viewforum.php?f={0}&amp;sid=1" class="forumtitle">Board {0}</a></li>'


@pytest.mark.parametrize(
    ("boards", "said"), [((5, 6, 7), "It links to 3 boards and lists no thread"), ((5,), "")]
)
def test_a_category_of_boards_is_not_empty_and_says_what_it_is(boards: tuple[int, ...], said: str) -> None:
    """Boards are no threads, so the page is not recognised; itself and the boards above do not count."""
    page = CATEGORY.format("".join(map(BOARD.format, boards)))

    parsed = parse_page(family_adapter("phpbb"), page, LIST)

    assert not parsed.recognised
    assert parsed.instead.partition(":")[0] == said
