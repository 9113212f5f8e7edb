"""The listing that an adapter reads from a page: one offer, thread or paste.

The text is as published, without control characters. It is masked later, before a row is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ParsedPrice:
    """An amount in an ISO 4217 currency or a coin (`BTC`, `XMR`, `USDT`)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:,f} {self.currency}"


@dataclass(frozen=True, slots=True)
class ParsedListing:
    """One listing; a field that the site does not give is empty or None.

    `key` identifies the listing within its source, also in later runs. `claimed_records` is the seller's
    claim. `posted_at` is UTC; `posted_at_uncertain` says that the page's words allow another reading.
    `thread` is the key of the listing that this one replies to; None if it is not a reply. `attachments` and
    `links` are absolute URLs, not fetched yet. `row` is what the list's row says and the listing's own page
    does not. `lost` are the fields whose selectors found nothing on any row of the page, so that an empty
    value says nothing. `row_digest` is a digest of what the list page says about the listing.
    """

    key: str
    url: str
    title: str = ""
    body: str = ""
    seller: str | None = None
    price: ParsedPrice | None = None
    claimed_records: int | None = None
    data_classes: tuple[str, ...] = ()
    posted_at: datetime | None = None
    posted_at_uncertain: bool = False
    sample: str = ""
    links: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    row_digest: str = ""
    row: str = ""
    lost: frozenset[str] = frozenset()
    thread: str | None = None
