"""PrivateBin: encrypted pastes. The key is in the link, after the `#`.

PrivateBin deletes a burn-after-reading paste as soon as its data is requested, and neither the address nor
the page around it shows this beforehand. (Since 1.7.0, `#-` before the key marks such a link, but not if
another client made it.) So links in listings are never followed, and only pastes in the `start` of the
source are requested: a paste that was opened once and still exists is not deleted by reading it.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from crawler.clean import Clock, claimed_count, line
from crawler.clean.text import verbatim
from crawler.errors import NotThere
from crawler.listing import ParsedListing
from crawler.sources.adapter import Page, Parsed
from crawler.sources.errors import PasteLocked
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
from crawler.sources.kinds.json import load_json
from crawler.sources.privatebin_cipher import PasteLink, decrypt_paste, parse_paste_link

#: Each comment requires a key derivation of its own.
MAX_COMMENTS = 30


class PrivateBin(JsonFamily):
    """Reads the pastes in `start`, each with its discussion."""

    def list_url(self, url: str) -> str:
        """Return the address without the key, which never leaves this machine and is stored in no row."""
        link = parse_paste_link(url)
        return link.url if link else url

    def links_by_url(self) -> dict[str, PasteLink]:
        """Return the pastes by the addresses of their data. A start without a key is left out."""
        return {link.url: link for url in self.definition.start if (link := parse_paste_link(url))}

    def parse_list(self, page: Page, document: Json, clock: Clock) -> Parsed | None:
        if value_at(document, "status") == 1:
            raise NotThere(f"{urlsplit(page.url).hostname} has no such paste: it expired or was deleted.")
        link = self.links_by_url().get(page.url)
        if link is None and page.url in self.definition.start:
            raise PasteLocked(
                "The key of a paste is missing: the database holds no keys, and the process that began this "
                "run has not read the source file. Send it SIGHUP, so that it reads the files again."
            )
        if link is None or text_at(document, "v") != "2":
            return None
        paste = _decrypted_json(document, link.key)
        body = verbatim(text_at(paste, "paste"))
        title = line(body.lstrip().partition("\n")[0], limit=200)
        first = ParsedListing(
            key=link.id,
            url=link.url,
            title=title,
            body=body,
            claimed_records=claimed_count(title),
            row_digest=self.digest(text_at(document, "ct")),
            **date_fields(text_at(document, "meta", "created"), clock),
        )
        comments = objects_at(document, "comments") if self.definition.replies else None
        return page_of_listings(
            (first, *(self._comment_listing(each, link, clock) for each in (comments or [])[:MAX_COMMENTS]))
        )

    def _comment_listing(self, comment: Json, link: PasteLink, clock: Clock) -> ParsedListing | None:
        if not text_at(comment, "id"):
            return None
        said = _decrypted_json(comment, link.key)
        return ParsedListing(
            key=f"{link.id}/p{text_at(comment, 'id')}",
            url=link.url,
            body=verbatim(text_at(said, "comment")),
            seller=seller_name(text_at(said, "nickname")),
            thread=link.id,
            row_digest=self.digest(text_at(comment, "ct")),
            **date_fields(text_at(comment, "meta", "created"), clock),
        )


def _decrypted_json(sealed: Json, key: str) -> Json:
    """Return the content of a paste or a comment. Raises `PasteLocked`."""
    return load_json(
        decrypt_paste(text_at(sealed, "ct"), value_at(sealed, "adata"), key).decode("utf-8", "replace")
    )


def _paste_start(page: UnknownPage) -> str:
    return page.url


PRIVATEBIN = Family(
    name="privatebin",
    title="PrivateBin",
    signs=(SoftwareSign(Where.MARKUP, re.compile(r"js/privatebin\.js|<title>PrivateBin", re.IGNORECASE), 5),),
    adapter=PrivateBin,
    start=_paste_start,
    by_page=frozenset(),
)
