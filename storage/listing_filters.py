"""The questions of people about listings: words, filters, and the newest 50 that pass them.

Each filter has an index that gives its listings in the order of the answer, or few of them, so that a
question costs the same with 10,000 listings and with ten million. Two kinds of questions are asked twice:
first in the newest part, where what is common is found at once, and only if that is not enough in all
listings, where what is asked for is then known to be rare.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Float, Row, Select, TextClause, cast, exists, func, select, text
from sqlalchemy.orm import Session, aliased, joinedload
from sqlalchemy.sql.util import ClauseAdapter

from storage import search
from storage.companies import Company
from storage.listing_tables import CHANGED_LIFE, Life, Listing
from storage.matches import MatchSummary
from storage.sources import Source

#: Ids of the newest part, and hits of a text search there.
NEWEST = 20_000
#: Entries of PostgreSQL's search index that are compared one by one.
NEWEST_ENTRIES = 6_000
#: Listings of some companies, the newest ones, among which words that many listings have are looked for.
NEWEST_OF_COMPANIES = 5_000
Condition = ColumnElement[bool] | TextClause


@dataclass(frozen=True, slots=True)
class ListingFilters:
    """Conditions of a search; None: no condition. Times are those of first seeing."""

    source: str | None = None  # name
    company: str | None = None  # slug; listings with matches of this company
    life: Life | None = None
    gone: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    seller: str | None = None
    currency: str | None = None
    min_price: Decimal | None = None  # in any currency; use it together with `currency`
    min_records: int | None = None
    below_id: int | None = None  # the last id of the previous page
    max_price: Decimal | None = None
    max_records: int | None = None
    any_company: frozenset[int] | None = None  # ids; listings with matches of one of these companies

    @property
    def is_empty(self) -> bool:
        return self == ListingFilters()


@dataclass(frozen=True, slots=True)
class FoundRows:
    """The newest rows that were found. `whole`: there are no others. `down_to`: the lowest id that was looked
    at, if the search stopped there.
    """

    rows: Sequence[Row[Any]]
    whole: bool
    down_to: int | None = None


def search_listings(
    session: Session, query: str | None = None, *, filters: ListingFilters | None = None, limit: int = 50
) -> Sequence[Listing]:
    """Return listings, newest first, each with its source. Without a query: all that pass the filters."""
    found = select(Listing).options(joinedload(Listing.source))
    rows = find_rows(session, found, query, filters or ListingFilters(), enough=limit, limit=limit).rows
    return [row[0] for row in rows]


def find_rows(
    session: Session,
    found: Select[Any],
    query: str | None,
    filters: ListingFilters,
    *,
    enough: int,
    limit: int,
    most_priced: int | None = None,
) -> FoundRows:
    """Return up to `limit` rows of a question whose first column is a listing or its id, newest first.

    If `enough` of them are found in the newest part, nothing else is looked at. `most_priced`: number of ids
    among which prices are compared; None: all, which costs as much as there are listings.
    """
    company_ids = _company_ids(session, filters)
    found = found.where(*filter_conditions(session, filters)).limit(limit)
    if query is not None:
        return _search_text(session, found, query, filters, company_ids, enough, limit)
    if company_ids is not None:
        return _as_found(_of_companies(session, found, company_ids, limit), limit)
    if not _has_numbers(filters):
        return _as_found(session.execute(_in_order(found, filters)).all(), limit)
    last = session.scalar(select(func.max(Listing.id))) or 0
    above = min(last, (filters.below_id or last) - 1) - NEWEST
    newest = session.execute(found.where(Listing.id > above).order_by(Listing.id.desc())).all()
    if len(newest) >= enough or above <= 0:
        return FoundRows(newest, above <= 0 and len(newest) < limit)
    if most_priced is not None and (filters.min_price is not None or filters.max_price is not None):
        above = max(0, above + NEWEST - most_priced)
        rows = session.execute(found.where(Listing.id > above).order_by(Listing.id.desc())).all()
        stopped = above + 1 if above and len(rows) < limit else None
        return FoundRows(rows, len(rows) < limit and not above, stopped)
    # An expression, so that the rows come from an index of the numbers and are sorted afterwards.
    return _as_found(session.execute(found.order_by((Listing.id + 0).desc())).all(), limit)


def _as_found(rows: Sequence[Row[Any]], limit: int) -> FoundRows:
    return FoundRows(rows, len(rows) < limit)


def _has_numbers(wanted: ListingFilters) -> bool:
    numbers = (wanted.min_price, wanted.max_price, wanted.min_records, wanted.max_records)
    return any(number is not None for number in numbers)


def _company_ids(session: Session, wanted: ListingFilters) -> frozenset[int] | None:
    """Return the companies of which one must have matches; None: none has to."""
    if wanted.company is None:
        return wanted.any_company
    company_id = session.scalar(select(Company.id).where(Company.slug == wanted.company)) or 0
    seen = wanted.any_company is None or company_id in wanted.any_company
    return frozenset({company_id}) if seen else frozenset()


def recent_listings(session: Session, *, limit: int = 50) -> Sequence[Listing]:
    return search_listings(session, limit=limit)


def filter_conditions(session: Session, wanted: ListingFilters) -> list[Condition]:
    """Return the conditions except that of the company."""
    conditions: list[Condition] = []
    if wanted.source is not None:
        # Looked up first, so that the databases see one number and use its index.
        source_id = session.scalar(select(Source.id).where(Source.name == wanted.source))
        conditions.append(Listing.source_id == (source_id or 0))
    if wanted.life is not None:
        conditions.append(Listing.life == wanted.life)
    if wanted.gone is not None:
        conditions.append(Listing.gone_at.is_not(None) if wanted.gone else Listing.gone_at.is_(None))
    if wanted.gone:
        conditions.append(Listing.life == Life.GONE)  # of each listing that is gone
    if wanted.gone or wanted.life not in (None, Life.NEW):
        conditions.append(text(CHANGED_LIFE))
    if wanted.since is not None:
        conditions.append(Listing.first_seen_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Listing.first_seen_at < wanted.until)
    if wanted.seller is not None:
        conditions.append(Listing.seller == wanted.seller)
    if wanted.currency is not None:
        conditions.append(Listing.price_currency == wanted.currency)
    if wanted.min_price is not None:
        # The price is stored as text, to keep it exact; a float is precise enough for a comparison.
        conditions.append(cast(Listing.price_amount, Float) >= float(wanted.min_price))
    if wanted.max_price is not None:
        conditions.append(cast(Listing.price_amount, Float) <= float(wanted.max_price))
    if wanted.min_records is not None:
        conditions.append(Listing.claimed_records >= wanted.min_records)
    if wanted.max_records is not None:
        conditions.append(Listing.claimed_records <= wanted.max_records)
    if wanted.below_id is not None:
        conditions.append(Listing.id < wanted.below_id)
    return conditions


def _in_order(found: Select[Any], wanted: ListingFilters) -> Select[Any]:
    if wanted.below_id is None and (wanted.since or wanted.until):
        return found.order_by(Listing.first_seen_at.desc(), Listing.id.desc())
    return found.order_by(Listing.id.desc())


def _of_companies(
    session: Session, found: Select[Any], company_ids: frozenset[int], limit: int
) -> Sequence[Row[Any]]:
    """Read each company's listings in the order of an index, and take the newest of all of them."""
    rows: dict[int, Row[Any]] = {}
    for company_id in sorted(company_ids):
        query = _of_company(found.add_columns(MatchSummary.listing_id), company_id)
        rows |= {row[-1]: row for row in session.execute(query)}
    return [rows[listing_id] for listing_id in sorted(rows, reverse=True)[:limit]]


