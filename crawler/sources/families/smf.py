"""SMF 2.0 and 2.1: addresses count posts (`topic=12.30`) and carry sessions in front of their numbers.

The pages name no offset, but their header shows what time it is. Quotes are known by their class, code by its
element.
"""

from __future__ import annotations

import re

from crawler.sources.families.address import Address
from crawler.sources.families.board import forum_family
from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forum import Feed, Forum, ListSelectors
from crawler.sources.families.post import PostSelectors

_SIGNS = (
    SoftwareSign(Where.MARKUP, re.compile(r"\bvar smf_(?:theme_url|scripturl|session_id)\b"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"Simple Machines</a>|>SMF \d\.\d[\d.]*</a>|SMF &copy; 20\d\d"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"class=\"message_index_title\"|id=\"messageindex\""), 3),
    SoftwareSign(Where.COOKIE, re.compile(r"^SMFCookie\d*$"), 5),
    SoftwareSign(Where.URL, re.compile(r"/index\.php\?(?:.*[&;])?(?:board|topic)=\d+"), 2),
)


def _numbered(name: str) -> Address:
    shape = (
        rf"(?P<head>[^?]*/)index\.php\?(?:[^?]*[&;])?{name}=(?P<id>\d{{1,12}})"
        r"(?:\.(?P<page>\d{1,7})|\.[a-z]+\d*)?(?:[&;].*)?"
    )
    return Address(
        re.compile(shape), f"{{head}}index.php?{name}={{id}}.0", f"{{head}}index.php?{name}={{id}}.{{page}}"
    )


FORUM = Forum(
    threads=(_numbered("topic"),),
    boards=(_numbered("board"),),
    feeds=(
        Feed(
            re.compile(
                r"(?P<head>[^?]*/)index\.php\?(?=(?:.*[&;])?action=\.xml)"
                r"(?=(?:.*[&;])?board=(?P<id>\d{1,12})(?:[&;.]|$)).*"
            ),
            "{head}index.php?board={id}.0",
        ),
        Feed(re.compile(r"[^?]*/index\.php\?(?=(?:.*[&;])?action=\.xml).*")),
    ),
    rows=ListSelectors(
        each="xpath://div[@id='topic_container']/div[.//span[starts-with(@id, 'msg_')]]"
        " | //div[@id='messageindex']//tr[td[contains(@class, 'subject')]]",
        empty="#topic_header h3.titlebg, #messageindex th strong",
        link="span[id^=msg_] a",
        seller="div.info p a, td.subject p a",
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
