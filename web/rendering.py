"""HTML from templates: what every page has, and how crawled text becomes harmless."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from importlib.resources import files

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from alerts.clean import defanged, lines, one_line
from storage.users import Role
from web.access.form_token import form_token
from web.access.signed_in import SignedIn
from web.console import console_of
from web.security import CSRF_FIELD
from web.wording import LANGUAGES, ConsoleWording

LINE_CHARS = 300
TEXT_CHARS = 20_000


def crawled(text: str | None, limit: int = LINE_CHARS) -> Markup:
    """Return text from a site as one harmless line in an element of its own, so that its direction cannot
    leave it.
    """
    return Markup("<bdi>{}</bdi>").format(one_line(text or "", limit))


def crawled_lines(text: str | None, limit: int = TEXT_CHARS) -> Markup:
    """Return text from a site with its line breaks, for <pre>."""
    return Markup("<bdi>{}</bdi>").format(lines(text or "", limit))


def crawled_address(url: str | None) -> Markup:
    """Return an address defanged: it is never a link."""
    return Markup('<code class="address"><bdi>{}</bdi></code>').format(defanged(url or ""))


@cache
def environment() -> Environment:
    """Return Jinja's environment of the console: everything is escaped, and a missing name is an error."""
    made = Environment(
        loader=PackageLoader("web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["crawled"] = crawled
    made.filters["crawled_lines"] = crawled_lines
    made.filters["crawled_address"] = crawled_address
    made.filters["role"] = Role
    made.globals["static"] = static_address
    made.globals["languages"] = LANGUAGES
    return made


@cache
def static_address(name: str) -> str:
    """Return the address of a static file, with its content's hash, so that browsers keep it for ever."""
    content = (files("web") / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def render(
    request: Request,
    template: str,
    *,
    person: SignedIn | None,
    status: HTTPStatus = HTTPStatus.OK,
    **values: object,
) -> HTMLResponse:
    """Return a page, or a fragment if the template extends no page."""
    wording = (
        ConsoleWording(person.language, person.zone)
        if person
        else ConsoleWording(language_asked_for(request))
    )
    text = (
        environment()
        .get_template(template)
        .render(
            request=request,
            person=person,
            t=wording,
            now=console_of(request).clock(),
            csrf=Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, form_token(request)),
            csrf_token=form_token(request),
            **values,
        )
    )
    return HTMLResponse(text, status)


def language_asked_for(request: Request) -> str:
    """Return the language of a browser whose person is not known yet."""
    first = request.headers.get("accept-language", "").partition(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"
