"""Discourse: the JSON that each of its pages has under its own address with `.json`."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

from crawler.clean import Clock
from crawler.listing import ParsedListing
from crawler.sources.families.api import (
    BY_THREAD,
    MAX_PAGES,
    ApiPost,
    Json,
    Thread,
    ThreadFamily,
    first_of,
    listed_threads,
    member,
    number,
    objects,
    site_of,
    string,
)
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.page import Follow, Page, Parsed, Role

#: Posts of one page, unless the page says otherwise (`chunk_size`).
PAGE_SIZE = 20
#: Kinds of post: an ordinary one, and a moderator's. The others are events ("closed") and whispers.
_POSTS = frozenset({1, 2})
_MARKS = ("c", "t", "tag", "tags", "latest", "top", "new", "categories", "u")
_LISTS = re.compile(r"/(?:c|tag)/[^?#]+")


class Discourse(ThreadFamily):
    """Topics by their last post, of the whole forum, a category or a tag."""

    quotes = "aside.quote"

    def entry(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.path.endswith(".json"):
            return url
        found = _LISTS.search(parts.path)
        path = found[0].strip("/") if found else "latest"
        return f"{site_of(url, *_MARKS)}{path}.json"

    def own_page(self, listing: ParsedListing) -> Follow:
        return Follow(f"{listing.url}.json", Role.ITEM, listing.key, listing)

    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects(document, "topic_list", "topics")
        if rows is None or not all(number(row, "id") for row in rows):
            return None
        users = {string(user, "id"): string(user, "username") for user in objects(document, "users") or ()}
        root = site_of(page.url.replace(".json", ""), *_MARKS)
        follows = [self._topic(row, root, users, clock) for row in rows]
        onward = _turned(page.url, string(document, "topic_list", "more_topics_url"))
        return listed_threads(follows, next_page=onward, end=onward is None)

    def _topic(self, row: Json, root: str, users: dict[str, str], clock: Clock) -> Follow | None:
        topic = string(row, "id")
        return self.row(
            topic,
            url=f"{root}t/{quote(string(row, 'slug') or '-')}/{topic}",
            title=string(row, "title"),
            author=users.get(string(row, "posters", 0, "user_id"), ""),
            created=string(row, "created_at"),
            state=[string(row, name) for name in ("posts_count", "highest_post_number", "last_posted_at")],
            clock=clock,
        )

    def thread(self, page: Page, document: Json) -> Thread | None:
        rows = objects(document, "post_stream", "posts")
        if rows is None:
            return None
        url = page.url.partition(".json")[0]
        posts = [_post(row, url) for row in rows if _is_shown(row)]
        return Thread(string(document, "title"), posts, _rest(page, document))


def _turned(url: str, more: str) -> str | None:
    """The next page of the list, on the host that it is read from."""
    path, _, query = urljoin(url, more).partition("?")
    found = f"{path.removesuffix('.json')}.json?{query}"
    same = more and urlsplit(found)[:2] == urlsplit(url)[:2] and found != url
    return found if same else None


def _rest(page: Page, document: Json) -> tuple[str, ...]:
    stream = member(document, "post_stream", "stream")
    if page.role is not Role.ITEM or not isinstance(stream, list):
        return ()
    pages = -(-len(stream) // (number(document, "chunk_size") or PAGE_SIZE))
    return tuple(f"{page.url}?page={place}" for place in range(min(pages, MAX_PAGES), 1, -1))


def _is_shown(row: Json) -> bool:
    """Not what was hidden or deleted, and not an event; only moderators see most of that."""
    gone = row.get("hidden") or row.get("deleted_at") or row.get("user_deleted")
    return not gone and (number(row, "post_type") or 1) in _POSTS and bool(number(row, "post_number"))


def _post(row: Json, url: str) -> ApiPost:
    place = number(row, "post_number")
    return ApiPost(
        id=string(row, "id"),
        url=url if place == 1 else f"{url}/{place}",
        markup=string(row, "cooked"),
        author=first_of(row, "username", "name"),
        posted=string(row, "created_at"),
        edited=string(row, "version"),
        first=place == 1,
    )


def _start(seen: UnknownPage) -> str:
    found = _LISTS.search(urlsplit(seen.url).path)
    return site_of(seen.url, *_MARKS) + (found[0].strip("/") if found else "")


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
    start=_start,
    by_page=BY_THREAD,
)
