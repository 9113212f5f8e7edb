"""phpBB 3.2 and 3.3: every date is in a `time` element with its offset, so that no zone is needed.

Addresses count rows (`start=25`), and each link of a guest's page carries a session (`sid=`). Its feeds name
posts and not topics, so that they cannot be read as lists of threads: a source starts at the board itself.
"""

from __future__ import annotations

import re

from crawler.sources.families.address import by_query
from crawler.sources.families.board import forum_family
from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forum import Forum, ListSelectors
from crawler.sources.families.post import PostSelectors

_SIGNS = (
    SoftwareSign(Where.MARKUP, re.compile(r"<body id=\"phpbb\""), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"<!--\s{0,9}phpBB style name:"), 4),
    SoftwareSign(Where.MARKUP, re.compile(r"Powered by <a href=\"https?://www\.phpbb\.com/\">phpBB"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"class=\"topictitle\""), 2),
    SoftwareSign(Where.COOKIE, re.compile(r"^phpbb3?_\w+_(?:sid|u|k)$"), 5),
    SoftwareSign(Where.URL, re.compile(r"/view(?:forum|topic)\.php\?(?:.*&)?[ft]=\d"), 2),
)

FORUM = Forum(
    threads=(by_query("viewtopic.php", "t", page="start"),),
    boards=(by_query("viewforum.php", "f", page="start"),),
    rows=ListSelectors(
        each="ul.topiclist.topics > li.row",
        # A board that guests may see and not read has such a panel too, and a login below it.
        empty="xpath://body[contains(@class, 'section-viewforum')]"
        "[not(//form[.//dl]//input[@name='password'])]"
        "//div[contains(@class, 'panel')]/div[@class='inner']/strong",
        link="a.topictitle",
        seller="div.topic-poster a[class^=username], div.topic-poster span[class^=username]",
        posted="div.topic-poster time",
        replies="dd.posts",
        changed="xpath:.//dd[contains(@class, 'lastpost')]//a[contains(@href, 'p=')]/@href",
        moved="xpath:self::li[.//dl[contains(@class, 'topic_moved')]]",
    ),
    title="h2.topic-title",
    post=PostSelectors(
        each="div.post[id^=p]",
        anchor="p",
        seller="p.author strong, dl.postprofile a[class^=username]",
        posted="p.author time, p.author",
        body="div.content",
        noise=("div.content blockquote", "div.signature", "div.notice", "div.codebox > p"),
        code="div.codebox, dl.codebox",
        locked="div.hidebox, dl.hidebox",
    ),
    pages="div.pagination a[href]",
    onward="div.pagination li.next a, a[rel=next]",
    trail="#nav-breadcrumbs a, .breadcrumbs a",
    groups="li.header a",
    clock="xpath://ul[@id='nav-footer']//li[contains(@class, 'rightside')][.//span[contains(@title, 'UTC')]"
    " or contains(., 'UTC')]",
    rows_counted=True,
)

PHPBB = forum_family("phpbb", "phpBB 3.3", FORUM, _SIGNS)
