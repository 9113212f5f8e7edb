"""The audit log, for admins: of the installation all of it, of a company its entries."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse

from storage.database.columns import dump_json
from storage.users import Role
from storage.visible.audit import PAGE, AuditFilter, audit_entries, last_check, slugs_seen
from storage.visible.visibility import EVERYTHING
from web.access.signed_in import Person
from web.audit import AuditAction, audit
from web.console import ConsoleParts
from web.errors import NotAllowed, RequestRefused
from web.rendering import render
from web.wording import zone_named

router = APIRouter()
FILTERS = ("actor", "action", "subject", "since", "until")
YEARS = range(2000, 3000)
MAX_CHARS = 200  # of a filter


@router.get("/audit")
def audit_page(
    request: Request,
    console: ConsoleParts,
    person: Person,
    actor: str = "",
    action: str = "",
    subject: str = "",
    since: str = "",
    until: str = "",
    before: int | None = None,
) -> HTMLResponse:
    if not person.is_admin:
        raise NotAllowed(Role.ADMIN)
    view, now = person.manages, console.clock()
    typed = zip(FILTERS, (actor, action, subject, since, until), strict=True)
    asked = {name: value.strip()[:MAX_CHARS] for name, value in typed if value.strip()}
    last_day = _midnight(asked.get("until"), person.zone)
    wanted = AuditFilter(
        actor=asked.get("actor", ""),
        action=asked.get("action", ""),
        subject=asked.get("subject", ""),
        since=_midnight(asked.get("since"), person.zone),
        until=None if last_day is None else last_day + timedelta(days=1),
    )
    with console.database.reading() as session:
        entries = audit_entries(session, view, wanted, before=before, limit=PAGE + 1)
        checked = last_check(session, view)
        slugs = slugs_seen(session, view)

    def write(session: Session) -> None:
        audit(session, person, AuditAction.AUDIT_VIEWED, now, filters=asked)

    console.database.write(write)
    shown = entries[:PAGE]
    older = urlencode(asked | {"before": str(shown[-1].id)}) if len(entries) > PAGE else None
    return render(
        request,
        "audit.html",
        person=person,
        entries=shown,
        details={entry.id: _pairs(entry.detail) for entry in shown},
        slugs=slugs,
        everything=view == EVERYTHING,
        checked=checked,
        actions=sorted(AuditAction),
        fields={name: asked.get(name, "") for name in FILTERS},
        asked=asked,
        newest=urlencode(asked) if before is not None else None,
        older=older,
    )


def _midnight(day: str | None, zone: str) -> datetime | None:
    """Return the beginning of a day in the person's zone; raises RequestRefused."""
    if not day:
        return None
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        wanted = date.min
    if wanted.year not in YEARS:
        raise RequestRefused("expected a day such as 2026-12-01")
    return datetime.combine(wanted, time(), zone_named(zone))


def _pairs(detail: dict[str, object]) -> list[tuple[str, str]]:
    """Return a detail as names and texts."""
    return [
        (name, value if isinstance(value, str) else dump_json(value))
        for name, value in sorted(detail.items())
        if value not in (None, "", [], {})
    ]
