"""Companies: what is watched for each, what that found, and how it is changed."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from configuration.toml_text import toml_text
from matching.company_definition import TERMS_LIMIT, stored_company
from storage.companies import (
    Company,
    DeclaredCompany,
    DeclaredTerm,
    Term,
    TermKind,
    add_company,
    change_company,
    put_terms,
    set_company_active,
    withdraw_term,
)
from storage.users import Role
from storage.visible import companies as visible
from web.access.signed_in import InstallationAdmin, Person, SignedIn
from web.audit import AuditAction, audit
from web.company_forms import (
    MAX_FORM_CHARS,
    MAX_LINES,
    MAX_REASON_CHARS,
    RESERVED,
    SLUG,
    FormMistakes,
    TermsForm,
    read_company,
)
from web.console import Console, ConsoleParts
from web.errors import NotVisible, RequestRefused
from web.rendering import render
from web.wording import ConsoleWording

router = APIRouter()

KINDS = tuple(kind.value for kind in TermKind)
Text = Annotated[str, Form(max_length=MAX_FORM_CHARS)]
Why = Annotated[str, Form(max_length=MAX_REASON_CHARS)]
Slug = Annotated[str, Form(max_length=200)]


def _words(person: SignedIn) -> ConsoleWording:
    return ConsoleWording(person.language, person.zone)


@router.get("/companies")
def company_table(
    request: Request, console: ConsoleParts, person: Person, after: Annotated[str, Query(max_length=64)] = ""
) -> HTMLResponse:
    with console.database.reading() as session:
        rows = visible.companies_with_counts(session, person.view, after=after, limit=visible.ROWS + 1)
    shown = rows[: visible.ROWS]
    return render(
        request,
        "companies.html",
        person=person,
        rows=shown,
        counted=visible.COUNTED_FINDINGS,
        more=urlencode({"after": shown[-1].company.slug}) if len(rows) > visible.ROWS else "",
        may_add=person.may(Role.ADMIN),
    )


@router.get("/companies/add")
def adding_company(request: Request, console: ConsoleParts, person: InstallationAdmin) -> HTMLResponse:
    return _add_page(request, person, {}, TermsForm(), FormMistakes())


@router.post("/companies/add")
def add_one_company(
    request: Request,
    console: ConsoleParts,
    person: InstallationAdmin,
    slug: Slug = "",
    name: Text = "",
    mail_provider: Annotated[bool, Form()] = False,
    terms: Text = "",
    kind: Text = "name",
    owner: Text = "",
    reason: Text = "",
    exclude: Text = "",
    why: Why = "",
) -> Response:
    """Add a company with its terms. A rematch compares them with everything that is stored."""
    t, now, mistakes = _words(person), console.clock(), FormMistakes()
    form, slug = TermsForm(terms, kind, owner, reason, exclude), slug.strip()
    definition = read_company(name, mail_provider=mail_provider, mistakes=mistakes)
    found = form.read(mistakes, required=False, too_many=t("companies.too_many", n=MAX_LINES))
    if not SLUG.fullmatch(slug) or slug in RESERVED:
        mistakes.add("slug", t("companies.slug_wanted"))
    if not why.strip():
        mistakes.add("why", t("companies.why_wanted"))

    def change(session: Session) -> None:
        slug_taken, name_taken = visible.is_taken(session, person.view, slug=slug, name=name.strip())
        if slug_taken:
            mistakes.add("slug", t("companies.slug_taken"))
        if name_taken:
            mistakes.add("name", t("companies.name_taken"))
        if mistakes or definition is None:
            return
        declared = DeclaredCompany(slug, definition.name, found, stored_company(definition), None)
        company = add_company(session, declared, now)
        if company is None:
            mistakes.add("slug", t("companies.slug_taken"))
            return
        audit(
            session,
            person,
            AuditAction.COMPANY_CHANGED,
            now,
            subject=f"company:{slug}",
            company_id=company.id,
            change="added",
            terms=[term.text for term in found],
            reason=why.strip(),
        )

    console.database.write(change)
    if mistakes:
        values = {"slug": slug, "name": name, "mail_provider": mail_provider, "why": why}
        return _add_page(request, person, values, form, mistakes)
    return RedirectResponse(f"/companies/{slug}?done=added", HTTPStatus.SEE_OTHER)


def _add_page(
    request: Request, person: SignedIn, values: dict[str, object], form: TermsForm, mistakes: FormMistakes
) -> HTMLResponse:
    return render(
        request,
        "company_add.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else HTTPStatus.OK,
        values=values,
        form=form,
        mistakes=mistakes,
        kinds=KINDS,
    )


@router.get("/companies/{slug}")
def one_company(
    request: Request,
    console: ConsoleParts,
    person: Person,
    slug: str,
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    done: str = "",
) -> HTMLResponse:
    return _company_page(
        request, console, person, slug, words=q.strip(), after=after, done=done, mistakes=FormMistakes()
    )


def _company_page(
    request: Request,
    console: Console,
    person: SignedIn,
    slug: str,
    *,
    mistakes: FormMistakes,
    words: str = "",
    after: int = 0,
    done: str = "",
    form: TermsForm | None = None,
    changed: dict[str, object] | None = None,
) -> HTMLResponse:
    """`form` and `changed`: what was sent and has mistakes."""
    view, t = person.view, _words(person)
    with console.database.reading() as session:
        company = visible.company_named(session, view, slug)
        if company is None:
            raise NotVisible
        terms = visible.terms_of(session, view, company.id, words=words, after=after, limit=visible.ROWS + 1)
        counts = visible.term_counts(session, view, company.id)
        segments = visible.segments_of(session, view, company.id)
        canaries = visible.canary_sets_seen(session, view, company.id)
        rematches = visible.rematches_of(session, view, company.id)
    shown = terms[: visible.ROWS]
    more = {"q": words, "after": shown[-1].id} if len(terms) > visible.ROWS else {}
    return render(
        request,
        "company.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else HTTPStatus.OK,
        company=company,
        terms=shown,
        counts=counts,
        nothing=visible.TermCounts(),
        counted=visible.COUNTED_MATCHES,
        words=words,
        more=urlencode({name: value for name, value in more.items() if value}),
        segments=segments,
        canaries=canaries,
        rematches=rematches,
        definition=toml_text(company.definition),
        may_change=company.declared_in is None and person.may(Role.ADMIN, company.id),
        done=done if t.has(f"companies.done_{done}") else "",
        form=form or TermsForm(),
        changed=changed or {},
        mistakes=mistakes,
        kinds=KINDS,
    )


def _change(
    console: Console,
    person: SignedIn,
    slug: str,
    why: str,
    mistakes: FormMistakes,
    change: Callable[[Session, Company], dict[str, object] | None],
) -> None:
    """Change a company that was added in the console, and write what was changed into the audit log.

    `change` returns what the entry tells; None: nothing was changed. It may add to `mistakes`.
    """
    if not why.strip():
        mistakes.add("why", _words(person)("companies.why_wanted"))
    now = console.clock()

    def work(session: Session) -> None:
        company = visible.company_named(session, person.view, slug, lock=True)
        if company is None:
            raise NotVisible
        person.require(Role.ADMIN, company.id)
        if company.declared_in is not None:
            raise RequestRefused(_words(person)("companies.declared", file=company.declared_in))
        if mistakes:
            return
        told = change(session, company)
        if told is not None and not mistakes:
            audit(
                session,
                person,
                AuditAction.COMPANY_CHANGED,
                now,
                subject=f"company:{slug}",
                company_id=company.id,
                reason=why.strip(),
                **told,
            )

    console.database.write(work)


@router.post("/companies/{slug}/edit")
def edit_company(
    request: Request,
    console: ConsoleParts,
    person: Person,
    slug: str,
    name: Text = "",
    mail_provider: Annotated[bool, Form()] = False,
    why: Why = "",
) -> Response:
    t, mistakes = _words(person), FormMistakes()
    definition = read_company(name, mail_provider=mail_provider, mistakes=mistakes)

    def change(session: Session, company: Company) -> dict[str, object] | None:
        if definition is None:
            return None
        if visible.is_taken(session, person.view, slug=slug, name=definition.name)[1]:
            mistakes.add("name", t("companies.name_taken"))
            return None
        stored = {**company.definition, "mail_provider": definition.mail_provider}
        before = company.name
        if not change_company(session, company, name=definition.name, definition=stored, now=console.clock()):
            return None
        return {
            "change": "edited",
            "name": definition.name,
            "name_before": before,
            "mail_provider": mail_provider,
        }

    _change(console, person, slug, why, mistakes, change)
    if mistakes:
        changed: dict[str, object] = {"name": name, "mail_provider": mail_provider, "edit_why": why}
        return _company_page(request, console, person, slug, mistakes=mistakes, changed=changed)
    return RedirectResponse(f"/companies/{slug}?done=edited", HTTPStatus.SEE_OTHER)


@router.post("/companies/{slug}/terms")
def add_terms(
    request: Request,
    console: ConsoleParts,
    person: Person,
    slug: str,
    terms: Text = "",
    kind: Text = "name",
    owner: Text = "",
    reason: Text = "",
    exclude: Text = "",
    why: Why = "",
) -> Response:
    """Add terms; one of the same text is changed, and watched again if it was withdrawn."""
    t, mistakes = _words(person), FormMistakes()
    form = TermsForm(terms, kind, owner, reason, exclude)
    found = form.read(mistakes, required=True, too_many=t("companies.too_many", n=MAX_LINES))

    def change(session: Session, company: Company) -> dict[str, object] | None:
        if visible.count_terms(session, person.view, company.id) + len(found) > TERMS_LIMIT:
            mistakes.add("terms", t("companies.terms_limit", n=TERMS_LIMIT))
            return None
        put_terms(session, company, found, console.clock())
        return {"change": "terms_added", "terms": [term.text for term in found], "kind": kind}

    # The reason of the terms is the reason of the change, too.
    _change(console, person, slug, why or reason, mistakes, change)
    if mistakes:
        return _company_page(request, console, person, slug, mistakes=mistakes, form=form)
    return RedirectResponse(f"/companies/{slug}?done=terms#rematches", HTTPStatus.SEE_OTHER)


@router.get("/companies/{slug}/terms/{term_id}")
def editing_term(
    request: Request, console: ConsoleParts, person: Person, slug: str, term_id: int
) -> HTMLResponse:
    with console.database.reading() as session:
        company, term = _company_and_term(session, person, slug, term_id)
        counts = visible.term_counts(session, person.view, company.id).get(term.id, visible.TermCounts())
    form = TermsForm(term.text, term.kind.value, term.owner, term.reason, "\n".join(term.exclude))
    return _term_page(request, person, company, term, form, FormMistakes(), counts=counts)


@router.post("/companies/{slug}/terms/{term_id}")
def edit_term(
    request: Request,
    console: ConsoleParts,
    person: Person,
    slug: str,
    term_id: int,
    kind: Text = "name",
    owner: Text = "",
    reason: Text = "",
    exclude: Text = "",
    why: Why = "",
) -> Response:
    """Change everything of a term but its text: another text is another term."""
    t, mistakes = _words(person), FormMistakes()
    with console.database.reading() as session:
        company, term = _company_and_term(session, person, slug, term_id)
    form = TermsForm(term.text, kind, owner, reason, exclude)
    found: list[DeclaredTerm] = form.read(mistakes, required=True, too_many=t("companies.too_many", n=1))

    def change(session: Session, company: Company) -> dict[str, object] | None:
        put_terms(session, company, found, console.clock())
        return {
            "change": "term_edited",
            "terms": [term.text],
            "kind": kind,
            "exclude": list(found[0].exclude),
        }

    _change(console, person, slug, why, mistakes, change)
    if mistakes:
        return _term_page(request, person, company, term, form, mistakes)
    return RedirectResponse(f"/companies/{slug}?done=term_edited", HTTPStatus.SEE_OTHER)


@router.post("/companies/{slug}/terms/{term_id}/withdraw")
def withdraw_one_term(
    request: Request, console: ConsoleParts, person: Person, slug: str, term_id: int, why: Why = ""
) -> Response:
    """Search for a term no longer. What it found stays."""
    mistakes = FormMistakes()
    with console.database.reading() as session:
        company, term = _company_and_term(session, person, slug, term_id)

    def change(session: Session, company: Company) -> dict[str, object] | None:
        held = visible.term_of(session, person.view, company.id, term_id)
        if held is None or not withdraw_term(session, company, held, console.clock()):
            return None
        return {"change": "term_withdrawn", "terms": [held.text]}

    _change(console, person, slug, why, mistakes, change)
    if mistakes:
        form = TermsForm(term.text, term.kind.value, term.owner, term.reason, "\n".join(term.exclude))
        return _term_page(request, person, company, term, form, mistakes)
    return RedirectResponse(f"/companies/{slug}?done=withdrawn", HTTPStatus.SEE_OTHER)


@router.post("/companies/{slug}/active")
def watch_or_not(
    request: Request,
    console: ConsoleParts,
    person: Person,
    slug: str,
    active: Annotated[bool, Form()] = False,
    why: Why = "",
) -> Response:
    """Watch a company again, or no longer."""
    mistakes = FormMistakes()

    def change(session: Session, company: Company) -> dict[str, object] | None:
        if not set_company_active(session, company, active=active, now=console.clock()):
            return None
        return {"change": "enabled" if active else "disabled"}

    _change(console, person, slug, why, mistakes, change)
    if mistakes:
        changed: dict[str, object] = {"active_mistake": True}
        return _company_page(request, console, person, slug, mistakes=mistakes, changed=changed)
    return RedirectResponse(
        f"/companies/{slug}?done={'enabled' if active else 'disabled'}", HTTPStatus.SEE_OTHER
    )


def _company_and_term(session: Session, person: SignedIn, slug: str, term_id: int) -> tuple[Company, Term]:
    company = visible.company_named(session, person.view, slug)
    term = None if company is None else visible.term_of(session, person.view, company.id, term_id)
    if company is None or term is None:
        raise NotVisible
    person.require(Role.ADMIN, company.id)
    return company, term


def _term_page(
    request: Request,
    person: SignedIn,
    company: Company,
    term: Term,
    form: TermsForm,
    mistakes: FormMistakes,
    *,
    counts: visible.TermCounts | None = None,
) -> HTMLResponse:
    return render(
        request,
        "company_term.html",
        person=person,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else HTTPStatus.OK,
        company=company,
        term=term,
        form=form,
        mistakes=mistakes,
        counts=counts,
        kinds=KINDS,
        may_change=company.declared_in is None,
    )
