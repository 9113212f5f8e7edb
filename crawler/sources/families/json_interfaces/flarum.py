"""Flarum 1.x and 2.x: its JSON:API (`api/discussions`, `api/posts`)."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, urlsplit

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

#: The maximum of `page[limit]`.
PAGE_SIZE = 50
_PATH_NAMES = ("api", "d", "t", "u", "all", "tags")


class Flarum(ThreadFamily):
    """Reads discussions by their last post, so that one with a new reply comes first again."""

    def list_url(self, url: str) -> str:
        root, tag = site_root(url, *_PATH_NAMES), re.search(r"/t/([^/?#]+)", urlsplit(url).path)
        only = f"filter%5Btag%5D={tag[1]}&" if tag else ""
        return f"{root}api/discussions?{only}include=user&sort=-lastPostedAt&{_page_query(0)}"

    def own_page(self, listing: ParsedListing) -> Follow:
        return Follow(
            _posts_url(site_root(listing.url, *_PATH_NAMES), listing.key[1:]),
            PageRole.ITEM,
            listing.key,
            listing,
        )

    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = _resources(document, "discussions")
        if rows is None:
            return None
        root, users = site_root(page.url, *_PATH_NAMES), _included_attributes(document, "users")
        follows = [self._follow_discussion(row, root, users, clock) for row in rows if not _is_hidden(row)]
        further = value_at(document, "links", "next") is not None
        return page_of_threads(
            follows, next_page=_next_list_page(page.url) if further else None, end=not further
        )

    def _follow_discussion(self, row: Json, root: str, users: dict[str, Json], clock: Clock) -> Follow | None:
        said, discussion = row["attributes"], text_at(row, "id")
        slug = text_at(said, "slug")
        path = slug if slug.partition("-")[0] == discussion else f"{discussion}-{slug}".rstrip("-")
        return self.follow_thread(
            discussion,
            url=f"{root}d/{quote(path)}",
            title=as_markup(text_at(said, "title")),
            author=_author_name(row, users),
            created=text_at(said, "createdAt"),
            state=[text_at(said, name) for name in ("commentCount", "lastPostNumber", "lastPostedAt")],
            clock=clock,
        )

    def parse_thread(self, page: Page, document: Json) -> ThreadPage | None:
        rows = _resources(document, "posts")
        if rows is None:
            return None
        [discussion, *_] = [*_included_attributes(document, "discussions").values(), {}]
        users = _included_attributes(document, "users")
        url = (
            page.partial.url
            if page.partial
            else f"{site_root(page.url, *_PATH_NAMES)}d/{_discussion_id(page.url)}"
        )
        posts = [_api_post(row, url, users) for row in rows if _is_comment(row)]
        further = page.role is PageRole.ITEM and value_at(document, "links", "next") is not None
        title = as_markup(text_at(discussion, "title"))
        return ThreadPage(title, posts, _other_pages(page.url, discussion) if further else ())


def _page_query(offset: int) -> str:
    return f"page%5Blimit%5D={PAGE_SIZE}&page%5Boffset%5D={offset}"


def _posts_url(root: str, discussion: str, *, offset: int = 0, newest_first: bool = False) -> str:
    sort = "-number" if newest_first else "number"
    asked = f"filter%5Bdiscussion%5D={discussion}&include=user,discussion&sort={sort}"
    return f"{root}api/posts?{asked}&{_page_query(offset)}"


def _other_pages(url: str, discussion: Json) -> tuple[str, ...]:
    """Return the pages after the first one, newest posts first.

    A discussion has at most `lastPostNumber` posts.
    """
    left = max(number_at(discussion, "lastPostNumber"), number_at(discussion, "commentCount")) - PAGE_SIZE
    root = site_root(url, *_PATH_NAMES)
    offsets = range(0, min(max(left, 1), MAX_PAGES * PAGE_SIZE), PAGE_SIZE)
    return tuple(
        _posts_url(root, _discussion_id(url), offset=offset, newest_first=True) for offset in offsets
    )


def _discussion_id(url: str) -> str:
    """Return the id of the discussion in an address of `api/posts`."""
    return parse_qs(urlsplit(url).query).get("filter[discussion]", [""])[0]


def _next_list_page(url: str) -> str:
    """Return the next page, counted here, because a site may name another host than the one that is read."""
    offset = int(found[1]) if (found := re.search(r"page%5Boffset%5D=(\d{1,9})$", url)) else 0
    return f"{url.rpartition('&page%5Blimit')[0]}&{_page_query(offset + PAGE_SIZE)}"


def _resources(document: Json, kind: str) -> list[dict[str, Json]] | None:
    """Return the resources of a page. `None`: it has others, or the document has another form."""
    rows = objects_at(document, "data")
    right = rows is not None and all(
        row.get("type") == kind and text_at(row, "id").isdecimal() and isinstance(row.get("attributes"), dict)
        for row in rows
    )
    return rows if right else None


def _included_attributes(document: Json, kind: str) -> dict[str, Json]:
    """Return the attributes of the included resources, by id."""
    included = objects_at(document, "included") or []
    return {
        text_at(each, "id"): value_at(each, "attributes") for each in included if each.get("type") == kind
    }


def _author_name(row: Json, users: dict[str, Json]) -> str:
    user = users.get(text_at(row, "relationships", "user", "data", "id"))
    return first_text_at(user, "username", "displayName")


def _is_hidden(row: Json) -> bool:
    return bool(value_at(row, "attributes", "isHidden"))


def _is_comment(row: Json) -> bool:
    """Whether a post is visible text. To Flarum a renaming is a post, too."""
    return text_at(row, "attributes", "contentType") == "comment" and not _is_hidden(row)


def _api_post(row: Json, url: str, users: dict[str, Json]) -> ApiPost:
    said = row["attributes"]
    place = number_at(said, "number")
    return ApiPost(
        id=text_at(row, "id"),
        url=url if place == 1 else f"{url}/{place}",
        markup=text_at(said, "contentHtml"),
        author=_author_name(row, users),
        posted=text_at(said, "createdAt"),
        edited=text_at(said, "editedAt"),
        first=place == 1,
    )


def _forum_start(page: UnknownPage) -> str:
    tag = re.search(r"/t/[^/?#]+", urlsplit(page.url).path)
    return site_root(page.url, *_PATH_NAMES) + (tag[0].removeprefix("/") if tag else "")


FLARUM = Family(
    name="flarum",
    title="Flarum",
    signs=(
        SoftwareSign(Where.MARKUP, re.compile(r"id=[\"']?flarum-(?:json-payload|content|loading)"), 5),
        SoftwareSign(Where.MARKUP, re.compile(r"flarum\.core\.(?:app|compat)|flarum\.reg\b"), 3),
        SoftwareSign(Where.COOKIE, re.compile(r"^flarum_"), 5),
    ),
    adapter=Flarum,
    start=_forum_start,
    by_page=THREAD_FIELDS,
)
