"""`spillwatch alerts`: alerts, their triage state and their deliveries.

The libraries that write and send messages (Jinja, httpx, aiosmtplib) are imported by the two commands that
need them.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from alerts.errors import NoSuchAlert, NoSuchChannel
from cli.command_context import App, Wide, app_of
from cli.exits import Exit
from cli.output import TableColumn, emit_json, print_error, print_line, print_table
from daemon import logs
from storage import alerts as rows
from storage import deliveries as delivery_rows
from storage import triage
from storage.alerts import Alert, AlertKind, AlertRevision, Severity, TriageState
from storage.deliveries import Attempt, Delivery, DeliveryState
from storage.triage import TriageEvent
from storage.visible.findings import alert_names
from storage.visible.visibility import EVERYTHING
from storage.work import SilentDispatcher

app = typer.Typer(
    add_completion=False, help="List, show, acknowledge, test and resend alerts.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of rows, newest first.")]

_LIST_COLUMNS = (
    "id",
    "severity",
    TableColumn("score", extra=True),
    "state",
    TableColumn("kind", extra=True),
    "opened",
    TableColumn("updated", extra=True),
    TableColumn("messages", extra=True),
    TableColumn("title", prose=True),
)
_TRIAGE_COLUMNS = ("at", "before", "after", "by", "reason")
_DELIVERY_COLUMNS = (
    "id",
    "alert",
    TableColumn("message", extra=True),
    "channel",
    "state",
    TableColumn("attempts", extra=True),
    "next attempt",
    "sent",
    "reason",
)
_ATTEMPT_COLUMNS = (
    "number",
    "started",
    "ms",
    "outcome",
    "status",
    "reason",
    TableColumn("detail", prose=True),
)
_TEST_COLUMNS = ("channel", "transport", "result", TableColumn("detail", prose=True))
POLL_S = 0.1
GRACE_S = (
    5.0  # added to the slowest channel's limit, because a running daemon may send the test instead of us
)


@app.command("list")
def list_alerts(
    context: typer.Context,
    state: Annotated[TriageState | None, typer.Option(help="Show only alerts in this state.")] = None,
    kind: Annotated[AlertKind | None, typer.Option(help="Show only alerts of this kind.")] = None,
    min_severity: Annotated[
        Severity | None, typer.Option(help="Show only alerts of at least this severity.")
    ] = None,
    limit: Limit = 50,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """List alerts, newest first."""
    with app_of(context).database.reading() as session:
        found = rows.recent_alerts(session, state=state, kind=kind, severity=min_severity, limit=limit)
        listed = _alerts_as_dicts(session, found) if as_json else []
    if as_json:
        emit_json(listed)
        return
    print_table(_LIST_COLUMNS, [_alert_row(alert) for alert in found], empty="No alert.", wide=wide)


@app.command()
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ALERT", help="Number of the alert.")],
    message: Annotated[
        int | None, typer.Option(min=1, help="Number of the message to show. Default: the last one.")
    ] = None,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Show an alert as it was sent, with its history and its deliveries."""
    from alerts.event import event_of
    from alerts.message import message_of
    from alerts.render import plain_text

    app_ = app_of(context)
    with app_.database.reading() as session:
        alert = _required_alert(rows.alert_by_id(session, number), number)
        history = rows.revisions_of(session, number)
        decided = triage.events_of(session, number)
        sent = delivery_rows.deliveries_of_alert(session, number)
        (as_dict,) = _alerts_as_dicts(session, [alert]) if as_json else [{}]
        sent_as_dicts = _deliveries_as_dicts(session, sent) if as_json else []
    revision = next((one for one in history if one.number == (message or alert.revision)), None)
    if revision is None:
        raise typer.BadParameter(
            f"alert {number} has messages 1 to {alert.revision}, not {message}; choose one of these"
        )
    sent_message = message_of(alert, revision, installation=app_.settings.alerts.installation)
    if as_json:
        event = event_of(sent_message).model_dump(mode="json")
        emit_json(
            as_dict
            | {"event": event, "history": [_revision_as_dict(one) for one in history]}
            | {"triage": [_triage_as_dict(one) for one in decided], "deliveries": sent_as_dicts}
        )
        return
    print_line(plain_text(sent_message))
    if alert.acknowledged_by:
        note = f": {alert.note}" if alert.note else ""
        print_line(f"{alert.state.value} by {alert.acknowledged_by}{note}\n")
    if decided:
        print_table(_TRIAGE_COLUMNS, [_triage_row(one) for one in decided], wide=wide)
        print_line("")
    print_table(("message", "at", "change", "severity", "score"), [_history_row(one) for one in history])
    print_line("")
    print_table(
        _DELIVERY_COLUMNS,
        [_delivery_row(one) for one in sent],
        empty="No channel gets this alert.",
        wide=wide,
    )


