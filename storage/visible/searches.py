"""The saved searches that a person may use: their own, and those that others share with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from storage.companies import Company
from storage.saved_searches import SavedSearch
from storage.users import User
from storage.visible.visibility import Visibility

LIMIT = 200


@dataclass(frozen=True, slots=True)
class SearchRow:
    """`company`: with whose people it is shared; None: with nobody, or with all."""

    id: int
    name: str
    query: str
    owner_id: int
    owner: str
    company: str | None
    shared_with_all: bool


def searches_of(session: Session, view: Visibility, *, user_id: int) -> Sequence[SearchRow]:
    """Return the searches, one's own first, by name."""
    columns = (SavedSearch.id, SavedSearch.name, SavedSearch.query, SavedSearch.owner_id, User.name)
    query = select(*columns, Company.name, SavedSearch.shared_with_all)
    query = query.join(User, User.id == SavedSearch.owner_id)
    query = query.outerjoin(Company, Company.id == SavedSearch.company_id)
    shared = SavedSearch.company_id.is_not(None) & view.of(SavedSearch.company_id)
    seen = or_(SavedSearch.owner_id == user_id, SavedSearch.shared_with_all, shared)
    mine_first = (SavedSearch.owner_id != user_id, SavedSearch.name, SavedSearch.id)
    rows = session.execute(query.where(seen).order_by(*mine_first).limit(LIMIT))
    return [SearchRow(*row) for row in rows]
