"""People who may sign in to the console, what each may do for which company, and their sessions.

A session's token is known to its browser only; the row holds its SHA-256.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base

TOKEN_BYTES = 32
#: What one person's preferences may hold in all, as JSON.
MAX_PREFERENCES_BYTES = 64 * 1024


class Role(StrEnum):
    """What a person may do; each role includes the ones before it."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return tuple(Role).index(self)


class User(Base):
    """A person with a name to sign in by. Rows are never deleted, because what people did refers to them."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)  # folded; what is typed to sign in
    password_hash: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    language: Mapped[str] = mapped_column(default="en")
    zone: Mapped[str] = mapped_column(default="UTC")  # of the IANA database
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]


class Grant(Base):
    """A role for one company; without a company, for the whole installation and every company."""

    __tablename__ = "grants"
    __table_args__ = (UniqueConstraint("user_id", "company_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    company_id: Mapped[int | None] = mapped_column(ForeignKey("companies.id"))
    role: Mapped[Role]


class UserSession(Base):
    """A browser that is signed in."""

    __tablename__ = "user_sessions"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    token_digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


def digest_of(token: str) -> str:
    """Return what a row holds of a random token."""
    return hashlib.sha256(token.encode()).hexdigest()


def begin_session(session: Session, user: User, *, now: datetime, lasts: timedelta) -> str:
    """Write a session and return its token."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        UserSession(
            user_id=user.id,
            token_digest=digest_of(token),
            created_at=now,
            last_used_at=now,
            expires_at=now + lasts,
        )
    )
    session.flush()
    return token


def session_of_token(session: Session, token: str, *, now: datetime) -> tuple[UserSession, User] | None:
    """Return the session and its user; None: it does not exist, it has ended, or its user is not active."""
    query = select(UserSession, User).join(User, User.id == UserSession.user_id)
    query = query.where(UserSession.token_digest == digest_of(token), UserSession.ended_at.is_(None))
    found = session.execute(query.where(UserSession.expires_at > now, User.active)).one_or_none()
    return None if found is None else (found[0], found[1])


def sessions_in_use(session: Session, ids: Collection[int], *, now: datetime) -> set[int]:
    """Return those of the sessions that have not ended, of people who are active."""
    query = select(UserSession.id).join(User, User.id == UserSession.user_id).where(User.active)
    query = query.where(UserSession.id.in_(ids), UserSession.ended_at.is_(None), UserSession.expires_at > now)
    return set(session.scalars(query))


def note_seen(session: Session, session_id: int, *, now: datetime) -> None:
    """Record that a session is in use, and its user's presence with it."""
    session.execute(update(UserSession).where(UserSession.id == session_id).values(last_used_at=now))
    owner = select(UserSession.user_id).where(UserSession.id == session_id).scalar_subquery()
    session.execute(update(User).where(User.id == owner).values(last_seen_at=now))


def grants_of(session: Session, user_id: int) -> Sequence[Grant]:
    return session.scalars(select(Grant).where(Grant.user_id == user_id).order_by(Grant.id)).all()


def set_preference(session: Session, user_id: int, key: str, value: object) -> bool:
    """Store one of a person's preferences, and leave the others as they are. `value`: JSON; None removes it.

    False, and nothing is stored: all of them together would be larger than MAX_PREFERENCES_BYTES, or there is
    no such person.
    """
    user = session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        return False
    kept = {name: held for name, held in user.preferences.items() if name != key}
    changed = kept if value is None else kept | {key: value}
    if len(json.dumps(changed)) > MAX_PREFERENCES_BYTES:
        return False
    user.preferences = changed
    session.flush()
    return True
