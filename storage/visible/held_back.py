"""What was held back from people: messages that were muted or wait, and findings that stand in no list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from storage.alerts import MERGED, MUTED, WAITING, Alert, AlertRevision
from storage.deliveries import UNSENT, Delivery, DeliveryState, HeldFor
from storage.mutes import Mute, in_force
from storage.visible.visibility import Visibility

#: Rows of one kind that are looked at. They are read before it is asked whose they are, so that the databases
#: use the small index of them.
LOOKED_AT = 5_000
MUTED_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Counts. `changes` of `findings` wait for the findings' own digests, the first of which is due at
    `first_at`; `deliveries` wait for a channel, by what holds them; `muted` messages of the last days were
    sent to nobody, and `mutes` are in force; `merged` findings stand under another one.
    """

    changes: int = 0
    findings: int = 0
    first_at: datetime | None = None
    deliveries: Mapping[HeldFor, int] = field(default_factory=dict)
    muted: int = 0
    mutes: int = 0
    merged: int = 0

    @property
    def any(self) -> bool:
        return bool(self.changes or self.deliveries or self.muted or self.mutes or self.merged)


def held_back(session: Session, view: Visibility, *, now: datetime) -> HeldBack:
    """Return what was held back of the findings that may be seen."""
    waiting = select(Alert.id).where(text(WAITING)).order_by(Alert.digest_at).limit(LOOKED_AT).subquery()
    changes, findings, first_at = session.execute(
        select(
            func.coalesce(func.sum(Alert.held_changes), 0),
            func.count(),
            func.min(Alert.digest_at, type_=Alert.digest_at.type),
        ).where(Alert.id.in_(select(waiting.c.id)), view.of(Alert.company_id))
    ).one()
    merged = select(Alert.id).where(text(MERGED)).limit(LOOKED_AT).subquery()
    unsent = select(Delivery.alert_id, Delivery.held_for).where(
        text(UNSENT),
        Delivery.state == DeliveryState.PENDING,
        Delivery.held_for.is_not(None),
        Delivery.attempts == 0,
    )
    held = unsent.limit(LOOKED_AT).subquery()
    by_reason = session.execute(
        select(held.c.held_for, func.count())
        .join(Alert, Alert.id == held.c.alert_id)
        .where(view.of(Alert.company_id))
        .group_by(held.c.held_for)
    )
    silenced = select(AlertRevision.alert_id, AlertRevision.at).where(text(MUTED))
    last = silenced.order_by(AlertRevision.id.desc()).limit(LOOKED_AT).subquery()
    muted = select(func.count()).select_from(last).join(Alert, Alert.id == last.c.alert_id)
    return HeldBack(
        changes=int(changes or 0),
        findings=findings,
        first_at=first_at,
        deliveries={row[0]: row[1] for row in by_reason},
        muted=session.scalar(muted.where(last.c.at >= now - MUTED_WITHIN, view.of(Alert.company_id))) or 0,
        mutes=session.scalar(select(func.count()).where(in_force(now), view.of(Mute.company_id))) or 0,
        merged=session.scalar(
            select(func.count()).where(Alert.id.in_(select(merged.c.id)), view.of(Alert.company_id))
        )
        or 0,
    )
