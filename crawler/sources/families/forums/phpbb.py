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
from crawler.sources.families.forums.thread_address import path_address, query_address

_SIGNS = (
    SoftwareSign(Where.MARKUP, re.compile(r"<body id=\"phpbb\""), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"<!--\s{0,9}phpBB style name:"), 4),
    SoftwareSign(Where.MARKUP, re.compile(r"Powered by <a href=\"https?://www\.phpbb\.com/\">phpBB"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"class=\"topictitle\""), 2),
    SoftwareSign(Where.COOKIE, re.compile(r"^phpbb3?_\w+_(?:sid|u|k)$"), 5),
    SoftwareSign(Where.URL, re.compile(r"/view(?:forum|topic)\.php\?(?:.*&)?[ft]=\d"), 2),
)

_TOPIC_LINK = "a[contains(concat(' ', @class, ' '), ' topictitle ')]"
_NEW_ROW = (
    "//ul[contains(@class, 'topiclist') and contains(@class, 'topics')]/li[contains("
    "concat(' ', @class, ' '), ' row ')]"
)
# Versions 3.0 and 3.1 have the same classes without <time> and without .list-inner; the style subsilver2 of
# version 3.0 has tables.
_OLD_ROW = "//tr[td[contains(concat(' ', @class, ' '), ' row1 ')]//a[contains(@class, 'topictitle')]]"
# Other styles have rows of their own, but the class of the link is in the code of nearly all of them.
_OTHER_ROW = f"/*[not({_NEW_ROW}) and not({_OLD_ROW})]//{_TOPIC_LINK}/ancestor::*[self::tr or self::li][1]"
_OTHER_CELL = f".//td[not(contains(@class, 'row1'))][.//{_TOPIC_LINK}]"
_AUTHOR = ".//p[contains(concat(' ', @class, ' '), ' author ')] | .//dl[contains(@class, 'postprofile')]"

