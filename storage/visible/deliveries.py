"""The deliveries that a person may see: those of alerts about their companies; to people of the whole
installation also those about sources, channels and the installation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, literal, select, text
from sqlalchemy.orm import Session

from storage.alerts import Alert, AlertKind
from storage.deliveries import UNSENT, Attempt, Channel, Delivery, DeliveryState
from storage.visible.visibility import Visibility

ROWS = 100
#: Failed deliveries that one request may send again.
MAX_RETRIED = 1_000
#: Alerts from which on a company has many.
MANY_ALERTS = 2_000
#: Groups of the table: what failed, what waits, what was sent.
GROUPS = (
    (DeliveryState.FAILED,),
    (DeliveryState.PENDING, DeliveryState.SENDING),
    (DeliveryState.SENT,),
)


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    delivery: Delivery
    alert: Alert
    group: int

    @property
    def cursor(self) -> str:
        """What the next page of the table begins after."""
        return f"{self.group}~{self.delivery.id}"


def unsent_counts(session: Session, view: Visibility) -> Mapping[DeliveryState, int]:
    """Return the number of deliveries that are not sent, by state."""
    query = select(Delivery.state, func.count()).join(Alert, Alert.id == Delivery.alert_id)
    seen = view.of(Alert.company_id)
    if view.companies is not None:
        # An expression, so that SQLite goes through the few unsent ones and not through the company's alerts.
        seen = (Alert.company_id + 0).in_(sorted(view.companies))
    query = query.where(text(UNSENT_OF_DELIVERIES), seen).group_by(Delivery.state)
    return {row[0]: row[1] for row in session.execute(query)}


#: The condition of the small index; alerts have a column `state`, too.
UNSENT_OF_DELIVERIES = f"deliveries.{UNSENT}"


def deliveries_worst_first(
    session: Session,
    view: Visibility,
    *,
    state: DeliveryState | None = None,
    channel: str | None = None,
    after: str | None = None,
    limit: int = ROWS,
) -> Sequence[DeliveryRow]:
    """Return deliveries: those that failed, those that wait, those that were sent; each newest first."""
    begin, _, number = (after or "0~").partition("~")
    first = int(begin) if begin.isdecimal() and len(begin) == 1 else 0
    before = int(number) if number.isdecimal() and len(number) < 19 else None
    found: list[DeliveryRow] = []
    many = _has_many_alerts(session, view)
    for group, states in enumerate(GROUPS):
        if group < first or len(found) >= limit or (state is not None and state not in states):
            continue
        query = _of_states(states if state is None else (state,), view, channel, newest_first=many)
        if group == first and before is not None:
            query = query.where(Delivery.id < before)
        rows = session.execute(query.order_by(Delivery.id.desc()).limit(limit - len(found)))
        found += [DeliveryRow(delivery, alert, group) for delivery, alert in rows]
    return found


def _has_many_alerts(session: Session, view: Visibility) -> bool:
    """Return whether the newest of a person's deliveries are found faster by going through all of them."""
    if view.companies is None:
        return True
    some = select(literal(1)).where(view.of(Alert.company_id)).limit(MANY_ALERTS).subquery()
    return session.scalar(select(func.count()).select_from(some)) == MANY_ALERTS


def _of_states(
    states: Sequence[DeliveryState], view: Visibility, channel: str | None, *, newest_first: bool = False
) -> Select[Delivery, Alert]:
    seen = view.of(Alert.company_id)
    if newest_first and view.companies is not None:
        # An expression, so that SQLite goes through the deliveries and not through the company's alerts.
        seen = (Alert.company_id + 0).in_(sorted(view.companies))
    conditions: list[ColumnElement[bool]] = [Delivery.state.in_(states), seen]
    if DeliveryState.SENT not in states:
        conditions.append(text(UNSENT_OF_DELIVERIES))  # type: ignore[arg-type]  # a text is a condition, too
    if channel is not None:
        conditions.append(Delivery.channel == channel)
    return select(Delivery, Alert).join(Alert, Alert.id == Delivery.alert_id).where(*conditions)


def delivery_with_alert(
    session: Session, view: Visibility, delivery_id: int
) -> tuple[Delivery, Alert] | None:
    """Return a delivery and its alert; None: there is none, or it may not be seen."""
    query = select(Delivery, Alert).join(Alert, Alert.id == Delivery.alert_id)
    row = session.execute(query.where(Delivery.id == delivery_id, view.of(Alert.company_id))).one_or_none()
    return None if row is None else (row[0], row[1])


def attempts_of_delivery(session: Session, view: Visibility, delivery_id: int) -> Sequence[Attempt]:
    """Return the attempts of a delivery, the newest first; empty if it may not be seen."""
    query = select(Attempt).join(Delivery, Delivery.id == Attempt.delivery_id)
    query = query.join(Alert, Alert.id == Delivery.alert_id)
    query = query.where(Attempt.delivery_id == delivery_id, view.of(Alert.company_id))
    return session.scalars(query.order_by(Attempt.number.desc())).all()


def failed_deliveries(
    session: Session, view: Visibility, *, channel: str | None = None
) -> Sequence[tuple[int, int | None]]:
    """Return the ids of failed deliveries, each with the id of its company; the newest MAX_RETRIED."""
    query = _of_states((DeliveryState.FAILED,), view, channel).with_only_columns(
        Delivery.id, Alert.company_id
    )
    rows = session.execute(query.order_by(Delivery.id.desc()).limit(MAX_RETRIED))
    return [(row[0], row[1]) for row in rows]


def channel_states(session: Session, view: Visibility, names: Sequence[str]) -> Mapping[str, Channel]:
    """Return the states of channels by name; those through which nothing was sent yet have none.

    `names` are those whose settings the person may see.
    """
    return {row.name: row for row in session.scalars(select(Channel).where(Channel.name.in_(names)))}


def unconfigured_channels(session: Session, view: Visibility, names: Sequence[str]) -> Sequence[Channel]:
    """Return channels that have rows and are none of `names`; empty for people of single companies."""
    if view.companies is not None:
        return []
    query = select(Channel).where(Channel.name.not_in(names)).order_by(Channel.name)
    return session.scalars(query.limit(100)).all()


def tested_delivery(
    session: Session, view: Visibility, delivery_id: int, names: Sequence[str]
) -> tuple[Delivery, Attempt | None] | None:
    """Return the delivery of a test through one of these channels, and its newest attempt."""
    query = select(Delivery).join(Alert, Alert.id == Delivery.alert_id)
    query = query.where(Delivery.id == delivery_id, Alert.kind == AlertKind.TEST, Delivery.channel.in_(names))
    delivery = session.scalar(query)
    if delivery is None:
        return None
    attempts = select(Attempt).where(Attempt.delivery_id == delivery.id)
    return delivery, session.scalar(attempts.order_by(Attempt.number.desc()).limit(1))
