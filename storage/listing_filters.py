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

from sqlalchemy import ColumnElement, Float, Select, TextClause, cast, exists, func, select, text
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
Condition = ColumnElement[bool] | TextClause


@dataclass(frozen=True, slots=True)
class ListingFilters:
    """Conditions of a search; None: no condition. Times are those of first seeing."""

    source: str | None = None  # name
    company: str | None = None  # slug; listings with matches of this company
    companies: frozenset[int] | None = None  # ids; listings with matches of one of them
    life: Life | None = None
    gone: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    seller: str | None = None
    currency: str | None = None
    min_price: Decimal | None = None  # in any currency; use it together with `currency`
    min_records: int | None = None
    below_id: int | None = None  # the last id of the previous page

    @property
    def is_empty(self) -> bool:
        return self == ListingFilters()


def search_listings(
    session: Session, query: str | None = None, *, filters: ListingFilters | None = None, limit: int = 50
) -> Sequence[Listing]:
    """Return listings, newest first, each with its source. Without a query: all that pass the filters."""
    wanted = filters or ListingFilters()
    found = select(Listing).options(joinedload(Listing.source)).limit(limit)
    found = found.where(*_conditions(session, wanted))
    if query is not None:
        return _search_text(session, found, query, wanted, limit)
    companies = _companies(session, wanted)
    if wanted.min_records is None and wanted.min_price is None:
        if companies is not None:
            return _of_companies(session, found, companies, limit)
        return session.scalars(_in_order(found, wanted)).all()
    if companies is not None:
        found = found.where(_is_of(companies))
    last = session.scalar(select(func.max(Listing.id))) or 0
    above = min(last, (wanted.below_id or last) - 1) - NEWEST
    newest = session.scalars(found.where(Listing.id > above).order_by(Listing.id.desc())).all()
    if len(newest) == limit:
        return newest
    # An expression, so that the rows come from an index of the numbers and are sorted afterwards.
    return session.scalars(found.order_by((Listing.id + 0).desc())).all()


def recent_listings(session: Session, *, limit: int = 50) -> Sequence[Listing]:
    return search_listings(session, limit=limit)


def _conditions(session: Session, wanted: ListingFilters) -> list[Condition]:
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
    if wanted.min_records is not None:
        conditions.append(Listing.claimed_records >= wanted.min_records)
    if wanted.below_id is not None:
        conditions.append(Listing.id < wanted.below_id)
    return conditions


def _companies(session: Session, wanted: ListingFilters) -> frozenset[int] | None:
    """Return the companies of which a listing must have matches; None: it need not have any."""
    if wanted.company is None:
        return wanted.companies
    named = session.scalar(select(Company.id).where(Company.slug == wanted.company)) or 0
    return frozenset({named} if wanted.companies is None or named in wanted.companies else ())


def _is_of(companies: frozenset[int]) -> ColumnElement[bool]:
    matched = MatchSummary.company_id.in_(sorted(companies))
    return exists().where(MatchSummary.listing_id == Listing.id, matched)


def _in_order(found: Select[Listing], wanted: ListingFilters) -> Select[Listing]:
    if wanted.below_id is None and (wanted.since or wanted.until):
        return found.order_by(Listing.first_seen_at.desc(), Listing.id.desc())
    return found.order_by(Listing.id.desc())


def _of_companies(
    session: Session, found: Select[Listing], companies: frozenset[int], limit: int
) -> Sequence[Listing]:
    """Return the newest listings with matches of one of these companies: the newest of each, merged."""
    newest: dict[int, Listing] = {}
    for company_id in sorted(companies):
        newest |= {each.id: each for each in session.scalars(_of_company(found, company_id))}
    return sorted(newest.values(), key=lambda each: -each.id)[:limit]


def _of_company(found: Select[Listing], company_id: int) -> Select[Listing]:
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
    session: Session, found: Select[Listing], query: str, wanted: ListingFilters, limit: int
) -> Sequence[Listing]:
    """Search in the newest entries first: a word that most listings have is found there at once."""
    if (companies := _companies(session, wanted)) is not None:
        found = found.where(_is_of(companies))
    has_terms = search.has_terms(session, query)
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    newest, everywhere = (
        _postgresql_hits(session, has_terms, wanted, limit)
        if on_postgresql
        else _sqlite_hits(session, has_terms, wanted, limit)
    )
    first = session.scalars(found.where(Listing.id.in_(newest)).order_by(Listing.id.desc())).all()
    if len(first) == limit or everywhere is None:
        return first
    return session.scalars(found.where(everywhere).order_by((Listing.id + 0).desc())).all()


def _sqlite_hits(
    session: Session, has_terms: ColumnElement[bool], wanted: ListingFilters, limit: int
) -> tuple[Select[int], ColumnElement[bool] | None]:
    """Return the newest hits, and the condition for all of them; None: the newest ones are enough.

    FTS5 gives hits in the order of their ids, without reading all of them.
    """
    entry = search.ENTRIES.c.rowid
    hits = select(entry).where(has_terms).order_by(entry.desc())
    if wanted.below_id is not None:
        hits = hits.where(entry < wanted.below_id)
    if replace(wanted, below_id=None).is_empty:
        return hits.limit(limit), None
    if session.scalar(hits.offset(NEWEST).limit(1)) is None:
        return hits.limit(NEWEST), None
    # Many listings have the words: begin with the filters, and look each listing up among the hits.
    return hits.limit(NEWEST), exists().where(has_terms, entry == Listing.id)


def _postgresql_hits(
    session: Session, has_terms: ColumnElement[bool], wanted: ListingFilters, limit: int
) -> tuple[Select[int], ColumnElement[bool] | None]:
    """Return the hits among the newest entries, and the condition for all of them.

    Its index gives all hits at once, which takes seconds for a word that most listings have. OFFSET keeps it
    from being used for the newest entries.
    """
    entry = search.ENTRIES.c.rowid
    everywhere = select(entry).where(has_terms)
    if replace(wanted, below_id=None).is_empty:
        if wanted.below_id is not None:
            everywhere = everywhere.where(entry < wanted.below_id)
        # An expression, so that the index of the words is used and not the order of the entries.
        everywhere = everywhere.order_by((entry + 0).desc()).limit(limit)
    last = wanted.below_id or (session.scalar(select(func.max(Listing.id))) or 0) + 1
    newest = select(search.ENTRIES).where(entry < last, entry >= last - NEWEST_ENTRIES).offset(0).subquery()
    moved = ClauseAdapter(newest).traverse(has_terms)
    return select(newest.c.rowid).where(moved), Listing.id.in_(everywhere)
