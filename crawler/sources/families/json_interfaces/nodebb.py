"""NodeBB: the API of each of its pages (`api/recent`, `api/category/5`, `api/topic/7`)."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

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

_PATH_NAMES = ("api", "category", "topic", "recent", "popular", "unread", "tags", "top")
_CATEGORY_PATH = re.compile(r"/category/\d+(?:/[^/?#]+)?")


class NodeBB(ThreadFamily):
    """Reads topics by their last post, of the whole forum or of a category."""

    def list_url(self, url: str) -> str:
        category = _CATEGORY_PATH.search(urlsplit(url).path)
        root = site_root(url, *_PATH_NAMES)
        return (
            f"{root}api{category[0]}?sort=recently_replied" if category else f"{root}api/recent?term=alltime"
        )

    def own_page(self, listing: ParsedListing) -> Follow:
        url = f"{site_root(listing.url, *_PATH_NAMES)}api/topic/{listing.key[1:]}?sort=oldest_to_newest"
        return Follow(url, PageRole.ITEM, listing.key, listing)

    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects_at(document, "topics")
        if rows is None or not all(number_at(row, "tid") for row in rows):
            return None
        root, total = site_root(page.url, *_PATH_NAMES), _page_count(document)
        follows = [self._follow_topic(row, root, clock) for row in rows if not row.get("deleted")]
        here = _page_number(page.url)
        further = bool(rows) and here < total
        return page_of_threads(
            follows,
            next_page=_page_url(page.url, here + 1) if further else None,
            end=not further,
            total=total or None,
        )

    def _follow_topic(self, row: Json, root: str, clock: Clock) -> Follow | None:
        slug = text_at(row, "slug") or text_at(row, "tid")
        return self.follow_thread(
            text_at(row, "tid"),
            url=f"{root}topic/{quote(slug)}",
            title=_title_markup(row),
            author=_author_name(row),
            created=first_text_at(row, "timestampISO", "timestamp"),
            state=[text_at(row, name) for name in ("postcount", "lastposttimeISO", "lastposttime")],
            clock=clock,
        )

    def parse_thread(self, page: Page, document: Json) -> ThreadPage | None:
        rows, topic = objects_at(document, "posts"), text_at(document, "tid")
        if rows is None or not topic:
            return None
        root, main = site_root(page.url, *_PATH_NAMES), text_at(document, "mainPid")
        posts = [_api_post(row, root, main) for row in rows if not row.get("deleted") and text_at(row, "pid")]
        total = _page_count(document) if page.role is PageRole.ITEM else 0
        rest = tuple(_page_url(page.url, place) for place in range(total, 1, -1))
        return ThreadPage(_title_markup(document), posts, rest)


def _page_count(document: Json) -> int:
    return min(number_at(document, "pagination", "pageCount"), MAX_PAGES)


def _page_number(url: str) -> int:
    found = re.search(r"[?&]page=(\d{1,6})", url)
    return int(found[1]) if found else 1


def _page_url(url: str, place: int) -> str:
    return f"{re.sub(r'&page=[0-9]+', '', url)}&page={place}"


def _title_markup(node: Json) -> str:
    """Return the title as markup; `titleRaw` is what the author typed."""
    return as_markup(text_at(node, "titleRaw")) or text_at(node, "title")


def _author_name(row: Json) -> str:
    """Return the author. A deleted account has the id 0, and a name in the language of the forum."""
    user = value_at(row, "user")
    return "" if text_at(row, "uid") == "0" else first_text_at(user, "username", "displayname")


def _api_post(row: Json, root: str, main: str) -> ApiPost:
    post = text_at(row, "pid")
    return ApiPost(
        id=post,
        url=f"{root}post/{quote(post, safe='')}",
        markup=text_at(row, "content"),
        author=_author_name(row),
        posted=first_text_at(row, "timestampISO", "timestamp"),
        edited=first_text_at(row, "editedISO", "edited"),
        first=post == main if main else text_at(row, "index") == "0",
    )


def _forum_start(page: UnknownPage) -> str:
    category = _CATEGORY_PATH.search(urlsplit(page.url).path)
    return site_root(page.url, *_PATH_NAMES) + (category[0].removeprefix("/") if category else "")


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
    start=_forum_start,
    by_page=THREAD_FIELDS,
)
