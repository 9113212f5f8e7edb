"""The person who makes a request, and the dependencies by which a route says who may call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from storage import users
from storage.second_factors import has_second_factor
from storage.users import Role, SignInMethod, User
from storage.visible.visibility import Visibility
from web.access.cookies import COOKIE, SECURE_COOKIE, session_token
from web.console import Console, ConsoleParts
from web.errors import NotAllowed, NotSignedIn, SecondFactorMissing

__all__ = ["COOKIE", "SECURE_COOKIE"]

SEEN_AGAIN = timedelta(minutes=1)  # between two writes of "last seen"
EVENTS = "text/event-stream"
#: What may be opened while a required second factor is missing: where it is added.
WITHOUT_FACTOR = ("/account", "/sign-out")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`roles` by company id; None stands for the installation, and so for every company."""

    user_id: int
    session_id: int
    name: str
    roles: Mapping[int | None, Role]
    language: str
    zone: str
    preferences: Mapping[str, Any]

    @property
    def view(self) -> Visibility:
        """What this person may see."""
        if None in self.roles:
            return Visibility(None)
        return Visibility(frozenset(company for company in self.roles if company is not None))

    def may(self, role: Role, company_id: int | None = None) -> bool:
        """Return whether this person has a role for a company; None: for the installation."""
        held = (self.roles.get(company_id), self.roles.get(None))
        return any(each is not None and each.rank >= role.rank for each in held)

    @property
    def manages(self) -> Visibility:
        """The companies whose people this person looks after: where the role is admin."""
        if self.may(Role.ADMIN):
            return Visibility(None)
        held = (company for company, role in self.roles.items() if role is Role.ADMIN and company is not None)
        return Visibility(frozenset(held))

    @property
    def is_admin(self) -> bool:
        return self.manages.companies is None or bool(self.manages.companies)

    def require(self, role: Role, company_id: int | None = None) -> None:
        if not self.may(role, company_id):
            raise NotAllowed(role)


def signed_in(request: Request, console: ConsoleParts) -> SignedIn:
    """Return who makes the request; raises NotSignedIn, or SecondFactorMissing outside of /account."""
    token = session_token(request)
    held = None if not token else _held_by(request, console, token)
    if held is None:
        raise NotSignedIn
    person, factor_missing = held
    request.state.person = person
    if factor_missing and not request.url.path.startswith(WITHOUT_FACTOR):
        raise SecondFactorMissing
    return person


def person_if_signed_in(request: Request, console: ConsoleParts) -> SignedIn | None:
    """Return who makes the request to a page that strangers may see."""
    try:
        return signed_in(request, console)
    except (NotSignedIn, SecondFactorMissing):
        return None


def _held_by(request: Request, console: Console, token: str) -> tuple[SignedIn, bool] | None:
    """Return the person, and whether a second factor is required that this person does not have."""
    now, web = console.clock(), console.settings.web
    with console.database.reading() as session:
        idle = timedelta(minutes=web.idle_minutes)
        found = users.session_of_token(session, token, now=now, idle=idle)
        if found is None:
            return None
        held, user = found
        person = person_of(session, user, session_id=held.id)
        missing = (
            web.require_second_factor
            and held.method is not SignInMethod.PROVIDER
            and not has_second_factor(session, user.id)
        )
    # Live updates go on without a person, so they do not keep a session from becoming idle.
    if now - held.last_used_at >= SEEN_AGAIN and EVENTS not in request.headers.get("accept", ""):
        console.database.write(lambda session: users.note_seen(session, held.id, now=now))
    return person, missing


def person_of(session: Session, user: User, *, session_id: int) -> SignedIn:
    roles = {grant.company_id: grant.role for grant in users.grants_of(session, user.id)}
    return SignedIn(
        user_id=user.id,
        session_id=session_id,
        name=user.name,
        roles=roles,
        language=user.language,
        zone=user.zone,
        preferences=user.preferences,
    )


def installation_admin(person: Annotated[SignedIn, Depends(signed_in)]) -> SignedIn:
    """Return who makes the request, if it is an admin of the whole installation."""
    person.require(Role.ADMIN)
    return person


#: Somebody who is signed in; what they see follows from `view`, what they may do from `require`.
Person = Annotated[SignedIn, Depends(signed_in)]
InstallationAdmin = Annotated[SignedIn, Depends(installation_admin)]
