"""Searches that people keep under a name, for themselves or shared with others."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, delete_rows

MOST = 100  # searches of one person


class SavedSearch(Base):
    """A filter of the first screen. `company_id`: the people of this company see it, too."""

    __tablename__ = "saved_searches"
    __table_args__ = (UniqueConstraint("owner_id", "name"), Index(None, "company_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    query: Mapped[str]  # as in an address, such as severity=high&state=new
    company_id: Mapped[int | None] = mapped_column(ForeignKey("companies.id"))
    shared_with_all: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


def save_search(
    session: Session,
    owner_id: int,
    *,
    name: str,
    query: str,
    company_id: int | None,
    shared_with_all: bool,
    now: datetime,
) -> bool:
    """Store a search, in place of the person's one of the same name. False: the person has MOST already."""
    own = SavedSearch.owner_id == owner_id
    found = session.scalar(select(SavedSearch).where(own, SavedSearch.name == name))
    if found is None:
        if (session.scalar(select(func.count()).select_from(SavedSearch).where(own)) or 0) >= MOST:
            return False
        found = SavedSearch(owner_id=owner_id, name=name, created_at=now)
        session.add(found)
    found.query, found.company_id, found.shared_with_all = query, company_id, shared_with_all
    session.flush()
    return True


def delete_search(session: Session, owner_id: int, search_id: int) -> bool:
    """Delete a search of this person. False: the person has none of this number."""
    own = (SavedSearch.id == search_id) & (SavedSearch.owner_id == owner_id)
    return delete_rows(session, SavedSearch, own) == 1
