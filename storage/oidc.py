"""Which person of an OpenID provider is which person here, and the sign-ins that have been completed.

A provider's `subject` never changes, and names and addresses do. So a name is believed once, when the subject
is first seen, and the subject from then on.
"""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, insert_new
from storage.users import User, digest_of


class OidcIdentity(Base):
    """A person has one subject at most at each issuer."""

    __tablename__ = "oidc_identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("user_id", "issuer"))

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    issuer: Mapped[str]
    subject: Mapped[str]
    added_at: Mapped[datetime]


class OidcStateUsed(Base):
    """A sign-in that was completed, so that it is completed once; kept as long as it could be repeated."""

    __tablename__ = "oidc_states_used"

    state_digest: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime] = mapped_column(index=True)


def user_of_subject(session: Session, issuer: str, subject: str) -> User | None:
    query = select(User).join(OidcIdentity, OidcIdentity.user_id == User.id)
    return session.scalar(query.where(OidcIdentity.issuer == issuer, OidcIdentity.subject == subject))


def subject_of_user(session: Session, issuer: str, user_id: int) -> str | None:
    query = select(OidcIdentity.subject)
    return session.scalar(query.where(OidcIdentity.issuer == issuer, OidcIdentity.user_id == user_id))


def add_identity(session: Session, user: User, issuer: str, subject: str, *, now: datetime) -> None:
    session.add(OidcIdentity(user_id=user.id, issuer=issuer, subject=subject, added_at=now))
    session.flush()


def use_state(session: Session, state: str, *, now: datetime, kept: timedelta) -> bool:
    """Note that a sign-in is completed. False: it was completed before."""
    session.execute(delete(OidcStateUsed).where(OidcStateUsed.used_at < now - kept))
    added = insert_new(session, OidcStateUsed).values(state_digest=digest_of(state), used_at=now)
    return bool(session.scalar(added.returning(OidcStateUsed.state_digest)))
