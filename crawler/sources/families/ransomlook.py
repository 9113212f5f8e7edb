"""RansomLook: what ransomware groups announce, as its API collects it (data under CC BY 4.0).

Its posts have no id: a group's name and the post's title are the key, as in RansomLook itself. `discovered`
is a local time of the server that found the post, without a zone.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from crawler.clean import Clock, block
from crawler.listing import ParsedListing
from crawler.sources.families.api import (
    Json,
    JsonFamily,
    listed,
    named,
    objects,
    posted,
    site_of,
    string,
    titled,
)
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.markup import text_of_markup
from crawler.sources.page import Page, Parsed
from crawler.sources.urls import canonical

#: Posts that a run begins with: a few days' worth.
RECENT = 200
_MONTH = re.compile(r"/api/posts/(\d{4})/(\d{1,2})$")
_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-")
_RECENT = re.compile(r"/api/recent(?:/\d+)?$")


class RansomLook(JsonFamily):
    """The newest posts, and behind them month after month as far as something is new there."""

    def entry(self, url: str) -> str:
        return url if "/api/" in url else f"{site_of(url, 'group', 'recent')}api/recent/{RECENT}"

    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        # `api/group/NAME` has the group first, then its posts.
        of_group = re.search(r"/api/(?:group|market)/([^/?#]+)", page.url)
        rows = objects(document, 1) if of_group else objects(document)
        if rows is None or not all(string(row, "post_title") and "discovered" in row for row in rows):
            return None
        group = of_group[1] if of_group else ""
        found = [self._post(row, page, group, clock) for row in rows]
        return listed(found, next_page=_older(page.url, [string(row, "discovered") for row in rows]))

    def _post(self, row: Json, page: Page, of_group: str, clock: Clock) -> ParsedListing:
        group, title = string(row, "group_name") or of_group, string(row, "post_title")
        described = text_of_markup(string(row, "description"))
        link = canonical(string(row, "link"), base="") if "://" in string(row, "link") else None
        return ParsedListing(
            key=f"{group}/{title}",
            url=f"{site_of(page.url, 'api')}group/{quote(group)}",
            body=block(described),
            seller=named(group),
            links=(link,) if link else (),
            row_digest=self.digest(f"{title}\x1f{described}\x1f{string(row, 'link')}"),
            **titled(title),
            **posted(string(row, "discovered"), clock),
        )


def _older(url: str, discovered: list[str]) -> str | None:
    """The month before; behind the newest posts, the month of the oldest of them. Other lists stand alone."""
    path = urlsplit(url).path
    dates = sorted(date for date in discovered if _DATE.match(date))
    if _RECENT.search(path) and dates:
        year, month = int(dates[0][:4]), int(dates[0][5:7])
    elif (this := _MONTH.search(path)) and dates:
        year, month = int(this[1]), int(this[2]) - 1
    else:
        return None
    year, month = (year, month) if month else (year - 1, 12)
    return f"{site_of(url, 'api')}api/posts/{year}/{month:02}"


def _start(seen: UnknownPage) -> str:
    return seen.url if "/api/" in seen.url else site_of(seen.url, "group", "recent")


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
    start=_start,
)
