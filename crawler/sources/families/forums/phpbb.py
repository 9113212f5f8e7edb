"""phpBB 3.2 and 3.3. Every date is in a `time` element with its offset, so no time zone is needed.

Addresses count rows (`start=25`), and each link on a guest's page has a session (`sid=`). Its feeds name
posts instead of topics, so they cannot be read as lists of threads: a source starts at the board itself.
"""

from __future__ import annotations

import re

from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forums.forum_adapter import ForumProgram, ListSelectors
from crawler.sources.families.forums.forum_family import forum_family
from crawler.sources.families.forums.forum_post import PostSelectors
from crawler.sources.families.forums.thread_address import query_address

_SIGNS = (
    SoftwareSign(Where.MARKUP, re.compile(r"<body id=\"phpbb\""), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"<!--\s{0,9}phpBB style name:"), 4),
    SoftwareSign(Where.MARKUP, re.compile(r"Powered by <a href=\"https?://www\.phpbb\.com/\">phpBB"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"class=\"topictitle\""), 2),
    SoftwareSign(Where.COOKIE, re.compile(r"^phpbb3?_\w+_(?:sid|u|k)$"), 5),
    SoftwareSign(Where.URL, re.compile(r"/view(?:forum|topic)\.php\?(?:.*&)?[ft]=\d"), 2),
)

FORUM = ForumProgram(
    threads=(query_address("viewtopic.php", "t", page="start"),),
    boards=(query_address("viewforum.php", "f", page="start"),),
    rows=ListSelectors(
        each="ul.topiclist.topics > li.row",
        # A board that guests can see but not read has the same panel, with a login form below it.
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
