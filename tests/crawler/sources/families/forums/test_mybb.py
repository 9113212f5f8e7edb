"""MyBB: what themes and settings change on its pages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.sources import PageRole
from tests.crawler.sources.pages import NOW, SITE, family_adapter, parse_page, row_listings, thread_posts

LIST = f"{SITE}/forumdisplay.php?fid=2"
CLOCK = '<span id="current_time"><strong>Current time:</strong> {}</span>'
ROW = """<tr class="inline_row"><td><span
class="thread_status {folder}">&nbsp;</span></td><td><div><span>{before}
<span class=" subject_new" id="tid_{tid}"><a href="{href}">{title}</a></span></span><div><span
class="author smalltext">
<a href="member.php?action=profile&amp;uid=9">fox</a>, </span><span
class="thread_start_datetime smalltext">{date}</span>
</div></div></td><td><a href="misc.php?action=whoposted&tid={tid}">{replies}</a></td><td>77</td>
<td><span class="lastpost smalltext">{date}<br /><a
href="showthread.php?tid={tid}&amp;action=lastpost">Last Post</a>:
<a href="member.php?action=profile&amp;uid=8">owl</a></span></td></tr>"""
EMPTY = """<table class="tborder"><tr><td class="tcat"><a
href="forumdisplay.php?fid=2&amp;sortby=lastpost">Last Post</a>
</td></tr>{}<tr><td colspan="7"
class="trow1">Sorry, but there are currently no threads in this forum.</td></tr></table>"""
ANNOUNCEMENT = """<tr><td class="trow1 forumdisplay_announcement">
<a href="announcements.php?aid=1">Rules</a></td></tr>"""
POST = """<table><tr><td class="thead"><div><strong>{title}</strong></div></td></tr></table>
<div class="post " id="post_99"><div class="author_information"><strong><span class="largetext"><a
href="#">fox</a></span>
</strong></div><span class="post_date">{date} <span class="post_edit" id="edited_by_99"><span
class="edited_post">(This post
was last modified: 03-09-2026, 11:00 PM by fox.)</span></span></span><div class="post_body"
id="pid_99">{body}</div></div>"""


def row(tid: int = 1, *, title: str = "Data", date: str = "03-01-2026, 12:30 PM", **parts: str) -> str:
    said = {"folder": "folder", "before": "", "href": f"showthread.php?tid={tid}", "replies": "4", **parts}
    return ROW.format(tid=tid, title=title, date=date, **said)


@pytest.mark.parametrize(
    ("clock", "date", "expected", "uncertain"),
    [
        ("03-10-2026, 12:01 PM", "03-01-2026, 12:30 PM", "2026-03-01 04:30", False),
        ("10-03-2026, 12:01 PM", "03-01-2026, 12:30 PM", "2026-01-03 04:30", False),
        (
            "03-10-2026, 12:01 PM",
            '<span title="03-09-2026">Yesterday</span>, 10:02 AM',
            "2026-03-09 02:02",
            False,
        ),
        (
            "03-10-2026, 12:01 PM",
            '<span title="03-10-2026, 11:55 AM">5 minutes ago</span>',
            "2026-03-10 03:55",
            False,
        ),
        ("03-10-2026, 12:01 PM", "11:59 p.m.", "2026-03-09 15:59", True),
        ("", "03-01-2026, 12:30 PM", "2026-01-03 12:30", True),
    ],
)
def test_a_date_is_read_by_the_clock_in_the_footer(
    clock: str, date: str, expected: str, *, uncertain: bool
) -> None:
    """It shows the time zone and the order of day and month; without it the date is uncertain."""
    [found] = row_listings(family_adapter("mybb"), row(date=date) + CLOCK.format(clock), LIST)

    assert (found.posted_at, found.posted_at_uncertain) == (
        datetime.fromisoformat(expected).replace(tzinfo=UTC),
        uncertain,
    )


def test_without_a_clock_the_other_dates_tell_which_comes_first() -> None:
    """A 28th on the same page shows that the month comes first; the time zone is a guess."""
    reader = family_adapter("mybb", timezone="UTC")
    listed = row_listings(
        reader, row(1, date="03-01-2026, 12:30 PM") + row(2, date="02-28-2026, 12:30 PM"), LIST
    )
    html = "".join(
        POST.format(title="T", date=date, body="text").replace("99", number)
        for number, date in (("98", "03-01-2026, 12:30 PM"), ("99", "03-13-2026, 11:30 AM"))
    )
    [first, _] = thread_posts(reader, html, f"{SITE}/showthread.php?tid=1")

    assert [each.posted_at for each in (listed[0], first)] == [datetime(2026, 3, 1, 12, 30, tzinfo=UTC)] * 2
    assert not listed[0].posted_at_uncertain


def test_the_mark_of_an_edit_is_no_date_of_the_post() -> None:
    """The note of an edit does not change the date of a post."""
    html = POST.format(title="T", date="Today, 10:02 AM", body="text") + CLOCK.format("03-10-2026, 12:00 PM")
    [first] = thread_posts(family_adapter("mybb"), html, f"{SITE}/showthread.php?tid=1")

    assert first.posted_at == datetime(2026, 3, 10, 2, 2, tzinfo=UTC)


def test_a_row_s_digest_is_of_what_changes_with_a_post() -> None:
    """Views and "5 minutes ago" are not in the digest; the replies, the last author and the title are."""
    reader = family_adapter("mybb")
    pages = [
        row(),
        row(date="5 minutes ago").replace(">77<", ">78<"),
        row(replies="5"),
        row(title="Sold"),
        row().replace(">owl<", ">elk<"),
    ]
    same, later, answered, renamed, by_another = [
        row_listings(reader, page, LIST)[0].row_digest for page in pages
    ]

    assert same == later
    assert len({same, answered, renamed, by_another}) == 4


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ('<span style="color: green;">[Selling]</span>&nbsp;', "[Selling] Data"),
        ("Selling&nbsp;", "[Selling] Data"),
        ("", "Data"),
    ],
)
def test_a_prefix_stands_in_front_of_the_title(before: str, expected: str) -> None:
    """A prefix is put before the title, with any style and with or without brackets."""
    [found] = row_listings(family_adapter("mybb"), row(before=before), LIST)

    assert found.title == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Bank, 2k rows, $500", "500 USD"),
        ("RDP of a shop, revenue $5M, price 900 USD", "900 USD"),
        ("Access, $20 million revenue, 3000$", "3000 USD"),
        ("Access, revenue: 40M€", "None"),
        ("某公司 营收 5亿 售 300 USDT", "300 USDT"),
        ("Data of 2026", "None"),
    ],
)
def test_the_price_is_what_is_asked_for(title: str, expected: str) -> None:
    """The revenue of a victim is no price, and a number without a currency is none."""
    [found] = row_listings(family_adapter("mybb"), row(title=title), LIST)

    assert str(found.price).replace(",", "") == expected


def test_announcements_and_threads_that_moved_are_no_threads() -> None:
    """Only the row that leads to a thread of this board is followed."""
    html = f"<table>{ANNOUNCEMENT}{row(1, folder='movefolder', replies='-')}{row(2)}</table>"

    assert [each.key for each in row_listings(family_adapter("mybb"), html, LIST)] == ["t2"]


@pytest.mark.parametrize(
    ("html", "recognised"),
    [
        (EMPTY.format(""), True),
        (EMPTY.format(ANNOUNCEMENT), True),
        (f"<table>{row(folder='movefolder')}</table>", True),
        ("<table><tr><td colspan=7 class=trow1>Sorry</td></tr></table>", False),
        ("<table><tr class='inline_row'><td><span id=subject><a href='x'>Data</a></td></tr></table>", False),
        ("", False),
    ],
)
def test_an_empty_board_is_told_from_a_page_that_nobody_knows(html: str, *, recognised: bool) -> None:
    """An empty board says so; rows without the number of a thread are a new design."""
    parsed = parse_page(family_adapter("mybb"), html, LIST)

    assert (parsed.recognised, parsed.follows) == (recognised, ())


def test_a_thread_without_its_title_is_not_recognised() -> None:
    """A theme that moved the title may have moved the rest."""
    html = POST.format(title="T", date="", body="text").replace("thead", "head")
    parsed = parse_page(family_adapter("mybb"), html, f"{SITE}/showthread.php?tid=1", role=PageRole.ITEM)

    assert not parsed.recognised


def test_a_feed_names_threads_and_leads_to_the_list() -> None:
    """Its entries do not show changes, so the list page behind it is the next page."""
    feed = f"""<rss version="2.0"><channel><generator>MyBB</generator><item><title>Data $5</title>
