"""The first screen: what needs a person now."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from storage.visible.findings import open_findings
from web.access.signed_in import Person
from web.console import ConsoleParts
from web.rendering import render

router = APIRouter()


@router.get("/")
def first_screen(request: Request, console: ConsoleParts, person: Person) -> HTMLResponse:
    with console.database.reading() as session:
        found = open_findings(session, person.view)
    return render(request, "findings.html", person=person, findings=found)
