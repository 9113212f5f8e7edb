"""The person who makes a request, and the dependencies by which a route says who may call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from storage import users
from storage.users import Role, User
from storage.visible.visibility import Visibility
from web.console import Console, ConsoleParts
from web.errors import NotAllowed, NotSignedIn

COOKIE = "spillwatch_session"
#: With this name a browser takes the cookie from a TLS connection only, for this host only (RFC 6265bis).
SECURE_COOKIE = f"__Host-{COOKIE}"
SEEN_AGAIN = timedelta(minutes=1)  # between two writes of "last seen"


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

    def require(self, role: Role, company_id: int | None = None) -> None:
        if not self.may(role, company_id):
            raise NotAllowed(role)


def signed_in(request: Request, console: ConsoleParts) -> SignedIn:
    """Return who makes the request; raises NotSignedIn."""
    token = request.cookies.get(SECURE_COOKIE) or request.cookies.get(COOKIE)
    person = None if not token else _person_of(console, token)
    if person is None:
        raise NotSignedIn
    request.state.person = person
    return person


def _person_of(console: Console, token: str) -> SignedIn | None:
    now = console.clock()
    with console.database.reading() as session:
        found = users.session_of_token(session, token, now=now)
        if found is None:
            return None
        held, user = found
        person = person_of(session, user, session_id=held.id)
    if now - held.last_used_at >= SEEN_AGAIN:
        console.database.write(lambda session: users.note_seen(session, held.id, now=now))
    return person


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
