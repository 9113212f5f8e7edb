"""Flarum: which parts of its JSON:API are read."""

from __future__ import annotations

import pytest

from crawler.errors import NotThere
from crawler.sources import Follow, PageRole
from crawler.sources.families.json_interfaces.json_family import MAX_PAGES
from tests.crawler.sources.pages import answered_page, family_adapter, followed_page, json_page
from tests.peers.programs import Content, flarum

ROOT = "https://forum.example/"


def content(*, replies: int = 0) -> Content:
    held = Content()
    held.add(replies=replies)
    return held


def thread(held: Content) -> Follow:
    reader = family_adapter("flarum", ROOT)
    [follow] = reader.parse(answered_page(flarum, held, reader.start({})[0])).follows
    return follow


def posts(*attributes: dict[str, object]) -> dict[str, object]:
    return {"data": [{"type": "posts", "id": str(n), "attributes": a} for n, a in enumerate(attributes, 1)]}


COMMENT = {"contentType": "comment", "contentHtml": "<p>Text</p>", "createdAt": "2026-03-01T12:00:00+00:00"}


@pytest.mark.parametrize(
    ("start", "asked"),
    [
        ("https://forum.example/d/5-title", "https://forum.example/api/discussions?include="),
        ("https://forum.example/f/t/sales", "https://forum.example/f/api/discussions?filter%5Btag%5D=sales&"),
    ],
)
def test_a_start_is_an_address_that_a_browser_shows(start: str, asked: str) -> None:
    """A start is any page of the forum, or one of its tags."""
    [follow] = family_adapter("flarum", start).start({})

    assert follow.url.startswith(asked)


def test_a_row_leads_to_the_posts_of_its_discussion() -> None:
    """The digest contains the title, the number of posts and the last post, but no views."""
    follow = thread(content(replies=2))

    assert (follow.key, follow.role) == ("t1", PageRole.ITEM)
    assert follow.url.startswith(
        f"{ROOT}api/posts?filter%5Bdiscussion%5D=1&include=user,discussion&sort=number&"
    )
    assert follow.partial is not None
    assert follow.partial.url == f"{ROOT}d/1-selling"
    assert follow.partial.row_digest.split("\x1f")[1:] == ["3", "4", "2026-03-01T12:33:00+00:00"]


def test_further_pages_are_read_from_the_newest_post_on() -> None:
    """Further pages are on the host that is read, whatever host the answer names."""
    held = content(replies=120)

    parsed = family_adapter("flarum", ROOT).parse(answered_page(flarum, held, thread(held)))

    assert [url.rpartition("=")[2] for url in parsed.rest] == ["0", "50"]
    assert all(url.startswith(f"{ROOT}api/posts?") and "sort=-number" in url for url in parsed.rest)


def test_what_is_hidden_and_what_is_no_comment_is_not_read() -> None:
    """A hidden post, and a renaming that Flarum stores as a post, are left out."""
    hidden = {**COMMENT, "number": 2, "isHidden": True}
    renamed = {"number": 3, "contentType": "discussionRenamed", "content": ["a", "b"]}
    document = posts({**COMMENT, "number": 1}, hidden, renamed, {**COMMENT, "number": 4})

    parsed = family_adapter("flarum", ROOT).parse(followed_page(document, thread(content())))

    assert [each.key for each in parsed.listings] == ["t1", "t1/p4"]


def test_without_its_first_post_a_thread_is_what_its_row_said() -> None:
    """A thread without its first post keeps the values of its row, and its replies are read."""
    follow = thread(content())

    parsed = family_adapter("flarum", ROOT).parse(followed_page(posts({**COMMENT, "number": 2}), follow))

    assert follow.partial is not None
    assert [(each.key, each.title) for each in parsed.listings] == [
        ("t1", follow.partial.title),
        ("t1/p1", ""),
    ]


def test_a_discussion_without_posts_is_not_there() -> None:
    """A deleted discussion, for which Flarum returns an empty list, raises NotThere."""
    with pytest.raises(NotThere):
        family_adapter("flarum", ROOT).parse(followed_page({"data": []}, thread(content())))


def test_a_source_without_replies_has_first_posts_alone() -> None:
    """With `replies = false`, further pages are not requested either."""
    held = content(replies=120)

    parsed = family_adapter("flarum", ROOT, replies=False).parse(answered_page(flarum, held, thread(held)))

    assert ([each.key for each in parsed.listings], parsed.rest) == (["t1"], ())


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"data": {}},
        {"data": [{"type": "posts", "id": "1", "attributes": {}}]},
        {"errors": [{"status": "403"}]},
    ],
)
def test_another_shape_is_not_recognised(document: object) -> None:
    """A list of other resources is not an empty forum."""
    assert not family_adapter("flarum", ROOT).parse(json_page(document, f"{ROOT}api/discussions")).recognised


def test_an_empty_forum_is_empty() -> None:
    """An empty list is recognised and is the end."""
    parsed = family_adapter("flarum", ROOT).parse(json_page({"data": []}, f"{ROOT}api/discussions"))

    assert (parsed.recognised, parsed.follows, parsed.end) == (True, (), True)


def test_a_discussion_that_claims_no_end_is_bounded() -> None:
    """A discussion that claims 10**11 posts gives at most MAX_PAGES pages."""
    follow = thread(content())
    document: dict[str, object] = posts({**COMMENT, "number": 1}) | {
        "links": {"next": "x"},
        "included": [{"type": "discussions", "id": "1", "attributes": {"lastPostNumber": 10**11}}],
    }

    assert len(family_adapter("flarum", ROOT).parse(followed_page(document, follow)).rest) == MAX_PAGES
