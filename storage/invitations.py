"""Links by which a person sets a password, once and within a day. The row holds the token's SHA-256."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, delete_rows, state_moved
from storage.users import TOKEN_BYTES, User, digest_of

LASTS = timedelta(hours=24)


class Invitation(Base):
    __tablename__ = "invitations"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    token_digest: Mapped[str] = mapped_column(unique=True)
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # used, or the person was disabled


def invite_again(session: Session, user_id: int, *, by: str, now: datetime) -> str:
    """Write an invitation instead of the earlier ones of this person; return its token."""
    delete_rows(session, Invitation, Invitation.user_id == user_id)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        Invitation(
            user_id=user_id, token_digest=digest_of(token), made_by=by, made_at=now, expires_at=now + LASTS
        )
    )
    session.flush()
    return token


def end_invitations(session: Session, user_id: int, *, now: datetime) -> None:
    """End the open invitations of a person."""
    open_ones = update(Invitation).where(Invitation.user_id == user_id, Invitation.ended_at.is_(None))
    session.execute(open_ones.values(ended_at=now))


def invited_person(session: Session, token: str, *, now: datetime) -> tuple[Invitation, User] | None:
    """Return the open invitation of a token and its person; None: unknown, used, expired or disabled."""
    query = select(Invitation, User).join(User, User.id == Invitation.user_id)
    query = query.where(Invitation.token_digest == digest_of(token), Invitation.ended_at.is_(None))
    found = session.execute(query.where(Invitation.expires_at > now, User.active)).one_or_none()
    return None if found is None else (found[0], found[1])


def use_invitation(session: Session, invitation_id: int, *, now: datetime) -> bool:
    """End an invitation because it is used. False: somebody was faster, or it has expired."""
    taken = update(Invitation).where(
        Invitation.id == invitation_id, Invitation.ended_at.is_(None), Invitation.expires_at > now
    )
    return state_moved(session, taken.values(ended_at=now))
