"""MyBB 1.8, the program of many leak forums, which have their own themes around the same markup.

A moved thread keeps a row whose folder icon says so. The last post in a row has no number, so its author
and the number of replies stand for it. Dates are in the time zone of the board, with the day or the month
first; the clock in the footer shows both.
"""

from __future__ import annotations

import re

from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forums.forum_adapter import BoardFeed, ForumProgram, ListSelectors
from crawler.sources.families.forums.forum_family import forum_family
from crawler.sources.families.forums.forum_post import PostSelectors
from crawler.sources.families.forums.thread_address import path_address, query_address

_SIGNS = (
    SoftwareSign(Where.MARKUP, re.compile(r"MyBB is free software developed and maintained"), 5),
    SoftwareSign(
        Where.MARKUP, re.compile(r"Powered By\s{1,9}<a href=\"https?://(?:www\.)?mybb\.com", re.IGNORECASE), 5
    ),
    SoftwareSign(Where.MARKUP, re.compile(r"<generator>MyBB</generator>"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"<span[^>]{1,200}id=\"tid_\d+\""), 3),
    SoftwareSign(Where.MARKUP, re.compile(r"class=\"post_body[^\"]{0,80}\" id=\"pid_\d+\""), 3),
    SoftwareSign(Where.MARKUP, re.compile(r"/jscripts/(?:general|thread)\.js\?ver=18\d\d"), 3),
    SoftwareSign(Where.COOKIE, re.compile(r"^mybb\[|^mybb\w*$"), 4),
    SoftwareSign(
        Where.URL, re.compile(r"/(?:forumdisplay\.php\?fid|showthread\.php\?tid|syndication\.php\?)"), 2
    ),
)

# With the plugin for readable addresses, a page is identified by its title alone.
_TITLE_AND_PAGE = r"(?P<id>[^?/&]{1,400})(?:\?page=(?P<page>\d{1,7}))?"

FORUM = ForumProgram(
    threads=(
        query_address("showthread.php", "tid", page="page"),
        path_address(
            r"thread-(?P<id>\d{1,12})(?:-page-(?P<page>\d{1,7})|-[a-z]+(?:-\d+)?)?\.html",
            "thread-{id}.html",
            "thread-{id}-page-{page}.html",
        ),
        path_address(rf"Thread-{_TITLE_AND_PAGE}", "Thread-{id}", "Thread-{id}?page={page}"),
    ),
    boards=(
        query_address("forumdisplay.php", "fid", page="page"),
        path_address(
            r"forum-(?P<id>\d{1,12})(?:-page-(?P<page>\d{1,7}))?\.html",
            "forum-{id}.html",
            "forum-{id}-page-{page}.html",
        ),
        path_address(rf"Forum-{_TITLE_AND_PAGE}", "Forum-{id}", "Forum-{id}?page={page}"),
    ),
    feeds=(
        BoardFeed(
            re.compile(r"(?P<head>[^?]*/)syndication\.php\?(?:.*&)?fid=(?P<id>\d{1,12})(?:&.*)?"),
            "{head}forumdisplay.php?fid={id}",
        ),
        BoardFeed(re.compile(r"[^?]*/syndication\.php(?:\?.*)?")),
    ),
    rows=ListSelectors(
        each="tr.inline_row",
        empty="xpath://table[.//a[contains(@href, 'sortby=lastpost')]]//td[@class='trow1'][@colspan]",
        link="span[id^=tid_] a",
        seller="xpath:.//span[contains(@class, 'author')]/descendant-or-self::*[self::a or not(.//a)]",
        posted="span.thread_start_datetime",
        replies="a[href*=whoposted]",
        changed="xpath:.//span[contains(@class, 'lastpost')]/a[last()]",
        # The link to the new posts, which only some readers get, is no part of the title.
        prefix="xpath:.//span[starts-with(@id, 'tid_')]/preceding-sibling::node()[normalize-space()]"
        "[not(descendant-or-self::a[contains(@href, 'newpost') or contains(@href, 'lastpost')])]",
        number="xpath:.//span[starts-with(@id, 'tid_')]/@id",
        moved="span.thread_status.movefolder",
    ),
    title="xpath://td[@class='thead']/div/strong/text()[normalize-space()]",
    prefix="td.thead > div > strong > span",
    post=PostSelectors(
        each="div.post[id^=post_]",
        anchor="pid",
        seller="div.author_information span.largetext, div.author_information strong",
        posted="span.post_date",
        body="div.post_body",
        noise=(
            "blockquote.mycode_quote",
            "div.signature",
            "span.post_edit",
            "div.codeblock > div.title",
        ),
        code="div.codeblock",
        locked="div.hidden-content, div.hide-content, .lockedcontent",
    ),
    pages="div.pagination a",
    onward="div.pagination a.pagination_next",
    trail="div.navigation a",
    clock="#current_time",
    groups="td.thead a",
    missing=("The specified thread does not exist",),
)

MYBB = forum_family("mybb", "MyBB 1.8", FORUM, _SIGNS)
