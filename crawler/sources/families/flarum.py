"""Flarum: its JSON:API, as 1.x and 2.x have it (`api/discussions`, `api/posts`)."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, urlsplit

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

#: The most that `page[limit]` may be.
PAGE_SIZE = 50
_MARKS = ("api", "d", "t", "u", "all", "tags")


class Flarum(ThreadFamily):
    """Discussions by their last post, so that one with a new reply comes up again."""

    def entry(self, url: str) -> str:
        root, tag = site_of(url, *_MARKS), re.search(r"/t/([^/?#]+)", urlsplit(url).path)
        only = f"filter%5Btag%5D={tag[1]}&" if tag else ""
        return f"{root}api/discussions?{only}include=user&sort=-lastPostedAt&{_window(0)}"

    def own_page(self, listing: ParsedListing) -> Follow:
        return Follow(_posts(site_of(listing.url, *_MARKS), listing.key[1:]), Role.ITEM, listing.key, listing)

    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = _data(document, "discussions")
        if rows is None:
            return None
        root, users = site_of(page.url, *_MARKS), _included(document, "users")
        follows = [self._discussion(row, root, users, clock) for row in rows if not _hidden(row)]
        further = member(document, "links", "next") is not None
        return listed_threads(follows, next_page=_turned(page.url) if further else None, end=not further)

    def _discussion(self, row: Json, root: str, users: dict[str, Json], clock: Clock) -> Follow | None:
        said, discussion = row["attributes"], string(row, "id")
        slug = string(said, "slug")
        path = slug if slug.partition("-")[0] == discussion else f"{discussion}-{slug}".rstrip("-")
        return self.row(
            discussion,
            url=f"{root}d/{quote(path)}",
            title=string(said, "title"),
            author=_author(row, users),
            created=string(said, "createdAt"),
            state=[string(said, name) for name in ("commentCount", "lastPostNumber", "lastPostedAt")],
            clock=clock,
        )

    def thread(self, page: Page, document: Json) -> Thread | None:
        rows = _data(document, "posts")
        if rows is None:
            return None
        [discussion, *_] = [*_included(document, "discussions").values(), {}]
        users = _included(document, "users")
        url = page.partial.url if page.partial else f"{site_of(page.url, *_MARKS)}d/{_asked(page.url)}"
        posts = [_post(row, url, users) for row in rows if _is_comment(row)]
        further = page.role is Role.ITEM and member(document, "links", "next") is not None
        return Thread(string(discussion, "title"), posts, _rest(page.url, discussion) if further else ())


def _window(offset: int) -> str:
    return f"page%5Blimit%5D={PAGE_SIZE}&page%5Boffset%5D={offset}"


def _posts(root: str, discussion: str, *, offset: int = 0, newest_first: bool = False) -> str:
    sort = "-number" if newest_first else "number"
    asked = f"filter%5Bdiscussion%5D={discussion}&include=user,discussion&sort={sort}"
    return f"{root}api/posts?{asked}&{_window(offset)}"


def _rest(url: str, discussion: Json) -> tuple[str, ...]:
    """The pages behind the first, from the newest post on; there are at most `lastPostNumber` posts."""
    left = max(number(discussion, "lastPostNumber"), number(discussion, "commentCount")) - PAGE_SIZE
    root = site_of(url, *_MARKS)
    offsets = range(0, min(max(left, 1), MAX_PAGES * PAGE_SIZE), PAGE_SIZE)
    return tuple(_posts(root, _asked(url), offset=offset, newest_first=True) for offset in offsets)


def _asked(url: str) -> str:
    """The discussion that an address of `api/posts` is of."""
    return parse_qs(urlsplit(url).query).get("filter[discussion]", [""])[0]


def _turned(url: str) -> str:
    """The next page by our own count: a site may name another host than the one that it is read from."""
    offset = int(found[1]) if (found := re.search(r"page%5Boffset%5D=(\d{1,9})$", url)) else 0
    return f"{url.rpartition('&page%5Blimit')[0]}&{_window(offset + PAGE_SIZE)}"


def _data(document: Json, kind: str) -> list[dict[str, Json]] | None:
    """The resources of a page; `None` where it has others, or what is none."""
    rows = objects(document, "data")
    right = rows is not None and all(
        row.get("type") == kind and string(row, "id").isdecimal() and isinstance(row.get("attributes"), dict)
        for row in rows
    )
    return rows if right else None


def _included(document: Json, kind: str) -> dict[str, Json]:
    """The attributes of what was included, by id."""
    included = objects(document, "included") or []
    return {string(each, "id"): member(each, "attributes") for each in included if each.get("type") == kind}


def _author(row: Json, users: dict[str, Json]) -> str:
    user = users.get(string(row, "relationships", "user", "data", "id"))
    return first_of(user, "username", "displayName")


def _hidden(row: Json) -> bool:
    return bool(member(row, "attributes", "isHidden"))


def _is_comment(row: Json) -> bool:
    """Not a renaming, which is a post to Flarum, nor what was hidden."""
    return string(row, "attributes", "contentType") == "comment" and not _hidden(row)


def _post(row: Json, url: str, users: dict[str, Json]) -> ApiPost:
    said = row["attributes"]
    place = number(said, "number")
    return ApiPost(
        id=string(row, "id"),
        url=url if place == 1 else f"{url}/{place}",
        markup=string(said, "contentHtml"),
        author=_author(row, users),
        posted=string(said, "createdAt"),
        edited=string(said, "editedAt"),
        first=place == 1,
    )


def _start(seen: UnknownPage) -> str:
    tag = re.search(r"/t/[^/?#]+", urlsplit(seen.url).path)
    return site_of(seen.url, *_MARKS) + (tag[0].removeprefix("/") if tag else "")


FLARUM = Family(
    name="flarum",
    title="Flarum",
    signs=(
        SoftwareSign(Where.MARKUP, re.compile(r"id=[\"']?flarum-(?:json-payload|content|loading)"), 5),
        SoftwareSign(Where.MARKUP, re.compile(r"flarum\.core\.(?:app|compat)|flarum\.reg\b"), 3),
        SoftwareSign(Where.COOKIE, re.compile(r"^flarum_"), 5),
    ),
    adapter=Flarum,
    start=_start,
    by_page=BY_THREAD,
)
