"""GitHub Gists: the list of public ones from the API, and the text of each file from where it is raw.

A file's own address is asked for, not the API: that gives files of any size whole (the API cuts them at one
megabyte) and does not count against the API's hourly limit.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from crawler.clean import Clock, block, line
from crawler.listing import ParsedListing
from crawler.sources.families.api import (
    Json,
    JsonFamily,
    listed,
    member,
    named,
    objects,
    posted,
    string,
)
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.listed import MAX_ATTACHMENTS
from crawler.sources.page import Page, Parsed
from crawler.sources.urls import canonical, may_be_text

PAGE_SIZE = 100
#: GitHub shows the newest 3,000.
LAST_PAGE = 30
API = "https://api.github.com/gists/public"
_PAGE = re.compile(r"&page=(\d{1,4})$")
_NOT_TEXT = re.compile(r"^(?:image|audio|video|font)/|^application/(?:zip|gzip|pdf|x-|vnd\.|octet-stream)")
_TEXT_AFTER_ALL = frozenset({"application/x-sh", "application/x-python", "application/x-httpd-php"})


class Gists(JsonFamily):
    """Gists by their last change; each file of text is fetched as what the gist says."""

    def entry(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.hostname == "gist.github.com":
            author = parts.path.strip("/").partition("/")[0]
            public = author in ("", "discover", "public")
            url = API if public else f"https://api.github.com/users/{author}/gists"
        return f"{url.partition('?')[0]}?per_page={PAGE_SIZE}&page=1"

    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        rows = objects(document)
        if rows is None or not all(string(row, "id") and isinstance(row.get("files"), dict) for row in rows):
            return None
        found = _PAGE.search(page.url)
        here = int(found[1]) if found else 1
        further = len(rows) == PAGE_SIZE and here < LAST_PAGE
        onward = _PAGE.sub(f"&page={here + 1}", page.url) if further and found else None
        return listed((self._gist(row, page, clock) for row in rows), next_page=onward)

    def _gist(self, row: Json, page: Page, clock: Clock) -> ParsedListing:
        files = [each for each in row["files"].values() if isinstance(each, dict)]
        names = [string(each, "filename") for each in files]
        described = string(row, "description")
        raw = [url for each in files if (url := _text_of(each, page.url)) is not None]
        return ParsedListing(
            key=string(row, "id"),
            url=canonical(string(row, "html_url"), base=page.url) or page.url,
            title=line(described) or line(names[0] if names else ""),
            body=block("\n".join((described, *names))),
            seller=named(string(member(row, "owner"), "login")),
            attachments=tuple(raw[:MAX_ATTACHMENTS]),
            # The raw addresses change with the files; `updated_at` also with a comment.
            row_digest=self.digest("\x1f".join((described, *names, *raw))),
            **posted(string(row, "created_at"), clock),
        )


def _text_of(file: Json, base: str) -> str | None:
    """Where a file is raw, if it is text: archives and media are never fetched, whatever they are called."""
    url, kind = canonical(string(file, "raw_url"), base=base), string(file, "type")
    is_text = kind in _TEXT_AFTER_ALL or not _NOT_TEXT.match(kind)
    return url if url is not None and is_text and may_be_text(url) else None


def _start(seen: UnknownPage) -> str:
    return API if "/users/" not in seen.url else seen.url


GISTS = Family(
    name="gists",
    title="GitHub Gists",
    signs=(
        SoftwareSign(
            Where.URL, re.compile(r"^https://gist\.github\.com(?:/|$)|^https://api\.github\.com/.*gists"), 5
        ),
    ),
    adapter=Gists,
    start=_start,
)
