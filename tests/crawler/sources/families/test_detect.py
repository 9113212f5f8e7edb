"""A site is recognised by one of its pages, and a source file is written for it."""

from __future__ import annotations

import time
import tomllib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources import read_definition
from crawler.sources.families.detect import detect, detected_source_file
from crawler.sources.families.family import UnknownPage
from tests.crawler.sources.pages import NOW, SITE
from tests.peers.forums.board import LONG
from tests.peers.forums.server import PROGRAMS, ForumSite

FEED = '<link rel="alternate" type="application/atom+xml" href="/feed.atom">'
BEGINNINGS = [
    "<span",
    '<span class="',
    "<html",
    'class="post_body',
    'class="structItem ',
    "Powered by <strong><a ",
    "<link ",
    "'post_title': ",
    "'attackdate': ",
]
#: So many that a search which rescans all of it per beginning is far too slow.
BAIT_CHARS = 100_000


def seen(text: str, *, url: str = f"{SITE}/", cookies: frozenset[str] = frozenset()) -> UnknownPage:
    return UnknownPage(url, 200, {}, cookies, text)


def practice_page(program: str, page: str) -> UnknownPage:
    """Return a page of a program's practice board, as if its address were at `SITE`."""
    forum = ForumSite(program)
    forum.url = SITE
    thread = forum.board.threads[LONG]
    address = {"list": PROGRAMS[program].board(2), "thread": PROGRAMS[program].thread(thread, 2), "index": ""}
    answer = {
        "list": lambda: forum.page(None, 2),
        "thread": lambda: forum.page(LONG, 2),
        "index": lambda: forum.drawn("index.html"),
    }[page]()
    return seen(answer.body.decode(PROGRAMS[program].charset), url=f"{SITE}/{address[page]}")


