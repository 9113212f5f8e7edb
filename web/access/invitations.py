"""Inviting people by a link that sets a password once, within a day. Needs nothing of the web extra."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from configuration.web_settings import DEFAULT_LISTEN, WebSettings
from storage import users
from storage.invitations import invite_again
from storage.users import Role, User
from web.audit import AuditAction, audit

EVERYWHERE = ("0.0.0.0", "[::]", "::", "")  # noqa: S104  (compared, not bound)


def make_invitation(
    session: Session,
    settings: WebSettings,
    name: str,
    roles: Mapping[int | None, Role],
    *,
    by: str,
    now: datetime,
    language: str = "en",
) -> str | None:
    """Store a person with roles by company's id (None: all companies) and return the link; None: the name is
    taken. `name`: folded. `by`: the actor, such as cli:LOGIN.
    """
    user = users.add_user(session, name, now=now, language=language)
    if user is None:
        return None
    for company_id, role in roles.items():
        users.set_role(session, user.id, company_id, role)
    return link_for(session, settings, user, by=by, now=now, reason="new")


def link_for(
    session: Session, settings: WebSettings, user: User, *, by: str, now: datetime, reason: str
) -> str:
    """Return a new link for a person. Earlier ones no longer work."""
    token = invite_again(session, user.id, by=by, now=now)
    held = {str(grant.company_id or "all"): grant.role.value for grant in users.grants_of(session, user.id)}
    subject = f"person:{user.name}"
    audit(session, by, AuditAction.PERSON_INVITED, now, subject=subject, roles=held, reason=reason)
    return f"{console_address(settings)}/welcome/{token}"


def console_address(settings: WebSettings) -> str:
    """Return the address under which people open the console, without a slash at its end."""
    if settings.public_url:
        return settings.public_url
    host, _, port = (settings.listen or DEFAULT_LISTEN).rpartition(":")
    scheme = "https" if settings.tls_certificate else "http"
    return f"{scheme}://{'localhost' if host in EVERYWHERE else host}:{port}"