def _of_company(found: Select[Any], company_id: int) -> Select[Any]:
    """Begin with the company's summaries, one of each listing, in the order of an index."""
    later = aliased(MatchSummary)
    has_later = exists().where(
        later.company_id == MatchSummary.company_id,
        later.listing_id == MatchSummary.listing_id,
        later.version_id > MatchSummary.version_id,
    )
    found = found.join(MatchSummary, MatchSummary.listing_id == Listing.id)
    found = found.where(MatchSummary.company_id == company_id, ~has_later)
    return found.order_by(MatchSummary.listing_id.desc())


def _search_text(
    session: Session,
    found: Select[Any],
    query: str,
    wanted: ListingFilters,
    company_ids: frozenset[int] | None,
    enough: int,
    limit: int,
) -> FoundRows:
    """Search in the newest entries first: a word that most listings have is found there at once."""
    has_terms = search.has_terms(session, query)
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    newest, everywhere = (
        _postgresql_hits(session, has_terms, wanted, company_ids, limit)
        if on_postgresql
        else _sqlite_hits(session, has_terms, wanted, company_ids, limit)
    )
    seen = found if company_ids is None else found.where(_has_match(company_ids))
    first = session.execute(seen.where(Listing.id.in_(newest)).order_by(Listing.id.desc())).all()
    if everywhere is None or len(first) >= enough:
        return FoundRows(first, everywhere is None and len(first) < limit)
    if company_ids is None:
        rows = session.execute(found.where(everywhere).order_by((Listing.id + 0).desc())).all()
        return _as_found(rows, limit)
    # Begin with the companies' listings: a word that is common has most of its listings elsewhere.
    theirs = _newest_listings(session, company_ids, wanted.below_id)
    rows = session.execute(
        found.where(Listing.id.in_(theirs), everywhere).order_by((Listing.id + 0).desc())
    ).all()
    if len(theirs) < NEWEST_OF_COMPANIES or len(rows) == limit:
        return _as_found(rows, limit)
    return FoundRows(rows, whole=False, down_to=theirs[-1])


