"""Listings: the search, and one of them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from storage.listing_tables import Life, ListingVersion
from storage.visible.listings import (
    companies_to_search,
    listing_detail,
    listing_page,
)
from storage.visible.sources import source_names
from web.access.signed_in import Person
from web.audit import AuditAction, audit
from web.console import ConsoleParts
from web.errors import NotVisible
from web.finding.differences import DifferenceRow, text_differences
from web.highlights import Highlights
from web.listing_choice import ListingChoice
from web.rendering import render

router = APIRouter()

NAMES = 300  # of sources in the list to choose from; another name can be given in the address

BODY_CHARS = 40_000  # of a text on a page
#: Fields whose values are short, in the order of the page.
SHORT = ("title", "seller", "price", "claimed_records", "data_classes")


@router.get("/listings")
def search(request: Request, console: ConsoleParts, person: Person) -> HTMLResponse:
    choice = ListingChoice.of(request.query_params)
    words = choice.words or None
    with console.database.reading() as session:
        page = listing_page(session, person.view, words, choice.filters(person.zone))
        companies = companies_to_search(session, person.view)
        sources = source_names(session, person.view, limit=NAMES)
    if choice.any:
        console.database.write(
            lambda session: audit(
                session,
                person,
                AuditAction.SEARCH,
                console.clock(),
                subject="listings",
                words=choice.words,
                filters=choice.given,
                found=page.counts.counted,
            )
        )
    return render(
        request,
        "listings.html",
        person=person,
        choice=choice,
        page=page,
        companies=companies,
        sources=sources,
        highlights=Highlights.of(choice.words),
        lives=tuple(Life),
        price=price_text,
    )


@router.get("/listings/{listing_id}")
def listing(
    request: Request, console: ConsoleParts, person: Person, listing_id: str, version: str = ""
) -> HTMLResponse:
    number = id_from(version) if version else None
    with console.database.reading() as session:
        found = listing_detail(session, person.view, id_from(listing_id), number=number)
        if found is None:
            raise NotVisible
        return render(
            request,
            "listing.html",
            person=person,
            found=found,
            listing=found.listing,
            version=found.version,
            before=found.before,
            body_chars=BODY_CHARS,
            texts=compared_texts(found.before, found.version),
            fields=SHORT,
            value=field_text,
            price=price_text,
        )


def compared_texts(
    before: ListingVersion | None, version: ListingVersion | None
) -> list[tuple[str, list[DifferenceRow]]]:
    """Return the texts that differ between two versions, side by side."""
    if before is None or version is None:
        return []
    pairs = [(name, getattr(before, name), getattr(version, name)) for name in ("body", "sample")]
    return [(name, text_differences(old, new)) for name, old, new in pairs if old != new]


def id_from(text: str) -> int:
    """Return the number of an address; raises NotVisible for what is none."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotVisible
    return int(text)


def price_text(row: Any) -> str:  # noqa: ANN401  (a listing or a version)
    """Return a price as "0.5 BTC"; "" if there is none."""
    if row.price_amount is None:
        return ""
    return f"{row.price_amount.normalize():,f} {row.price_currency or ''}".strip()


def field_text(row: Any, name: str) -> str:  # noqa: ANN401
    """Return a field of a version as text; "" if it has none."""
    if name == "price":
        return price_text(row)
    value = getattr(row, name)
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(value) if isinstance(value, list) else str(value)
