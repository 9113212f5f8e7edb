"""`spillwatch hold`: legal holds, by which cases keep things from being deleted."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from cli.command_context import Wide, app_of
from cli.errors import UnknownName
from cli.output import TableColumn, emit_json, print_line, print_table
from cli.person import account_name
from storage import alerts, companies, custody, holds, listings
from storage.custody import CustodyAction, CustodySubject
from storage.holds import Hold, HoldSubject

app = typer.Typer(
    add_completion=False,
    help="Keep findings, listings and companies from being deleted, as cases.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
By = Annotated[str | None, typer.Option(help="Who asks for it. Default: the account that runs this.")]
_COLUMNS = (
    "id",
    "case",
    "holds",
    "since",
    "by",
    TableColumn("reason", prose=True),
    TableColumn("released", extra=True),
    TableColumn("released by", extra=True),
    TableColumn("why", prose=True),
)


@app.command()
def add(
    context: typer.Context,
    case: Annotated[str, typer.Argument(metavar="CASE", help="Name of the case, such as 2026-017.")],
    reason: Annotated[str, typer.Option(help="Why, such as a court's order.")],
    alert: Annotated[int | None, typer.Option(help="Number of the alert whose finding is held.")] = None,
    listing: Annotated[int | None, typer.Option(help="Number of the listing that is held.")] = None,
    company: Annotated[str | None, typer.Option(help="Slug of the company that is held.")] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Hold one thing for a case: nothing of it is deleted until every case has released it."""
    app_, person = app_of(context), account_name(by)
    with app_.database.transaction() as session:
        subject = _subject(session, alert, listing, company)
        hold_id = holds.add_hold(
            session, case, subject.kind, subject.id, person=person, reason=reason, now=app_.clock()
        )
        if hold_id is not None:
            custody.write_entry(
                session,
                CustodyAction.HELD,
                subject,
                person=person,
                reason=reason,
                now=app_.clock(),
                case_name=case,
            )
    if as_json:
        emit_json({"hold": hold_id, "case": case, "subject": str(subject), "added": hold_id is not None})
    elif hold_id is None:
        print_line(f"The case {case} holds the {subject} already.")
    else:
        print_line(f"Hold {hold_id}: the case {case} holds the {subject}. Nothing of it is deleted.")


def _subject(session: Session, alert: int | None, listing: int | None, company: str | None) -> CustodySubject:
    if [alert, listing, company].count(None) != 2:
        raise typer.BadParameter("give one of --alert, --listing and --company")
    if alert is not None:
        if alerts.alert_by_id(session, alert) is None:
            raise UnknownName(f"there is no alert {alert}; `spillwatch alerts list` shows the numbers")
        return CustodySubject(HoldSubject.FINDING, alert)
    if listing is not None:
        if listings.listing_by_id(session, listing) is None:
            raise UnknownName(f"there is no listing {listing}; `spillwatch listings` shows the numbers")
        return CustodySubject(HoldSubject.LISTING, listing)
    found = companies.company_by_slug(session, company or "")
    if found is None:
        known = ", ".join(sorted(companies.slugs_by_id(session).values())) or "none"
        raise UnknownName(f"there is no company {company!r}; known: {known}")
    return CustodySubject(HoldSubject.COMPANY, found.id, found.slug)


@app.command("list")
def list_holds(
    context: typer.Context,
    released: Annotated[bool, typer.Option("--released", help="Also show released holds.")] = False,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """List the holds, oldest first."""
    with app_of(context).database.reading() as session:
        slugs = companies.slugs_by_id(session)
        found = [(hold, _label(hold, slugs)) for hold in holds.all_holds(session, released=released)]
    if as_json:
        emit_json([_as_dict(hold, label) for hold, label in found])
        return
    rows = [
        (
            hold.id,
            hold.case_name,
            label,
            hold.added_at,
            hold.added_by,
            hold.reason,
            hold.released_at,
            hold.released_by,
            hold.release_reason,
        )
        for hold, label in found
    ]
    print_table(_COLUMNS, rows, empty="No case holds anything.", wide=wide)


def _label(hold: Hold, slugs: dict[int, str]) -> str:
    name = slugs.get(hold.subject_id) if hold.subject is HoldSubject.COMPANY else None
    return str(CustodySubject(hold.subject, hold.subject_id, name))


def _as_dict(hold: Hold, label: str) -> dict[str, object]:
    return {
        "id": hold.id,
        "case": hold.case_name,
        "subject": label,
        "added_at": hold.added_at,
        "added_by": hold.added_by,
        "reason": hold.reason,
        "released_at": hold.released_at,
        "released_by": hold.released_by,
        "release_reason": hold.release_reason,
    }


@app.command()
def release(
    context: typer.Context,
    hold: Annotated[int, typer.Argument(metavar="HOLD", help="Number of the hold.")],
    reason: Annotated[str, typer.Option(help="Why it is released.")],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Release a hold. What no other case holds is then deleted at its age, and can be erased."""
    app_, person = app_of(context), account_name(by)
    with app_.database.transaction() as session:
        found = holds.hold_by_id(session, hold)
        if found is None:
            raise UnknownName(f"there is no hold {hold}; `spillwatch hold list` shows the numbers")
        slug = companies.slugs_by_id(session).get(found.subject_id)
        name = slug if found.subject is HoldSubject.COMPANY else None
        subject = CustodySubject(found.subject, found.subject_id, name)
        released = holds.release_hold(session, hold, person=person, reason=reason, now=app_.clock())
        if released:
            custody.write_entry(
                session,
                CustodyAction.RELEASED,
                subject,
                person=person,
                reason=reason,
                now=app_.clock(),
                case_name=found.case_name,
            )
        others = holds.cases_that_hold(
            session,
            listing_ids=[subject.id] if subject.kind is HoldSubject.LISTING else [],
            alert_ids=[subject.id] if subject.kind is HoldSubject.FINDING else [],
            company_id=subject.id if subject.kind is HoldSubject.COMPANY else None,
        )
    if as_json:
        emit_json({"hold": hold, "subject": str(subject), "released": released, "still_held_by": others})
        return
    still = f" It is still held by {', '.join(others)}." if others else " No case holds it any more."
    print_line(f"Hold {hold} of the {subject} {'is' if released else 'was already'} released.{still}")
