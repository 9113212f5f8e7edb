"""MyBB 1.8: the board of many leak forums, with themes of their own around the same marks.

A moved thread keeps a row whose folder icon says so. The list's last post has no number, so its author stands
for it beside the count of replies. Dates are in the board's zone, month or day first as it is set; the
footer's clock tells both.
"""

from __future__ import annotations

import re

from crawler.sources.families.address import by_path, by_query
from crawler.sources.families.board import forum_family
from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forum import Feed, Forum, ListSelectors
from crawler.sources.families.post import PostSelectors

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

# Boards with the plugin for readable addresses know a page by its title alone.
_NAMED = r"(?P<id>[^?/&]{1,400})(?:\?page=(?P<page>\d{1,7}))?"

FORUM = Forum(
    threads=(
        by_query("showthread.php", "tid", page="page"),
        by_path(
            r"thread-(?P<id>\d{1,12})(?:-page-(?P<page>\d{1,7})|-[a-z]+(?:-\d+)?)?\.html",
            "thread-{id}.html",
            "thread-{id}-page-{page}.html",
        ),
        by_path(rf"Thread-{_NAMED}", "Thread-{id}", "Thread-{id}?page={page}"),
    ),
    boards=(
        by_query("forumdisplay.php", "fid", page="page"),
        by_path(
            r"forum-(?P<id>\d{1,12})(?:-page-(?P<page>\d{1,7}))?\.html",
            "forum-{id}.html",
            "forum-{id}-page-{page}.html",
        ),
        by_path(rf"Forum-{_NAMED}", "Forum-{id}", "Forum-{id}?page={page}"),
    ),
    feeds=(
        Feed(
            re.compile(r"(?P<head>[^?]*/)syndication\.php\?(?:.*&)?fid=(?P<id>\d{1,12})(?:&.*)?"),
            "{head}forumdisplay.php?fid={id}",
        ),
        Feed(re.compile(r"[^?]*/syndication\.php(?:\?.*)?")),
    ),
    rows=ListSelectors(
        each="tr.inline_row",
        empty="xpath://table[.//a[contains(@href, 'sortby=lastpost')]]//td[@class='trow1'][@colspan]",
        link="span[id^=tid_] a",
        seller="xpath:.//span[contains(@class, 'author')]/descendant-or-self::*[self::a or not(.//a)]",
        posted="span.thread_start_datetime",
        replies="a[href*=whoposted]",
        changed="xpath:.//span[contains(@class, 'lastpost')]/a[last()]",
        prefix="xpath:.//span[starts-with(@id, 'tid_')]/preceding-sibling::node()[normalize-space()]",
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
