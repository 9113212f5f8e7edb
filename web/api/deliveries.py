"""Deliveries: messages on their way through channels, and sending one again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from storage.alerts import Alert
from storage.deliveries import Delivery, DeliveryState
from storage.service_tokens import TokenScope
from storage.visible import deliveries_by_time as by_time
from web.api.answers import answer
from web.api.callers import DeliveriesReader, DeliveriesWriter, own_change, required
from web.api.cursors import ListQuery, moment_text, read_moment
from web.api.errors import ChangeRefused
from web.api.findings import Name
from web.api.models import DeliveryDetailShape, DeliveryShape, Paged
from web.api.problems import CHANGING, NAMED, problems, reading
from web.api.repeats import Changed, RepeatKey, change_once
from web.audit import AuditAction, audit
from web.console import ConsoleParts

router = APIRouter(tags=["deliveries"], dependencies=[Depends(own_change)])

DeliveryKey = Annotated[str, Path(max_length=100, description="Idempotency key of the delivery.")]


class DeliveryQuery(ListQuery):
    """Filters of the list of deliveries."""

    state: DeliveryState | None = None
    channel: Name | None = Field(default=None, description="Name of a channel.")
    finding: Name | None = Field(default=None, description="Reference of a finding.")


@router.get("/deliveries", response_model=Paged[DeliveryShape], responses=reading())
def list_deliveries(
    request: Request, console: ConsoleParts, who: DeliveriesReader, query: Annotated[DeliveryQuery, Query()]
) -> Response:
    """List deliveries, the newest first."""
    place = query.place("deliveries", str, str)
    after = None if place is None else (read_moment(place[0]), str(place[1]))
    with console.database.reading() as session:
        rows = by_time.deliveries_by_time(
            session,
            who.view,
            state=query.state,
            channel=query.channel,
            finding=query.finding,
            after=after,
            limit=query.limit + 1,
        )

    def key(row: tuple[Delivery, Alert]) -> tuple[str, str]:
        return moment_text(row[0].created_at), row[0].idempotency_key

    return answer(request, query.page("deliveries", rows, key, [DeliveryShape.of(*row) for row in rows]))


def _detail(session: Session, who: DeliveriesReader, delivery: Delivery, alert: Alert) -> DeliveryDetailShape:
    attempts = by_time.attempts_seen(session, who.view, delivery)
    return DeliveryDetailShape.with_attempts(delivery, alert, attempts)


@router.get("/deliveries/{delivery}", response_model=DeliveryDetailShape, responses=reading(*NAMED))
def show_delivery(
    request: Request, console: ConsoleParts, who: DeliveriesReader, delivery: DeliveryKey
) -> Response:
    """Show a delivery with its attempts."""
    with console.database.reading() as session:
        shape = _detail(session, who, *required(by_time.delivery_by_key(session, who.view, delivery)))
    return answer(request, shape)


@router.post(
    "/deliveries/{delivery}/retry", response_model=DeliveryDetailShape, responses=problems(*CHANGING)
)
def retry_delivery(
    request: Request,
    console: ConsoleParts,
    who: DeliveriesWriter,
    delivery: DeliveryKey,
    key: RepeatKey = None,
) -> Response:
    """Send a delivery that was sent, or that failed, once more. Its receiver gets the same message id."""
    now = console.clock()

    def work(session: Session) -> Changed:
        row, alert = required(by_time.delivery_by_key(session, who.view, delivery))
        who.require(TokenScope.DELIVERIES_WRITE, alert.company_id)
        if not by_time.send_again(session, who.view, row, now=now):
            raise ChangeRefused("not_ended")
        session.refresh(row)
        subject = f"delivery:{row.idempotency_key}"
        audit(
            session,
            who,
            AuditAction.DELIVERY_RETRIED,
            now,
            subject=subject,
            company_id=alert.company_id,
            channel=row.channel,
        )
        return Changed(_detail(session, who, row, alert), alert.id)

    return change_once(request, console, who, key, None, work)
