"""PrivateBin: pastes that only somebody with the key can read; the key stands in the link behind the `#`.

PrivateBin deletes a burn-after-reading paste when its data is asked for, and nothing tells beforehand: not
the address, not the page around it. (`#-` before the key marks such a link since 1.7.0, but not where the
link was made by another client.) So no link that a listing names is followed, and no paste is asked for but
those in the source's `start`: a paste that was opened once and is still there is none that burns.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from crawler.clean import Clock, claimed_count, line
from crawler.clean.text import verbatim
from crawler.errors import NotThere
from crawler.listing import ParsedListing
from crawler.sources.errors import PasteLocked
from crawler.sources.families.api import Json, JsonFamily, listed, member, named, objects, posted, string
from crawler.sources.families.family import Family, SoftwareSign, UnknownPage, Where
from crawler.sources.json import loaded
from crawler.sources.page import Page, Parsed
from crawler.sources.sealed import Link, link_of, opened

#: Each costs a derivation of its own.
MAX_COMMENTS = 30


class PrivateBin(JsonFamily):
    """The pastes in `start`, each with its discussion."""

    def entry(self, url: str) -> str:
        """The key never leaves this machine, and stands in no row."""
        link = link_of(url)
        return link.url if link else url

    def links(self) -> dict[str, Link]:
        """The pastes by the addresses of their data; of a start without its key there is none."""
        return {link.url: link for url in self.definition.start if (link := link_of(url))}

    def list_page(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        if member(document, "status") == 1:
            raise NotThere(f"{urlsplit(page.url).hostname} has no such paste: it expired, or was deleted.")
        link = self.links().get(page.url)
        if link is None and page.url in self.definition.start:
            raise PasteLocked(
                "The key of a paste is not at hand: the database holds none, and the source's file was not "
                "read by the process that began this run. Have it read the files again (SIGHUP)."
            )
        if link is None or string(document, "v") != "2":
            return None
        paste = _opened_json(document, link.key)
        body = verbatim(string(paste, "paste"))
        title = line(body.lstrip().partition("\n")[0], limit=200)
        first = ParsedListing(
            key=link.id,
            url=link.url,
            title=title,
            body=body,
            claimed_records=claimed_count(title),
            row_digest=self.digest(string(document, "ct")),
            **posted(string(document, "meta", "created"), clock),
        )
        comments = objects(document, "comments") if self.definition.replies else None
        return listed(
            (first, *(self._comment(each, link, clock) for each in (comments or [])[:MAX_COMMENTS]))
        )

    def _comment(self, comment: Json, link: Link, clock: Clock) -> ParsedListing | None:
        if not string(comment, "id"):
            return None
        said = _opened_json(comment, link.key)
        return ParsedListing(
            key=f"{link.id}/p{string(comment, 'id')}",
            url=link.url,
            body=verbatim(string(said, "comment")),
            seller=named(string(said, "nickname")),
            thread=link.id,
            row_digest=self.digest(string(comment, "ct")),
            **posted(string(comment, "meta", "created"), clock),
        )


def _opened_json(sealed: Json, key: str) -> Json:
    """Return what a paste or a comment holds; raises `PasteLocked`."""
    return loaded(opened(string(sealed, "ct"), member(sealed, "adata"), key).decode("utf-8", "replace"))


def _start(seen: UnknownPage) -> str:
    return seen.url


PRIVATEBIN = Family(
    name="privatebin",
    title="PrivateBin",
    signs=(SoftwareSign(Where.MARKUP, re.compile(r"js/privatebin\.js|<title>PrivateBin", re.IGNORECASE), 5),),
    adapter=PrivateBin,
    start=_start,
)
