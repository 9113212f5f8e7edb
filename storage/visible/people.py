"""The people whom a person may see: those with a role for a company that this person sees."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from storage.users import Grant, Role, User
from storage.visible.visibility import Visibility

LIMIT = 1000  # people in one answer
#: Who works on findings may own one.
OWNERS = (Role.ANALYST, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class KnownPerson:
    id: int
    name: str


def people_of(session: Session, view: Visibility, company_id: int | None = None) -> Sequence[KnownPerson]:
    """Return the active people who may own findings of the visible companies, by name.

    `company_id`: only those who may own this company's findings; nobody if it may not be seen. Who has a role
    for the whole installation may own every finding.
    """
    if company_id is not None and not view.includes(company_id):
        return []
    companies = view.of(Grant.company_id) if company_id is None else Grant.company_id == company_id
    query = select(User.id, User.name).distinct().join(Grant, Grant.user_id == User.id)
    query = query.where(User.active, Grant.role.in_(OWNERS), or_(companies, Grant.company_id.is_(None)))
    return [KnownPerson(*row) for row in session.execute(query.order_by(User.name).limit(LIMIT))]
