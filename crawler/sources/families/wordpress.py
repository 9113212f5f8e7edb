"""WordPress: its REST API (`wp-json/wp/v2/posts`), once by age and once by the last change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from crawler.clean import Clock
from crawler.listing import ParsedListing
from crawler.sources.families.api import (
    Json,
    JsonFamily,
    listed,
    named,
    number,
    objects,
    posted,
    string,
    titled,
    written,
)
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.page import Follow, Page, Parsed, Role
from crawler.sources.urls import canonical

#: A post of a leak blog can be long, and the API sends each of them whole.
PAGE_SIZE = 50
#: What the API is asked for: a page of it is several times as large without.
_FIELDS = "id,link,date_gmt,modified_gmt,title,content,author,_links,_embedded"
_OFFSET = re.compile(r"&offset=(\d{1,9})$")
_API = re.compile(r"<link[^>]{0,200}rel=[\"']https://api\.w\.org/[\"'][^>]{0,500}>", re.IGNORECASE)
_HREF = re.compile(r"href=[\"']([^\"']{1,500})[\"']", re.IGNORECASE)


class WordPress(JsonFamily):
    """Posts, complete; comments are not read."""

    def start(self, cursor: Mapping[str, object]) -> list[Follow]:
        """By id, which no two posts share: of those changed in the same second, a list by change may show one
        twice and leave out another. By change for edits, and for drafts that were published late.
        """
        lists = [self.entry(url) for url in self.definition.start]
        edited = [url.replace("orderby=id", "orderby=modified") for url in lists]
        return [Follow(url, Role.API) for url in (*lists, *edited)]

    def entry(self, url: str) -> str:
        asked = f"per_page={PAGE_SIZE}&orderby=id&order=desc&_embed=author&_fields={_FIELDS}&offset=0"
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if "rest_route=" in parts.query:
            # Without "pretty" addresses the API has this one.
            return f"{site}{parts.path}?rest_route=/wp/v2/posts&{asked}"
        root = parts.path.partition("/wp-json")[0].rstrip("/")
        return f"{site}{root}/wp-json/wp/v2/posts?{asked}"

    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects(document)
        if rows is None or not all(number(row, "id") and "content" in row for row in rows):
            return None
        # By an offset: a page number beyond the last is an error to WordPress, an offset is an empty page.
        # And by what came, for some sites give fewer than they were asked for.
        onward = _turned(page.url, len(rows)) if rows else None
        return listed((self._post(row, page, clock) for row in rows), next_page=onward, end=not rows)

    def _post(self, row: Json, page: Page, clock: Clock) -> ParsedListing:
        url = canonical(string(row, "link"), base=page.url) or page.url
        markup, title = string(row, "content", "rendered"), string(row, "title", "rendered")
        return ParsedListing(
            key=f"p{number(row, 'id')}",
            url=url,
            seller=named(string(row, "_embedded", "author", 0, "name")),
            row_digest=self.digest("\x1f".join((url, title, markup, string(row, "modified_gmt")))),
            **titled(title),
            **written(markup, base=url),
            **posted(_utc(string(row, "date_gmt")), clock),
        )


def _utc(date: str) -> str:
    """Dates in UTC, which do not say so; one of zeros is of a post without a date."""
    return "" if not date or date.startswith("0000") else f"{date}Z"


def _turned(url: str, came: int) -> str:
    found = _OFFSET.search(url)
    return _OFFSET.sub("", url) + f"&offset={(int(found[1]) if found else 0) + came}"


def _start(seen: UnknownPage) -> str:
    """The API's own address, which every page names, else the root of the site."""
    link = _API.search(seen.text)
    href = _HREF.search(link[0]) if link else None
    named_there = canonical(href[1].replace("&#038;", "&"), base=seen.url) if href else None
    if named_there and urlsplit(named_there)[:2] == urlsplit(seen.url)[:2]:
        return named_there
    return f"{urlsplit(seen.url).scheme}://{urlsplit(seen.url).netloc}/"


WORDPRESS = Family(
    name="wordpress",
    title="WordPress",
    signs=(
        SoftwareSign(
            Where.MARKUP, re.compile(r"<meta name=[\"']generator[\"'] content=[\"']WordPress", re.I), 5
        ),
        SoftwareSign(Where.MARKUP, _API, 5),
        SoftwareSign(Where.HEADER, re.compile(r"^link: .*https://api\.w\.org/", re.I), 5),
        SoftwareSign(Where.MARKUP, re.compile(r"/wp-(?:content|includes)/"), 3),
    ),
    adapter=WordPress,
    start=_start,
)
