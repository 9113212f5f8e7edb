"""What a name sells on all sources, as far as a person may see it.

A seller is a name: the same name on two sources may be two people, and one person may have two names. The
name is text of a site, so that an address names a listing of the seller instead.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from storage.listing_filters import ListingFilters, find_rows
from storage.listing_tables import Listing
from storage.sources import Source
from storage.visible.listings import (
    FINDINGS,
    FindingName,
    ListingRow,
    findings_about,
    rows_of,
    visible_listing,
)
from storage.visible.visibility import Visibility

PAGE = 50
#: Offers that are read for the figures, the prices and the findings, the newest ones.
COUNTED = 1_000
PRICES = 200  # of one currency, the newest ones
CURRENCIES = 4


@dataclass(frozen=True, slots=True)
class SourceOffers:
    source: str
    offers: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PricePoint:
    at: datetime
    amount: Decimal
    listing_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerPage:
    """`counted`: offers that the figures are about, the newest ones; `whole`: there are no others."""

    name: str
    listing_id: int
    rows: Sequence[ListingRow]
    after: int | None
    counted: int
    whole: bool
    sources: Sequence[SourceOffers]
    prices: Sequence[tuple[str, Sequence[PricePoint]]]  # by currency, oldest first
    findings: Sequence[FindingName]
    more_findings: bool


_FACTS: tuple[Any, ...] = (
    Listing.id,
    Listing.source_id,
    Listing.first_seen_at,
    Listing.price_amount,
    Listing.price_currency,
)


def seller_page(
    session: Session, view: Visibility, listing_id: int, *, before: int | None = None, limit: int = PAGE
) -> SellerPage | None:
    """Return what the seller of a listing offers; None: the listing may not be seen, or names no seller."""
    listing = visible_listing(session, view, listing_id)
    if listing is None or listing.seller is None:
        return None
    filters = ListingFilters(seller=listing.seller, any_company=view.companies)
    facts: Select[Any] = select(*_FACTS)
    found = find_rows(session, facts, None, filters, enough=COUNTED, limit=COUNTED)
    below = [row for row in found.rows if before is None or row[0] < before]
    ids = [row[0] for row in below[: limit + 1]]
    shown = ids[:limit]
    findings = findings_about(session, view, [row[0] for row in found.rows])
    return SellerPage(
        name=listing.seller,
        listing_id=listing.id,
        rows=rows_of(session, view, shown),
        after=shown[-1] if len(ids) > limit else None,
        counted=len(found.rows),
        whole=found.whole,
        sources=_by_source(session, found.rows),
        prices=_prices(found.rows),
        findings=findings[:FINDINGS],
        more_findings=len(findings) > FINDINGS,
    )


def _by_source(session: Session, rows: Sequence[Any]) -> Sequence[SourceOffers]:
    times: dict[int, list[datetime]] = {}
    for row in rows:
        times.setdefault(row[1], []).append(row[2])
    query = select(Source.id, Source.name).where(Source.id.in_(list(times)))
    names = {row[0]: row[1] for row in session.execute(query)}
    found = [SourceOffers(names[each], len(at), min(at), max(at)) for each, at in times.items()]
    return sorted(found, key=lambda each: (-each.offers, each.source))


def _prices(rows: Sequence[Any]) -> Sequence[tuple[str, Sequence[PricePoint]]]:
    """Return the prices of the commonest currencies; amounts of different currencies are not compared."""
    priced = [row for row in rows if row[3] is not None and row[4]]
    common = [currency for currency, _ in Counter(row[4] for row in priced).most_common(CURRENCIES)]
    return [
        (
            currency,
            sorted(
                [PricePoint(row[2], row[3], row[0]) for row in priced if row[4] == currency][:PRICES],
                key=lambda point: (point.at, point.listing_id),
            ),
        )
        for currency in common
    ]
