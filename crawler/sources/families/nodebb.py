"""NodeBB: the API behind each of its pages (`api/recent`, `api/category/5`, `api/topic/7`)."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

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

_MARKS = ("api", "category", "topic", "recent", "popular", "unread", "tags", "top")
_CATEGORY = re.compile(r"/category/\d+(?:/[^/?#]+)?")


class NodeBB(ThreadFamily):
    """Topics by their last post, of the whole forum or of a category."""

    def entry(self, url: str) -> str:
        category = _CATEGORY.search(urlsplit(url).path)
        root = site_of(url, *_MARKS)
        return (
            f"{root}api{category[0]}?sort=recently_replied" if category else f"{root}api/recent?term=alltime"
        )

    def own_page(self, listing: ParsedListing) -> Follow:
        url = f"{site_of(listing.url, *_MARKS)}api/topic/{listing.key[1:]}?sort=oldest_to_newest"
        return Follow(url, Role.ITEM, listing.key, listing)

    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects(document, "topics")
        if rows is None or not all(number(row, "tid") for row in rows):
            return None
        root, total = site_of(page.url, *_MARKS), _pages(document)
        follows = [self._topic(row, root, clock) for row in rows if not row.get("deleted")]
        here = _number(page.url)
        further = bool(rows) and here < total
        return listed_threads(
            follows,
            next_page=_numbered(page.url, here + 1) if further else None,
            end=not further,
            total=total or None,
        )

    def _topic(self, row: Json, root: str, clock: Clock) -> Follow | None:
        slug = string(row, "slug") or string(row, "tid")
        return self.row(
            string(row, "tid"),
            url=f"{root}topic/{quote(slug)}",
            title=first_of(row, "titleRaw", "title"),
            author=_author(row),
            created=first_of(row, "timestampISO", "timestamp"),
            state=[string(row, name) for name in ("postcount", "lastposttimeISO", "lastposttime")],
            clock=clock,
        )

    def thread(self, page: Page, document: Json) -> Thread | None:
        rows, topic = objects(document, "posts"), string(document, "tid")
        if rows is None or not topic:
            return None
        root, main = site_of(page.url, *_MARKS), string(document, "mainPid")
        posts = [_post(row, root, main) for row in rows if not row.get("deleted") and string(row, "pid")]
        total = _pages(document) if page.role is Role.ITEM else 0
        rest = tuple(_numbered(page.url, place) for place in range(total, 1, -1))
        return Thread(first_of(document, "titleRaw", "title"), posts, rest)


def _pages(document: Json) -> int:
    return min(number(document, "pagination", "pageCount"), MAX_PAGES)


def _number(url: str) -> int:
    found = re.search(r"[?&]page=(\d{1,6})", url)
    return int(found[1]) if found else 1


def _numbered(url: str, place: int) -> str:
    return f"{re.sub(r'&page=[0-9]+', '', url)}&page={place}"


def _author(row: Json) -> str:
    """A deleted account has the id 0, and its name is a word of the forum's language."""
    user = member(row, "user")
    return "" if string(row, "uid") == "0" else first_of(user, "username", "displayname")


def _post(row: Json, root: str, main: str) -> ApiPost:
    post = string(row, "pid")
    return ApiPost(
        id=post,
        url=f"{root}post/{quote(post, safe='')}",
        markup=string(row, "content"),
        author=_author(row),
        posted=first_of(row, "timestampISO", "timestamp"),
        edited=first_of(row, "editedISO", "edited"),
        first=post == main if main else string(row, "index") == "0",
    )


def _start(seen: UnknownPage) -> str:
    category = _CATEGORY.search(urlsplit(seen.url).path)
    return site_of(seen.url, *_MARKS) + (category[0].removeprefix("/") if category else "")


NODEBB = Family(
    name="nodebb",
    title="NodeBB",
    signs=(
        SoftwareSign(Where.HEADER, re.compile(r"^x-powered-by: nodebb", re.IGNORECASE), 5),
        SoftwareSign(
            Where.MARKUP, re.compile(r"/assets/nodebb(?:\.min)?\.js|/assets/client(?:-\w+)?\.css"), 3
        ),
        SoftwareSign(Where.MARKUP, re.compile(r"component=[\"'](?:category/topic|topic)[\"']"), 4),
        SoftwareSign(Where.COOKIE, re.compile(r"^express\.sid$"), 1),
    ),
    adapter=NodeBB,
    start=_start,
    by_page=BY_THREAD,
)
