"""Tokens by which programs ask the API: what each may do, for which company, and until when.

A token is known to its program only; the row holds its SHA-256. Rows stay after their end, because entries of
the audit log name them; so no name is given twice.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, state_moved
from storage.users import TOKEN_BYTES, digest_of

#: The beginning of each token, so that people and scanners for leaked secrets recognise one.
PREFIX = "spillwatch_"


class TokenScope(StrEnum):
    """What a token may do. None includes another one."""

    FINDINGS_READ = "findings:read"
    FINDINGS_WRITE = "findings:write"
    LISTINGS_READ = "listings:read"
    SOURCES_READ = "sources:read"
    COMPANIES_READ = "companies:read"
    DELIVERIES_READ = "deliveries:read"
    STATISTICS_READ = "statistics:read"
    DELIVERIES_WRITE = "deliveries:write"
    EXPORTS_READ = "exports:read"
    AUDIT_READ = "audit:read"


class ServiceToken(Base):
    """`company_id` None: for the whole installation and every company."""

    __tablename__ = "service_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    token_digest: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    company_id: Mapped[int | None] = mapped_column(ForeignKey("companies.id"), index=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]


def make_token(
    session: Session,
    name: str,
    scopes: Collection[TokenScope],
    *,
    company_id: int | None,
    by: str,
    expires_at: datetime,
    now: datetime,
) -> str:
    """Write a token's row and return the token, which nothing stores."""
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        ServiceToken(
            name=name,
            token_digest=digest_of(token),
            scopes=sorted(scope.value for scope in scopes),
            company_id=company_id,
            made_at=now,
            made_by=by,
            expires_at=expires_at,
        )
    )
    session.flush()
    return token


def row_of_token(session: Session, token: str) -> ServiceToken | None:
    """Return a token's row, also of one that has ended; None: it does not exist."""
    return session.scalar(select(ServiceToken).where(ServiceToken.token_digest == digest_of(token)))


def token_by_name(session: Session, name: str) -> ServiceToken | None:
    return session.scalar(select(ServiceToken).where(ServiceToken.name == name))


def end_token(session: Session, token_id: int, *, by: str, now: datetime) -> bool:
    """End a token before its time. False: it has ended already."""
    ended = update(ServiceToken).where(ServiceToken.id == token_id, ServiceToken.ended_at.is_(None))
    return state_moved(session, ended.values(ended_at=now, ended_by=by))


def note_token_used(session: Session, token_id: int, *, now: datetime) -> None:
    session.execute(update(ServiceToken).where(ServiceToken.id == token_id).values(last_used_at=now))
