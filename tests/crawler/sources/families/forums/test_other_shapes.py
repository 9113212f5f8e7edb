"""Boards with rewritten addresses, other themes and older versions: rows and threads in their shapes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.listing import ParsedListing
from crawler.sources import Page, PageRole
from crawler.sources.families.forums.thread_address import linked_pages
from tests.crawler.sources.pages import NOW, SITE, family_adapter, parse_page, row_listings, thread_posts

VB_LIST = f"{SITE}/databases/"
VB_ROW = """<table id="threadslist"><tbody id="threadbits_forum_2"><tr><td class="alt1"
id="td_threadtitle_{n}" title="names"><div><a href="{href}"
id="thread_title_{n}">Lot {n}, 40k records</a></div><div
class="smallfont"><span style="cursor:pointer" onclick="window.open('member-9.html')">fox</span></div></td>
<td class="alt2"><div class="smallfont">01-03-2026 <span class="time">12:30</span> by <a href="u9">owl</a>
<a href="{href}#post{n}0"><img></a></div></td><td><a href="#" onclick="who({n}); return
false;">4</a></td></tr>
</tbody></table>"""
VB_POST = """{head}<table id="post99" class="tborder"><tr><td
class="thead">01-03-2026, 12:30</td></tr><tr><td><div
id="postmenu_99"><a class="bigusername" href="u9">fox</a></div></td></tr><tr><td><div
id="post_message_99">Names and numbers</div></td></tr></table>
<div class="pagenav"><a href="/databases/501-lot-2.html">2</a><a href="/databases/501-lot-3.html">3</a>
<a href="/databases/501-lot-9.html">9</a><a href="/databases/501-lot-2.html">&gt;</a></div>"""


@pytest.mark.parametrize(
    "href", ["501-lot-one.html", "/databases/501-lot-one.html", "../t501-lot-one.html", "lot-one/"]
)
def test_a_thread_at_a_rewritten_address_has_the_number_of_its_row(href: str) -> None:
    """Half of the boards of vBulletin write addresses of their own; the row's id has the number."""
    [found] = row_listings(family_adapter("vbulletin"), VB_ROW.format(n=501, href=href), VB_LIST)

    assert (found.key, found.title, found.seller) == ("t501", "Lot 501, 40k records", "fox")
    assert found.url.startswith(f"{SITE}/")
    assert found.claimed_records == 40_000


def test_the_pages_of_a_thread_at_a_rewritten_address_are_those_it_links_to() -> None:
    """And those between them, if the addresses differ in their numbers only."""
    reader = family_adapter("vbulletin")
    [row] = row_listings(reader, VB_ROW.format(n=501, href="/databases/501-lot.html"), VB_LIST)
    page = Page(
        row.url, VB_POST.format(head="").encode(), PageRole.ITEM, NOW, "utf-8", key=row.key, partial=row
    )

    parsed = reader.parse(page)

    assert [each.title for each in parsed.listings] == ["Lot 501, 40k records"]
    assert parsed.rest == tuple(f"{SITE}/databases/501-lot-{n}.html" for n in range(9, 1, -1))


def test_pages_that_have_nothing_in_common_are_taken_as_they_are() -> None:
    """Numbers beside links that lead elsewhere are no pages to count."""
    links = [("2", "https://b.example/two"), ("5", "https://b.example/five"), ("Last", "https://b.example/9")]

    assert linked_pages("https://b.example/", links) == ("https://b.example/five", "https://b.example/two")
    assert (
        linked_pages("https://b.example/", [("1", "https://b.example/"), ("x", "https://b.example/x")]) == ()
    )


def test_a_list_whose_rows_are_not_understood_is_no_empty_board() -> None:
    """The wrapper is on every list of version 4; it is empty only without a link to a thread."""
    reader = family_adapter("vbulletin")
    wrapper = '<div id="threadlist" class="threadlist">{}</div>'
    unknown = wrapper.format('<section><a id="thread_title_7" href="#">Lot seven</a></section>')

    assert not parse_page(reader, unknown, VB_LIST).recognised
    assert parse_page(reader, wrapper.format("<p>There are no threads"), VB_LIST).recognised


