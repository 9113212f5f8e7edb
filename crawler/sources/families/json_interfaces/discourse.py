"""Discourse: each page is also available as JSON under its own address with `.json`."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

from crawler.clean import Clock
from crawler.listing import ParsedListing
from crawler.sources.adapter import Follow, Page, PageRole, Parsed
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.families.json_interfaces.json_family import (
    MAX_PAGES,
    THREAD_FIELDS,
    ApiPost,
    Json,
    ThreadFamily,
    ThreadPage,
    as_markup,
    first_text_at,
    number_at,
    objects_at,
    page_of_threads,
    site_root,
    text_at,
    value_at,
)

#: Posts per page, unless the page states another number (`chunk_size`).
PAGE_SIZE = 20
#: Types of posts that are read: ordinary ones and those of moderators. Others are events ("closed") and
#: whispers.
_POST_TYPES = frozenset({1, 2})
_PATH_NAMES = ("c", "t", "tag", "tags", "latest", "top", "new", "categories", "u")
_LIST_PATH = re.compile(r"/(?:c|tag)/[^?#]+")


class Discourse(ThreadFamily):
    """Reads topics by their last post, of the whole forum, a category or a tag."""

    quote_selector = "aside.quote"

    def list_url(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.path.endswith(".json"):
            return url
        found = _LIST_PATH.search(parts.path)
        path = found[0].strip("/") if found else "latest"
        return f"{site_root(url, *_PATH_NAMES)}{path}.json"

    def own_page(self, listing: ParsedListing) -> Follow:
        return Follow(f"{listing.url}.json", PageRole.ITEM, listing.key, listing)

    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects_at(document, "topic_list", "topics")
        if rows is None or not all(number_at(row, "id") for row in rows):
            return None
        users = {
            text_at(user, "id"): text_at(user, "username") for user in objects_at(document, "users") or ()
        }
        root = site_root(page.url.replace(".json", ""), *_PATH_NAMES)
        follows = [self._follow_topic(row, root, users, clock) for row in rows]
        onward = _next_list_page(page.url, text_at(document, "topic_list", "more_topics_url"))
        return page_of_threads(follows, next_page=onward, end=onward is None)

    def _follow_topic(self, row: Json, root: str, users: dict[str, str], clock: Clock) -> Follow | None:
        topic = text_at(row, "id")
        return self.follow_thread(
            topic,
            url=f"{root}t/{quote(text_at(row, 'slug') or '-')}/{topic}",
            title=as_markup(text_at(row, "title")),
            author=users.get(text_at(row, "posters", 0, "user_id"), ""),
            created=text_at(row, "created_at"),
            state=[text_at(row, name) for name in ("posts_count", "highest_post_number", "last_posted_at")],
            clock=clock,
        )

    def parse_thread(self, page: Page, document: Json) -> ThreadPage | None:
        rows = objects_at(document, "post_stream", "posts")
        if rows is None:
            return None
        url = page.url.partition(".json")[0]
        posts = [_api_post(row, url) for row in rows if _is_shown(row)]
        return ThreadPage(as_markup(text_at(document, "title")), posts, _other_pages(page, document))


def _next_list_page(url: str, more: str) -> str | None:
    """Return the next page of the list, on the same host."""
    path, _, query = urljoin(url, more).partition("?")
    found = f"{path.removesuffix('.json')}.json?{query}"
    same = more and urlsplit(found)[:2] == urlsplit(url)[:2] and found != url
    return found if same else None


def _other_pages(page: Page, document: Json) -> tuple[str, ...]:
    stream = value_at(document, "post_stream", "stream")
    if page.role is not PageRole.ITEM or not isinstance(stream, list):
        return ()
    pages = -(-len(stream) // (number_at(document, "chunk_size") or PAGE_SIZE))
    return tuple(f"{page.url}?page={place}" for place in range(min(pages, MAX_PAGES), 1, -1))


def _is_shown(row: Json) -> bool:
    """Whether a post is neither hidden nor deleted nor an event. Only moderators see most of those."""
    gone = row.get("hidden") or row.get("deleted_at") or row.get("user_deleted")
    return (
        not gone and (number_at(row, "post_type") or 1) in _POST_TYPES and bool(number_at(row, "post_number"))
    )


def _api_post(row: Json, url: str) -> ApiPost:
    place = number_at(row, "post_number")
    return ApiPost(
        id=text_at(row, "id"),
        url=url if place == 1 else f"{url}/{place}",
        markup=text_at(row, "cooked"),
        author=first_text_at(row, "username", "name"),
        posted=text_at(row, "created_at"),
        edited=text_at(row, "version"),
        first=place == 1,
    )


def _forum_start(page: UnknownPage) -> str:
    found = _LIST_PATH.search(urlsplit(page.url).path)
    return site_root(page.url, *_PATH_NAMES) + (found[0].strip("/") if found else "")


DISCOURSE = Family(
    name="discourse",
    title="Discourse",
    signs=(
        SoftwareSign(
            Where.MARKUP, re.compile(r"<meta name=[\"']generator[\"'] content=[\"']Discourse", re.I), 5
        ),
        SoftwareSign(Where.HEADER, re.compile(r"^x-discourse-", re.I), 5),
        SoftwareSign(Where.MARKUP, re.compile(r"id=[\"']data-discourse-setup[\"']|data-discourse-"), 4),
        SoftwareSign(Where.COOKIE, re.compile(r"^_forum_session$"), 3),
    ),
    adapter=Discourse,
    start=_forum_start,
    by_page=THREAD_FIELDS,
)
