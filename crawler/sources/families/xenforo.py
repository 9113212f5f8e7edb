"""XenForo 2: each thread and each post names its author and its time in attributes.

A prefix is a link of its own before the title's. The addresses of friendly and of plain installations
(`/threads/name.12/`, `index.php?threads/name.12/`) are one.
"""

from __future__ import annotations

import re

from crawler.sources.families.address import by_path
from crawler.sources.families.board import forum_family
from crawler.sources.families.family import SoftwareSign, Where
from crawler.sources.families.forum import Feed, Forum, ListSelectors
from crawler.sources.families.post import PostSelectors

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

_SLUG = r"(?P<slug>[^/?&.]{0,300}\.)?(?P<id>\d{1,12})"

FORUM = Forum(
    threads=(
        by_path(
            rf"threads/{_SLUG}/?(?:page-(?P<page>\d{{1,7}})|unread|latest|post-\d+)?/?",
            "threads/{slug}{id}/",
            "threads/{slug}{id}/page-{page}",
        ),
    ),
    boards=(
        by_path(
            rf"forums/{_SLUG}/?(?:page-(?P<page>\d{{1,7}}))?/?",
            "forums/{slug}{id}/",
            "forums/{slug}{id}/page-{page}",
        ),
    ),
    feeds=(
        Feed(
            re.compile(r"(?P<head>[^?]*/(?:index\.php\?)?)forums/(?P<board>[^/?&]{1,300})/index\.rss"),
            "{head}forums/{board}/",
        ),
        Feed(re.compile(r"[^?]*/(?:index\.php\?)?forums/-/index\.rss")),
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
    title="xpath://h1[contains(@class, 'p-title-value')]/text()[normalize-space()]",
    prefix="h1.p-title-value .label",
    post=PostSelectors(
        # The post of an article thread has a class of its own; all have this one of their scripts.
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
