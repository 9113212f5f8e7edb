"""A seller as a person may see one: a name, and what was offered under it.

A name is all that a site tells. The same name on two sites may be two people.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, joinedload

from storage.alerts import Alert, AlertKind
from storage.listing_tables import Listing
from storage.matches import MatchSummary
from storage.sources import Source
from storage.visible.visibility import Visibility

OFFERS = 200  # on the page of a seller, the newest ones
COUNTED = 10_000  # offers that are counted by source


def offers_of_seller(session: Session, view: Visibility, seller: str) -> Sequence[Listing]:
    """Return the newest offers under this name that may be seen, with their sources."""
    query = _of_seller(select(Listing).options(joinedload(Listing.source)), view, seller)
    return session.scalars(query.order_by(Listing.id.desc()).limit(OFFERS)).all()


def offers_by_source(session: Session, view: Visibility, seller: str) -> Mapping[str, int]:
    """Return how many of the newest COUNTED offers under this name are on each source, the most first."""
    newest = _of_seller(select(Listing.source_id), view, seller)
    counted = newest.order_by(Listing.id.desc()).limit(COUNTED).subquery()
    query = select(Source.name, func.count()).join(counted, counted.c.source_id == Source.id)
    query = query.group_by(Source.name).order_by(func.count().desc(), Source.name)
    return {row[0]: row[1] for row in session.execute(query)}


def findings_of_seller(
    session: Session, view: Visibility, seller: str, *, limit: int = 100
) -> Sequence[Alert]:
    """Return the newest findings about offers under this name that may be seen."""
    query = select(Alert).join(Listing, Listing.id == Alert.listing_id)
    query = query.where(Listing.seller == seller, Alert.kind == AlertKind.FINDING, view.of(Alert.company_id))
    return session.scalars(query.order_by(Alert.id.desc()).limit(limit)).all()


def _of_seller(query: Select[Any], view: Visibility, seller: str) -> Select[Any]:
    query = query.where(Listing.seller == seller)
    if view.companies is None:
        return query
    matched = MatchSummary.company_id.in_(sorted(view.companies))
    return query.where(exists().where(MatchSummary.listing_id == Listing.id, matched))