<link>{SITE}/showthread.php?tid=12</link><guid>x</guid></item><item><title>Re: Data $5</title>
<link>{SITE}/showthread.php?tid=12&amp;pid=9#pid9</link></item></channel></rss>"""
    reader = family_adapter("mybb", f"{SITE}/syndication.php?fid=2")
    [start] = reader.start({})
    parsed = parse_page(reader, feed, start.url, role=start.role)
    [follow] = parsed.follows

    assert (start.role, follow.role, follow.key) == (PageRole.FEED, PageRole.ITEM, "t12")
    assert follow.partial is not None
    assert (follow.partial.title, follow.partial.row_digest) == ("Data $5", "")
    assert (parsed.next_page, parsed.next_role) == (LIST, PageRole.LIST)


def test_a_feed_of_all_boards_has_no_list_behind_it() -> None:
    """No list page has all the threads of such a feed."""
    reader = family_adapter("mybb", f"{SITE}/syndication.php")
    parsed = parse_page(
        reader, "<rss version='2.0'><channel/></rss>", f"{SITE}/syndication.php", role=PageRole.FEED
    )

    assert (parsed.recognised, parsed.next_page) == (True, None)


def test_without_replies_a_thread_is_its_first_post() -> None:
    """`replies = false` reads one page and one listing per thread."""
    two = POST.format(title="T", date="", body="first") + POST.format(title="T", date="", body="x").replace(
        "99", "100"
    )
    pages = '<div class="pagination"><a href="showthread.php?tid=1&page=2">2</a></div>'
    url = f"{SITE}/showthread.php?tid=1"
    whole, alone = (
        parse_page(family_adapter("mybb", replies=replies), two + pages, url, role=PageRole.ITEM)
        for replies in (True, False)
    )

    assert (len(whole.listings), len(whole.rest)) == (2, 1)
    assert ([each.body for each in alone.listings], alone.rest) == (["first"], ())


def test_a_page_is_read_with_the_clock_of_its_source_first() -> None:
    """`timezone` and `date_order` in the source file take precedence over the page."""
    html = row(date="03-01-2026, 12:30 PM") + CLOCK.format("03-10-2026, 12:00 PM")
    [found] = row_listings(family_adapter("mybb", timezone="UTC", date_order="dmy"), html, LIST)

    assert found.posted_at == datetime(2026, 1, 3, 12, 30, tzinfo=UTC)
    assert found.posted_at < NOW