@pytest.mark.parametrize("page", ["list", "thread", "index"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_page_of_a_program_names_it_and_leads_to_its_board(program: str, page: str) -> None:
    """A list page, a thread and the index each give the first page of the board, without a session."""
    finding = detect(practice_page(program, page), now=NOW)

    assert finding.kind == program
    assert (
        finding.start
        == {
            "mybb": f"{SITE}/forumdisplay.php?fid=2",
            "phpbb": f"{SITE}/viewforum.php?f=2",
            "xenforo": f"{SITE}/forums/databases.2/",
            "vbulletin": f"{SITE}/forumdisplay.php?f=2",
            "discuz": f"{SITE}/forum.php?mod=forumdisplay&fid=2",
            "smf": f"{SITE}/index.php?board=2.0",
        }[program]
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_index_lists_its_boards(program: str) -> None:
    """The report has the name and address of each board, for the operator to choose from."""
    finding = detect(practice_page(program, "index"), now=NOW)

    assert [board.name for board in finding.boards] == ["Databases", "Combo lists"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_file_that_is_written_is_a_source_file(program: str) -> None:
    """The file reads back as the family with one start; other boards are comments."""
    toml = detected_source_file(
        detect(practice_page(program, "index"), now=NOW), mask=str, private=("board.example",)
    )
    definition = read_definition(tomllib.loads(toml))

    assert (definition.kind, len(definition.start)) == (program, 1)
    assert definition.allow_private_addresses == ("board.example",)
    assert "Combo lists" in toml


@pytest.mark.parametrize(
    ("cookie", "kind"),
    [
        ("mybb[lastvisit]", "mybb"),
        ("phpbb3_abc12_sid", "phpbb"),
        ("xf_csrf", "xenforo"),
        ("Wx3c_2132_saltkey", "discuz"),
        ("SMFCookie11", "smf"),
        ("flarum_session", "flarum"),
    ],
)
def test_a_cookie_is_enough_where_a_theme_hides_the_rest(cookie: str, kind: str) -> None:
    """The name of a cookie alone is enough to recognise a program."""
    assert detect(seen("<p>members only", cookies=frozenset({cookie, "PHPSESSID"})), now=NOW).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<p>hello",
        "<p>We moved from phpBB to vBulletin",
        '<a href="https://mybb.com">MyBB</a>',
        "\x00<" * 500,
    ],
)
def test_a_page_that_mentions_a_program_is_not_made_by_it(text: str) -> None:
    """A page without a sign of a program is not recognised."""
    finding = detect(seen(text), now=NOW)

    assert (finding.kind, finding.families) == (None, ())


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ('<meta name="generator" content="vBulletin 5.6.4" />', "vBulletin 5 or later"),
        ('<script src="https://b.example/core/clientscript/x.js">', "vBulletin 5 or later"),
        ('<html id="XenForo" lang="en-US" class="Public NoJs LoggedOut">', "XenForo 1"),
        ('Powered by <a href="http://www.phpbb.com/" target="_phpbb">phpBB</a> 2.0.23', "phpBB 2"),
        (
            'Powered by <a href="http://www.phpbb.com/" class="copyright">phpBB</a> &copy; 2001, 2005',
            "phpBB 2",
        ),
        ("<footer>VerticalScope Inc., 111 Peter Street</footer>", "VerticalScope (Fora)"),
        ('<main role="main" id="ipsLayout_body" class="ipsLayout_container">', "Invision Community"),
        ("<body class='ipsApp ipsApp_front ipsJS_none' data-pageapp='forums'>", "Invision Community"),
        ('<body data-id="1" class="ipsApp ipsApp_front" data-controller="core.x">', "Invision Community"),
        ("<body id='ipboard_body'>", "Invision Community"),
        (
            '<a href="https://ips.example/" rel="nofollow">Powered by Invision Community</a>',
            "Invision Community",
        ),
        ("<p>An Invision Community board was leaked, with ipsLayout_body and all of ipsApp</p>", ""),
        ('<meta name="generator" content="vBulletin 4.2.5" />', ""),
        ('Powered by <a href="https://www.phpbb.com/">phpBB</a>&reg; Forum Software', ""),
        ('<html id="XF" class="has-no-js template-thread_view">', ""),
        ("<p>Databases of vBulletin 5 boards, and of XenForo 1</p>", ""),
        ("<p>phpBB 2 users dump, VerticalScope breach of 2016</p>", ""),
    ],
)
def test_a_program_that_is_known_and_not_read_is_named(text: str, program: str) -> None:
    """By its own words; a page that only speaks of one is another page."""
    found = detect(UnknownPage("https://b.example/", 200, {}, frozenset(), text), now=NOW)

    assert found.unread_program == program
    assert not (program and found.families)


def test_a_feed_is_proposed_where_nothing_is_recognised() -> None:
    """If no program is recognised, the feed that a page names becomes the start."""
    finding = detect(seen(FEED), now=NOW)
    definition = read_definition(tomllib.loads(detected_source_file(finding, mask=str, via="tor")))

    assert (definition.kind, definition.start, definition.via) == ("feed", (f"{SITE}/feed.atom",), "tor")


def test_the_address_of_a_feed_is_a_start_of_its_own() -> None:
    """A page that is a feed becomes the start itself."""
    finding = detect(seen("<rss version='2.0'><channel/></rss>", url=f"{SITE}/rss"), now=NOW)

    assert (finding.kind, finding.start) == ("feed", f"{SITE}/rss")


def test_a_board_s_feed_leads_to_the_board() -> None:
    """The start is the list page behind the feed of a board, because it shows which threads have changed."""
    feed = "<rss version='2.0'><channel><generator>MyBB</generator></channel></rss>"
    finding = detect(seen(feed, url=f"{SITE}/syndication.php?fid=2"), now=NOW)

    assert (finding.kind, finding.start) == ("mybb", f"{SITE}/forumdisplay.php?fid=2")


def test_a_feed_is_named_beside_a_family() -> None:
    """A comment names the feed, which can still be read if a redesign makes the pages unreadable."""
    toml = detected_source_file(detect(practice_page("smf", "list"), now=NOW), mask=str)

    assert f'kind = "feed", start = "{SITE}/index.php?action=.xml;type=rss2;board=2"' in toml


