"""`spillwatch audit`: the entries of the audit log, and whether their chain is whole."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import typer

from cli.command_context import Wide, app_of
from cli.errors import UnknownName
from cli.exits import Exit
from cli.output import TableColumn, emit_json, print_line, print_table
from cli.person import account_name
from cli.time_argument import parse_moment
from storage import companies
from storage.audit_checks import ChainState, CheckOutcome, check_and_record
from storage.audit_log import AuditEntry
from storage.database.columns import dump_json
from storage.visible.audit import AuditFilter, audit_entries
from storage.visible.visibility import EVERYTHING, Visibility

app = typer.Typer(
    add_completion=False,
    help="List the entries of the audit log, and verify their chain.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
_COLUMNS = (
    "entry",
    "at",
    "actor",
    "action",
    "subject",
    TableColumn("company", extra=True),
    TableColumn("detail", prose=True),
    TableColumn("hash", extra=True),
)
_HASH = re.compile(r"[0-9a-f]{64}")


@app.command("list")
def list_entries(
    context: typer.Context,
    actor: Annotated[str, typer.Option(help="Only what this person or token did.")] = "",
    action: Annotated[str, typer.Option(help="Only this action, such as sign_in.")] = "",
    subject: Annotated[str, typer.Option(help="Only this subject, such as finding:K7QX2M9D.")] = "",
    company: Annotated[str | None, typer.Option(help="Only entries of the company with this slug.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only since then: 24h, 7d or a date.")
    ] = None,
    before: Annotated[int | None, typer.Option(help="Only entries with a lower number.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="Maximum number of entries, newest first.")
    ] = 50,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """List entries of the audit log, newest first."""
    app_ = app_of(context)
    begin = None if since is None else parse_moment(since, now=app_.clock())
    with app_.database.reading() as session:
        view = EVERYTHING
        slugs = companies.slugs_by_id(session)
        if company is not None:
            found = companies.company_by_slug(session, company)
            if found is None:
                known = ", ".join(sorted(slugs.values())) or "none"
                raise UnknownName(f"there is no company {company!r}; known: {known}")
            view = Visibility(frozenset({found.id}))
        wanted = AuditFilter(actor, action, subject, begin)
        entries = audit_entries(session, view, wanted, before=before, limit=limit)
    if as_json:
        emit_json([entry_as_dict(entry, slugs) for entry in entries])
        return
    rows = [_row(entry, slugs) for entry in entries]
    print_table(_COLUMNS, rows, empty="There is no such entry.", wide=wide)


def _row(entry: AuditEntry, slugs: dict[int, str]) -> tuple[object, ...]:
    detail = ", ".join(f"{name}: {_shown(value)}" for name, value in sorted(entry.detail.items()))
    company = _company(entry, slugs)
    return entry.id, entry.at, entry.actor, entry.action, entry.subject, company, detail, entry.hash


def _shown(value: object) -> str:
    return value if isinstance(value, str) else dump_json(value)


def _company(entry: AuditEntry, slugs: dict[int, str]) -> str | None:
    """Return the company's slug; of an erased one, its number."""
    return None if entry.company_id is None else slugs.get(entry.company_id, f"#{entry.company_id}")


def entry_as_dict(entry: AuditEntry, slugs: dict[int, str]) -> dict[str, object]:
    return {
        "entry": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "company": _company(entry, slugs),
        "detail": entry.detail,
        "hash": entry.hash,
    }


@app.command()
def verify(
    context: typer.Context,
    head: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="A head that was sent out or written down: must still be there."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Walk the whole chain, and name the first entry that was changed or is missing."""
    app_ = app_of(context)
    if head is not None and not _HASH.fullmatch(head := head.strip().lower()):
        raise typer.BadParameter("expected the 64 hexadecimal digits of a head", param_hint="--head")
    now: datetime = app_.clock()
    state = check_and_record(app_.database, by=f"cli:{account_name()}", now=now, head=head)
    if as_json:
        emit_json(
            {
                "outcome": state.outcome,
                "entries": state.entries,
                "head": state.head,
                "entry": state.entry_id,
                "missing_head": state.missing_head,
            }
        )
    else:
        print_line(sentence(state))
    if state.outcome is not CheckOutcome.WHOLE:
        raise typer.Exit(Exit.NEGATIVE)


def sentence(state: ChainState) -> str:
    """Return the result for people."""
    entries = f"{state.entries:,} {'entry' if state.entries == 1 else 'entries'}"
    before = f"Before it: {entries}, whole; the head of that part is {state.head}."
    if state.outcome is CheckOutcome.CHANGED:
        return f"Entry {state.entry_id} was changed, or the entry before it was. {before}"
    if state.outcome is CheckOutcome.MISSING:
        return f"Entry {state.entry_id} is missing. {before}"
    if state.outcome is CheckOutcome.HEAD_MISSING:
        return (
            f"The chain of {entries} is whole, but no entry has the hash {state.missing_head}, which was the "
            f"head earlier: the end was cut off, or the chain was written anew. The head is {state.head}."
        )
    if not state.entries:
        return "The audit log has no entry yet."
    return f"The chain of {entries} is whole. The head is {state.head}."
