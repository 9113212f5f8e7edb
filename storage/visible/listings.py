"""The listings that a person may see: all of them, or those with matches of the person's companies.

A listing belongs to no company. Who sees one company only sees the listings that name it or hold its
customers, so that what is offered of others is not told.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, joinedload, selectinload

from storage.alerts import Alert, AlertKind
from storage.companies import Company
from storage.data_sets import first_offer_of, is_in_data_set
from storage.listing_filters import ListingFilters, search_listings
from storage.listing_tables import Listing, ListingVersion
from storage.matches import MatchSummary
from storage.search import RUN, query_terms
from storage.visible.visibility import Visibility

PAGE = 50
#: Listings that are read to fill a page when some of them have the pairs of a phrase, but not the phrase.
CANDIDATES = 400
#: The newest listings that facets count.
COUNTED = 500
VERSIONS, OFFERS, REPLIES = 50, 100, 100


@dataclass(frozen=True, slots=True)
class ListingPage:
    """`bodies` by id, only with words to search for. `cut`: not all candidates of a phrase were read."""

    listings: Sequence[Listing]
    bodies: Mapping[int, str]
    next_id: int | None
    cut: bool = False


def listing_page(
    session: Session, view: Visibility, words: str | None, wanted: ListingFilters, *, limit: int = PAGE
) -> ListingPage:
    """Return listings, newest first. A phrase in a script without spaces is looked for as it was written."""
    seen = replace(wanted, companies=view.companies)
    if not words:
        found = search_listings(session, filters=seen, limit=limit + 1)
        return ListingPage(found[:limit], {}, found[limit - 1].id if len(found) > limit else None)
    phrases = [run.lower() for run in RUN.findall(words) if len(run) > 2]
    kept: list[Listing] = []
    bodies: dict[int, str] = {}
    read = 0
    while len(kept) <= limit and read < CANDIDATES:
        found = search_listings(session, words, filters=seen, limit=limit + 1)
        texts = _newest_texts(session, found)
        for each in found:
            text = texts.get(each.id, "")
            if all(phrase in f"{each.title}\n{each.seller or ''}\n{text}".lower() for phrase in phrases):
                kept.append(each)
                bodies[each.id] = text
        read += len(found)
        if len(found) <= limit or not phrases:
            break
        seen = replace(seen, below_id=found[-1].id)
    cut = len(kept) <= limit and read >= CANDIDATES
    following = kept[limit - 1].id if len(kept) > limit else (seen.below_id if cut else None)
    shown = kept[:limit]
    return ListingPage(shown, {each.id: bodies[each.id] for each in shown}, following, cut)


def _newest_texts(session: Session, listings: Sequence[Listing]) -> Mapping[int, str]:
    """Return the masked text of each listing's newest version."""
    query = select(ListingVersion.listing_id, ListingVersion.body, ListingVersion.sample)
    query = query.join(Listing, Listing.id == ListingVersion.listing_id)
    query = query.where(
        Listing.id.in_([each.id for each in listings]), ListingVersion.number == Listing.version_number
    )
    return {row.listing_id: f"{row.body}\n{row.sample}" for row in session.execute(query)}


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of the newest listings that fit have each value. `whole`: there are no others."""

    sources: Mapping[str, int]
    lives: Mapping[str, int]
    currencies: Mapping[str, int]
    counted: int
    whole: bool


def listing_facets(session: Session, view: Visibility, words: str | None, wanted: ListingFilters) -> Facets:
    """Count the newest COUNTED listings that fit."""
    seen = replace(wanted, companies=view.companies, below_id=None)
    found = search_listings(session, words or None, filters=seen, limit=COUNTED + 1)
    counted = found[:COUNTED]
    return Facets(
        Counter(each.source.name for each in counted),
        Counter(each.life.value for each in counted),
        Counter(each.price_currency for each in counted if each.price_currency),
        len(counted),
        len(found) <= COUNTED,
    )


def highlighted_words(words: str) -> Sequence[str]:
    """Return what a search found, to mark it in texts: words, and phrases as they were written."""
    runs = [run for run in RUN.findall(words) if len(run) > 1]
    return sorted(
        {*runs, *(term for term, _ in query_terms(words) if not RUN.fullmatch(term))}, key=len, reverse=True
    )


def visible_listing(session: Session, view: Visibility, listing_id: int) -> Listing | None:
    """Return a listing with its source; None: there is none, or it may not be seen."""
    query = select(Listing).options(joinedload(Listing.source)).where(Listing.id == listing_id)
    return session.scalar(_seen(query, view))


def versions_of_listing(session: Session, view: Visibility, listing: Listing) -> Sequence[ListingVersion]:
    """Return the newest versions, newest first, with attachments and captures."""
    query = select(ListingVersion).where(ListingVersion.listing_id == listing.id)
    query = query.options(selectinload(ListingVersion.attachments), joinedload(ListingVersion.capture))
    return session.scalars(query.order_by(ListingVersion.number.desc()).limit(VERSIONS)).unique().all()


def other_offers(session: Session, view: Visibility, listing: Listing) -> Sequence[Listing]:
    """Return the other offers of the same data that may be seen, oldest first."""
    query = select(Listing).options(joinedload(Listing.source))
    query = query.where(is_in_data_set(first_offer_of(listing)), Listing.id != listing.id)
    return session.scalars(_seen(query, view).order_by(Listing.id).limit(OFFERS)).all()


def replies_of(session: Session, view: Visibility, listing: Listing) -> Sequence[Listing]:
    """Return the replies of a thread that may be seen, oldest first."""
    query = select(Listing).options(joinedload(Listing.source))
    query = query.where(Listing.source_id == listing.source_id, Listing.thread_key == listing.key)
    return session.scalars(_seen(query, view).order_by(Listing.id).limit(REPLIES)).all()


def _seen(query: Select[Listing], view: Visibility) -> Select[Listing]:
    """Return a query for those of its listings that may be seen."""
    if view.companies is None:
        return query
    matched = MatchSummary.company_id.in_(sorted(view.companies))
    return query.where(exists().where(MatchSummary.listing_id == Listing.id, matched))


@dataclass(frozen=True, slots=True)
class MatchedCompany:
    slug: str
    name: str
    summary: MatchSummary


def matches_of_listing(session: Session, view: Visibility, listing: Listing) -> Sequence[MatchedCompany]:
    """Return the newest summary of each company that may be seen."""
    query = select(Company.slug, Company.name, MatchSummary).join(
        Company, Company.id == MatchSummary.company_id
    )
    query = query.where(MatchSummary.listing_id == listing.id, view.of(MatchSummary.company_id))
    found = session.execute(query.order_by(MatchSummary.version_id))
    return list({row[0]: MatchedCompany(*row) for row in found}.values())


def findings_of_listing(session: Session, view: Visibility, listing: Listing) -> Sequence[Alert]:
    """Return the findings about a listing that may be seen."""
    query = select(Alert).where(
        Alert.listing_id == listing.id, Alert.kind == AlertKind.FINDING, view.of(Alert.company_id)
    )
    return session.scalars(query.order_by(Alert.id)).all()
