"""A seller: all offers under one name. The address has the number of one of them, never the name."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from storage.visible.sellers import PricePoint, seller_page
from web.access.signed_in import Person
from web.audit import AuditAction, audit
from web.charts import ChartLine, line_chart
from web.console import ConsoleParts
from web.errors import NotVisible
from web.highlights import Highlights
from web.pages.listings import id_from, price_text
from web.rendering import render

router = APIRouter()


@router.get("/sellers/{listing_id}")
def seller(
    request: Request, console: ConsoleParts, person: Person, listing_id: str, before: str = ""
) -> HTMLResponse:
    with console.database.reading() as session:
        page = seller_page(
            session, person.view, id_from(listing_id), before=id_from(before) if before else None
        )
        if page is None:
            raise NotVisible
    console.database.write(
        lambda session: audit(
            session,
            person,
            AuditAction.SEARCH,
            console.clock(),
            subject=f"seller of listing {page.listing_id}",
            found=page.counted,
        )
    )
    return render(
        request,
        "seller.html",
        person=person,
        page=page,
        before=before,
        charts=[(currency, points, _chart(points)) for currency, points in page.prices if len(points) > 1],
        highlights=Highlights.of(""),
        price=price_text,
    )


def _chart(points: Sequence[PricePoint]) -> ChartLine:
    return line_chart([(point.at.timestamp(), float(point.amount)) for point in points])