@app.command()
def ack(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ALERT", help="Number of the alert.")],
    by: Annotated[str | None, typer.Option(help="Who decides. Default: your login name.")] = None,
    note: Annotated[str | None, typer.Option(help="Reason, or what is being done.")] = None,
    state: Annotated[TriageState, typer.Option(help="The new triage state.")] = TriageState.ACKNOWLEDGED,
    as_json: Json = False,
) -> None:
    """Change the triage state of an alert. Exit code 1 if the alert already has that state."""
    if state in triage.NEEDS_REASON and not (note or "").strip():
        raise typer.BadParameter(f"{state.value} ends the work on an alert; say why with --note")
    app_ = app_of(context)
    who = by or pwd.getpwuid(os.getuid()).pw_name
    with app_.database.transaction() as session:
        _required_alert(rows.alert_by_id(session, number), number)
        moved = triage.set_triage_state(session, number, by=who, note=note, state=state, now=app_.clock())
        alert = _required_alert(rows.alert_by_id(session, number), number)
        session.refresh(alert)
        (result,) = _alerts_as_dicts(session, [alert])
    if as_json:
        emit_json(result)
    elif moved:
        print_line(f"Alert {number} is now {state.value}, set by {who}.")
    else:
        print_error(f"Alert {number} is already {state.value}, set by {result['acknowledged_by']}.")
    if not moved:
        raise typer.Exit(Exit.NEGATIVE)


@app.command()
def test(context: typer.Context, as_json: Json = False) -> None:
    """Send a test alert through every enabled channel.

    Exit code 1 if a channel failed or if no channel is configured.
    """
    from alerts.sender import DeliveryService
    from alerts.service import AlertService

    app_ = app_of(context)
    logs.configure_logging(form="console", level="error")  # the table shows the result of each attempt
    settings, database, clock = app_.settings.alerts, app_.database, app_.clock
    judging = AlertService(database=database, settings=settings, dispatcher=SilentDispatcher(), clock=clock)
    delivery = DeliveryService(
        database=database, settings=settings, dispatcher=SilentDispatcher(), clock=clock
    )
    opened = judging.send_test()
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(delivery.deliver, opened.delivery_ids))
    slowest = max((channel.timeout_s for channel in settings.channels.values()), default=0.0)
    results = _finished_deliveries(app_, opened.delivery_ids, wait_s=slowest + GRACE_S)
    if as_json:
        with database.reading() as session:
            sent = _deliveries_as_dicts(session, [one for one, _ in results])
        emit_json([each | {"detail": last.detail} for each, (_, last) in zip(sent, results, strict=True)])
    else:
        print_table(
            _TEST_COLUMNS,
            [_test_row(*result) for result in results],
            empty="No channel under [alerts.channels].",
        )
    if not results or any(one.state is not DeliveryState.SENT for one, _ in results):
        raise typer.Exit(Exit.NEGATIVE)