@pytest.mark.parametrize(
    ("head", "partial", "title"),
    [
        ("", "Row title", "Row title"),
        ("<h1>Lot five</h1>", "", "Lot five"),
        ("<title>Lot six - Board of trade</title>", "", "Lot six"),
        ("<title>Lot seven | Board</title><h1>Board</h1><h1>News</h1>", "", "Lot seven"),
    ],
)
def test_a_thread_without_its_title_gets_another_one(head: str, partial: str, title: str) -> None:
    """That of its row, the only first heading, or the title of the page."""
    before = ParsedListing(key="t5", url=f"{SITE}/x", title=partial)
    body = VB_POST.format(head=head).encode()
    page = Page(f"{SITE}/t5-x.html", body, PageRole.ITEM, NOW, "utf-8", key="t5", partial=before)

    [listing] = family_adapter("vbulletin").parse(page).listings

    assert (listing.title, listing.body) == (title, "Names and numbers")


def test_the_link_to_new_posts_is_no_prefix() -> None:
    """The title of a thread does not change with who has read it."""
    row = """<tr class="inline_row"><td><div>{new}<span class="prefix">Selling</span> <span
class="subject_new"
id="tid_12"><a href="showthread.php?tid=12">Data</a></span></div></td></tr>"""
    new = '<a href="showthread.php?tid=12&amp;action=newpost" class="quick_jump">new &rarr;</a> '
    reader = family_adapter("mybb")

    titles = [
        row_listings(reader, f"<table>{row.format(new=link)}</table>", f"{SITE}/forumdisplay.php?fid=2")[
            0
        ].title
        for link in ("", new)
    ]

    assert titles == ["[Selling] Data"] * 2


def test_a_title_inside_a_link_is_read() -> None:
    """XenForo's add-ons link the title of a thread to itself."""
    head = '<h1 class="p-title-value"><span class="label">Selling</span> <a href="/threads/7/">Data</a></h1>'
    post = """<article class="message js-post" id="js-post-9" data-author="fox"><div
class="message-body"><div
class="bbWrapper">Names</div></div></article>"""

    [listing] = thread_posts(family_adapter("xenforo"), head + post, f"{SITE}/threads/7/")

    assert listing.title == "[Selling] Data"


def test_a_topic_that_a_guest_started_has_no_page_number_as_its_seller() -> None:
    """Its row links to no profile, only to its pages."""
    row = """<div id="messageindex"><table><tr><td class="subject windowbg2"><span id="msg_34"><a
href="index.php?topic=12.0">Data</a></span><p>Started by {who} <small id="pages34">&laquo; <a
href="index.php?topic=12.0">1</a> <a
href="index.php?topic=12.20">2</a> &raquo;</small></p></td></tr></table></div>"""
    member = '<a href="index.php?action=profile;u=9">fox</a>'
    url = f"{SITE}/index.php?board=2.0"
    reader = family_adapter("smf")

    sellers = [row_listings(reader, row.format(who=who), url)[0].seller for who in ("Guest", member)]

    assert sellers == [None, "fox"]


