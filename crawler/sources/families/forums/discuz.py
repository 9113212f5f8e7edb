"""Discuz! X, the most common forum program in Chinese, in UTF-8 or GBK.

A thread may cost money: `[售价 30 金币]` in its row is what the board charges for reading it, in its own
points; the `currency` of the source says what they are. Content for which guests must reply, pay or log in
is in `div.locked`. A thread for members of a rank is a message that names the rank. Against copying, posts
contain words that a style hides.
"""

from __future__ import annotations

import re

from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forums.forum_adapter import BoardFeed, ForumProgram, ListSelectors
from crawler.sources.families.forums.forum_family import forum_family
from crawler.sources.families.forums.forum_post import PostSelectors
from crawler.sources.families.forums.thread_address import path_address, query_address

_SIGNS = (
    SoftwareSign(Where.MARKUP, re.compile(r"name=\"generator\" content=\"Discuz! ?X[\d.]*"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"<generator>Discuz!"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"Powered by <strong><a [^>]{0,120}>Discuz!</a>"), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"\bvar STYLEID = '\d+', STATICURL = '"), 4),
    SoftwareSign(
        Where.MARKUP, re.compile(r"id=\"(?:threadlisttableid|normalthread_\d+|postmessage_\d+)\""), 3
    ),
    SoftwareSign(Where.COOKIE, re.compile(r"^\w{4}_\d{4}_(?:saltkey|lastvisit|sid|lastact)$"), 5),
    SoftwareSign(Where.URL, re.compile(r"/forum\.php\?(?:.*&)?mod=(?:forumdisplay|viewthread|rss)"), 2),
    SoftwareSign(Where.URL, re.compile(r"/(?:thread-\d+-\d+-\d+|forum-\d+-\d+)\.html"), 2),
)

# The number in "[售价 30 金币]". "[阅读权限 10]", the rank that a reader needs, has the same markup.
_READING_PRICE = ".//th//span[@class='xw1'][contains(preceding-sibling::text()[1], '售')][1]"

FORUM = ForumProgram(
    threads=(
        query_address("forum.php", "tid", page="page", beside="mod=viewthread"),
        query_address("viewthread.php", "tid", page="page"),
        path_address(
            r"thread-(?P<id>\d{1,12})-(?P<page>\d{1,7})-\d{1,7}\.html",
            "thread-{id}-1-1.html",
            "thread-{id}-{page}-1.html",
        ),
    ),
    boards=(
        query_address("forum.php", "fid", page="page", beside="mod=forumdisplay"),
        query_address("forumdisplay.php", "fid", page="page"),
        path_address(
            r"forum-(?P<id>\w{1,40})-(?P<page>\d{1,7})\.html", "forum-{id}-1.html", "forum-{id}-{page}.html"
        ),
    ),
    feeds=(
        BoardFeed(
            re.compile(
                r"(?P<head>[^?]*/)forum\.php\?(?=(?:.*&)?mod=rss(?:&|$))(?=(?:.*&)?fid=(?P<id>[1-9]\d{0,11})(?:&|$)).*"
            ),
            "{head}forum.php?mod=forumdisplay&fid={id}",
        ),
        BoardFeed(re.compile(r"[^?]*/forum\.php\?(?=(?:.*&)?mod=rss(?:&|$)).*")),
    ),
    rows=ListSelectors(
        each="tbody[id^=normalthread_], tbody[id^=stickthread_]",
        empty="#threadlisttableid p.emp",
        link="a.xst",
        seller="td.by:not(:last-child) cite",
        posted="td.by:not(:last-child) em",
        replies="td.num a",
        changed="td.by:last-child cite",
        prefix="xpath:.//th/em[a]",
        price=f"xpath:concat({_READING_PRICE}, ' ', "
        f"substring-before({_READING_PRICE}/following-sibling::text()[1], ']'))",
        moved="xpath:.//th[contains(., '移动:') or contains(., '移動:')]",
    ),
    title="#thread_subject",
    prefix="xpath://h1[@class='ts']/a[contains(@href, 'type') or contains(@href, 'sort')]",
    post=PostSelectors(
        each="table[id^=pid]",
        anchor="pid",
        seller="xpath:.//td[@class='pls']//div[@class='authi']/descendant-or-self::*[self::a or not(.//a)]",
        posted="em[id^=authorposton]",
        body="xpath:.//td[contains(@class, 't_f')]"
        " | .//div[contains(@class, 'locked')][not(ancestor::td[contains(@class, 't_f')])]",
        noise=("font.jammer", "div.quote", "i.pstatus", "div.sign", "div.blockcode > em", "span.atips_close"),
        code="div.blockcode",
        locked="div.locked",
    ),
    pages="div.pg a[href]",
    onward="div.pg a.nxt",
    trail="#pt a",
    clock="#ft p.xs0, #footer p.xs0",
    missing=("指定的主题不存在", "指定的主題不存在"),
    withheld=("本帖要求阅读权限高于", "本帖要求閱讀權限高於"),
)

DISCUZ = forum_family("discuz", "Discuz! X", FORUM, _SIGNS)
