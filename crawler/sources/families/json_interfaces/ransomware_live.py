"""ransomware.live: victims that ransomware groups name, from each version of its API.

`published` (version 1) and `attackdate` (version 2) are when a group named its victim; `discovered` is when
ransomware.live saw it. None of them is when the data was taken, and none states its time zone.
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
    first_text_at,
    objects_at,
    page_of_listings,
    seller_name,
    text_at,
    title_fields,
)
from crawler.sources.markup import text_of_markup
from crawler.sources.urls import canonical_url

API = "https://api.ransomware.live/v2/recentvictims"
#: Names of the same value in the versions of the API.
_VICTIM_KEYS = ("victim", "post_title")
_GROUP_KEYS = ("group", "group_name")
_DATE_KEYS = ("published", "attackdate", "discovered")
_SITE_KEYS = ("domain", "website")
_POST_KEYS = ("claim_url", "post_url")
#: Facts that are added below the description, each with its name.
_FACT_KEYS = {"domain": _SITE_KEYS, "country": ("country",), "activity": ("activity",)}


class RansomwareLive(JsonFamily):
    """Reads the newest victims, or another list of the API that `start` names."""

    def list_url(self, url: str) -> str:
        return API if urlsplit(url).hostname in ("www.ransomware.live", "ransomware.live") else url

    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        # The API with a key wraps the list in an object.
        rows = objects_at(document) if isinstance(document, list) else objects_at(document, "victims")
        if rows is None or not all(
            first_text_at(row, *_VICTIM_KEYS) and first_text_at(row, *_GROUP_KEYS) for row in rows
        ):
            return None
        return page_of_listings(self._victim_listing(row, page, clock) for row in rows)

    def _victim_listing(self, row: Json, page: Page, clock: Clock) -> ParsedListing:
        victim, group = first_text_at(row, *_VICTIM_KEYS), first_text_at(row, *_GROUP_KEYS)
        described = text_of_markup(text_at(row, "description"))
        facts = [
            f"{name}: {said}" for name, names in _FACT_KEYS.items() if (said := first_text_at(row, *names))
        ]
        body = block("\n".join((described, *facts)))
        link = (
            canonical_url(first_text_at(row, *_POST_KEYS), base=page.url)
            if first_text_at(row, *_POST_KEYS)
            else None
        )
        return ParsedListing(
            key=f"{group}/{victim}",
            url=link or f"https://www.ransomware.live/group/{quote(group)}",
            body=body,
            seller=seller_name(group),
            links=(link,) if link else (),
            row_digest=self.digest(f"{victim}\x1f{body}\x1f{link}"),
            **title_fields(victim),
            **date_fields(first_text_at(row, *_DATE_KEYS), clock),
        )


def _tracker_start(page: UnknownPage) -> str:
    return API if "api" not in page.url else page.url


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
    start=_tracker_start,
    by_page=frozenset(),
)
