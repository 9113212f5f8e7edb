"""The people whom a person may see: those with a role for a company that this person sees."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, or_, select, true
from sqlalchemy.orm import Session

from storage.second_factors import Passkey
from storage.sign_in_limits import SignInLimit
from storage.users import Grant, Role, User
from storage.visible.visibility import Visibility

LIMIT = 1000  # people in one answer
PAGE = 100  # people on one page
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


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as admins see one. `roles` by company's id (None: all), those of visible companies only.

    `managed`: every role of this person is of a visible company, so nobody else has a say.
    """

    id: int
    name: str
    active: bool
    has_password: bool
    second_factor: bool
    blocked: bool
    last_seen_at: datetime | None
    roles: Mapping[int | None, Role]
    managed: bool


def people_page(
    session: Session, view: Visibility, *, now: datetime, after: int | None = None
) -> Sequence[PersonRow]:
    """Return up to PAGE people with a role for a visible company, by name, after the person of that id."""
    query = select(User).where(_within(view)).order_by(User.name).limit(PAGE)
    if after is not None:
        last = select(User.name).where(User.id == after, _within(view)).scalar_subquery()
        query = query.where(User.name > last)
    return _rows(session, view, session.scalars(query).all(), now)


def person_row(session: Session, view: Visibility, user_id: int, *, now: datetime) -> PersonRow | None:
    """Return a person; None: there is none of that number, or none that may be seen."""
    found = session.scalars(select(User).where(User.id == user_id, _within(view))).all()
    return next(iter(_rows(session, view, found, now)), None)


def _within(view: Visibility) -> ColumnElement[bool]:
    if view.companies is None:
        return true()
    return exists().where(Grant.user_id == User.id, view.of(Grant.company_id))


def _rows(session: Session, view: Visibility, people: Sequence[User], now: datetime) -> Sequence[PersonRow]:
    """Read what belongs to some people with one query per kind."""
    ids = [each.id for each in people]
    grants: defaultdict[int, dict[int | None, Role]] = defaultdict(dict)
    for grant in session.scalars(select(Grant).where(Grant.user_id.in_(ids)).order_by(Grant.id)):
        grants[grant.user_id][grant.company_id] = grant.role
    with_passkey = set(session.scalars(select(Passkey.user_id).where(Passkey.user_id.in_(ids))))
    in_force = select(SignInLimit.user_id).where(
        SignInLimit.user_id.in_(ids), SignInLimit.blocked_until > now
    )
    blocked = set(session.scalars(in_force))
    return [
        PersonRow(
            id=each.id,
            name=each.name,
            active=each.active,
            has_password=each.password_hash is not None,
            second_factor=each.totp_secret is not None or each.id in with_passkey,
            blocked=each.id in blocked,
            last_seen_at=each.last_seen_at,
            roles={company: role for company, role in grants[each.id].items() if view.includes(company)},
            managed=all(view.includes(company) for company in grants[each.id]),
        )
        for each in people
    ]
