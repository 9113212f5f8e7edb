"""Deliveries of the alerts that a person may see, page by page, as the API gives them.

A delivery is named by its idempotency key, which its receiver knows; an id would tell how many there are.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select, text, update
from sqlalchemy.orm import Session

from storage.alerts import Alert
from storage.database.base import state_moved
from storage.deliveries import UNSENT, Attempt, Delivery, DeliveryState
from storage.visible.paging import Columns, comes_after, in_order
from storage.visible.visibility import Visibility

ORDER: Columns = (Delivery.created_at, Delivery.idempotency_key)
#: States of a delivery that may be sent again.
ENDED = (DeliveryState.SENT, DeliveryState.FAILED)


def _seen(view: Visibility) -> Select[Delivery, Alert]:
    return select(Delivery, Alert).join(Alert, Alert.id == Delivery.alert_id).where(view.of(Alert.company_id))


def deliveries_by_time(
    session: Session,
    view: Visibility,
    *,
    state: DeliveryState | None = None,
    channel: str | None = None,
    finding: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> Sequence[tuple[Delivery, Alert]]:
    """Return deliveries with their alerts, the newest first. `finding`: a reference."""
    query = _seen(view)
    if state is not None:
        query = query.where(Delivery.state == state)
        if state not in (DeliveryState.SENT, DeliveryState.IN_DIGEST):
            query = query.where(text(f"deliveries.{UNSENT}"))
    if channel is not None:
        query = query.where(Delivery.channel == channel)
    if finding is not None:
        query = query.where(Alert.reference == finding)
    if after is not None:
        query = query.where(comes_after(ORDER, after))
    rows = session.execute(query.order_by(*in_order(ORDER)).limit(limit))
    return [(row[0], row[1]) for row in rows]


def delivery_by_key(session: Session, view: Visibility, key: str) -> tuple[Delivery, Alert] | None:
    """Return a delivery with its alert; None: there is none, or it may not be seen."""
    row = session.execute(_seen(view).where(Delivery.idempotency_key == key)).one_or_none()
    return None if row is None else (row[0], row[1])


def attempts_seen(session: Session, view: Visibility, delivery: Delivery) -> Sequence[Attempt]:
    """Return the attempts of a delivery, oldest first."""
    seen = select(Alert.id).where(Alert.id == delivery.alert_id, view.of(Alert.company_id)).exists()
    query = select(Attempt).where(Attempt.delivery_id == delivery.id, seen)
    return session.scalars(query.order_by(Attempt.number)).all()


def send_again(session: Session, view: Visibility, delivery: Delivery, *, now: datetime) -> bool:
    """Make a delivery that has ended due again, with the same idempotency key. False: it has not ended."""
    seen = select(Alert.id).where(Alert.id == delivery.alert_id, view.of(Alert.company_id)).exists()
    ended = update(Delivery).where(Delivery.id == delivery.id, Delivery.state.in_(ENDED), seen)
    pending = ended.values(
        state=DeliveryState.PENDING, next_attempt_at=now, sent_at=None, reason=None, accepted=None
    )
    return state_moved(session, pending.execution_options(synchronize_session=False))
