"""SMF: the templates of version 2.0 (runs read those of version 2.1), and the clock in the header."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.sources import PageRole
from tests.crawler.sources.pages import SITE, family_adapter, parse_page, row_listings, thread_posts

LIST = f"{SITE}/index.php?board=2.0"
OLD_ROW = """<div class="tborder topic_table" id="messageindex"><table class="table_grid"><tbody><tr><td
class="icon2"><img
src="/Themes/default/images/post/{icon}.gif" alt="" /></td><td class="subject windowbg2"><div><span
id="msg_99"><a
href="{site}/index.php?PHPSESSID=abc&amp;topic=7.0">Data, 12,000 records</a></span><p>Started by <a
href="{site}/index.php?action=profile;u=9">fox</a></p></div></td><td
class="stats windowbg">{replies} Replies<br />{views} Views</td>
<td class="lastpost windowbg2"><a href="{site}/index.php?topic=7.msg{last}#new"></a>Today at 01:00:00 PM<br
/>by <a href="#">owl</a>
</td></tr></tbody></table></div>"""
OLD_POST = """<div id="forumposts"><h3 class="catbg">Author Topic: Data (Read 30 times)</h3><div
class="windowbg"><div
class="post_wrapper"><div class="poster"><h4><a href="#">fox</a></h4></div><div class="postarea"><div
class="keyinfo"><h5
id="subject_99"><a href="{site}/index.php?topic=7.msg99#msg99" rel="nofollow">Data</a></h5><div
class="smalltext">&#171;
<strong>on:</strong> {date} &#187;</div></div><div class="post"><div class="inner"
id="msg_99">{body}</div></div></div></div></div>
</div>{clock}"""
CLOCK = '<div id="inner_section"><div class="user"><time datetime="{}">{}</time></div></div>'
QUOTE = """<div class="quoteheader"><div class="topslice_quote">Quote from: owl</div></div>
<blockquote class="bbc_standard_quote">theirs</blockquote><div class="quotefooter"></div>"""


def row(*, icon: str = "xx", replies: str = "4", views: str = "1", last: str = "120") -> str:
    return OLD_ROW.format(site=SITE, icon=icon, replies=replies, views=views, last=last)


def post(*, date: str = "March 01, 2026, 12:30:00 PM", body: str = "mine", clock: str = "") -> str:
    return OLD_POST.format(site=SITE, date=date, body=body, clock=clock)


def test_a_row_of_version_2_0_is_read() -> None:
    """The address has no session, the claim comes from the title, and the row gives no date."""
    [found] = row_listings(family_adapter("smf"), row(), LIST)

    assert (found.key, found.url, found.seller) == ("t7", f"{SITE}/index.php?topic=7.0", "fox")
    assert (found.title, found.claimed_records, found.posted_at) == ("Data, 12,000 records", 12_000, None)


def test_a_new_last_post_changes_a_row_and_a_view_does_not() -> None:
    """The number of the last post is in the digest, and the views are not."""
    reader = family_adapter("smf")
    same, viewed, answered = (
        row_listings(reader, page, LIST)[0].row_digest for page in (row(), row(views="2"), row(last="121"))
    )

    assert same == viewed
    assert same != answered


def test_a_moved_topic_is_left_out() -> None:
    """The icon of a row shows that its topic was moved."""
    assert row_listings(family_adapter("smf"), row(icon="moved"), LIST) == []


@pytest.mark.parametrize(
    ("instant", "shown", "expected", "uncertain"),
    [
        ("2026-03-10T04:00:00Z", "March 10, 2026, 12:00:00 PM", "2026-03-01 04:30", False),
        ("2026-03-08T04:00:00Z", "March 08, 2026, 12:00:00 PM", "2026-03-01 04:30", False),
        ("", "March 10, 2026, 12:00:00 PM", "2026-03-01 04:30", False),
        ("", "", "2026-03-01 12:30", True),
    ],
)
def test_the_header_s_clock_tells_the_zone(
    instant: str, shown: str, expected: str, *, uncertain: bool
) -> None:
    """The clock has its time as an attribute and as text; their difference is right even in a cached page."""
    html = post(clock=CLOCK.format(instant, shown))
    [first] = thread_posts(family_adapter("smf"), html, f"{SITE}/index.php?topic=7.0")

    assert (first.posted_at, first.posted_at_uncertain) == (
        datetime.fromisoformat(expected).replace(tzinfo=UTC),
        uncertain,
    )


def test_a_post_of_version_2_0_is_its_author_s_words() -> None:
    """The boxes around a quote are dropped with it, and code is the sample."""
    code = '<div class="codeheader">Code:</div><code class="bbc_code">a,b<br />1,2</code>'
    [first] = thread_posts(
        family_adapter("smf"), post(body=f"{QUOTE}mine{code}"), f"{SITE}/index.php?topic=7.0"
    )

    assert (first.title, first.seller, first.body, first.sample) == ("Data", "fox", "mine", "a,b\n1,2")


@pytest.mark.parametrize(
    "html",
    [
        '<div id="topic_header"><h3 class="titlebg">There are no topics.</h3></div>',
        '<div id="messageindex"><table><tr><th><strong>No topics</strong></th></tr></table></div>',
    ],
)
def test_an_empty_board_says_so(html: str) -> None:
    """An empty board is recognised in both versions."""
    parsed = parse_page(family_adapter("smf"), html, LIST)

    assert (parsed.recognised, parsed.follows) == (True, ())


def test_a_feed_of_a_board_names_topics_and_leads_to_the_list() -> None:
    """Recent posts name their topic too, and two posts of one topic give one thread."""
    reader = family_adapter("smf", f"{SITE}/index.php?action=.xml;type=rss2;sa=recent;board=2")
    [start] = reader.start({})
    item = "<item><title>Re: Data</title><link>{}/index.php?topic=7.msg{}#msg{}</link></item>"
    feed = "".join(item.format(SITE, number, number) for number in (1, 2))
    parsed = parse_page(
        reader, f"<rss version='2.0'><channel>{feed}</channel></rss>", start.url, role=start.role
    )

    assert (start.role, [each.key for each in parsed.follows]) == (PageRole.FEED, ["t7"])
    assert parsed.next_page == f"{SITE}/index.php?board=2.0"