def _has_match(company_ids: frozenset[int]) -> ColumnElement[bool]:
    named = MatchSummary.company_id.in_(sorted(company_ids))
    return exists().where(MatchSummary.listing_id == Listing.id, named)


def _newest_listings(session: Session, company_ids: frozenset[int], below_id: int | None) -> Sequence[int]:
    found: set[int] = set()
    for company_id in company_ids:
        ids = select(MatchSummary.listing_id).where(MatchSummary.company_id == company_id)
        if below_id is not None:
            ids = ids.where(MatchSummary.listing_id < below_id)
        newest = ids.order_by(MatchSummary.listing_id.desc()).limit(NEWEST_OF_COMPANIES)
        found.update(session.scalars(newest))
    return sorted(found, reverse=True)[:NEWEST_OF_COMPANIES]


def _is_empty(wanted: ListingFilters, company_ids: frozenset[int] | None) -> bool:
    return company_ids is None and replace(wanted, below_id=None).is_empty


def _sqlite_hits(
    session: Session,
    has_terms: ColumnElement[bool],
    wanted: ListingFilters,
    company_ids: frozenset[int] | None,
    limit: int,
) -> tuple[Select[int], ColumnElement[bool] | None]:
    """Return the newest hits, and the condition for all of them; None: the newest ones are enough.

    FTS5 gives hits in the order of their ids, without reading all of them.
    """
    entry = search.ENTRIES.c.rowid
    hits = select(entry).where(has_terms).order_by(entry.desc())
    if wanted.below_id is not None:
        hits = hits.where(entry < wanted.below_id)
    if _is_empty(wanted, company_ids):
        return hits.limit(limit), None
    if session.scalar(hits.offset(NEWEST).limit(1)) is None:
        return hits.limit(NEWEST), None
    # Many listings have the words: begin with the filters, and look each listing up among the hits.
    return hits.limit(NEWEST), exists().where(has_terms, entry == Listing.id)


def _postgresql_hits(
    session: Session,
    has_terms: ColumnElement[bool],
    wanted: ListingFilters,
    company_ids: frozenset[int] | None,
    limit: int,
) -> tuple[Select[int], ColumnElement[bool] | None]:
    """Return the hits among the newest entries, and the condition for all of them.

    Its index gives all hits at once, which takes seconds for a word that most listings have. OFFSET keeps it
    from being used for the newest entries.
    """
    entry = search.ENTRIES.c.rowid
    everywhere = select(entry).where(has_terms)
    if _is_empty(wanted, company_ids):
        if wanted.below_id is not None:
            everywhere = everywhere.where(entry < wanted.below_id)
        # An expression, so that the index of the words is used and not the order of the entries.
        everywhere = everywhere.order_by((entry + 0).desc()).limit(limit)
    last = wanted.below_id or (session.scalar(select(func.max(Listing.id))) or 0) + 1
    newest = select(search.ENTRIES).where(entry < last, entry >= last - NEWEST_ENTRIES).offset(0).subquery()
    moved = ClauseAdapter(newest).traverse(has_terms)
    return select(newest.c.rowid).where(moved), Listing.id.in_(everywhere)
