"""storage.listing_filters: the same answers as from looking at every listing, wherever they are found."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from storage import listing_filters, listings, matches
from storage.database.base import Database
from storage.listings import Life, Listing, ListingFilters
from storage.matches import CompanyResult
from tests.storage import given
from tests.storage.given import NOW

HOUR = timedelta(hours=1)
COUNT = 60
LENDER, INSURER = "lender", "insurer"
Passes = Callable[[Listing, Any], bool]


@pytest.fixture
def archive(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Sixty listings of two sources; what is rare is old. The newest part is five of them."""
    monkeypatch.setattr(listing_filters, "NEWEST", 5)
    monkeypatch.setattr(listing_filters, "NEWEST_ENTRIES", 5)
    with database.transaction() as session:
        market, forum = given.source(session), given.source(session, "forum")
        companies = {slug: given.company(session, slug) for slug in (LENDER, INSURER)}
        for number in range(COUNT):
            record = given.record(
                str(number),
                title="common offer" + " rare" * (number in (3, 7)),
                seller=f"seller {number % 7}" if number % 3 else None,
                price_amount=Decimal(9000 if number == 4 else number) if number % 2 == 0 else None,
                price_currency=("XMR" if number == 4 else "USD") if number % 2 == 0 else None,
                claimed_records=1_000_000 if number == 5 else number,
            )
            source_id = forum if number % 4 == 0 else market
            listings.upsert_many(session, source_id, [record], NOW + number * HOUR)
        listings.mark_gone(session, market, ["1", "2", "59"], NOW + COUNT * HOUR)
        listings.mark_seen(session, market, ["2"], NOW + COUNT * HOUR)
        for version_id, slugs in {3: [LENDER], 10: [LENDER, INSURER], 50: [LENDER]}.items():
            found = [CompanyResult(companies[slug], mentions=1) for slug in slugs]
            matches.record_matches(session, version_id, found, now=NOW)
        # A second version of listing 50, which the lender has matches in, too: the listing is given once.
        changed = given.record("49", title="common offer", content_digest="another", claimed_records=49)
        [stored] = listings.upsert_many(session, market, [changed], NOW + COUNT * HOUR)
        assert stored.version_id is not None
        result = CompanyResult(companies[LENDER], mentions=1)
        matches.record_matches(session, stored.version_id, [result], now=NOW)
    return database


COMPANIES = {LENDER: {3, 10, 50}, INSURER: {10}}
SLUGS = {1: LENDER, 2: INSURER}
PASSES: dict[str, Passes] = {
    "source": lambda listing, name: listing.source.name == name,
    "company": lambda listing, slug: listing.id in COMPANIES.get(slug, ()),
    "life": lambda listing, life: listing.life is life,
    "gone": lambda listing, gone: (listing.gone_at is not None) is gone,
    "since": lambda listing, since: listing.first_seen_at >= since,
    "until": lambda listing, until: listing.first_seen_at < until,
    "seller": lambda listing, seller: listing.seller == seller,
    "currency": lambda listing, currency: listing.price_currency == currency,
    "min_price": lambda listing, least: (listing.price_amount or -1) >= least,
    "max_price": lambda listing, most: listing.price_amount is not None and listing.price_amount <= most,
    "max_records": lambda listing, most: (
        listing.claimed_records is not None and listing.claimed_records <= most
    ),
    "any_company": lambda listing, ids: any(listing.id in COMPANIES[SLUGS[each]] for each in ids),
    "min_records": lambda listing, least: (listing.claimed_records or 0) >= least,
    "below_id": lambda listing, below: listing.id < below,
}


def expected(database: Database, words: str | None, filters: ListingFilters, limit: int) -> list[int]:
    """Look at every listing."""
    given_ones = {name: value for name, value in asdict(filters).items() if value is not None}
    with database.reading() as session:
        rows = session.scalars(
            select(Listing).options(joinedload(Listing.source)).order_by(Listing.id.desc())
        )
        return [
            row.id
            for row in rows
            if all(PASSES[name](row, value) for name, value in given_ones.items())
            and all(word in row.title for word in (words or "").split())
        ][:limit]


QUESTIONS: list[tuple[str | None, dict[str, Any]]] = [
    (None, {}),
    ("common", {}),
    ("rare", {}),
    ("common rare", {}),
    ("nowhere", {}),
    ("common", {"source": "forum"}),
    ("common", {"seller": "seller 1"}),
    ("rare", {"source": "forum"}),
    ("rare", {"source": "market"}),
    ("common", {"company": INSURER}),
    ("common", {"below_id": 8}),
    ("rare", {"below_id": 8}),
    ("rare", {"below_id": 4, "source": "market"}),
    ("common", {"min_records": 1_000_000}),
    (None, {"source": "forum"}),
    (None, {"source": "nowhere"}),
    (None, {"company": LENDER}),
    (None, {"company": INSURER, "source": "market"}),
    (None, {"company": LENDER, "below_id": 50}),
    (None, {"company": "nobody"}),
    (None, {"life": Life.NEW}),
    (None, {"life": Life.BACK}),
    (None, {"life": Life.EDITED}),
    (None, {"life": Life.NEW, "gone": True}),
    (None, {"gone": True}),
    (None, {"gone": False, "source": "market"}),
    (None, {"since": NOW + 55 * HOUR}),
    (None, {"until": NOW + 3 * HOUR}),
    (None, {"since": NOW + 2 * HOUR, "until": NOW + 9 * HOUR, "source": "forum"}),
    (None, {"since": NOW, "life": Life.GONE}),
    (None, {"seller": "seller 1"}),
    (None, {"currency": "XMR"}),
    (None, {"currency": "USD", "min_price": Decimal(30)}),
    (None, {"currency": "USD", "min_price": Decimal("9000.5")}),
    (None, {"currency": "XMR", "min_price": Decimal(100)}),
    (None, {"min_records": 40}),
    (None, {"max_records": 12}),
    (None, {"min_records": 3, "max_records": 4}),
    (None, {"currency": "USD", "max_price": Decimal(8)}),
    (None, {"company": LENDER, "min_records": 10}),
    (None, {"company": LENDER, "max_price": Decimal(5)}),
    (None, {"any_company": frozenset({1, 2})}),
    (None, {"any_company": frozenset()}),
    (None, {"any_company": frozenset({1}), "below_id": 50, "min_records": 9}),
    ("common", {"any_company": frozenset({1, 2})}),
    ("common", {"any_company": frozenset({1}), "source": "market", "below_id": 50}),
    ("rare", {"any_company": frozenset({1})}),
    ("common", {"any_company": frozenset()}),
    (None, {"min_records": 999_999}),
    (None, {"min_records": 10, "below_id": 20}),
    (None, {"min_records": 10, "source": "forum", "since": NOW + 20 * HOUR}),
]


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_each_question_is_answered_as_if_every_listing_were_looked_at(archive: Database, limit: int) -> None:
    """Newest first, wherever the listings are found: in the newest part, through an index, by words."""
    found = {}
    for words, given_ones in QUESTIONS:
        filters = ListingFilters(**given_ones)
        with archive.reading() as session:
            rows = listings.search_listings(session, words, filters=filters, limit=limit)
        found[words, repr(filters)] = [row.id for row in rows]

    assert found == {
        (words, repr(filters)): expected(archive, words, filters, limit)
        for words, filters in ((words, ListingFilters(**given_ones)) for words, given_ones in QUESTIONS)
    }
