"""RansomLook: announcements of ransomware groups, collected by its API (data under CC BY 4.0).

Posts have no id: the name of the group and the title of the post are the key, as in RansomLook itself.
`discovered` is a local time of the server that found the post, without a time zone.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from crawler.clean import Clock, block
from crawler.listing import ParsedListing
from crawler.sources.adapter import Page, Parsed
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.families.json_interfaces.json_family import (
    Json,
    JsonFamily,
    date_fields,
    objects_at,
    page_of_listings,
    seller_name,
    site_root,
    text_at,
    title_fields,
)
from crawler.sources.markup import text_of_markup
from crawler.sources.urls import canonical_url

#: Number of posts that a run begins with: those of a few days.
RECENT_POSTS = 200
_MONTH_PATH = re.compile(r"/api/posts/(\d{4})/(\d{1,2})$")
_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-")
_RECENT_PATH = re.compile(r"/api/recent(?:/\d+)?$")


class RansomLook(JsonFamily):
    """Reads the newest posts, then month by month until one has nothing new."""

    def list_url(self, url: str) -> str:
        return url if "/api/" in url else f"{site_root(url, 'group', 'recent')}api/recent/{RECENT_POSTS}"

    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        # `api/group/NAME` returns the group, then its posts.
        of_group = re.search(r"/api/(?:group|market)/([^/?#]+)", page.url)
        rows = objects_at(document, 1) if of_group else objects_at(document)
        if rows is None or not all(text_at(row, "post_title") and "discovered" in row for row in rows):
            return None
        group = of_group[1] if of_group else ""
        found = [self._post_listing(row, page, group, clock) for row in rows]
        return page_of_listings(
            found, next_page=_older_month(page.url, [text_at(row, "discovered") for row in rows])
        )

    def _post_listing(self, row: Json, page: Page, of_group: str, clock: Clock) -> ParsedListing:
        group, title = text_at(row, "group_name") or of_group, text_at(row, "post_title")
        described = text_of_markup(text_at(row, "description"))
        link = canonical_url(text_at(row, "link"), base="") if "://" in text_at(row, "link") else None
        return ParsedListing(
            key=f"{group}/{title}",
            url=f"{site_root(page.url, 'api')}group/{quote(group)}",
            body=block(described),
            seller=seller_name(group),
            links=(link,) if link else (),
            row_digest=self.digest(f"{title}\x1f{described}\x1f{text_at(row, 'link')}"),
            **title_fields(title),
            **date_fields(text_at(row, "discovered"), clock),
        )


def _older_month(url: str, discovered: list[str]) -> str | None:
    """Return the page of the month before; after the newest posts, of the month of the oldest of them.

    Other lists have no next page.
    """
    path = urlsplit(url).path
    dates = sorted(date for date in discovered if _DATE.match(date))
    if _RECENT_PATH.search(path) and dates:
        year, month = int(dates[0][:4]), int(dates[0][5:7])
    elif (this := _MONTH_PATH.search(path)) and dates:
        year, month = int(this[1]), int(this[2]) - 1
    else:
        return None
    year, month = (year, month) if month else (year - 1, 12)
    return f"{site_root(url, 'api')}api/posts/{year}/{month:02}"


def _tracker_start(page: UnknownPage) -> str:
    return page.url if "/api/" in page.url else site_root(page.url, "group", "recent")


RANSOMLOOK = Family(
    name="ransomlook",
    title="RansomLook",
    signs=(
        SoftwareSign(Where.URL, re.compile(r"^https?://(?:www\.)?ransomlook\.io(?:/|$)"), 5),
        SoftwareSign(Where.MARKUP, re.compile(r"<title>\s*RansomLook", re.IGNORECASE), 4),
        SoftwareSign(
            Where.MARKUP, re.compile(r"[\"']post_title[\"']: .{0,400}[\"']group_name[\"']: ", re.DOTALL), 2
        ),
    ),
    adapter=RansomLook,
    start=_tracker_start,
    by_page=frozenset(),
)
