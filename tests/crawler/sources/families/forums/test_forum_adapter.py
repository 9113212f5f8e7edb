"""The adapter of all forums: hostile pages, and practice pages with parts removed."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import MissingOrKept, NotThere
from crawler.sources import PageRole
from crawler.sources.families.forums.element_reader import MAX_ELEMENTS
from tests.crawler.sources.pages import SITE, family_adapter, parse_page
from tests.peers.forums.board import LONG
from tests.peers.forums.server import PROGRAMS, ForumSite

#: The marks of rows and posts of each program. A redesign has others.
MARKS = {
    "mybb": ("inline_row", "post_body"),
    "phpbb": ("topictitle", 'class="content"'),
    "xenforo": ("structItem--thread", "js-post"),
    "vbulletin": ("td_threadtitle_", "post_message_"),
    "discuz": ("normalthread_", "t_f"),
    "smf": ("topic_container", "post_wrapper"),
}


def practice_page(program: str, number: int | None = None) -> tuple[str, str]:
    """Return a page of a program's practice board, and its address at `SITE`."""
    forum = ForumSite(program)
    forum.url = SITE
    html = forum.page(number, 1).body.decode(PROGRAMS[program].charset)
    known = PROGRAMS[program]
    path = known.board(1) if number is None else known.thread(forum.board.threads[number], 1)
    return html, f"{SITE}/{path}"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_page_without_the_marks_of_its_program_is_not_recognised(program: str) -> None:
    """Rows and posts under other names are a redesign, even if everything else is unchanged."""
    row, post = MARKS[program]
    listed, url = practice_page(program)
    thread, own = practice_page(program, LONG)
    reader = family_adapter(program)
    others = re.sub(f"{re.escape(row)}|stickthread_", "xx", listed)

    assert parse_page(reader, listed, url).recognised
    assert parse_page(reader, thread, own, role=PageRole.ITEM).recognised
    assert not parse_page(reader, others, url).recognised
    assert not parse_page(reader, thread.replace(post, "xx"), own, role=PageRole.ITEM).recognised


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_every_selector_found_is_told(program: str) -> None:
    """For `source try` and the health of a source, found titles, authors and texts are counted."""
    listed, url = practice_page(program)
    thread, own = practice_page(program, LONG)
    reader = family_adapter(program, timezone="Asia/Shanghai")
    found = {
        (each.part, each.field): (each.tried, each.found)
        for page in (parse_page(reader, listed, url), parse_page(reader, thread, own, role=PageRole.ITEM))
        for each in page.findings
    }

    assert found["row", "title"] == found["row", "seller"] == (15, 15)
    assert found["item", "title"] == (1, 1)
    assert found["item", "body"] == found["item", "seller"] == found["item", "posted_at"] == (10, 10)


@pytest.mark.parametrize("program", PROGRAMS)
@settings(max_examples=40)
@given(
    html=st.text(alphabet="<>/=\"' abdiprst_0123456789\x00", max_size=300),
    role=st.sampled_from(list(PageRole)[:5]),
)
def test_any_page_is_taken(program: str, html: str, role: PageRole) -> None:
    """Random text in any role raises no error, and gives no listing."""
    parsed = parse_page(family_adapter(program), html, f"{SITE}/x", role=role)

    assert parsed.listings == ()
    assert parsed.follows == ()


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.slow
def test_rows_without_end_are_bait(program: str) -> None:
    """Of forty times as many rows as a forum shows, the first thousand are read, in a bounded time."""
    html, url = practice_page(program)
    start, end = html.find("<body"), html.rfind("</body>")
    began = time.process_time()
    parsed = parse_page(family_adapter(program), html[:start] + html[start:end] * 40, url)

    assert len(parsed.follows) <= MAX_ELEMENTS
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("mybb", "The specified thread does not exist."),
        (
            "vbulletin",
            "Invalid Thread specified. If you followed a valid link, please tell us",
        ),
        ("discuz", "抱歉，指定的主题不存在或已被删除或正在被审核"),
    ],
)
def test_a_thread_that_was_removed_is_not_there(program: str, words: str) -> None:
    """These messages have status 200. A thread may quote one; a long page with one is not recognised."""
    html, url = practice_page(program, LONG)
    reader = family_adapter(program)

    with pytest.raises(NotThere, match=r"board\.example"):
        parse_page(reader, f"<table><tr><td>{words}</td></tr></table>", url, role=PageRole.ITEM)
    assert parse_page(reader, html.replace("no haggling", words), url, role=PageRole.ITEM).recognised
    assert not parse_page(reader, words * 500, url, role=PageRole.ITEM).recognised


OFF_LIMITS = (
    "<p>The topic or board you are looking for appears to be either missing or off limits to you.</p>"
)


@pytest.mark.parametrize(
    ("starts", "error"),
    [
        (["index.php?board=2.0"], NotThere),
        (["index.php?board=2.0", "index.php?action=.xml;type=rss2;board=3"], NotThere),
        (["index.php?action=.xml;type=rss2"], MissingOrKept),
        (["index.php?board=2.0", "index.php?action=.xml;type=rss2;boards=3,4"], MissingOrKept),
        (["index.php?action=recent"], MissingOrKept),
    ],
)
def test_what_may_be_kept_is_not_there_only_where_each_board_is_asked_for(
    starts: list[str], error: type[Exception]
) -> None:
    """SMF has one message for a topic that is gone and for a closed board; the list of the board decides."""
    reader = family_adapter("smf", [f"{SITE}/{start}" for start in starts])

    with pytest.raises(error):
        parse_page(reader, OFF_LIMITS, f"{SITE}/index.php?topic=7.0", role=PageRole.ITEM)
