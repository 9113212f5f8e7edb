"""SMF 2.0 and 2.1. Addresses count posts (`topic=12.30`) and have sessions before their numbers.

The pages state no offset, but their header shows the current time. Quotes are found by class, code by
element.
"""

from __future__ import annotations

import re

from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forums.forum_adapter import BoardFeed, ForumProgram, ListSelectors
from crawler.sources.families.forums.forum_family import forum_family
from crawler.sources.families.forums.forum_post import PostSelectors
from crawler.sources.families.forums.thread_address import AddressPattern

_SIGNS = (
    SoftwareSign(Where.MARKUP, re.compile(r"\bvar smf_(?:theme_url|scripturl|session_id)\b"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"Simple Machines</a>|>SMF \d\.\d[\d.]*</a>|SMF &copy; 20\d\d"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"class=\"message_index_title\"|id=\"messageindex\""), 3),
    SoftwareSign(Where.COOKIE, re.compile(r"^SMFCookie\d*$"), 5),
    SoftwareSign(Where.URL, re.compile(r"/index\.php\?(?:.*[&;])?(?:board|topic)=\d+"), 2),
)


def _counted_address(name: str) -> AddressPattern:
    shape = (
        rf"(?P<head>[^?]*/)index\.php\?(?:[^?]*[&;])?{name}=(?P<id>\d{{1,12}})"
        r"(?:\.(?P<page>\d{1,7})|\.[a-z]+\d*)?(?:[&;].*)?"
    )
    return AddressPattern(
        re.compile(shape), f"{{head}}index.php?{name}={{id}}.0", f"{{head}}index.php?{name}={{id}}.{{page}}"
    )


FORUM = ForumProgram(
    threads=(_counted_address("topic"),),
    boards=(_counted_address("board"),),
    feeds=(
        BoardFeed(
            re.compile(
                r"(?P<head>[^?]*/)index\.php\?(?=(?:.*[&;])?action=\.xml)"
                r"(?=(?:.*[&;])?board=(?P<id>\d{1,12})(?:[&;.]|$)).*"
            ),
            "{head}index.php?board={id}.0",
        ),
        BoardFeed(re.compile(r"[^?]*/index\.php\?(?=(?:.*[&;])?action=\.xml).*")),
    ),
    rows=ListSelectors(
        each="xpath://div[@id='topic_container']/div[.//span[starts-with(@id, 'msg_')]]"
        " | //div[@id='messageindex']//tr[td[contains(@class, 'subject')]]",
        empty="#topic_header h3.titlebg, #messageindex th strong",
        link="span[id^=msg_] a",
        # A topic of a guest has no such link, but links to its pages.
        seller="div.info p a[href*=profile], td.subject p a[href*=profile]",
        posted="",
        replies="xpath:.//div[contains(@class, 'board_stats')]/p/text()[1]"
        " | .//td[contains(@class, 'stats')]/text()[1]",
        changed="xpath:.//*[contains(@class, 'lastpost')]//a[contains(@href, 'msg')]/@href",
        moved="xpath:.//span[contains(@class, 'main_icons') and contains(@class, ' move')]"
        " | self::*[.//img[contains(@src, '/moved.')]]",
    ),
    title="xpath://*[@id='top_subject'] | //h5[starts-with(@id, 'subject_')]",
    post=PostSelectors(
        each="#forumposts div.post_wrapper",
        number="xpath:.//div[@class='inner']/@id",
        anchor="msg",
        seller="div.poster h4 a:not(.floatright), div.poster h4",
        posted="div.postinfo a.smalltext, div.keyinfo div.smalltext",
        body="div.inner",
        noise=(
            "blockquote.bbc_standard_quote",
            "blockquote.bbc_alternate_quote",
            "div.quoteheader",
            "div.quotefooter",
            "div.codeheader",
            "div.signature",
            "span.modified",
        ),
        code="code.bbc_code",
        locked="div.hidden_content, div.bbc_hide",
    ),
    pages="div.pagelinks a[href]",
    onward="xpath://div[contains(@class, 'pagelinks')]//a[.//span[contains(@class, 'next_page')]]",
    trail="div.navigate_section a",
    clock="#inner_section time, #upper_section time",
    rows_counted=True,
    missing_or_kept=("either missing or off limits to you",),
)

SMF = forum_family("smf", "SMF 2", FORUM, _SIGNS)