def test_the_zone_that_the_pages_say_is_told() -> None:
    """The time zone of the pages is a comment, because a fixed offset as a key would be wrong in summer."""
    finding = detect(practice_page("vbulletin", "list"), now=NOW)
    toml = detected_source_file(finding, mask=str)

    assert finding.offset == timedelta(hours=8)
    assert "UTC+8" in toml
    assert "timezone" not in tomllib.loads(toml)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (
            '<body id="phpbb"><ul><li class="header"><a href="/viewforum.php?f=1">Market</a></li>'
            '<li class="row"><a href="/viewforum.php?f=2" class="forumtitle">Databases</a></li></ul>',
            ("Databases", "/viewforum.php?f=2"),
        ),
        (
            "<span id='tid_1'></span><!-- MyBB is free software developed and maintained --><table><tr><td "
            'class="thead"><strong><a href="forumdisplay.php?fid=1">Market</a></strong></td></tr><tr><td>'
            '<strong><a href="forumdisplay.php?fid=2">Databases</a></strong></td></tr></table>',
            ("Databases", "/forumdisplay.php?fid=2"),
        ),
        (
            '<meta name="generator" content="vBulletin 3.8.11" /><table><tr><td class="tcat"><a '
            'href="forumdisplay.php?f=1">Market</a></td></tr><tr><td class="alt1"><a '
            'href="forumdisplay.php?f=2"><strong>Databases</strong></a></td></tr></table>',
            ("Databases", "/forumdisplay.php?f=2"),
        ),
    ],
)
def test_a_group_of_boards_is_no_start(page: str, expected: tuple[str, str]) -> None:
    """A group of boards on the index lists no threads, so it is not offered as a start."""
    finding = detect(seen(page), now=NOW)

    assert [(board.name, board.url) for board in finding.boards] == [(expected[0], SITE + expected[1])]
    assert finding.start == SITE + expected[1]


def test_a_board_s_links_to_itself_are_no_boards() -> None:
    """Links to further pages and other orders of a board are not listed as boards."""
    page = (
        '<body id="phpbb"><a href="/viewforum.php?f=2&start=25">2</a><a href="/viewforum.php?f=2&sk=r">'
        'Replies</a><a href="/viewforum.php?f=3">Combo lists</a>'
    )
    finding = detect(seen(page, url=f"{SITE}/viewforum.php?f=2"), now=NOW)

    assert finding.start == f"{SITE}/viewforum.php?f=2"
    assert [board.name for board in finding.boards] == ["Combo lists"]


def test_what_a_page_says_cannot_leave_its_comment() -> None:
    """A board name with a line break and a quote stays one comment, and is masked."""
    name = 'Data&#10;enabled = false "13812345678'
    page = f'<body id="phpbb"><a href="/viewforum.php?f=1">x</a><a href="/viewforum.php?f=2">{name}</a>'
    toml = detected_source_file(
        detect(seen(page), now=NOW), mask=lambda text: text.replace("13812345678", "***")
    )

    assert "enabled" not in tomllib.loads(toml)
    assert "13812345678" not in toml


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.slow
def test_bait_for_patterns_costs_a_bounded_time(beginning: str) -> None:
    """A page full of beginnings of signs takes less than three seconds of CPU time."""
    page = seen(beginning * (BAIT_CHARS // len(beginning)))
    began = time.process_time()
    detect(page, now=NOW)

    assert time.process_time() - began < 3


@given(st.text(max_size=400), st.text(max_size=60), st.sets(st.text(max_size=20), max_size=3))
def test_any_page_is_taken(text: str, path: str, cookies: set[str]) -> None:
    """No page, address or cookie raises an error, and the file is valid TOML."""
    finding = detect(seen(text, url=f"{SITE}/{path}", cookies=frozenset(cookies)), now=NOW)

    assert (
        finding.kind is None or tomllib.loads(detected_source_file(finding, mask=str))["kind"] == finding.kind
    )
