"""XenForo 2. Each thread and each post has its author and its time in attributes.

A prefix is a separate link before the title. The friendly and the plain addresses of a thread
(`/threads/name.12/`, `index.php?threads/name.12/`) are read the same way.
"""

from __future__ import annotations

import re

from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forums.forum_adapter import BoardFeed, ForumProgram, ListSelectors
from crawler.sources.families.forums.forum_family import forum_family
from crawler.sources.families.forums.forum_post import PostSelectors
from crawler.sources.families.forums.thread_address import path_address

_SIGNS = (
    SoftwareSign(Where.MARKUP, re.compile(r"<html id=\"XF\"|<html[^>]{1,400}\bid=\"XF\""), 5),
    SoftwareSign(Where.MARKUP, re.compile(r"\bXF\.(?:config|extendObject|samServerTime)\b"), 4),
    SoftwareSign(
        Where.MARKUP, re.compile(r"class=\"[^\"]{0,120}\b(?:structItem--thread|p-body-pageContent)\b"), 3
    ),
    SoftwareSign(Where.MARKUP, re.compile(r"Community platform by XenForo"), 5),
    SoftwareSign(Where.COOKIE, re.compile(r"^xf_(?:csrf|session|user)$"), 5),
    SoftwareSign(Where.URL, re.compile(r"/(?:threads|forums)/[^/?]+\.\d+/"), 2),
)

_SLUG_AND_NUMBER = r"(?P<slug>[^/?&.]{0,300}\.)?(?P<id>\d{1,12})"

FORUM = ForumProgram(
    threads=(
        path_address(
            rf"threads/{_SLUG_AND_NUMBER}/?(?:page-(?P<page>\d{{1,7}})|unread|latest|post-\d+)?/?",
            "threads/{slug}{id}/",
            "threads/{slug}{id}/page-{page}",
        ),
    ),
    boards=(
        path_address(
            rf"forums/{_SLUG_AND_NUMBER}/?(?:page-(?P<page>\d{{1,7}}))?/?",
            "forums/{slug}{id}/",
            "forums/{slug}{id}/page-{page}",
        ),
    ),
    feeds=(
        BoardFeed(
            re.compile(r"(?P<head>[^?]*/(?:index\.php\?)?)forums/(?P<board>[^/?&]{1,300})/index\.rss"),
            "{head}forums/{board}/",
        ),
        BoardFeed(re.compile(r"[^?]*/(?:index\.php\?)?forums/-/index\.rss")),
    ),
    rows=ListSelectors(
        each="div.structItem--thread",
        empty="div.js-emptyThreadList",
        link="div.structItem-title a:not(.labelLink)",
        seller="xpath:./@data-author",
        posted="li.structItem-startDate time",
        replies="div.structItem-cell--meta dl:first-child dd",
        changed="xpath:.//time[contains(@class, 'structItem-latestDate')]"
        "/@*[name() = 'data-timestamp' or name() = 'data-time']",
        prefix="div.structItem-title .label",
        moved="i.structItem-status--redirect",
    ),
    title="xpath://h1[contains(@class, 'p-title-value')]/text()[normalize-space()]"
    " | //h1[contains(@class, 'p-title-value')]/a[not(.//*[contains(@class, 'label')])]"
    "[not(contains(@class, 'label'))]",
    prefix="h1.p-title-value .label",
    post=PostSelectors(
        # A post in an article thread has another class; all posts have this one, which is for scripts.
        each="article.message.js-post",
        anchor="post-",
        seller="xpath:./@data-author",
        posted="header.message-attribution time, .message-attribution-main time",
        body="div.message-content div.bbWrapper, .message-body .bbWrapper",
        noise=(
            "blockquote.bbCodeBlock--quote",
            "aside.message-signature",
            "div.message-lastEdit",
            "div.bbCodeBlock--code > .bbCodeBlock-title",
        ),
        code="div.bbCodeBlock--code",
        locked="div.bbCodeBlock--hide, div.hideContent, div.bbCodeBlock--hidden",
        opening="xpath:self::*[contains(@class, 'message--article')]"
        " | .//*[contains(@class, 'message-attribution-opposite')]//a[normalize-space() = '#1']",
    ),
    pages="nav.pageNavWrapper a[href]",
    onward="a.pageNav-jump--next",
    trail="ul.p-breadcrumbs a",
)

XENFORO = forum_family("xenforo", "XenForo 2", FORUM, _SIGNS)
