"""Deliveries: what was sent and what was not, and the channels through which it goes.

The console sends nothing: it writes rows, and the daemon, which has the secrets of the channels, delivers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, SecretStr
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse

from alerts.service import AlertService
from alerts.settings import BaseChannel
from storage.deliveries import DeliveryState, retry_failed
from storage.users import Role
from storage.visible import deliveries as visible
from storage.visible.companies import company_slugs
from storage.work import SilentDispatcher
from web.access.signed_in import Person, SignedIn
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.errors import NotAllowed, NotVisible, RequestRefused
from web.reasons import meaning_of
from web.rendering import render
from web.wording import ConsoleWording

router = APIRouter()

SEE_OTHER = 303
ASKED = "Somebody asked for it in the console."
ChannelQuery = Annotated[str, Query(max_length=100)]
MAX_VALUE_CHARS = 300


@router.get("/deliveries")
def delivery_table(
    request: Request,
    console: ConsoleParts,
    person: Person,
    state: str = "",
    channel: ChannelQuery = "",
    after: Annotated[str, Query(max_length=40)] = "",
    done: int | None = None,
) -> HTMLResponse:
    chosen = DeliveryState(state) if state in tuple(DeliveryState) else None
    with console.database.reading() as session:
        counts = visible.unsent_counts(session, person.view)
        rows = visible.deliveries_worst_first(
            session,
            person.view,
            state=chosen,
            channel=channel or None,
            after=after or None,
            limit=visible.ROWS + 1,
        )
        slugs = company_slugs(session, person.view)
        shown_channels = sorted(_channels_shown(console, person, session))
    shown = rows[: visible.ROWS]
    more = (
        {"state": chosen, "channel": channel, "after": shown[-1].cursor} if len(rows) > visible.ROWS else {}
    )
    t = ConsoleWording(person.language, person.zone)
    return render(
        request,
        "deliveries.html",
        person=person,
        rows=shown,
        slugs=slugs,
        counts=[(each, counts[each]) for each in DeliveryState if counts.get(each)],
        state=chosen,
        channel=channel,
        channels=shown_channels,
        more=urlencode({name: value for name, value in more.items() if value}),
        meaning=lambda reason: meaning_of(t, reason),
        may_retry=any(person.may(Role.ANALYST, company) for company in (None, *slugs)),
        retried=done,
    )


@router.get("/deliveries/{delivery_id}")
def one_delivery(
    request: Request, console: ConsoleParts, person: Person, delivery_id: int, done: str = ""
) -> HTMLResponse:
    with console.database.reading() as session:
        found = visible.delivery_with_alert(session, person.view, delivery_id)
        if found is None:
            raise NotVisible
        attempts = visible.attempts_of_delivery(session, person.view, delivery_id)
        slugs = company_slugs(session, person.view)
    delivery, alert = found
    t = ConsoleWording(person.language, person.zone)
    return render(
        request,
        "delivery.html",
        person=person,
        delivery=delivery,
        alert=alert,
        attempts=attempts,
        slugs=slugs,
        meaning=lambda reason: meaning_of(t, reason),
        may_retry=delivery.state is DeliveryState.FAILED and person.may(Role.ANALYST, alert.company_id),
        done=done == "retried",
    )


@router.post("/deliveries/{delivery_id}/retry")
def retry_delivery(console: ConsoleParts, person: Person, delivery_id: int) -> RedirectResponse:
    """Make one failed delivery due again. It keeps its idempotency key."""
    now = console.clock()

    def change(session: Session) -> None:
        found = visible.delivery_with_alert(session, person.view, delivery_id)
        if found is None:
            raise NotVisible
        delivery, alert = found
        person.require(Role.ANALYST, alert.company_id)
        if retry_failed(session, now=now, only=[delivery.id]):
            audit(
                session,
                person,
                AuditAction.DELIVERY_RETRIED,
                now,
                subject=f"channel:{delivery.channel}",
                company_id=alert.company_id,
                deliveries=1,
            )

    console.database.write(change)
    return RedirectResponse(f"/deliveries/{delivery_id}?done=retried", SEE_OTHER)


@router.post("/deliveries/retry-failed")
def retry_all(
    console: ConsoleParts, person: Person, channel: Annotated[str, Form(max_length=100)] = ""
) -> RedirectResponse:
    """Make the failed deliveries due again that this person may see and send."""
    now = console.clock()

    def change(session: Session) -> int:
        failed = visible.failed_deliveries(session, person.view, channel=channel or None)
        mine = [each for each, company in failed if person.may(Role.ANALYST, company)]
        if failed and not mine:
            raise NotAllowed(Role.ANALYST)
        retried = retry_failed(session, now=now, only=mine) if mine else ()
        if retried:
            companies = {company for each, company in failed if each in set(retried)}
            audit(
                session,
                person,
                AuditAction.DELIVERY_RETRIED,
                now,
                subject=f"channel:{channel}" if channel else "",
                company_id=next(iter(companies)) if len(companies) == 1 else None,
                deliveries=len(retried),
            )
        return len(retried)

    retried = console.database.write(change)
    query = {"done": retried} | ({"channel": channel} if channel else {})
    return RedirectResponse(f"/deliveries?{urlencode(query)}", SEE_OTHER)


@router.get("/channels")
def channel_table(
    request: Request, console: ConsoleParts, person: Person, test: int | None = None
) -> HTMLResponse:
    with console.database.reading() as session:
        channels = _channels_shown(console, person, session)
        numbers = {slug: number for number, slug in company_slugs(session, person.view).items()}
        states = visible.channel_states(session, person.view, list(channels))
        gone = visible.unconfigured_channels(session, person.view, list(console.settings.alerts.channels))
        tested = None if test is None else visible.tested_delivery(session, person.view, test, list(channels))
    managed = {name for name, each in channels.items() if _may_manage(person, each, numbers)}
    t = ConsoleWording(person.language, person.zone)
    return render(
        request,
        "channels.html",
        person=person,
        channels=channels,
        states=states,
        gone=gone,
        tested=tested,
        managed=managed,
        shown_settings={name: shown_settings(channels[name]) for name in managed},
        meaning=lambda reason: meaning_of(t, reason),
    )


@router.post("/channels/{name}/test")
def test_channel(console: ConsoleParts, person: Person, name: str) -> RedirectResponse:
    """Write a test message for one channel; the daemon sends it."""
    now = console.clock()

    def change(session: Session) -> int:
        channel = _channels_shown(console, person, session).get(name)
        if channel is None:
            raise NotVisible
        numbers = {slug: number for number, slug in company_slugs(session, person.view).items()}
        if not _may_manage(person, channel, numbers):
            raise NotAllowed(Role.ADMIN)
        judging = AlertService(
            database=console.database,
            settings=console.settings.alerts,
            dispatcher=SilentDispatcher(),
            clock=console.clock,
        )
        if not channel.enabled:
            raise RequestRefused(ConsoleWording(person.language)("deliveries.test_disabled"))
        (delivery_id,) = judging.write_test(session, ASKED, channel=name).delivery_ids
        audit(session, person, AuditAction.CHANNEL_TESTED, now, subject=f"channel:{name}")
        return delivery_id

    return RedirectResponse(f"/channels?test={console.database.write(change)}#test", SEE_OTHER)


def _channels_shown(console: Console, person: SignedIn, session: Session) -> Mapping[str, BaseChannel]:
    """Return the channels by name that this person may see.

    People of single companies see those that carry findings of their companies only: the others' settings are
    somebody else's.
    """
    channels = console.settings.alerts.channels
    if person.view.companies is None:
        return channels
    own = set(company_slugs(session, person.view).values())
    return {
        name: each for name, each in channels.items() if each.companies and own.issuperset(each.companies)
    }


def _may_manage(person: SignedIn, channel: BaseChannel, numbers: Mapping[str, int]) -> bool:
    """Return whether somebody is an admin of every company whose findings a channel carries."""
    if person.may(Role.ADMIN):
        return True
    return bool(channel.companies) and all(
        slug in numbers and person.may(Role.ADMIN, numbers[slug]) for slug in channel.companies
    )


def shown_settings(model: BaseModel) -> Sequence[tuple[str, str | None]]:
    """Return the settings of a channel that are not the default; None for the value of a secret."""
    found: list[tuple[str, str | None]] = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if value == field.default or value in ((), {}, None):
            continue
        key = field.alias or name
        if isinstance(value, BaseModel):
            found += [(f"{key}.{inner}", text) for inner, text in shown_settings(value)]
        elif isinstance(value, Mapping):
            found += [(f"{key}.{inner}", _shown(each)) for inner, each in value.items()]
        else:
            found.append((key, _shown(value)))
    return found


def _shown(value: object) -> str | None:
    """Return a value as text; None: it is secret."""
    if isinstance(value, SecretStr):
        return None
    if isinstance(value, tuple | list):
        shown = [_shown(each) for each in value]
        return None if None in shown else ", ".join(each for each in shown if each)[:MAX_VALUE_CHARS]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:MAX_VALUE_CHARS]
