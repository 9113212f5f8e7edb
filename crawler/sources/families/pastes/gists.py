"""GitHub Gists: the list of public gists from the API, and the raw text of each file.

Files are fetched from their raw address instead of the API, which cuts them at one megabyte and counts each
request against its hourly limit.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from crawler.clean import Clock, block, line
from crawler.listing import ParsedListing
from crawler.sources.adapter import Follow, Page, PageRole, Parsed
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.families.json_interfaces.json_family import (
    Json,
    JsonFamily,
    date_fields,
    objects_at,
    page_of_listings,
    seller_name,
    text_at,
    value_at,
)
from crawler.sources.kinds.list_adapter import MAX_ATTACHMENTS
from crawler.sources.urls import canonical_url, may_be_text

PAGE_SIZE = 100
#: GitHub lists the newest 3,000.
LAST_PAGE = 30
API = "https://api.github.com/gists/public"
_PAGE_PARAMETER = re.compile(r"&page=(\d{1,4})$")
_NOT_TEXT = re.compile(r"^(?:image|audio|video|font)/|^application/(?:zip|gzip|pdf|x-|vnd\.|octet-stream)")
_TEXT_TYPES = frozenset({"application/x-sh", "application/x-python", "application/x-httpd-php"})


class Gists(JsonFamily):
    """Reads gists by their last change. Each text file of a gist is fetched as an attachment."""

    def list_url(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.hostname == "gist.github.com":
            author = parts.path.strip("/").partition("/")[0]
            public = author in ("", "discover", "public")
            url = API if public else f"https://api.github.com/users/{author}/gists"
        return f"{url.partition('?')[0]}?per_page={PAGE_SIZE}&page=1"

    def own_page(self, listing: ParsedListing) -> Follow | None:
        api = self.list_url(self.definition.start[0]).partition("/gists")[0].partition("/users/")[0]
        # Not the stored key, which is a digest if the id looked like an identifier.
        number = urlsplit(listing.url).path.rstrip("/").rpartition("/")[2]
        return Follow(f"{api}/gists/{number}", PageRole.ITEM, listing.key, listing) if number else None

    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects_at([document] if page.role is PageRole.ITEM else document)
        if rows is None or not all(text_at(row, "id") and isinstance(row.get("files"), dict) for row in rows):
            return None
        found = _PAGE_PARAMETER.search(page.url)
        here = int(found[1]) if found else 1
        further = len(rows) == PAGE_SIZE and here < LAST_PAGE
        onward = _PAGE_PARAMETER.sub(f"&page={here + 1}", page.url) if further and found else None
        return page_of_listings((self._gist_listing(row, page, clock) for row in rows), next_page=onward)

    def _gist_listing(self, row: Json, page: Page, clock: Clock) -> ParsedListing:
        files = [each for each in row["files"].values() if isinstance(each, dict)]
        names = [text_at(each, "filename") for each in files]
        described = text_at(row, "description")
        raw = [url for each in files if (url := _raw_text_url(each, page.url)) is not None]
        return ParsedListing(
            key=text_at(row, "id"),
            url=canonical_url(text_at(row, "html_url"), base=page.url) or page.url,
            title=line(described) or line(names[0] if names else ""),
            body=block("\n".join((described, *names))),
            seller=seller_name(text_at(value_at(row, "owner"), "login")),
            attachments=tuple(raw[:MAX_ATTACHMENTS]),
            # Raw addresses change with the files; `updated_at` also changes with a comment.
            row_digest=self.digest("\x1f".join((described, *names, *raw))),
            **date_fields(text_at(row, "created_at"), clock),
        )


def _raw_text_url(file: Json, base: str) -> str | None:
    """Return the raw address of a text file, else `None`.

    Archives and media are never fetched, whatever their name.
    """
    url, kind = canonical_url(text_at(file, "raw_url"), base=base), text_at(file, "type")
    is_text = kind in _TEXT_TYPES or not _NOT_TEXT.match(kind)
    return url if url is not None and is_text and may_be_text(url) else None


def _gists_start(page: UnknownPage) -> str:
    return API if "/users/" not in page.url else page.url


GISTS = Family(
    name="gists",
    title="GitHub Gists",
    signs=(
        SoftwareSign(
            Where.URL, re.compile(r"^https://gist\.github\.com(?:/|$)|^https://api\.github\.com/.*gists"), 5
        ),
    ),
    adapter=Gists,
    start=_gists_start,
)
