"""How often signing in may fail, per name, per network and per person who has to give a second factor.

An attempt is counted before it is tried, so that many at once cannot pass the limit together; a sign-in that
succeeds takes its count back. Keys are keyed digests: the rows hold neither names that somebody typed, which
may be passwords, nor addresses.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, delete_rows, insert_new
from storage.errors import DatabaseBusy
from storage.users import User


class LimitKind(StrEnum):
    NAME = "name"
    NETWORK = "network"
    SECOND_FACTOR = "second_factor"


@dataclass(frozen=True, slots=True)
class LimitRule:
    """`failures` within `window` block for `window`. The block doubles each time up to `longest`."""

    failures: int
    window: timedelta
    longest: timedelta


RULES = {
    LimitKind.NAME: LimitRule(10, timedelta(minutes=15), timedelta(minutes=15)),
    LimitKind.NETWORK: LimitRule(60, timedelta(minutes=15), timedelta(minutes=15)),
    # Who gets here knows the password, and there are a million codes.
    LimitKind.SECOND_FACTOR: LimitRule(5, timedelta(minutes=15), timedelta(hours=24)),
}
#: After this time without a failure, a row goes.
KEPT = timedelta(days=2)
LISTED = 200


class SignInLimit(Base):
    __tablename__ = "sign_in_limits"
    __table_args__ = (Index(None, "since"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[LimitKind]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # None: nobody has this name
    failures: Mapped[int]
    since: Mapped[datetime]  # begin of the window
    blocks: Mapped[int]  # how often it has blocked
    blocked_until: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class LimitKey:
    kind: LimitKind
    key: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """`blocked_until` None: the attempt may be made. `begins`: this attempt began the block."""

    blocked_until: datetime | None
    begins: bool = False


def admit_attempt(session: Session, keys: Iterable[LimitKey], *, now: datetime) -> Admission:
    """Count an attempt, unless one of its keys is blocked. Call it in a transaction of its own."""
    rows = [(key, _locked(session, key, now)) for key in sorted(keys, key=lambda each: each.key)]
    held = [row.blocked_until for _, row in rows if row.blocked_until is not None and row.blocked_until > now]
    if held:
        return Admission(max(held))
    begun = [until for key, row in rows if (until := _count(key, row, now)) is not None]
    session.flush()
    return Admission(max(begun), begins=True) if begun else Admission(None)


def _locked(session: Session, key: LimitKey, now: datetime) -> SignInLimit:
    blank = {"key": key.key, "kind": key.kind, "user_id": key.user_id}
    zero = {"failures": 0, "since": now, "blocks": 0, "blocked_until": None}
    session.execute(insert_new(session, SignInLimit).values(**blank, **zero))
    row = session.get(SignInLimit, key.key, with_for_update=True, populate_existing=True)
    if row is None:  # a sign-in that succeeded deleted it in between; Database.write tries again
        raise DatabaseBusy
    return row


def _count(key: LimitKey, row: SignInLimit, now: datetime) -> datetime | None:
    """Count an attempt; return until when it blocks, if it is one too many."""
    rule = RULES[key.kind]
    if now - row.since >= rule.window:
        row.failures, row.since = 0, now
    row.user_id = key.user_id
    row.failures += 1
    if row.failures <= rule.failures:
        return None
    row.blocked_until = now + min(rule.window * 2 ** min(row.blocks, 16), rule.longest)
    row.blocks, row.failures, row.since = row.blocks + 1, 0, now
    return row.blocked_until


def take_back(session: Session, keys: Iterable[LimitKey], *, forget: Iterable[LimitKind]) -> None:
    """Take back the count of an attempt that succeeded. Limits of the kinds in `forget` begin anew."""
    forgotten = frozenset(forget)
    for key in sorted(keys, key=lambda each: each.key):
        if key.kind in forgotten:
            delete_rows(session, SignInLimit, SignInLimit.key == key.key)
        else:
            counted = update(SignInLimit).where(SignInLimit.key == key.key, SignInLimit.failures > 0)
            session.execute(counted.values(failures=SignInLimit.failures - 1))


def forget_old_limits(session: Session, *, now: datetime) -> None:
    delete_rows(session, SignInLimit, SignInLimit.since < now - KEPT)


def limits_in_force(session: Session, *, now: datetime) -> Sequence[tuple[SignInLimit, str | None]]:
    """Return what blocks now, and whose name it is if it is a person's; the latest first."""
    query = select(SignInLimit, User.name).outerjoin(User, User.id == SignInLimit.user_id)
    query = query.where(SignInLimit.blocked_until > now).order_by(SignInLimit.since.desc(), SignInLimit.key)
    return [(row, name) for row, name in session.execute(query.limit(LISTED))]


def lift_limit(session: Session, key: str) -> bool:
    """Forget a limit. False: there is none of this key."""
    return delete_rows(session, SignInLimit, SignInLimit.key == key) == 1


def lift_limits_of(session: Session, user_id: int) -> int:
    """Forget the limits of a person's name and second factor; return their number."""
    return delete_rows(session, SignInLimit, SignInLimit.user_id == user_id)
