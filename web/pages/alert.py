"""The page of an alert that is no finding: about a source, a channel or the installation."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from storage.visible.finding_detail import other_alert
from web.access.signed_in import Person
from web.console import ConsoleParts
from web.errors import NotVisible
from web.rendering import render

router = APIRouter()


@router.get("/alerts/{reference}")
def alert_page(request: Request, console: ConsoleParts, person: Person, reference: str) -> HTMLResponse:
    """Show an alert with its messages and deliveries, to whoever sees the whole installation."""
    with console.database.reading() as session:
        found = other_alert(session, person.view, reference)
    if found is None:
        raise NotVisible
    alert, revisions, sent = found
    return render(request, "alert.html", person=person, alert=alert, revisions=revisions, deliveries=sent)
