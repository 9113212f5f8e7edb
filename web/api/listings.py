"""Listings: search, one of them with its text, and its versions."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from storage.listings import Life, ListingFilters
from storage.visible import listings_by_number as by_number
from web.api.answers import answer
from web.api.callers import ListingsReader, required
from web.api.cursors import ListQuery, Moment
from web.api.findings import MAX_NUMBER, Name, NumberedQuery, numbered_place
from web.api.models import (
    ListingDetailShape,
    ListingShape,
    MatchShape,
    Paged,
    VersionDetailShape,
    VersionShape,
)
from web.api.problems import NAMED, reading
from web.audit import AuditAction, audit
from web.console import ConsoleParts

router = APIRouter(tags=["listings"])

NEWEST = 100  # versions, and matches, that one listing is shown with
Number = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="Number of the listing.")]
MAX_AMOUNT = Decimal("1e30")


class ListingQuery(ListQuery):
    """Filters of the list of listings."""

    q: Name | None = Field(default=None, min_length=1, description="Words that a listing must contain.")
    source: Name | None = Field(default=None, description="Name of a source.")
    company: Name | None = Field(default=None, description="Slug of a company that it names.")
    life: Life | None = Field(default=None, description="Its last change.")
    gone: bool | None = None
    seller: Name | None = None
    since: Moment | None = Field(default=None, description="First seen since this time.")
    until: Moment | None = Field(default=None, description="First seen before this time.")
    currency: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{2,10}$")] | None = None
    min_price: Annotated[Decimal, Field(ge=0, le=MAX_AMOUNT)] | None = Field(
        default=None, description="Needs `currency`."
    )
    min_records: Annotated[int, Field(ge=0, le=MAX_NUMBER)] | None = None

    @model_validator(mode="after")
    def _check_price(self) -> Self:
        if self.min_price is not None and self.currency is None:
            raise ValueError("min_price needs currency")
        return self

    def filters(self, below: int | None) -> ListingFilters:
        return ListingFilters(
            source=self.source,
            company=self.company,
            life=self.life,
            gone=self.gone,
            since=self.since,
            until=self.until,
            seller=self.seller,
            currency=self.currency and self.currency.upper(),
            min_price=self.min_price,
            min_records=self.min_records,
            below_id=below,
        )


@router.get("/listings", response_model=Paged[ListingShape], responses=reading())
def list_listings(
    request: Request, console: ConsoleParts, who: ListingsReader, query: Annotated[ListingQuery, Query()]
) -> Response:
    """Search listings, the newest first. Who sees some companies finds listings that name one of them."""
    place = query.place("listings", int)
    below = None if place is None else int(place[0])
    with console.database.reading() as session:
        rows = by_number.listings_by_number(
            session, who.view, query.q, query.filters(below), limit=query.limit + 1
        )
    if query.q is not None and place is None:
        console.database.write(
            lambda session: audit(session, who, AuditAction.SEARCH, console.clock(), words=query.q)
        )
    return answer(
        request, query.page("listings", rows, lambda row: (row.id,), [ListingShape.of(row) for row in rows])
    )


@router.get("/listings/{number}", response_model=ListingDetailShape, responses=reading(*NAMED))
def show_listing(request: Request, console: ConsoleParts, who: ListingsReader, number: Number) -> Response:
    """Show a listing with its newest text, its last versions, and what the asker may see of its matches."""
    with console.database.reading() as session:
        listing = required(by_number.listing_seen(session, who.view, number))
        newest = required(by_number.version_seen(session, who.view, number, listing.version_number))
        versions = by_number.versions_after(
            session, who.view, number, after=newest.number - NEWEST, limit=NEWEST
        )
        matched = by_number.matches_seen(session, who.view, number, limit=NEWEST)
    shape = ListingDetailShape(
        **ListingShape.of(listing).model_dump(),
        body=newest.body,
        sample=newest.sample,
        links=newest.links,
        versions=[VersionShape.of(each) for each in versions],
        matches=[MatchShape.of(*each) for each in matched],
    )
    return answer(request, shape)


@router.get("/listings/{number}/versions", response_model=Paged[VersionShape], responses=reading(*NAMED))
def list_versions(
    request: Request,
    console: ConsoleParts,
    who: ListingsReader,
    number: Number,
    query: Annotated[NumberedQuery, Query()],
) -> Response:
    """List the versions of a listing, oldest first, without their texts."""
    name = f"versions {number}"
    after = numbered_place(query, name)
    with console.database.reading() as session:
        required(by_number.listing_seen(session, who.view, number))
        rows = by_number.versions_after(session, who.view, number, after=after, limit=query.limit + 1)
    return answer(
        request, query.page(name, rows, lambda row: (row.number,), [VersionShape.of(row) for row in rows])
    )


@router.get(
    "/listings/{number}/versions/{version}", response_model=VersionDetailShape, responses=reading(*NAMED)
)
def show_version(
    request: Request,
    console: ConsoleParts,
    who: ListingsReader,
    number: Number,
    version: Annotated[int, Path(ge=1, le=MAX_NUMBER)],
) -> Response:
    """Show a version of a listing with its masked text."""
    with console.database.reading() as session:
        row = required(by_number.version_seen(session, who.view, number, version))
    return answer(request, VersionDetailShape.model_validate(row))
