"""SMF: version 2.0's templates beside version 2.1's, which the runs read, and the clock in the header."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.sources import Role
from tests.crawler.sources.families.forums.boards import SITE, board, parse, posts, rows

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
    """Its address has no session, its claim comes from the title, and its date from its own page."""
    [found] = rows(board("smf"), row(), LIST)

    assert (found.key, found.url, found.seller) == ("t7", f"{SITE}/index.php?topic=7.0", "fox")
    assert (found.title, found.claimed_records, found.posted_at) == ("Data, 12,000 records", 12_000, None)


def test_a_new_last_post_changes_a_row_and_a_view_does_not() -> None:
    """The last post is known by its number."""
    reader = board("smf")
    same, viewed, answered = (
        rows(reader, page, LIST)[0].row_digest for page in (row(), row(views="2"), row(last="121"))
    )

    assert same == viewed
    assert same != answered


def test_a_moved_topic_is_left_out() -> None:
    """Its icon says so."""
    assert rows(board("smf"), row(icon="moved"), LIST) == []


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
    """Beside the instant that it shows it is right even on a page from a cache."""
    html = post(clock=CLOCK.format(instant, shown))
    [first] = posts(board("smf"), html, f"{SITE}/index.php?topic=7.0")

    assert (first.posted_at, first.posted_at_uncertain) == (
        datetime.fromisoformat(expected).replace(tzinfo=UTC),
        uncertain,
    )


def test_a_post_of_version_2_0_is_its_author_s_words() -> None:
    """The boxes around a quote go with it, and code is the sample."""
    code = '<div class="codeheader">Code:</div><code class="bbc_code">a,b<br />1,2</code>'
    [first] = posts(board("smf"), post(body=f"{QUOTE}mine{code}"), f"{SITE}/index.php?topic=7.0")

    assert (first.title, first.seller, first.body, first.sample) == ("Data", "fox", "mine", "a,b\n1,2")


@pytest.mark.parametrize(
    "html",
    [
        '<div id="topic_header"><h3 class="titlebg">There are no topics.</h3></div>',
        '<div id="messageindex"><table><tr><th><strong>No topics</strong></th></tr></table></div>',
    ],
)
def test_an_empty_board_says_so(html: str) -> None:
    """In both versions."""
    parsed = parse(board("smf"), html, LIST)

    assert (parsed.recognised, parsed.follows) == (True, ())


def test_a_feed_of_a_board_names_topics_and_leads_to_the_list() -> None:
    """Recent posts name their topic too; two of one topic are one."""
    reader = board("smf", f"{SITE}/index.php?action=.xml;type=rss2;sa=recent;board=2")
    [start] = reader.start({})
    item = "<item><title>Re: Data</title><link>{}/index.php?topic=7.msg{}#msg{}</link></item>"
    feed = "".join(item.format(SITE, number, number) for number in (1, 2))
    parsed = parse(reader, f"<rss version='2.0'><channel>{feed}</channel></rss>", start.url, role=start.role)

    assert (start.role, [each.key for each in parsed.follows]) == (Role.FEED, ["t7"])
    assert parsed.next_page == f"{SITE}/index.php?board=2.0"