FORUM = ForumProgram(
    threads=(
        query_address("viewtopic.php", "t", page="start"),
        # Add-ons for readable addresses: "board-f2/a-title-t12.html", later pages "-t12-20.html".
        path_address(
            r"(?P<slug>[^?]{0,300}?-|topic|post)t?(?P<id>\d{1,12})(?:-(?P<page>\d{1,7}))?\.html",
            "{slug}t{id}.html",
            "{slug}t{id}-{page}.html",
        ),
    ),
    boards=(query_address("viewforum.php", "f", page="start"),),
    rows=ListSelectors(
        each=f"xpath:{_NEW_ROW} | {_OLD_ROW} | {_OTHER_ROW}",
        # A board that guests can see but not read has the same panel, with a login form below it.
        empty="xpath://body[contains(@class, 'section-viewforum')]"
        "[not(//form[.//dl]//input[@name='password'])]"
        "//div[contains(@class, 'panel')]/div[@class='inner']/strong"
        " | //table[contains(@class, 'tablebg')][not(//a[contains(@class, 'topictitle')])]"
        "//td[contains(@class, 'row1')][@colspan][@align='center']/p[contains(@class, 'topictitle') or "
        "contains(@class, 'gen')]",
        link="a.topictitle",
        seller="xpath:(.//div[contains(@class, 'topic-poster')]"
        "//*[self::a or self::span][starts-with(@class, 'username')]"
        " | .//dt[not(.//div[contains(@class, 'topic-poster')])]"
        "//a[contains(@href, 'mode=viewprofile') or starts-with(@class, 'username')]"
        " | .//dt[not(.//div[contains(@class, 'topic-poster')])]//span[starts-with(@class, 'username')]"
        " | .//p[contains(@class, 'topicauthor')]"
        f" | {_OTHER_CELL}//*[starts-with(@class, 'username')])[1]",
        posted="xpath:.//div[contains(@class, 'topic-poster')]//time"
        " | .//a[contains(@class, 'topictitle')]/@title[contains(., ':')]"
        " | .//dt[not(.//time)]/text()[contains(., '\u00bb')]"
        " | .//div[contains(@class, 'topic-poster')][not(.//time)]/text()[contains(., '\u00bb')]"
        f" | {_OTHER_CELL}//text()[contains(., '\u00bb')]",
        replies="xpath:.//dd[contains(@class, 'posts')] | (.//p[contains(@class, 'topicdetails')])[1]"
        f" | ({_OTHER_CELL}/following-sibling::td[1][not(contains(@class, 'row2'))])[1]",
        changed="xpath:.//*[contains(@class, 'lastpost') or contains(@class, 'topicdetails')]"
        "//a[contains(@href, 'p=')]/@href",
        moved="xpath:self::li[.//dl[contains(@class, 'topic_moved')] or .//dl[contains(@style, "
        "'topic_moved')]] | self::tr[.//img[contains(@src, 'topic_moved')]]",
    ),
    title="xpath://h2[contains(@class, 'topic-title')]"
    " | //*[@id='page-body']//h2[a[contains(@href, 'viewtopic')]]"
    " | //*[@id='pageheader']//a[contains(@class, 'titles')]",
    post=PostSelectors(
        each="xpath://div[starts-with(@id, 'p')][contains(concat(' ', @class, ' '), ' post ')]"
        " | //table[contains(@class, 'tablebg')][.//div[contains(@class, 'postbody')]]"
        "[.//*[contains(@class, 'postauthor')]]"
        " | //div[starts-with(@id, 'p')][number(substring(@id, 2)) > 0]"
        "[not(contains(concat(' ', @class, ' '), ' post '))]"
        "[.//div[contains(concat(' ', @class, ' '), ' content ')]]",
        anchor="p",
        seller="xpath:.//p[contains(concat(' ', @class, ' '), ' author ')]//strong"
        " | .//dl[contains(@class, 'postprofile')]//a[starts-with(@class, 'username')]"
        " | .//*[contains(concat(' ', @class, ' '), ' postauthor ')]"
        f" | self::div[not({_AUTHOR})]//*[starts-with(@class, 'username')]",
        posted="xpath:.//p[contains(@class, 'author')]//time | .//p[contains(@class, 'author')]"
        " | .//td[contains(@class, 'gensmall')][b[contains(., ':')]][last()]"
        " | (.//td[contains(@class, 'gensmall')]/div[b[contains(., ':')]])[last()]"
        f" | (self::div[not({_AUTHOR})]//*[contains(@class, 'date')])[last()]",
        body="xpath:.//div[contains(concat(' ', @class, ' '), ' content ')]"
        " | .//td//div[contains(@class, 'postbody')][not(.//p[contains(@class, 'author')])]",
        noise=(
            "div.content blockquote",
            "div.signature",
            "div.notice",
            "div.codebox > p",
            "dl.codebox > dt",
            "div.quotetitle",
            "div.quotecontent",
            "div.codetitle",
            "span.postbody > span.gensmall",
        ),
        code="div.codebox, dl.codebox, div.codecontent",
        locked="div.hidebox, dl.hidebox",
        number="xpath:./@id | .//a[starts-with(@name, 'p')]/@name",
    ),
    pages="div.pagination a[href], td.gensmall b a[href], td.nav a[href]",
    onward="xpath://div[contains(@class, 'pagination')]//li[contains(@class, 'next')]//a | //a[@rel='next']"
    " | //div[contains(@class, 'topic-actions')]//a[contains(@class, 'right-box')]",
    trail="#nav-breadcrumbs a, .breadcrumbs a, .navlinks a, p.breadcrumbs a",
    groups="li.header a",
    clock="xpath://ul[@id='nav-footer']//li[contains(@class, 'rightside')][.//span[contains(@title, 'UTC')]"
    " or contains(., 'UTC')] | //li[contains(@class, 'rightside')][contains(., 'UTC')]"
    " | //p[contains(@class, 'datetime')][contains(., 'UTC')]",
    rows_counted=True,
)

PHPBB = forum_family("phpbb", "phpBB 3", FORUM, _SIGNS)
