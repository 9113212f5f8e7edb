"""vBulletin: the templates of version 4 (runs read those of version 3)."""

from __future__ import annotations

from datetime import UTC, datetime

from crawler.sources import PageRole
from tests.crawler.sources.pages import SITE, family_adapter, parse_page, row_listings, thread_posts

LIST = f"{SITE}/forumdisplay.php?2-Databases"
ROW = """<ol id="threads" class="threads"><li class="threadbit {moved}" id="thread_7"><div
class="rating0 nonsticky"><div
class="threadinfo"><a class="threadstatus" rel="vB::AJAX"></a><div
class="inner"><h3 class="threadtitle"><span
class="prefix understate"><b>Selling</b> </span><a class="title"
href="showthread.php?7-Data&amp;s=0123456789abcdef0123456789abcdef"
id="thread_title_7">Data €20</a></h3><div class="threadmeta"><div class="author"><span
class="label">Started by&nbsp;<a
href="member.php?9-fox" class="username understate">fox</a>,&nbsp;01-03-2026 12:30 PM</span></div></div>
</div></div><ul
class="threadstats td alt"><li>Replies: <a
href="misc.php?do=whoposted&amp;t=7">12</a></li><li>Views: {views}</li></ul><dl
class="threadlastpost td"><dd><a class="username">owl</a></dd><dd>Today <em class="time">01:00 PM</em><a
href="showthread.php?7-Data&amp;p={last}#post{last}"
class="lastpostdate"></a></dd></dl></div></li></ol>{footer}"""
FOOTER = (
    '<div class="footer_time">All times are GMT +8. The time now is <span class="time">02:34 PM</span>.</div>'
)
THREAD = """<div id="pagetitle"><h1>Thread: <span class="threadtitle"><a
href="showthread.php?7-Data">Data</a></span></h1></div>
<ol id="posts" class="posts"><li class="postbitlegacy postbitim postcontainer old" id="post_99"><div
class="posthead"><span
class="postdate old"><span class="date">01-03-2026,&nbsp;<span
class="time">12:30 PM</span></span></span></div><div
class="userinfo"><div class="username_container"><a class="username offline popupctrl"
href="member.php?9-fox"><strong>fox</strong>
</a></div></div><div class="postbody"><h2 class="title icon">Data</h2><div class="content"><div
id="post_message_99"><blockquote
class="postcontent restore">{body}</blockquote></div></div><div class="after_content"><blockquote
class="postcontent lastedited">
Last edited by fox; 02-03-2026 at 01:00 PM.</blockquote></div><blockquote
class="signature restore">signed</blockquote></div></li></ol>
{footer}"""
QUOTE = """<div class="bbcode_container"><div class="bbcode_quote"><div class="quote_container"><div
class="bbcode_postedby">
Originally Posted by <strong>owl</strong></div><div class="message">theirs</div></div></div></div>"""
CODE = """<div class="bbcode_container"><div class="bbcode_description">Code:</div><pre
class="bbcode_code">a,b
1,2</pre></div>"""


def row(*, moved: str = "", views: str = "1", last: str = "99", footer: str = FOOTER) -> str:
    return ROW.format(moved=moved, views=views, last=last, footer=footer)


def test_a_row_of_version_4_is_read() -> None:
    """Prefix, price and author are read, and the date in the zone of the footer, day first as configured."""
    [found] = row_listings(family_adapter("vbulletin", date_order="dmy"), row(), LIST)

    assert (found.key, found.url) == ("t7", f"{SITE}/showthread.php?7-Data")
    assert (found.title, found.seller, str(found.price)) == ("[Selling] Data €20", "fox", "20 EUR")
    assert (found.posted_at, found.posted_at_uncertain) == (datetime(2026, 3, 1, 4, 30, tzinfo=UTC), False)


def test_only_the_order_is_uncertain_without_the_source_s_word() -> None:
    """The footer states the time zone but shows no date, so 01-03-2026 is uncertain."""
    [found] = row_listings(family_adapter("vbulletin"), row(), LIST)

    assert (found.posted_at, found.posted_at_uncertain) == (datetime(2026, 3, 1, 4, 30, tzinfo=UTC), True)


def test_a_new_last_post_changes_a_row_and_a_view_does_not() -> None:
    """The number of the last post is in the digest, and the views are not."""
    reader = family_adapter("vbulletin")
    same, viewed, answered = (
        row_listings(reader, page, LIST)[0].row_digest for page in (row(), row(views="2"), row(last="100"))
    )

    assert same == viewed
    assert same != answered


def test_a_post_of_version_4_is_its_author_s_words() -> None:
    """The body is a blockquote too; the quote in it, the note of an edit and the signature are dropped."""
    [first] = thread_posts(
        family_adapter("vbulletin", date_order="dmy"),
        THREAD.format(body=f"{QUOTE}mine{CODE}", footer=FOOTER),
        f"{SITE}/showthread.php?7-Data",
    )

    assert (first.title, first.seller, first.body, first.sample) == ("Data", "fox", "mine", "a,b\n1,2")
    assert first.posted_at == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)


def test_the_pages_of_version_4_are_counted() -> None:
    """A link to `/page5` gives five pages."""
    links = ("showthread.php?7-Data/page2", "showthread.php?7-Data/page5")
    pages = "".join(f'<div class="pagination"><a href="{link}">x</a></div>' for link in links)
    html = THREAD.format(body="x", footer=pages)
    parsed = parse_page(
        family_adapter("vbulletin"), html, f"{SITE}/showthread.php?7-Data", role=PageRole.ITEM
    )

    assert parsed.rest == tuple(f"{SITE}/showthread.php?7-Data/page{number}" for number in (5, 4, 3, 2))


def test_a_moved_thread_is_left_out_and_an_empty_forum_recognised() -> None:
    """A moved thread leads to another board; an empty forum has the frame of a list without rows."""
    reader = family_adapter("vbulletin")
    empty = parse_page(reader, '<div id="threadlist" class="threadlist"><ol id="threads"></ol></div>', LIST)

    assert (
        row_listings(reader, row(moved="moved").replace('class="threadbit moved"', 'class="moved"'), LIST)
        == []
    )
    assert (empty.recognised, empty.follows) == (True, ())


def test_a_post_that_is_numbered_one_is_no_reply() -> None:
    """A first post that is repeated on every page keeps its number; a box of thanks is no post."""
    first = THREAD.format(body="first", footer="").replace(
        "</span></span></div>", '</span></span><a id="postcount99" name="1"></a></div>', 1
    )
    reply = THREAD.format(body="reply", footer="").replace("99", "101").replace('name="1"', 'name="11"')
    thanks = '<li class="postbit postbitim" id="post_thanks_box_99"><div class="content">thanks</div></li>'
    parsed = parse_page(
        family_adapter("vbulletin"),
        first + thanks + reply,
        f"{SITE}/showthread.php?7-Data/page2",
        role=PageRole.REPLIES,
    )

    assert [each.body for each in parsed.listings] == ["reply"]


def test_what_wants_thanks_is_hidden() -> None:
    """The box of the add-on for thanks marks hidden content."""
    body = 'see<div id="vfc_hide_thanks_post_99"><div class="hiddencontent">Thanks to see it</div></div>'
    [first] = thread_posts(
        family_adapter("vbulletin"), THREAD.format(body=body, footer=""), f"{SITE}/showthread.php?7-Data"
    )

    assert first.body == "see\n[hidden by the site]"
