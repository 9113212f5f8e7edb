"""The settings in force: read-only, because files, credentials and the environment hold them."""

from __future__ import annotations

from itertools import groupby

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from configuration.settings_in_force import settings_in_force
from web.access.signed_in import InstallationAdmin
from web.console import ConsoleParts
from web.rendering import render
from web.wording import ConsoleWording

router = APIRouter()

#: How configuration.setting_layers begins the name of what is no file, and the text for it.
KINDS = {"environment variable ": "settings.variable", "credential ": "settings.credential"}


@router.get("/settings")
def settings_table(request: Request, console: ConsoleParts, person: InstallationAdmin) -> HTMLResponse:
    found = settings_in_force(console.settings, console.origins)
    t = ConsoleWording(person.language, person.zone)

    def origin_words(origin: str) -> tuple[str, str]:
        for start, text in KINDS.items():
            if origin.startswith(start):
                return t(text), origin.removeprefix(start)
        return t("settings.file"), origin

    return render(
        request,
        "settings.html",
        person=person,
        sections=[(name, list(rows)) for name, rows in groupby(found, key=lambda each: each.section)],
        origin_words=origin_words,
    )
