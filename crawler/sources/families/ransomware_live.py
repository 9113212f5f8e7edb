"""ransomware.live: victims that ransomware groups name, as its API tells them in each of its versions.

`published` (version 1) and `attackdate` (version 2) are when a group named its victim; `discovered` is when
ransomware.live saw it. None is when the data was taken, and none says its time zone.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from crawler.clean import Clock, block
from crawler.listing import ParsedListing
from crawler.sources.families.api import (
    Json,
    JsonFamily,
    first_of,
    listed,
    named,
    objects,
    posted,
    string,
    titled,
)
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.markup import text_of_markup
from crawler.sources.page import Page, Parsed
from crawler.sources.urls import canonical

API = "https://api.ransomware.live/v2/recentvictims"
#: What versions of the API call the same thing.
_VICTIM = ("victim", "post_title")
_GROUP = ("group", "group_name")
_DATE = ("published", "attackdate", "discovered")
_SITE = ("domain", "website")
_POST = ("claim_url", "post_url")
#: Said below the description, each with its name.
_SAID = {"domain": _SITE, "country": ("country",), "activity": ("activity",)}


class RansomwareLive(JsonFamily):
    """A window on the newest victims, or any other list of the API that `start` names."""

    def entry(self, url: str) -> str:
        return API if urlsplit(url).hostname in ("www.ransomware.live", "ransomware.live") else url

    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        # The API with a key wraps the list.
        rows = objects(document) if isinstance(document, list) else objects(document, "victims")
        if rows is None or not all(first_of(row, *_VICTIM) and first_of(row, *_GROUP) for row in rows):
            return None
        return listed(self._victim(row, page, clock) for row in rows)

    def _victim(self, row: Json, page: Page, clock: Clock) -> ParsedListing:
        victim, group = first_of(row, *_VICTIM), first_of(row, *_GROUP)
        described = text_of_markup(string(row, "description"))
        facts = [f"{name}: {said}" for name, names in _SAID.items() if (said := first_of(row, *names))]
        body = block("\n".join((described, *facts)))
        link = canonical(first_of(row, *_POST), base=page.url) if first_of(row, *_POST) else None
        return ParsedListing(
            key=f"{group}/{victim}",
            url=link or f"https://www.ransomware.live/group/{quote(group)}",
            body=body,
            seller=named(group),
            links=(link,) if link else (),
            row_digest=self.digest(f"{victim}\x1f{body}\x1f{link}"),
            **titled(victim),
            **posted(first_of(row, *_DATE), clock),
        )


def _start(seen: UnknownPage) -> str:
    return API if "api" not in seen.url else seen.url


RANSOMWARE_LIVE = Family(
    name="ransomware_live",
    title="ransomware.live",
    signs=(
        SoftwareSign(Where.URL, re.compile(r"^https?://(?:[\w-]+\.)?ransomware\.live(?:/|$)"), 5),
        SoftwareSign(
            Where.MARKUP, re.compile(r"[\"']attackdate[\"']: .{0,2000}[\"']claim_url[\"']", re.DOTALL), 3
        ),
    ),
    adapter=RansomwareLive,
    start=_start,
)
