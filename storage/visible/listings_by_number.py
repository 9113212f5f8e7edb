"""Listings that a person may see, page by page, as the API gives them, and their versions.

A person of some companies sees the listings that name one of them, and what was found for these companies.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer, joinedload

from storage import search
from storage.companies import Company
from storage.listing_filters import ListingFilters, filter_conditions, find_rows
from storage.listing_tables import Listing, ListingVersion
from storage.matches import MatchSummary
from storage.visible.visibility import Visibility, sees_listing


def listings_by_number(
    session: Session, view: Visibility, query: str | None, filters: ListingFilters, *, limit: int
) -> Sequence[Listing]:
    """Return listings, newest first, each with its source. `filters.below_id` is the last one of the page
    before.
    """
    if filters.below_id is None and (filters.since or filters.until):
        # Else the first page would be in the order of first seeing, and the others not.
        newest = session.scalar(select(func.max(Listing.id))) or 0
        filters = replace(filters, below_id=newest + 1)
    seen = replace(filters, any_company=view.companies)
    found = select(Listing).options(joinedload(Listing.source))
    hits = find_rows(session, found, query, seen, enough=limit, limit=limit)
    if query is None or hits.whole or len(hits.rows) >= limit:
        return [row[0] for row in hits.rows]
    # Only a company's newest listings were compared with the words: no page may end before the last one.
    named = select(MatchSummary.listing_id).where(view.of(MatchSummary.company_id))
    if filters.company is not None:
        of_slug = select(Company.id).where(Company.slug == filters.company)
        named = named.where(MatchSummary.company_id == of_slug.scalar_subquery())
    has_terms = search.has_terms(session, query)
    said = select(search.ENTRIES.c.rowid).where(has_terms, search.ENTRIES.c.rowid == Listing.id).exists()
    found = found.where(
        Listing.id.in_(named), said, *filter_conditions(session, replace(filters, company=None))
    )
    return session.scalars(found.order_by(Listing.id.desc()).limit(limit)).all()


def listing_seen(session: Session, view: Visibility, listing_id: int) -> Listing | None:
    """Return a listing with its source; None: there is none, or it may not be seen."""
    query = select(Listing).where(Listing.id == listing_id, sees_listing(view, listing_id))
    return session.scalar(query.options(joinedload(Listing.source)))


def versions_after(
    session: Session, view: Visibility, listing_id: int, *, after: int, limit: int
) -> Sequence[ListingVersion]:
    """Return the versions of a listing with numbers above `after`, oldest first, without their texts."""
    query = select(ListingVersion).where(
        ListingVersion.listing_id == listing_id,
        ListingVersion.number > after,
        sees_listing(view, listing_id),
    )
    texts = (ListingVersion.body, ListingVersion.sample, ListingVersion.links)
    query = query.options(*(defer(text, raiseload=True) for text in texts))
    return session.scalars(query.order_by(ListingVersion.number).limit(limit)).all()


def version_seen(session: Session, view: Visibility, listing_id: int, number: int) -> ListingVersion | None:
    """Return a version with its text; None: there is none, or it may not be seen."""
    query = select(ListingVersion).where(
        ListingVersion.listing_id == listing_id,
        ListingVersion.number == number,
        sees_listing(view, listing_id),
    )
    return session.scalar(query)


def matches_seen(
    session: Session, view: Visibility, listing_id: int, *, limit: int
) -> Sequence[tuple[MatchSummary, str, int]]:
    """Return what was found in the versions of a listing for companies that may be seen, newest first: each
    summary with the company's slug and the version's number.
    """
    query = select(MatchSummary, Company.slug, ListingVersion.number)
    query = query.join(Company, Company.id == MatchSummary.company_id)
    query = query.join(ListingVersion, ListingVersion.id == MatchSummary.version_id)
    query = query.where(MatchSummary.listing_id == listing_id, view.of(MatchSummary.company_id))
    rows = session.execute(query.order_by(MatchSummary.version_id.desc(), Company.slug).limit(limit))
    return [(row[0], row[1], row[2]) for row in rows]
