"""Listings: a search over everything that was crawled, and one listing whole."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import HTMLResponse

from storage.listing_filters import ListingFilters
from storage.listing_tables import Life
from storage.visible import listings as visible
from storage.visible import sellers
from web.access.signed_in import Person
from web.audit import AuditAction, audit
from web.console import ConsoleParts
from web.errors import NotThere
from web.highlighting import marked_line, marked_lines, snippet
from web.rendering import render

router = APIRouter()

MAX_ID = 2**53
SELLER_CHARS = 400
#: What a form sends for an empty field is no value.
Empty = BeforeValidator(lambda value: value or None)
Words = Annotated[str, Query(max_length=500)]
Name = Annotated[str, Query(max_length=SELLER_CHARS)]


@router.get("/listings")
def listings(
    request: Request,
    console: ConsoleParts,
    person: Person,
    q: Words = "",
    source: Name = "",
    company: Name = "",
    seller: Name = "",
    life: Annotated[str, Query(max_length=20)] = "",
    currency: Annotated[str, Query(max_length=12)] = "",
    min_price: Annotated[Annotated[Decimal, Field(ge=0, le=10**15)] | None, Empty, Query()] = None,
    min_records: Annotated[Annotated[int, Field(ge=0, le=10**15)] | None, Empty, Query()] = None,
    since: Annotated[date | None, Empty, Query()] = None,
    until: Annotated[date | None, Empty, Query()] = None,
    below: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> HTMLResponse:
    """Search listings. Each search for words is an entry of the audit log, with personal data masked."""
    wanted = ListingFilters(
        source=source or None,
        company=company or None,
        life=Life(life) if life in set(Life) else None,
        since=_midnight(since),
        until=_midnight(until),
        seller=seller or None,
        currency=currency or None,
        min_price=min_price,
        min_records=min_records,
        below_id=below,
    )
    words = q.strip()
    with console.database.reading() as session:
        page = visible.listing_page(session, person.view, words, wanted)
        facets = visible.listing_facets(session, person.view, words, wanted)
    if words and below is None:
        now = console.clock()
        console.database.write(
            lambda session: audit(
                session, person, AuditAction.SEARCH, now, words=words, found=len(page.listings)
            )
        )
    asked = {name: value for name, value in request.query_params.items() if name != "below" and value}
    marks = visible.highlighted_words(words) if words else ()
    return render(
        request,
        "listings.html",
        person=person,
        page=page,
        facets=facets,
        words=words,
        asked=asked,
        lives=[each.value for each in Life],
        seller_key=seller_key,
        mark=lambda text: marked_line(text, marks),
        snippet=lambda text: snippet(text, marks),
        address=lambda **changes: "/listings?" + urlencode({k: v for k, v in (asked | changes).items() if v}),
    )


@router.get("/listings/{number}")
def listing(
    request: Request, console: ConsoleParts, person: Person, number: int, q: Words = ""
) -> HTMLResponse:
    """Show one listing whole; what was searched for is marked."""
    if not 0 < number < MAX_ID:
        raise NotThere
    with console.database.reading() as session:
        found = visible.visible_listing(session, person.view, number)
        if found is None:
            raise NotThere
        marks = visible.highlighted_words(q) if q else ()
        return render(
            request,
            "listing.html",
            person=person,
            listing=found,
            versions=visible.versions_of_listing(session, person.view, found),
            offers=visible.other_offers(session, person.view, found),
            replies=visible.replies_of(session, person.view, found),
            matched=visible.matches_of_listing(session, person.view, found),
            findings=visible.findings_of_listing(session, person.view, found),
            seller_key=seller_key,
            mark=lambda text: marked_line(text, marks),
            mark_lines=lambda text: marked_lines(text, marks),
        )


@router.get("/sellers/{key}")
def seller(request: Request, console: ConsoleParts, person: Person, key: str) -> HTMLResponse:
    """Show what was offered under a name. Its key is base64, so that no crawled text is a path."""
    name = seller_of(key)
    if name is None:
        raise NotThere
    with console.database.reading() as session:
        offers = sellers.offers_of_seller(session, person.view, name)
        if not offers:
            raise NotThere
        return render(
            request,
            "seller.html",
            person=person,
            name=name,
            offers=offers,
            by_source=sellers.offers_by_source(session, person.view, name),
            findings=sellers.findings_of_seller(session, person.view, name),
        )


def seller_key(name: str) -> str:
    """Return a name as it stands in an address: base64 of its UTF-8 (RFC 4648, 5), without padding."""
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def seller_of(key: str) -> str | None:
    """Return the name of a key; None: it is none."""
    if len(key) > SELLER_CHARS * 6:
        return None
    try:
        return base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), tzinfo=UTC)
