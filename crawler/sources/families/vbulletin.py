"""vBulletin 3 and 4: two sets of templates with the same numbers in their ids, read by one table.

Version 3 draws tables and puts quotes and code into boxes that only their style tells; version 4 has classes.
Dates are in the zone of the footer ("All times are GMT +8"), month or day first as the board is set.
"""

from __future__ import annotations

import re

from crawler.sources.families.address import by_path, by_query
from crawler.sources.families.board import forum_family
from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forum import Feed, Forum, ListSelectors
from crawler.sources.families.post import PostSelectors

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

# What version 4 writes behind a number: "showthread.php?12-A-title/page2".
_NAMED = r"(?P<id>\d{1,12})(?P<slug>-[^/?&]{0,300})?(?:/page(?P<page>\d{1,7}))?"

FORUM = Forum(
    threads=(
        by_query("showthread.php", "t", page="page"),
        by_path(
            rf"(?P<way>showthread\.php[?/]|threads/){_NAMED}", "{way}{id}{slug}", "{way}{id}{slug}/page{page}"
        ),
    ),
    boards=(
        by_query("forumdisplay.php", "f", page="page"),
        by_path(
            rf"(?P<way>forumdisplay\.php[?/]|forums/){_NAMED}",
            "{way}{id}{slug}",
            "{way}{id}{slug}/page{page}",
        ),
    ),
    feeds=(
        Feed(
            re.compile(r"(?P<head>[^?]*/)external\.php\?(?:.*&)?forumids=(?P<id>\d{1,12})(?:&.*)?"),
            "{head}forumdisplay.php?f={id}",
        ),
        Feed(re.compile(r"[^?]*/external\.php(?:\?.*)?")),
    ),
    rows=ListSelectors(
        each="xpath://tr[td[starts-with(@id, 'td_threadtitle_')]] | //li[starts-with(@id, 'thread_')]",
        empty="#threadslist td[colspan][align=center], #threadlist.threadlist",
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
            # Version 3: a box with a caption, and in it a table (a quote) or a `pre` (code, which stays).
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