@app.command()
def deliveries(
    context: typer.Context,
    number: Annotated[
        int | None, typer.Argument(metavar="DELIVERY", help="Show the attempts of this delivery.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Show only deliveries through this channel.")] = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Show only deliveries in this state.")] = None,
    limit: Limit = 50,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """List deliveries, or the attempts of one delivery."""
    app_ = app_of(context)
    if number is not None:
        with app_.database.reading() as session:
            attempts = delivery_rows.attempts_of(session, number)
        _show_attempts(attempts, as_json=as_json)
        return
    with app_.database.reading() as session:
        found = delivery_rows.recent_deliveries(session, state=state, channel=channel, limit=limit)
        listed = _deliveries_as_dicts(session, found) if as_json else []
    if as_json:
        emit_json(listed)
    else:
        rows_found = [_delivery_row(delivery) for delivery in found]
        print_table(_DELIVERY_COLUMNS, rows_found, empty="No delivery.", wide=wide)


@app.command()
def retry(
    context: typer.Context,
    channel: Annotated[str | None, typer.Option(help="Retry only deliveries through this channel.")] = None,
    as_json: Json = False,
) -> None:
    """Make failed deliveries due again, with the same idempotency keys. The daemon sends them."""
    app_ = app_of(context)
    names = app_.settings.alerts.channels
    if channel is not None and channel not in names:
        raise NoSuchChannel(
            f"There is no channel {channel!r}. Configured channels: {', '.join(names) or 'none'}."
        )
    with app_.database.transaction() as session:
        due = delivery_rows.retry_failed(session, channel=channel, now=app_.clock())
    if as_json:
        emit_json({"deliveries": list(due)})
    else:
        print_line(f"{len(due)} deliveries are due again. A running daemon sends them within seconds.")


def _required_alert(alert: Alert | None, number: int) -> Alert:
    if alert is None:
        raise NoSuchAlert(f"There is no alert {number}. `spillwatch alerts list` shows the numbers.")
    return alert


def _finished_deliveries(app_: App, ids: Sequence[int], *, wait_s: float) -> list[tuple[Delivery, Attempt]]:
    """Return deliveries with their last attempts, once all deliveries have ended or `wait_s` has passed."""
    until = time.monotonic() + wait_s
    while True:
        with app_.database.reading() as session:
            found = [
                one for delivery_id in ids if (one := delivery_rows.delivery_by_id(session, delivery_id))
            ]
            results = [(one, delivery_rows.attempts_of(session, one.id)[-1]) for one in found if one.attempts]
        ended = [one for one in found if one.state in (DeliveryState.SENT, DeliveryState.FAILED)]
        if len(ended) == len(ids) or time.monotonic() > until:
            return results
        time.sleep(POLL_S)


def _show_attempts(attempts: Sequence[Attempt], *, as_json: bool) -> None:
    if as_json:
        emit_json([_attempt_as_dict(attempt) for attempt in attempts])
    else:
        print_table(
            _ATTEMPT_COLUMNS,
            [_attempt_row(attempt) for attempt in attempts],
            empty="No attempt yet.",
        )


def _alert_row(alert: Alert) -> tuple[object, ...]:
    head = (alert.id, alert.severity, alert.score, alert.state, alert.kind)
    return (*head, alert.opened_at, alert.updated_at, alert.revision, alert.title)


def _triage_row(event: TriageEvent) -> tuple[object, ...]:
    return (event.at, event.before, event.after, event.by, event.reason)


def _triage_as_dict(event: TriageEvent) -> dict[str, object]:
    return dict(zip(_TRIAGE_COLUMNS, _triage_row(event), strict=True))


def _history_row(revision: AlertRevision) -> tuple[object, ...]:
    return (revision.number, revision.at, revision.change, revision.severity, revision.score)


def _delivery_row(delivery: Delivery) -> tuple[object, ...]:
    due_at = delivery.next_attempt_at if delivery.state is DeliveryState.PENDING else None
    head = (delivery.id, delivery.alert_id, delivery.revision, delivery.channel, delivery.state)
    return (*head, delivery.attempts, due_at, delivery.sent_at, delivery.reason)


def _attempt_row(attempt: Attempt) -> tuple[object, ...]:
    head = (attempt.number, attempt.started_at, attempt.duration_ms, attempt.outcome)
    return (*head, attempt.status_code, attempt.reason, attempt.detail)


def _test_row(delivery: Delivery, attempt: Attempt) -> tuple[object, ...]:
    seconds = (attempt.duration_ms or 0) / 1000
    return (
        delivery.channel,
        delivery.transport,
        delivery.state,
        attempt.detail or f"accepted after {seconds:.1f} s",
    )


def _alerts_as_dicts(session: Session, alerts: Sequence[Alert]) -> list[dict[str, object]]:
    from web.api.models import AlertShape

    names = alert_names(session, EVERYTHING, alerts)
    return [{"id": alert.id} | AlertShape.of(alert, names).model_dump() for alert in alerts]


def _revision_as_dict(revision: AlertRevision) -> dict[str, object]:
    from web.api.models import RevisionShape

    return RevisionShape.of(revision).model_dump()


def _deliveries_as_dicts(session: Session, deliveries: Sequence[Delivery]) -> list[dict[str, object]]:
    from web.api.models import DeliveryShape

    alerts = rows.alerts_by_id(session, {delivery.alert_id for delivery in deliveries})
    return [
        {"id": delivery.id, "alert": delivery.alert_id}
        | DeliveryShape.of(delivery, alerts.get(delivery.alert_id)).model_dump()
        for delivery in deliveries
    ]


def _attempt_as_dict(attempt: Attempt) -> dict[str, object]:
    from web.api.models import AttemptShape

    return AttemptShape.of(attempt).model_dump()