PHPBB_LIST = f"{SITE}/viewforum.php?f=2"
PHPBB_30_ROW = """<ul class="topiclist topics"><li class="row bg1"><dl class="icon"
style="background-image: url(./styles/prosilver/imageset/topic_read.gif);"><dt title="No unread posts"><a
href="./viewtopic.php?f=2&amp;t=7&amp;sid=a" class="topictitle">Data 500k lines</a><br />by <a
href="./memberlist.php?mode=viewprofile&amp;u=9">fox</a> &raquo; Sun Mar 01, 2026 12:30 pm</dt><dd
class="posts">4 <dfn>Replies</dfn></dd><dd class="views">9</dd><dd
class="lastpost"><span><dfn>Last post </dfn>by <a
href="./memberlist.php?mode=viewprofile&amp;u=8">owl</a> <a
href="./viewtopic.php?f=2&amp;t=7&amp;p=99#p99"><img
alt="View the latest post" /></a> <br />Mon Mar 02, 2026 1:00 pm</span></dd></dl></li></ul>
<ul class="linklist"><li class="rightside">All times are UTC + 8 hours</li></ul>"""
PHPBB_31_ROW = """<ul class="topiclist topics"><li class="row bg1"><dl class="icon topic_read"><dt
title="No unread posts"><div class="list-inner"><a href="./viewtopic.php?f=2&amp;t=7"
class="topictitle">Data 500k
lines</a><br /><div class="topic-poster responsive-hide">by <a
href="./memberlist.php?mode=viewprofile&amp;u=9"
class="username">fox</a> &raquo; Sun Mar 01, 2026 12:30 pm</div></div></dt><dd
class="posts">4 <dfn>Replies</dfn></dd>
<dd class="lastpost"><span>by <a href="#" class="username">owl</a> <a
href="./viewtopic.php?f=2&amp;t=7&amp;p=99#p99"></a></span></dd></dl></li></ul>
<ul id="nav-footer"><li class="rightside">All times are <abbr title="UTC+8">UTC+08:00</abbr></li></ul>"""
SUBSILVER_ROW = """<table class="tablebg" width="100%"><tr><th>Topics</th></tr><tr><td class="row1"
width="25"><img
src="./styles/subsilver2/imageset/topic_read.gif" /></td><td class="row1"><a title="Posted: Sun Mar 01,
2026 12:30 pm"
href="./viewtopic.php?f=2&amp;t=7" class="topictitle">Data 500k lines</a></td><td class="row2"><p
class="topicauthor"><a href="./memberlist.php?mode=viewprofile&amp;u=9">fox</a></p></td><td class="row1"><p
class="topicdetails">4</p></td><td class="row2"><p class="topicdetails">9</p></td><td class="row1"><p
class="topicdetails">Mon Mar 02, 2026 1:00 pm</p><p class="topicdetails"><a href="#">owl</a> <a
href="./viewtopic.php?f=2&amp;t=7&amp;p=99#p99"><img /></a></p></td></tr></table>
<p class="datetime">All times are UTC + 8 hours </p>"""
#: Styles of other people have their own rows around the link that the code makes.
PHPBB_OWN_ROW = """<div class="catglow"><table class="cat"><tr><td class="forumicon"><img
src="styles/reef/imageset/topic_read.gif" /></td><td class="forumdetails"><a
href="viewtopic.php?f=2&amp;t=7" class="topictitle">Data 500k lines</a> <span
class="forum-descriptions">par <span class="username-coloured">fox</span> &raquo; Dim 1 Mars 2026,
12:30</span></td><td class="forumtopics tablet"><div
class="statbubble"><span>p=99</span><br />R&eacute;ponses</div></td><td class="forumposts tablet"><div
class="statbubble"><span>9</span><br />Vues</div></td><td
class="tablet">Dernier message par <span
class="username-coloured">owl</span></td></tr></table></div>
<p>Heures au format UTC + 8 heures</p>"""


@pytest.mark.parametrize("html", [PHPBB_30_ROW, PHPBB_31_ROW, SUBSILVER_ROW, PHPBB_OWN_ROW])
def test_rows_of_older_boards_of_phpbb_are_read(html: str) -> None:
    """3.0 and 3.1 without `time` elements, subsilver2 with tables, and a style with rows of its own."""
    reader = family_adapter("phpbb", timezone="Asia/Shanghai")
    [found] = row_listings(reader, html, PHPBB_LIST)
    [same] = row_listings(reader, html.replace(">9<", ">10<"), PHPBB_LIST)
    [answered] = row_listings(reader, html.replace("p=99", "p=100"), PHPBB_LIST)

    assert (found.key, found.url) == ("t7", f"{SITE}/viewtopic.php?t=7")
    assert (" ".join(found.title.split()), found.seller) == ("Data 500k lines", "fox")
    assert found.posted_at == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
    assert found.row_digest == same.row_digest != answered.row_digest


