"""Who a person of the provider is here, and with which roles.

The subject decides once it is known. A subject that is new is the person with the name of `name_claim`, if
nobody else has that name by this provider; or a new person, if a value of `grants_claim` gives a role.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from configuration.oidc_settings import OidcSettings
from storage import companies, oidc, users
from storage.users import Role, User
from web.audit import AuditAction, audit
from web.oidc.refusal import OidcReason, OidcRefused

MAX_VALUES = 10_000  # of the claim that gives roles
ACTOR = "provider"

log = structlog.get_logger()


def person_of_claims(
    session: Session, settings: OidcSettings, claims: Mapping[str, Any], *, now: datetime
) -> User | None:
    """Return the person, with the roles that the claims give; raises OidcRefused.

    None: the claims give no role any more. What the person had is taken, and the sessions are ended.
    """
    subject = str(claims["sub"])
    user = oidc.user_of_subject(session, settings.issuer, subject)
    roles = _roles_of(session, settings, claims) if settings.grants_claim else None
    if roles is not None and not roles:
        if user is None:
            raise OidcRefused(OidcReason.NO_ROLE)
        users.lock_user(session, user.id)
        _set_roles(session, user, roles, now=now)
        users.end_sessions(session, user.id, now=now)
        return None
    if user is None:
        user = _person_by_name(session, settings, claims, may_add=roles is not None, now=now)
        oidc.add_identity(session, user, settings.issuer, subject, now=now)
    held = users.lock_user(session, user.id)
    if held is None or not held.active:
        raise OidcRefused(OidcReason.PERSON_DISABLED)
    if roles is not None:
        _set_roles(session, held, roles, now=now)
    return held


def _person_by_name(
    session: Session, settings: OidcSettings, claims: Mapping[str, Any], *, may_add: bool, now: datetime
) -> User:
    name = _name_of(settings, claims)
    user = users.user_by_name(session, name)
    if user is None:
        if not may_add:
            raise OidcRefused(OidcReason.PERSON_UNKNOWN)
        user = users.add_user(session, name, now=now)
    if user is None or oidc.subject_of_user(session, settings.issuer, user.id) is not None:
        raise OidcRefused(OidcReason.NAME_TAKEN)
    return user


def _name_of(settings: OidcSettings, claims: Mapping[str, Any]) -> str:
    """Return the folded name. An address counts only if the provider has made sure whose it is."""
    said = claims.get(settings.name_claim)
    if settings.name_claim == "email" and claims.get("email_verified") is not True:
        raise OidcRefused(OidcReason.NAME_UNUSABLE)
    name = users.folded_name(said) if isinstance(said, str) else None
    if name is None:
        raise OidcRefused(OidcReason.NAME_UNUSABLE)
    return name


def _roles_of(session: Session, settings: OidcSettings, claims: Mapping[str, Any]) -> dict[int | None, Role]:
    """Return the highest role for each company that the values of the claim give."""
    said = claims.get(settings.grants_claim)
    values = {said} if isinstance(said, str) else set()
    if isinstance(said, list):
        values = {each for each in said[:MAX_VALUES] if isinstance(each, str)}
    roles: dict[int | None, Role] = {}
    for grant in settings.grants:
        if grant.value not in values:
            continue
        company = None if grant.company is None else companies.company_by_slug(session, grant.company)
        if grant.company is not None and company is None:
            log.warning(
                "[web.oidc] gives a role for a company that does not exist.",
                action="provider_grant_unknown",
                company=grant.company,
            )
            continue
        place = None if company is None else company.id
        if place not in roles or roles[place].rank < grant.role.rank:
            roles[place] = grant.role
    return roles


def _set_roles(session: Session, user: User, roles: Mapping[int | None, Role], *, now: datetime) -> None:
    """Give exactly these roles, with an entry if that changes anything."""
    before = {grant.company_id for grant in users.grants_of(session, user.id)}
    changed = [users.set_role(session, user.id, place, roles.get(place)) for place in {*before, *roles}]
    if any(changed):
        shown = {"all" if place is None else str(place): role.value for place, role in roles.items()}
        audit(
            session,
            ACTOR,
            AuditAction.PERSON_CHANGED,
            now,
            subject=f"person:{user.name}",
            roles=shown,
        )
