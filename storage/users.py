"""People who may sign in to the console, what each may do for which company, and their sessions.

A session's token is known to its browser only; the row holds its SHA-256.
"""

import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import CursorResult, ForeignKey, Index, UniqueConstraint, and_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, delete_rows, insert_new, state_moved

TOKEN_BYTES = 32
#: After this time, a person's next sign-in deletes ended sessions. The audit log has who signed in and when.
ENDED_KEPT = timedelta(days=30)
#: A folded name to sign in by: letters and digits of any script, and . _ @ + - within.
NAME = re.compile(r"\w[\w.@+-]{0,63}")
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


class SignInMethod(StrEnum):
    """How a session began."""

    PASSWORD = "password"  # noqa: S105  (a word of a row)
    CODE = "code"  # password and a code of an app
    RECOVERY_CODE = "recovery_code"  # password and a recovery code
    PASSKEY = "passkey"
    INVITATION = "invitation"
    PROVIDER = "provider"  # OpenID Connect; a second factor is the provider's to ask for


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
    totp_secret: Mapped[str | None]  # encrypted with the installation's key
    totp_step: Mapped[int | None]  # time step of the last code that was used
    passkey_handle: Mapped[str | None] = mapped_column(unique=True)


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
    browser: Mapped[str]  # its kind, such as "Firefox, Linux"; neither version nor address
    method: Mapped[SignInMethod]


def digest_of(token: str) -> str:
    """Return what a row holds of a random token."""
    return hashlib.sha256(token.encode()).hexdigest()


def begin_session(
    session: Session,
    user: User,
    *,
    now: datetime,
    lasts: timedelta,
    browser: str = "",
    method: SignInMethod = SignInMethod.PASSWORD,
) -> str:
    """Write a session and return its token."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    old = and_(UserSession.user_id == user.id, UserSession.expires_at < now - ENDED_KEPT)
    delete_rows(session, UserSession, old)
    session.add(
        UserSession(
            user_id=user.id,
            token_digest=digest_of(token),
            created_at=now,
            last_used_at=now,
            expires_at=now + lasts,
            browser=browser,
            method=method,
        )
    )
    session.flush()
    return token


def session_of_token(
    session: Session, token: str, *, now: datetime, idle: timedelta | None = None
) -> tuple[UserSession, User] | None:
    """Return the session and its user; None: it does not exist, it has ended, or its user is not active.

    `idle`: time without a request after which it has ended.
    """
    query = select(UserSession, User).join(User, User.id == UserSession.user_id)
    query = query.where(UserSession.token_digest == digest_of(token), UserSession.ended_at.is_(None))
    if idle is not None:
        query = query.where(UserSession.last_used_at > now - idle)
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


def open_sessions(
    session: Session, user_id: int, *, now: datetime, idle: timedelta | None = None
) -> Sequence[UserSession]:
    """Return the sessions of a person that have not ended, the latest use first."""
    query = select(UserSession).where(UserSession.user_id == user_id, UserSession.ended_at.is_(None))
    query = query.where(UserSession.expires_at > now)
    if idle is not None:
        query = query.where(UserSession.last_used_at > now - idle)
    return session.scalars(query.order_by(UserSession.last_used_at.desc(), UserSession.id.desc())).all()


def session_by_id(session: Session, session_id: int) -> UserSession | None:
    return session.get(UserSession, session_id)


def end_session(session: Session, user_id: int, session_id: int, *, now: datetime) -> bool:
    """End one of a person's sessions. False: this person has no such session."""
    ended = update(UserSession).where(
        UserSession.id == session_id, UserSession.user_id == user_id, UserSession.ended_at.is_(None)
    )
    return state_moved(session, ended.values(ended_at=now))


def end_sessions(session: Session, user_id: int, *, now: datetime, keep: int | None = None) -> int:
    """End all sessions of a person but `keep`; return how many."""
    ended = update(UserSession).where(
        UserSession.user_id == user_id, UserSession.ended_at.is_(None), UserSession.expires_at > now
    )
    if keep is not None:
        ended = ended.where(UserSession.id != keep)
    return int(cast("CursorResult[Any]", session.execute(ended.values(ended_at=now))).rowcount)


def folded_name(typed: str) -> str | None:
    """Return a name to sign in by as it is stored; None: it cannot be one."""
    folded = unicodedata.normalize("NFKC", typed.strip()).casefold()
    return folded if NAME.fullmatch(folded) else None


def user_by_name(session: Session, name: str) -> User | None:
    """`name`: folded."""
    return session.scalar(select(User).where(User.name == name))


def user_by_id(session: Session, user_id: int) -> User | None:
    return session.get(User, user_id)


def lock_user(session: Session, user_id: int) -> User | None:
    """Return the person, locked for the rest of the transaction. Rows may still refer to a locked person.

    Lock the person before limits and the audit log, so that two sign-ins never wait for each other.
    """
    return session.get(User, user_id, with_for_update={"key_share": True}, populate_existing=True)


def all_users(session: Session) -> Sequence[User]:
    return session.scalars(select(User).order_by(User.name)).all()


def is_anybody_there(session: Session) -> bool:
    return session.scalar(select(User.id).limit(1)) is not None


def add_user(session: Session, name: str, *, now: datetime, language: str = "en") -> User | None:
    """Store a person without a password or roles. None: somebody has this name. `name`: folded."""
    blank = {"active": True, "language": language, "zone": "UTC", "preferences": {}, "created_at": now}
    added = insert_new(session, User).values(name=name, **blank).returning(User.id)
    if session.scalar(added) is None:
        return None
    return user_by_name(session, name)


def rename_user(session: Session, user: User, name: str) -> bool:
    """Give a locked person another name. False: somebody has it."""
    if name != user.name and user_by_name(session, name) is not None:
        return False
    user.name = name
    session.flush()
    return True


def set_role(session: Session, user_id: int, company_id: int | None, role: Role | None) -> bool:
    """Give a locked person a role for a company, or for the installation; None takes it. False: no change."""
    company = Grant.company_id.is_(None) if company_id is None else Grant.company_id == company_id
    held = session.scalar(select(Grant).where(Grant.user_id == user_id, company))
    if (None if held is None else held.role) is role:
        return False
    if held is not None and role is not None:
        held.role = role
    elif role is not None:
        session.add(Grant(user_id=user_id, company_id=company_id, role=role))
    else:
        session.delete(held)
    session.flush()
    return True


def grants_of(session: Session, user_id: int) -> Sequence[Grant]:
    return session.scalars(select(Grant).where(Grant.user_id == user_id).order_by(Grant.id)).all()


def set_preference(session: Session, user_id: int, key: str, value: object) -> bool:
    """Store one of a person's preferences, and leave the others as they are. `value`: JSON; None removes it.

    False, and nothing is stored: all of them together would be larger than MAX_PREFERENCES_BYTES, or there is
    no such person.
    """
    user = lock_user(session, user_id)
    if user is None:
        return False
    kept = {name: held for name, held in user.preferences.items() if name != key}
    changed = kept if value is None else kept | {key: value}
    if len(json.dumps(changed)) > MAX_PREFERENCES_BYTES:
        return False
    user.preferences = changed
    session.flush()
    return True
