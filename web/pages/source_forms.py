"""Sources that people write: added, tried, edited and disabled in the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from configuration.mistake_messages import Mistake
from configuration.written_source import MAX_BYTES, WrittenSource, read_written_source
from crawler.sources import SourceDefinition, stored_definition
from daemon.errors import LookFailed
from daemon.looks import TRIAL_S, try_source
from storage.sources import DeclaredSource, Source, add_source, change_source
from storage.visible import sources as visible
from web.access.signed_in import InstallationAdmin, SignedIn
from web.audit import AuditAction, audit
from web.company_forms import MAX_REASON_CHARS, RESERVED, SLUG, FormMistakes
from web.console import Console, ConsoleParts
from web.errors import NotVisible, RequestRefused
from web.pages.sources import definition_text
from web.reasons import meaning_of
from web.rendering import render
from web.source_trials import MAX_TRIALS, TrialsBusy, trial_of
from web.wording import ConsoleWording

router = APIRouter()

Name = Annotated[str, Form(max_length=200)]
Toml = Annotated[str, Form(max_length=MAX_BYTES)]
Why = Annotated[str, Form(max_length=MAX_REASON_CHARS)]
HEADING = "# docs/how-to/write-a-source.md\n"
EXAMPLE = (
    HEADING
    + """kind = "html"
start = "https://market.example/listings"

[schedule]
every = "15m"

[list]
rows = "tr.offer" # one row per listing
link = "a.title" # the link to the listing's page
next = "li.next a"

[row]
title = "a.title"

