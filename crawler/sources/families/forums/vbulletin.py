"""vBulletin 3 and 4: two sets of templates with the same numbers in their ids, read by one table.

Version 3 uses tables, and puts quotes and code into boxes that only their style identifies; version 4 has
classes. Dates are in the time zone of the footer ("All times are GMT +8"), with the day or the month first.
"""

from __future__ import annotations

import re

from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forums.forum_adapter import BoardFeed, ForumProgram, ListSelectors
from crawler.sources.families.forums.forum_family import forum_family
from crawler.sources.families.forums.forum_post import PostSelectors
from crawler.sources.families.forums.thread_address import path_address, query_address

_SIGNS = (
    SoftwareSign(Where.MARKUP, re.compile(r"name=\"generator\" content=\"vBulletin [34][\d.]*"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"<generator>vBulletin</generator>"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"Powered by <?[^>]{0,80}>?vBulletin"), 5),
    SoftwareSign(
        Where.MARKUP, re.compile(r"\bvBulletin_init\(\)|vbulletin_global\.js|vbulletin-core\.js"), 4
    ),
    SoftwareSign(Where.MARKUP, re.compile(r"id=\"(?:td_threadtitle_|thread_title_|post_message_)\d+\""), 3),
    SoftwareSign(Where.MARKUP, re.compile(r"\bSECURITYTOKEN = \""), 2),
    SoftwareSign(Where.COOKIE, re.compile(r"^\w{0,8}(?:lastvisit|sessionhash)$"), 2),
    SoftwareSign(Where.URL, re.compile(r"/(?:forumdisplay|showthread)\.php[?/](?:[ft]=)?\d"), 2),
)

# What follows the number in version 4: "showthread.php?12-A-title/page2".
_SLUG_AND_PAGE = r"(?P<id>\d{1,12})(?P<slug>-[^/?&]{0,300})?(?:/page(?P<page>\d{1,7}))?"

FORUM = ForumProgram(
    threads=(
        query_address("showthread.php", "t", page="page"),
        path_address(
            rf"(?P<way>showthread\.php[?/]|threads/){_SLUG_AND_PAGE}",
            "{way}{id}{slug}",
            "{way}{id}{slug}/page{page}",
        ),
    ),
    boards=(
        query_address("forumdisplay.php", "f", page="page"),
        path_address(
            rf"(?P<way>forumdisplay\.php[?/]|forums/){_SLUG_AND_PAGE}",
            "{way}{id}{slug}",
            "{way}{id}{slug}/page{page}",
        ),
    ),
    feeds=(
        BoardFeed(
            re.compile(r"(?P<head>[^?]*/)external\.php\?(?:.*&)?forumids=(?P<id>\d{1,12})(?:&.*)?"),
            "{head}forumdisplay.php?f={id}",
        ),
        BoardFeed(re.compile(r"[^?]*/external\.php(?:\?.*)?")),
    ),
    rows=ListSelectors(
        each="xpath://tr[td[starts-with(@id, 'td_threadtitle_')]] | //li[starts-with(@id, 'thread_')]",
        # Both are on every list: a board is empty where no row has the link to a thread.
        empty="xpath:(//*[@id='threadslist']//td[@colspan][@align='center'] | //*[@id='threadlist'])"
        "[not(//a[starts-with(@id, 'thread_title_')])]",
        link="a[id^=thread_title_]",
        seller="xpath:.//td[starts-with(@id, 'td_threadtitle_')]/div[last()]//span[@onclick]"
        " | .//div[@class='author']//a[contains(@class, 'username')]",
        posted="div.threadmeta div.author span.label",
        replies="xpath:.//a[contains(@onclick, 'who(')]"
        " | .//ul[contains(@class, 'threadstats')]/li[1]/a"
        " | .//ul[contains(@class, 'threadstats')]/li[1]",
        changed="xpath:.//a[contains(@href, '#post')]/@href",
        prefix="xpath:.//a[starts-with(@id, 'thread_title_')]/preceding-sibling::b"
        " | .//a[starts-with(@id, 'thread_title_')]/preceding-sibling::span[contains(@class, 'prefix')]//b",
        number="xpath:.//a[starts-with(@id, 'thread_title_')]/@id",
        moved="img[id^=thread_statusicon_][src*=moved], a.threadstatus[class*=moved], li.moved",
    ),
    title="xpath://td[@class='navbar']/strong/text()[normalize-space()]"
    " | //*[@id='pagetitle']//span[@class='threadtitle']",
    prefix="td.navbar > strong > b, #pagetitle span.prefix, #pagetitle h1 > b",
    post=PostSelectors(
        each="xpath://table[starts-with(@id, 'post') and .//div[starts-with(@id, 'post_message_')]]"
        " | //li[starts-with(@id, 'post_') and .//div[starts-with(@id, 'post_message_')]]",
        anchor="post",
        seller="a.bigusername, div.username_container .username, div[id^=postmenu_]",
        posted="xpath:(.//td[contains(@class, 'thead')])[1] | .//span[@class='date']",
        body="div[id^=post_message_]",
        noise=(
            # Version 3: a box with a caption that contains a table (a quote) or a `pre` (code, which is
            # kept).
            "xpath:.//div[starts-with(@id, 'post_message_')]//div[div[@class='smallfont']][table]",
            "xpath:.//div[starts-with(@id, 'post_message_')]//div[pre]/div[@class='smallfont']",
            "div.bbcode_quote",
            "div.bbcode_description",
            "blockquote.signature",
            "blockquote.lastedited",
        ),
        code="div[id^=post_message_] pre",
        locked="div.hidden_content, div.hiddencontent, div.bbcode_hide",
        opening="xpath:.//a[starts-with(@id, 'postcount')][@name = '1']",
    ),
    pages="div.pagenav a[href], form.pagination a[href], div.pagination a[href]",
    onward="div.pagenav a[rel=next], .prev_next a[rel=next]",
    trail="span.navbar a, .navbit a, #breadcrumb a",
    groups="td.tcat a, div.forumhead h2 a",
    clock="xpath://div[@class='smallfont'][@align='center'][contains(text(), 'GMT')]"
    " | //*[contains(@class, 'footer_time')]",
    missing=("Invalid Thread specified", "No Thread specified"),
)

VBULLETIN = forum_family("vbulletin", "vBulletin 3 and 4", FORUM, _SIGNS)
