"""What a list's row says about a listing, kept where the listing's own page does not say it.

A page may answer "not found" with status 200, or show another title than its row: what the row said is
matched all the same.
"""

from __future__ import annotations

from dataclasses import replace

from crawler.listing import ParsedListing
from crawler.sources.field_reader import Values

#: Begins the key of a row whose link leads to no page.
PAGELESS_KEY = "row:"
#: Fields of a row that a page may replace.
_ROW_FIELDS = ("title", "seller", "body", "sample")


def complete_row(row: ParsedListing, values: Values) -> ParsedListing:
    """Return a row's listing with the values of its page; `row` keeps what only the row says."""
    said = [row.row, *(getattr(row, name) or "" for name in _ROW_FIELDS if name in values)]
    told = (values[name] if name in values else getattr(row, name) for name in _ROW_FIELDS)
    page = _plain(" ".join(text or "" for text in told))
    lines = dict.fromkeys(line for text in said for line in text.splitlines())
    # A list may cut a long title: "All customers of ..."
    kept = "\n".join(line for line in lines if _plain(line).rstrip(".… ") not in page)
    return replace(row, **{**values, "row": kept})


def has_own_page(listing: ParsedListing) -> bool:
    """Return whether the link of a listing's row leads to a page."""
    return not listing.key.startswith(PAGELESS_KEY)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