[item]
title = "h1"
body = "div.description"
"""
)


@router.get("/sources/add")
def adding_source(request: Request, console: ConsoleParts, person: InstallationAdmin) -> Response:
    return _form_page(request, person, name="", text=EXAMPLE)


@router.post("/sources/add")
def add_one_source(
    request: Request,
    console: ConsoleParts,
    person: InstallationAdmin,
    name: Name = "",
    toml: Toml = "",
    why: Why = "",
) -> Response:
    t, now, name = _words(person), console.clock(), name.strip()
    mistakes = FormMistakes()
    _check_name(name, t, mistakes)
    _check_reason(why, t, mistakes)
    written = _read(console, name, toml)

    def change(session: Session) -> None:
        if visible.is_name_taken(session, person.view, name):
            mistakes.add("name", t("sources.name_taken"))
        if mistakes or written.definition is None:
            return
        source = add_source(session, _declared(name, written.definition), now)
        if source is None:
            mistakes.add("name", t("sources.name_taken"))
            return
        _note(session, person, now, name, "added", why, _hosts(written.definition))

    console.database.write(change)
    if mistakes or written.definition is None:
        return _form_page(
            request, person, name=name, text=toml, why=why, mistakes=mistakes, wrong=written.mistakes
        )
    return RedirectResponse(f"/sources/{name}?done=added", HTTPStatus.SEE_OTHER)


@router.post("/sources/try")
def try_one_source(
    request: Request,
    console: ConsoleParts,
    person: InstallationAdmin,
    name: Name = "",
    of: Name = "",
    toml: Toml = "",
    why: Why = "",
) -> Response:
    """Fetch a few pages as `spillwatch source try` does, and show what each selector finds."""
    t, written = _words(person), _read(console, name or of or "source", toml)
    pages: Sequence[Mapping[str, Any]] = ()
    trouble = ""
    if written.definition is not None:
        hosts, now = _hosts(written.definition), console.clock()
        try:
            with trial_of(person.user_id):
                console.database.write(
                    lambda session: _note(session, person, now, name or of, "tried", "", hosts)
                )
                pages = try_source(written.definition, settings=console.settings.crawler)
        except TrialsBusy as busy:
            trouble = t("sources.trial_own") if busy.own else t("sources.trials_busy", n=MAX_TRIALS)
        except LookFailed as failed:
            trouble = meaning_of(t, failed.reason)
    return _form_page(
        request,
        person,
        name=name,
        text=toml,
        why=why,
        wrong=written.mistakes,
        editing=of,
        pages=pages,
        trouble=trouble,
        was_tried=written.definition is not None and not trouble,
    )


@router.get("/sources/{name}/edit")
def editing_source(request: Request, console: ConsoleParts, person: InstallationAdmin, name: str) -> Response:
    with console.database.reading() as session:
        source = _own_source(session, person, name)
    return _form_page(request, person, name=name, text=definition_text(source), editing=name)


@router.post("/sources/{name}/edit")
def edit_source(
    request: Request,
    console: ConsoleParts,
    person: InstallationAdmin,
    name: str,
    toml: Toml = "",
    why: Why = "",
) -> Response:
    t, now, mistakes = _words(person), console.clock(), FormMistakes()
    _check_reason(why, t, mistakes)
    written = _read(console, name, toml)

    def change(session: Session) -> None:
        source = _own_source(session, person, name, lock=True)
        if mistakes or written.definition is None:
            return
        if change_source(session, source, _declared(name, written.definition), now):
            _note(session, person, now, name, "edited", why, _hosts(written.definition))

    console.database.write(change)
    if mistakes or written.definition is None:
        return _form_page(
            request,
            person,
            name=name,
            text=toml,
            why=why,
            mistakes=mistakes,
            wrong=written.mistakes,
            editing=name,
        )
    return RedirectResponse(f"/sources/{name}?done=edited", HTTPStatus.SEE_OTHER)


@router.post("/sources/{name}/enabled")
def enable_source(
    request: Request,
    console: ConsoleParts,
    person: InstallationAdmin,
    name: str,
    enabled: Annotated[bool, Form()] = False,
    why: Why = "",
) -> Response:
    """Read a source again, or no longer. Its listings stay."""
    t, now, mistakes = _words(person), console.clock(), FormMistakes()
    _check_reason(why, t, mistakes)

    def change(session: Session) -> str:
        source = _own_source(session, person, name, lock=True)
        text = definition_text(source)
        definition = {**source.definition, "enabled": enabled}
        item = DeclaredSource(name, source.kind, definition, None, enabled)
        if not mistakes and change_source(session, source, item, now):
            _note(session, person, now, name, "enabled" if enabled else "disabled", why, ())
        return text

    text = console.database.write(change)
    if mistakes:
        return _form_page(request, person, name=name, text=text, mistakes=mistakes, editing=name)
    return RedirectResponse(
        f"/sources/{name}?done={'enabled' if enabled else 'disabled'}", HTTPStatus.SEE_OTHER
    )


def _own_source(session: Session, person: SignedIn, name: str, *, lock: bool = False) -> Source:
    """Return a source that was added in the console; raises RequestRefused for one of a file."""
    source = visible.source_named(session, person.view, name, lock=lock)
    if source is None:
        raise NotVisible
    if source.declared_in is not None:
        raise RequestRefused(_words(person)("sources.declared_there", file=source.declared_in))
    return source


def _words(person: SignedIn) -> ConsoleWording:
    return ConsoleWording(person.language, person.zone)


def _read(console: Console, name: str, text: str) -> WrittenSource:
    settings = console.settings
    return read_written_source(
        text.replace("\r\n", "\n"),
        name=name or "source",
        tor_proxy=settings.crawler.tor_proxy,
        private_hosts=settings.web.private_hosts,
    )


def _check_name(name: str, t: ConsoleWording, mistakes: FormMistakes) -> None:
    if not SLUG.fullmatch(name) or name in RESERVED:
        mistakes.add("name", t("sources.name_wanted"))


def _check_reason(why: str, t: ConsoleWording, mistakes: FormMistakes) -> None:
    if not why.strip():
        mistakes.add("why", t("companies.why_wanted"))


def _declared(name: str, definition: SourceDefinition) -> DeclaredSource:
    return DeclaredSource(name, definition.kind, stored_definition(definition), None, definition.enabled)


def _hosts(definition: SourceDefinition) -> Sequence[str]:
    return sorted({urlsplit(url).hostname or "" for url in definition.start})


def _note(
    session: Session,
    person: SignedIn,
    now: datetime,
    name: str,
    change: str,
    why: str,
    hosts: Sequence[str],
) -> None:
    audit(
        session,
        person,
        AuditAction.SOURCE_CHANGED,
        now,
        subject=f"source:{name[:64]}" if name else "",
        change=change,
        reason=why.strip(),
        hosts=list(hosts),
    )


def _form_page(
    request: Request,
    person: SignedIn,
    *,
    name: str,
    text: str,
    why: str = "",
    mistakes: FormMistakes | None = None,
    wrong: Sequence[Mistake] = (),
    editing: str = "",
    pages: Sequence[Mapping[str, Any]] = (),
    trouble: str = "",
    was_tried: bool = False,
) -> Response:
    """`wrong`: mistakes in the definition. `editing`: the name of the source; "": a new one."""
    t = _words(person)
    refused = bool(mistakes or wrong)
    return render(
        request,
        "source_form.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK,
        name=name,
        text=text,
        why=why,
        mistakes=mistakes or FormMistakes(),
        wrong=wrong,
        editing=editing,
        pages=pages,
        trouble=trouble,
        was_tried=was_tried,
        longest_s=TRIAL_S,
        meaning=lambda reason: meaning_of(t, reason),
    )
