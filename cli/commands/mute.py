"""`spillwatch mute`: keeps a company's findings of some kind from the channels for a while."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from cli.command_context import Wide, app_of
from cli.errors import UnknownName
from cli.exits import Exit
from cli.output import TableColumn, emit_json, print_error, print_line, print_table
from cli.person import account_name
from cli.time_argument import parse_end
from storage import alerts, companies, sources
from storage.alerts import Severity
from storage.mutes import Mute, end_mute
from storage.visible.mutes import ended_mutes, mutes_in_force, silenced_by, try_mute
from storage.visible.visibility import EVERYTHING

TRIAL = timedelta(days=90)  # of messages that --try looks at

app = typer.Typer(
    add_completion=False,
    help="Keep a company's findings of some kind from the channels for a while.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
By = Annotated[str | None, typer.Option(help="Who decides. Default: the account that runs this.")]
_COLUMNS = (
    "id",
    "company",
    "only",
    "up to",
    "until",
    "messages",
    "findings",
    "by",
    TableColumn("reason", prose=True),
    TableColumn("ended", extra=True),
    TableColumn("ended by", extra=True),
)


@app.command()
def add(
    context: typer.Context,
    company: Annotated[str, typer.Argument(metavar="COMPANY", help="Slug of the company.")],
    until: Annotated[str, typer.Option(help="When it ends: 2d, 4h or a date such as 2026-12-24.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    source: Annotated[str | None, typer.Option(help="Only findings of this source.")] = None,
    seller: Annotated[str | None, typer.Option(help="Only findings of this seller.")] = None,
    term: Annotated[
        str | None, typer.Option(help="Only findings in which nothing but this watch term was found.")
    ] = None,
    alert: Annotated[int | None, typer.Option(help="Only this finding, by the number of its alert.")] = None,
    up_to: Annotated[Severity, typer.Option(help="Highest severity that it covers.")] = Severity.HIGH,
    trial: Annotated[
        bool, typer.Option("--try", help="Only say what it would have silenced in the last 90 days.")
    ] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Mute findings of a company until a time, or say what that would have silenced."""
    app_, person, now = app_of(context), account_name(by), app_of(context).clock()
    with app_.database.transaction() as session:
        mute = Mute(
            company_id=_company_id(session, company),
            source_id=None if source is None else _source_id(session, source),
            alert_id=None if alert is None else _alert_id(session, alert),
            seller=seller,
            term=term,
            max_severity=up_to,
            reason=reason,
            by=person,
            created_at=now,
            until=parse_end(until, now=now),
        )
        if trial:
            _show_trial(session, mute, now=now, as_json=as_json)
            return
        session.add(mute)
        session.flush()
        stored = _as_dict(session, mute, (0, 0))
    if as_json:
        emit_json(stored)
    else:
        print_line(f"Mute {stored['id']} is in force until {stored['until']}.")


@app.command("list")
def list_(
    context: typer.Context,
    ended: Annotated[bool, typer.Option("--ended", help="Those that have ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """List the mutes in force, and what each has silenced."""
    app_ = app_of(context)
    with app_.database.reading() as session:
        question = ended_mutes if ended else mutes_in_force
        found = question(session, EVERYTHING, now=app_.clock(), limit=limit)
        silenced = silenced_by(session, EVERYTHING, [mute.id for mute in found])
        listed = [_as_dict(session, mute, silenced.get(mute.id, (0, 0))) for mute in found]
    if as_json:
        emit_json(listed)
        return
    rows = [(*list(each.values())[:2], _conditions(each), *list(each.values())[6:]) for each in listed]
    print_table(_COLUMNS, rows, empty="No mute.", wide=wide)


@app.command()
def end(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the mute.")],
    by: By = None,
    as_json: Json = False,
) -> None:
    """End a mute now. Exit code 1 if it has ended already."""
    app_, person = app_of(context), account_name(by)
    with app_.database.transaction() as session:
        if session.get(Mute, number) is None:
            raise UnknownName(f"There is no mute {number}. `spillwatch mute list` shows the numbers.")
        ended = end_mute(session, number, by=person, now=app_.clock())
    if as_json:
        emit_json({"id": number, "ended": ended})
    elif ended:
        print_line(f"Mute {number} has ended. What it silenced is not sent later.")
    else:
        print_error(f"Mute {number} has ended already.")
    if not ended:
        raise typer.Exit(Exit.NEGATIVE)


def _show_trial(session: Session, mute: Mute, *, now: datetime, as_json: bool) -> None:
    found = try_mute(session, EVERYTHING, mute, since=now - TRIAL)
    if as_json:
        emit_json(asdict(found))
        return
    print_line(
        f"In the last 90 days it would have silenced {found.messages} of {found.looked_at} messages, "
        f"about {found.findings} findings. Nothing is stored."
    )
    if not found.whole:
        print_error(f"Only the newest {found.looked_at} messages were looked at.")


def _company_id(session: Session, slug: str) -> int:
    company = companies.company_by_slug(session, slug)
    if company is None:
        raise UnknownName(f"There is no company {slug!r}. `spillwatch check` lists them.")
    return company.id


def _source_id(session: Session, name: str) -> int:
    source = sources.source_by_name(session, name)
    if source is None:
        raise UnknownName(f"There is no source {name!r}. `spillwatch source list` shows the names.")
    return source.id


def _alert_id(session: Session, number: int) -> int:
    alert = alerts.alert_by_id(session, number)
    if alert is None:
        raise UnknownName(f"There is no alert {number}. `spillwatch alerts list` shows the numbers.")
    return alert.id


def _as_dict(session: Session, mute: Mute, silenced: tuple[int, int]) -> dict[str, object]:
    company = companies.company_by_id(session, mute.company_id)
    source = None if mute.source_id is None else sources.source_by_id(session, mute.source_id)
    return {
        "id": mute.id,
        "company": company.slug if company else None,
        "source": source.name if source else None,
        "seller": mute.seller,
        "term": mute.term,
        "alert": mute.alert_id,
        "max_severity": mute.max_severity,
        "until": mute.until,
        "messages": silenced[0],
        "findings": silenced[1],
        "by": mute.by,
        "reason": mute.reason,
        "ended_at": mute.ended_at,
        "ended_by": mute.ended_by,
    }


def _conditions(mute: dict[str, object]) -> str:
    """Return what narrows a mute, for a table."""
    named = {key: mute[key] for key in ("source", "seller", "term", "alert") if mute[key] is not None}
    return ", ".join(f"{key} {value}" for key, value in named.items()) or "everything"