PHPBB_30_POST = """<div id="page-body"><h2><a href="./viewtopic.php?f=2&amp;t=7">Data</a></h2><div id="p99"
class="post bg2"><div class="inner"><div class="postbody"><h3 class="first"><a href="#p99">Data</a></h3><p
class="author"><a href="./viewtopic.php?p=99#p99"><img /></a>by <strong><a
href="./memberlist.php?mode=viewprofile&amp;u=9">fox</a></strong> &raquo; Sun Mar 01, 2026 12:30 pm </p><div
class="content">Names<blockquote><div><cite>owl wrote:</cite>theirs</div></blockquote><dl
class="codebox"><dt>Code:
<a href="#">Select all</a></dt><dd><code>a	b<br />1	2</code></dd></dl></div><div id="sig99"
class="signature">signed</div></div></div></div></div>"""
SUBSILVER_POST = """<div id="pageheader"><h2><a class="titles"
href="./viewtopic.php?f=2&amp;t=7">Data</a></h2></div>
<table class="tablebg" width="100%"><tr class="row1"><td align="center"><a name="p99"></a><b
class="postauthor">fox</b></td><td width="100%"><table><tr><td
class="gensmall"><b>Post subject:</b> Data</td><td
class="gensmall" align="right"><b>Posted:</b> Sun Mar 01, 2026 12:30 pm&nbsp;</td></tr></table></td></tr><tr
class="row1"><td class="profile">joined</td><td><table><tr><td><div class="postbody">Names<div
class="quotetitle">owl wrote:</div><div class="quotecontent">theirs</div><div
class="codetitle">Code:</div><div
class="codecontent">a	b<br />1	2</div></div></td></tr></table></td></tr></table>"""
#: The table of 3.0.x itself: subject and date are in one cell.
SUBSILVER_CELL_POST = SUBSILVER_POST.replace(
    """<b>Post subject:</b> Data</td><td
class="gensmall" align="right"><b>Posted:</b> Sun Mar 01, 2026 12:30 pm&nbsp;</td>""",
    """<div style="float: left;">&nbsp;<b>Post subject:</b> Data of 3 May 2020</div><div
style="float: right;"><a href="viewtopic.php?p=99#p99"><img /></a><b>Добавлено:</b> 01
мар 2026, 12:30&nbsp;</div></td>""",
)
PHPBB_OWN_POST = """<h2 class="topic-title"><a href="viewtopic.php?t=7">Data</a></h2><div class="vtouter"
id="p99"><div class="vtinner"><div class="vtdatebar"><h3><a href="viewtopic.php?t=7#p99">Data</a></h3><span
class="vtdate"><img alt="Message" /> Dim 1 Mars 2026, 12:30</span></div><div class="vtprofilepanel"><span
class="vtusername"><span style="color: #00AA00;" class="username-coloured">fox</span></span></div><div
class="vtcontent"><div id="postdiv99"
class="content">Names<blockquote><div><cite>owl</cite>theirs</div></blockquote><dl class="codebox"><dt>Code:
</dt><dd><code>a	b<br />1	2</code></dd></dl></div><div id="sig99" class="signature"><span
class="username-coloured">signed</span></div></div></div></div>"""


@pytest.mark.parametrize("html", [PHPBB_30_POST, SUBSILVER_POST, SUBSILVER_CELL_POST, PHPBB_OWN_POST])
def test_threads_of_older_boards_of_phpbb_are_read(html: str) -> None:
    """Title, author, date, body and sample, without quotes and signature."""
    [listing] = thread_posts(
        family_adapter("phpbb", timezone="Asia/Shanghai"), html, f"{SITE}/viewtopic.php?t=7"
    )

    assert (listing.title, listing.seller, listing.body) == ("Data", "fox", "Names")
    assert listing.sample == "a	b\n1	2"
    assert listing.posted_at == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)


def test_links_to_topics_beside_the_rows_are_no_rows() -> None:
    """A box of recent topics counts only on a page without the rows of a known style."""
    box = '<table><tr><td><a class="topictitle" href="viewtopic.php?t=9">Recent</a></td></tr></table>'
    found = row_listings(family_adapter("phpbb"), box + PHPBB_30_ROW, PHPBB_LIST)

    assert [each.key for each in found] == ["t7"]


def test_a_board_of_phpbb_with_readable_addresses_is_read() -> None:
    """The number of the topic is at the end of its address."""
    html = PHPBB_30_ROW.replace("./viewtopic.php?f=2&amp;t=7&amp;sid=a", "./databases-f2/data-500k-t7.html")
    [found] = row_listings(family_adapter("phpbb"), html, f"{SITE}/")

    assert (found.key, found.url) == ("t7", f"{SITE}/databases-f2/data-500k-t7.html")
