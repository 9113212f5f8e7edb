"""What a person signs in with besides a password: codes of an app (TOTP), passkeys, recovery codes.

Each can be used once: a code's time step only rises, a recovery code's row goes, and a challenge that a
passkey has answered is kept until it would have expired.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, delete_rows, insert_new, state_moved
from storage.users import User

HANDLE_BYTES = 32
MOST_PASSKEYS = 20  # of one person


class Passkey(Base):
    """A WebAuthn credential. `credential_id` and `public_key` (COSE) are base64url."""

    __tablename__ = "passkeys"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    credential_id: Mapped[str] = mapped_column(unique=True)
    public_key: Mapped[str]
    sign_count: Mapped[int]  # 0: this authenticator does not count
    name: Mapped[str]
    added_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that was not used yet, as SHA-256: it is random, so nobody can try all of them."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    code_digest: Mapped[str] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]


class UsedChallenge(Base):
    __tablename__ = "used_challenges"

    challenge_digest: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


def has_second_factor(session: Session, user_id: int) -> bool:
    """Return whether a person has an app that makes codes, or a passkey."""
    app = exists().where(User.id == user_id, User.totp_secret.is_not(None))
    return bool(session.scalar(select(or_(app, exists().where(Passkey.user_id == user_id)))))


def use_totp_step(session: Session, user_id: int, step: int) -> bool:
    """Record that the code of a time step was used. False: this code, or a later one, was used before."""
    unused = or_(User.totp_step.is_(None), User.totp_step < step)
    return state_moved(session, update(User).where(User.id == user_id, unused).values(totp_step=step))


def set_totp(session: Session, user_id: int, secret: str | None, step: int | None) -> None:
    """Store the encrypted secret of a person's app, and the step of the code that proved it; None: remove."""
    session.execute(update(User).where(User.id == user_id).values(totp_secret=secret, totp_step=step))


def replace_recovery_codes(session: Session, user_id: int, codes: Collection[str], *, now: datetime) -> None:
    """Store new codes instead of all that a person has."""
    delete_rows(session, RecoveryCode, RecoveryCode.user_id == user_id)
    session.add_all(RecoveryCode(user_id=user_id, code_digest=_digest(code), made_at=now) for code in codes)
    session.flush()


def use_recovery_code(session: Session, user_id: int, code: str) -> bool:
    """Delete a code because it is used. False: it is not one of this person's."""
    mine = and_(RecoveryCode.user_id == user_id, RecoveryCode.code_digest == _digest(code))
    return delete_rows(session, RecoveryCode, mine) == 1


def count_recovery_codes(session: Session, user_id: int) -> int:
    counted = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == user_id)
    return session.scalar(counted) or 0


def passkey_handle(session: Session, user_id: int) -> str:
    """Return the random name of a person for authenticators (base64url); the first call makes it."""
    session.execute(
        update(User)
        .where(User.id == user_id, User.passkey_handle.is_(None))
        .values(passkey_handle=secrets.token_urlsafe(HANDLE_BYTES))
    )
    return session.scalars(select(User.passkey_handle).where(User.id == user_id)).one() or ""


def passkeys_of(session: Session, user_id: int) -> Sequence[Passkey]:
    return session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)).all()


def add_passkey(
    session: Session,
    user_id: int,
    *,
    credential_id: str,
    public_key: str,
    sign_count: int,
    name: str,
    now: datetime,
) -> bool:
    """Store a passkey. False: it is stored already, or the person has MOST_PASSKEYS."""
    if len(passkeys_of(session, user_id)) >= MOST_PASSKEYS:
        return False
    row = insert_new(session, Passkey).values(
        user_id=user_id,
        credential_id=credential_id,
        public_key=public_key,
        sign_count=sign_count,
        name=name,
        added_at=now,
    )
    return session.scalar(row.returning(Passkey.id)) is not None


def passkey_by_credential(session: Session, credential_id: str) -> tuple[Passkey, User] | None:
    """Return a passkey and its person, if that person is active."""
    query = select(Passkey, User).join(User, User.id == Passkey.user_id)
    found = session.execute(query.where(Passkey.credential_id == credential_id, User.active)).one_or_none()
    return None if found is None else (found[0], found[1])


def note_passkey_used(session: Session, passkey_id: int, sign_count: int, *, now: datetime) -> bool:
    """Record that a passkey was used. False: its counter did not rise, so it may be a copy."""
    risen = Passkey.sign_count < sign_count if sign_count else Passkey.sign_count == 0
    used = update(Passkey).where(Passkey.id == passkey_id, risen)
    return state_moved(session, used.values(sign_count=sign_count, last_used_at=now))


def remove_passkey(session: Session, user_id: int, passkey_id: int) -> str | None:
    """Delete one of a person's passkeys and return its name; None: this person has no such passkey."""
    gone = delete(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id)
    return session.scalar(gone.returning(Passkey.name))


def remove_second_factors(session: Session, user_id: int) -> None:
    """Remove everything but the password."""
    set_totp(session, user_id, None, None)
    delete_rows(session, Passkey, Passkey.user_id == user_id)
    delete_rows(session, RecoveryCode, RecoveryCode.user_id == user_id)


def use_challenge(session: Session, challenge: bytes, expires_at: datetime, *, now: datetime) -> bool:
    """Record that a challenge was answered. False: it was before."""
    delete_rows(session, UsedChallenge, UsedChallenge.expires_at <= now)
    digest = hashlib.sha256(challenge).hexdigest()
    row = insert_new(session, UsedChallenge).values(challenge_digest=digest, expires_at=expires_at)
    return session.scalar(row.returning(UsedChallenge.challenge_digest)) is not None


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
