"""WordPress: its REST API (`wp-json/wp/v2/posts`), read once by age and once by last change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from crawler.clean import Clock
from crawler.errors import NotThere
from crawler.listing import ParsedListing
from crawler.sources.adapter import Follow, Page, PageRole, Parsed
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.families.json_interfaces.json_family import (
    Json,
    JsonFamily,
    body_fields,
    date_fields,
    number_at,
    objects_at,
    page_of_listings,
    seller_name,
    text_at,
    title_fields,
)
from crawler.sources.urls import canonical_url

#: Posts of a leak blog can be long, and the API returns each of them complete.
PAGE_SIZE = 50
#: Requested fields. Without this list a page is several times as large.
_FIELDS = "id,link,date_gmt,modified_gmt,title,content,author,_links,_embedded"
_OFFSET = re.compile(r"&offset=(\d{1,9})$")
_API_LINK = re.compile(r"<link[^>]{0,200}rel=[\"']https://api\.w\.org/[\"'][^>]{0,500}>", re.IGNORECASE)
_HREF = re.compile(r"href=[\"']([^\"']{1,500})[\"']", re.IGNORECASE)


class WordPress(JsonFamily):
    """Reads complete posts, without comments."""

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        """Return a list by id and a list by last change.

        By id, because no two posts share it: a list by change may repeat one of several posts that changed
        in the same second, and omit another. By change, for edits and for drafts that were published late.
        """
        lists = [self.list_url(url) for url in self.definition.start]
        edited = [url.replace("orderby=id", "orderby=modified") for url in lists]
        return [Follow(url, PageRole.API) for url in (*lists, *edited)]

    def list_url(self, url: str) -> str:
        asked = f"per_page={PAGE_SIZE}&orderby=id&order=desc&_embed=author&_fields={_FIELDS}&offset=0"
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if "rest_route=" in parts.query:
            # Without "pretty" permalinks the API has this address.
            return f"{site}{parts.path}?rest_route=/wp/v2/posts&{asked}"
        root = parts.path.partition("/wp-json")[0].rstrip("/")
        return f"{site}{root}/wp-json/wp/v2/posts?{asked}"

    def own_page(self, listing: ParsedListing) -> Follow | None:
        """Return the list of this one post, which is empty if the post is in the trash, a draft or deleted.

        The post's own address would answer "no login" (401) for the first two.
        """
        number, host = listing.key.removeprefix("p"), urlsplit(listing.url).netloc
        starts = self.definition.start
        start = next((url for url in starts if urlsplit(url).netloc == host), starts[0])
        if not number.isdecimal():
            return None
        url = _OFFSET.sub(f"&include={number}", self.list_url(start))
        return Follow(url, PageRole.ITEM, listing.key, listing)

    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects_at(document)
        if rows is None or not all(number_at(row, "id") and "content" in row for row in rows):
            return None
        if page.role is PageRole.ITEM:
            return self._read_post(page, rows, clock)
        # By offset, because WordPress answers a page number beyond the last with an error, and an offset
        # beyond the last with an empty list. The offset grows by the posts that came: some sites return
        # fewer than requested.
        onward = _next_offset(page.url, len(rows)) if rows else None
        return page_of_listings(
            (self._post_listing(row, page, clock) for row in rows), next_page=onward, end=not rows
        )

    def _read_post(self, page: Page, rows: list[Json], clock: Clock) -> Parsed | None:
        if not rows:
            raise NotThere(f"{urlsplit(page.url).hostname} no longer shows this post.")
        found = [self._post_listing(row, page, clock) for row in rows]
        asked = [each for each in found if each.key == page.key]
        return page_of_listings(asked) if asked else None  # else the site ignores which post it is asked for

    def _post_listing(self, row: Json, page: Page, clock: Clock) -> ParsedListing:
        url = canonical_url(text_at(row, "link"), base=page.url) or page.url
        markup, title = text_at(row, "content", "rendered"), text_at(row, "title", "rendered")
        return ParsedListing(
            key=f"p{number_at(row, 'id')}",
            url=url,
            seller=seller_name(text_at(row, "_embedded", "author", 0, "name")),
            row_digest=self.digest("\x1f".join((url, title, markup, text_at(row, "modified_gmt")))),
            **title_fields(title),
            **body_fields(markup, base=url),
            **date_fields(_utc_date(text_at(row, "date_gmt")), clock),
        )


def _utc_date(date: str) -> str:
    """Return a date in UTC with its zone, which the API omits. A date of zeros means that a post has none."""
    return "" if not date or date.startswith("0000") else f"{date}Z"


def _next_offset(url: str, came: int) -> str:
    found = _OFFSET.search(url)
    return _OFFSET.sub("", url) + f"&offset={(int(found[1]) if found else 0) + came}"


def _api_start(page: UnknownPage) -> str:
    """Return the address of the API, which every page names, else the root of the site."""
    link = _API_LINK.search(page.text)
    href = _HREF.search(link[0]) if link else None
    named_there = canonical_url(href[1].replace("&#038;", "&"), base=page.url) if href else None
    if named_there and urlsplit(named_there)[:2] == urlsplit(page.url)[:2]:
        return named_there
    return f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}/"


WORDPRESS = Family(
    name="wordpress",
    title="WordPress",
    signs=(
        SoftwareSign(
            Where.MARKUP, re.compile(r"<meta name=[\"']generator[\"'] content=[\"']WordPress", re.I), 5
        ),
        SoftwareSign(Where.MARKUP, _API_LINK, 5),
        SoftwareSign(Where.HEADER, re.compile(r"^link: .*https://api\.w\.org/", re.I), 5),
        SoftwareSign(Where.MARKUP, re.compile(r"/wp-(?:content|includes)/"), 3),
    ),
    adapter=WordPress,
    start=_api_start,
    by_page=frozenset({"title", "body", "seller", "posted_at", "sample", "claimed_records"}),
)
