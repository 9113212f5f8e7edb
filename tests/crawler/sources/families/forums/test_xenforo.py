"""XenForo 2: prefixes, plain addresses and redirects."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.sources import PageRole
from tests.crawler.sources.pages import SITE, family_adapter, parse_page, row_listings, thread_posts

LIST = f"{SITE}/index.php?forums/databases.2/"
ROW = """<div class="structItem structItem--thread js-threadListItem-7" data-author="fox">{status}<div
class="structItem-title">{prefix}<a href="/index.php?threads/data-100.7/{tail}"
data-tp-primary="on">Data 100万条</a></div>
<ul class="structItem-parts"><li class="structItem-startDate"><a href="#"><time class="u-dt"
datetime="2026-03-01T12:30:00+0800"
data-timestamp="1772339400" title="Mar 1, 2026 at 12:30 PM">Sunday at 12:30 PM</time></a></li></ul><div
class="structItem-cell--meta"><dl class="pairs"><dt>Replies</dt><dd>1K</dd></dl><dl
class="pairs"><dt>Views</dt><dd>{views}</dd>
</dl></div><time class="structItem-latestDate u-dt" data-timestamp="{last}">A moment ago</time></div>"""
LABEL = """<a href="/index.php?forums/databases.2/&amp;prefix_id=1" class="labelLink">
<span class="label">Selling</span></a>"""
PAGES = """<nav class="pageNavWrapper"><a href="/index.php?threads/data.7/page-2">2</a>
<a href="/index.php?threads/data.7/page-4">4</a></nav>"""
DRAWN = '<span class="label label--green">Selling</span><span class="label-append">&nbsp;</span>'
POST = """<h1 class="p-title-value">{prefix}Data</h1><article class="message message--post js-post"
data-author="{author}" id="js-post-{id}">
<header class="message-attribution"><time class="u-dt" data-timestamp="1772339400">Sunday</time></header>
<div class="message-content"><div class="bbWrapper">{body}</div><div
class="message-lastEdit">Last edited: Sunday</div></div>
<aside class="message-signature"><div class="bbWrapper">signed</div></aside></article>"""


def row(*, status: str = "", prefix: str = "", tail: str = "", views: str = "1", last: str = "5") -> str:
    return ROW.format(status=status, prefix=prefix, tail=tail, views=views, last=last)


def post(number: int = 9, *, prefix: str = "", author: str = "fox", body: str = "text") -> str:
    return POST.format(id=number, prefix=prefix, author=author, body=body)


def test_a_row_is_read_from_attributes() -> None:
    """The date comes from an attribute instead of "Sunday at 12:30 PM"; the link of the prefix is ignored."""
    [found] = row_listings(family_adapter("xenforo"), row(prefix=LABEL, tail="unread"), LIST)

    assert (found.title, found.seller, found.claimed_records) == ("[Selling] Data 100万条", "fox", 1_000_000)
    assert found.url == f"{SITE}/index.php?threads/data-100.7/"
    assert (found.posted_at, found.posted_at_uncertain) == (datetime(2026, 3, 1, 4, 30, tzinfo=UTC), False)


def test_a_reply_changes_the_digest_though_the_count_is_rounded() -> None:
    """The time of the last post is in the digest, because `1K` replies stays `1K`."""
    reader = family_adapter("xenforo")
    same, viewed, answered = (
        row_listings(reader, page, LIST)[0].row_digest for page in (row(), row(views="2"), row(last="6"))
    )

    assert same == viewed
    assert same != answered


def test_a_redirect_is_left_out_and_a_sticky_thread_is_not() -> None:
    """Both have a mark in their row."""
    mark = '<i class="structItem-status structItem-status--{}"></i>'
    reader = family_adapter("xenforo")

    assert row_listings(reader, row(status=mark.format("redirect")), LIST) == []
    assert len(row_listings(reader, row(status=mark.format("sticky")), LIST)) == 1


def test_an_empty_forum_says_so() -> None:
    """The row that says that a forum is empty is no thread."""
    html = '<div class="structItem js-emptyThreadList"><div class="structItem-cell">None.</div></div>'
    parsed = parse_page(family_adapter("xenforo"), html, LIST)

    assert (parsed.recognised, parsed.follows, parsed.next_page) == (True, (), None)


def test_the_pages_of_a_thread_are_counted_from_its_navigation() -> None:
    """The newest page comes first, in the spelling of the site; a later page gives no further ones."""
    url = f"{SITE}/index.php?threads/data.7/"
    first, second = (
        parse_page(family_adapter("xenforo"), post() + PAGES, each, role=role)
        for each, role in ((url, PageRole.ITEM), (url + "page-2", PageRole.REPLIES))
    )

    assert first.rest == tuple(f"{url}page-{number}" for number in (4, 3, 2))
    assert second.rest == ()


def test_posts_on_a_further_page_are_replies_all_of_them() -> None:
    """The first post of the second page is a reply."""
    url = f"{SITE}/threads/data.7/page-2"
    parsed = parse_page(family_adapter("xenforo"), post(30) + post(31), url, role=PageRole.REPLIES)

    assert [(each.key.rpartition("/")[2], each.thread is not None) for each in parsed.listings] == [
        ("p30", True),
        ("p31", True),
    ]


def test_the_post_of_an_article_is_the_thread_s_and_is_pinned_above_every_page() -> None:
    """The article has its own class and no number; on a later page it is not a reply."""
    url = f"{SITE}/threads/data.7/"
    article = post(9, body="the article").replace("message--post", "message--article")
    answer = post(10, author="owl", body="an answer")
    first, second = (
        parse_page(family_adapter("xenforo"), article + answer, each, role=role).listings
        for each, role in ((url, PageRole.ITEM), (url + "page-2", PageRole.REPLIES))
    )

    assert [(each.body, each.seller, each.thread is None) for each in first] == [
        ("the article", "fox", True),
        ("an answer", "owl", False),
    ]
    assert [each.body for each in second] == ["an answer"]


def test_a_pinned_question_and_a_best_answer_are_read_once() -> None:
    """The question is post number 1; the best answer stands above the others and among them."""
    numbered = '<ul class="message-attribution-opposite"><li><a href="#">#{}</a></li></ul></header>'
    question, best, other = (
        post(number, body=f"post {number}").replace("</header>", numbered.format(place))
        for number, place in ((9, 1), (12, 4), (11, 3))
    )
    url = f"{SITE}/threads/data.7/page-2"
    parsed = parse_page(family_adapter("xenforo"), question + best + other + best, url, role=PageRole.REPLIES)

    assert [each.body for each in parsed.listings] == ["post 12", "post 11"]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [(DRAWN, "[Selling] Data"), ("", "Data")],
)
def test_a_thread_s_title_has_its_prefix_in_brackets(prefix: str, expected: str) -> None:
    """The title is the same as in the row, so that a recheck sees no change."""
    [first] = thread_posts(family_adapter("xenforo"), post(prefix=prefix), f"{SITE}/threads/data.7/")

    assert first.title == expected


def test_a_reply_with_the_same_words_has_the_same_digest() -> None:
    """Only the text of the author is in the digest; a quote or the note of an edit is not."""
    quote = '<blockquote class="bbCodeBlock bbCodeBlock--quote"><div>theirs</div></blockquote>'
    url = f"{SITE}/threads/data.7/"
    pages = (post() + post(10, body=body) for body in ("mine", quote + "mine", "mine, edited"))
    plain, quoting, edited = (
        thread_posts(family_adapter("xenforo"), page, url)[1].row_digest for page in pages
    )

    assert plain == quoting
    assert plain != edited
