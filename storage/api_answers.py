"""Answers to changes that the API made, so that a repeated request gets the same one and changes nothing.

A request with an Idempotency-Key claims its key first, in a transaction of its own. The answer is written in
the transaction of the change, so a key without an answer has changed nothing: after CLAIM_LEASE it may be
claimed again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database.base import Base, insert_new, state_moved

KEPT = timedelta(hours=24)
CLAIM_LEASE = timedelta(minutes=1)
FORGOTTEN_AT_ONCE = 100


class ApiAnswer(Base):
    __tablename__ = "api_answers"
    __table_args__ = (UniqueConstraint("caller", "key"), Index(None, "claimed_at"), Index(None, "alert_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    caller: Mapped[str]
    key: Mapped[str]
    request_digest: Mapped[str]  # of the route and the body
    claimed_at: Mapped[datetime]
    status: Mapped[int | None]  # None: no answer yet
    body: Mapped[str | None]
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))  # what the answer is about


class ClaimState(StrEnum):
    CLAIMED = "claimed"
    ANSWERED = "answered"
    IN_PROGRESS = "in_progress"
    OTHER_REQUEST = "other_request"


@dataclass(frozen=True, slots=True)
class AnswerClaim:
    state: ClaimState
    answer: ApiAnswer | None = None


def claim_answer(session: Session, caller: str, key: str, digest: str, *, now: datetime) -> AnswerClaim:
    """Claim a key for a request, or return what came of the request that has it."""
    forget_old_answers(session, now=now)
    blank = {"caller": caller, "key": key, "request_digest": digest, "claimed_at": now}
    inserted = insert_new(session, ApiAnswer).values(blank).returning(ApiAnswer.id)
    if session.scalar(inserted) is not None:
        return AnswerClaim(ClaimState.CLAIMED)
    of_key = select(ApiAnswer).where(ApiAnswer.caller == caller, ApiAnswer.key == key)
    row = session.scalar(of_key.with_for_update())
    if row is None:  # forgotten in between
        return AnswerClaim(ClaimState.IN_PROGRESS)
    if row.request_digest != digest:
        return AnswerClaim(ClaimState.OTHER_REQUEST)
    if row.status is not None:
        return AnswerClaim(ClaimState.ANSWERED, row)
    if row.claimed_at > now - CLAIM_LEASE:
        return AnswerClaim(ClaimState.IN_PROGRESS)
    row.claimed_at = now
    session.flush()
    return AnswerClaim(ClaimState.CLAIMED)


def keep_answer(
    session: Session,
    caller: str,
    key: str,
    *,
    claimed_at: datetime,
    status: int,
    body: str,
    alert_id: int | None,
) -> bool:
    """Write the answer to a claimed key. False: somebody else has claimed it since; change nothing."""
    claimed = update(ApiAnswer).where(
        ApiAnswer.caller == caller,
        ApiAnswer.key == key,
        ApiAnswer.status.is_(None),
        ApiAnswer.claimed_at == claimed_at,
    )
    return state_moved(session, claimed.values(status=status, body=body, alert_id=alert_id))


def release_claim(session: Session, caller: str, key: str, *, claimed_at: datetime) -> None:
    """Forget a claim whose change was not made."""
    session.execute(
        delete(ApiAnswer).where(
            ApiAnswer.caller == caller,
            ApiAnswer.key == key,
            ApiAnswer.status.is_(None),
            ApiAnswer.claimed_at == claimed_at,
        )
    )


def forget_old_answers(session: Session, *, now: datetime) -> None:
    """Delete some of the answers that are older than KEPT."""
    old = select(ApiAnswer.id).where(ApiAnswer.claimed_at <= now - KEPT).order_by(ApiAnswer.claimed_at)
    session.execute(delete(ApiAnswer).where(ApiAnswer.id.in_(old.limit(FORGOTTEN_AT_ONCE))))
