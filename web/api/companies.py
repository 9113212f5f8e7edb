"""Companies: what is watched for each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from storage.visible import watched
from web.api.answers import answer
from web.api.callers import CompaniesReader, required
from web.api.models import CompanyDetailShape, CompanyShape, Paged, SegmentShape, TermShape
from web.api.problems import NAMED, reading
from web.api.sources import NamedQuery, named_place
from web.console import ConsoleParts

router = APIRouter(tags=["companies"])

Slug = Annotated[str, Path(max_length=200, description="Slug of the company.")]


@router.get("/companies", response_model=Paged[CompanyShape], responses=reading())
def list_companies(
    request: Request, console: ConsoleParts, who: CompaniesReader, query: Annotated[NamedQuery, Query()]
) -> Response:
    """List the companies that the asker may see, by slug."""
    after = named_place(query, "companies")
    with console.database.reading() as session:
        rows = watched.companies_by_slug(session, who.view, after=after, limit=query.limit + 1)
    shapes = [CompanyShape.of(row) for row in rows]
    return answer(request, query.page("companies", rows, lambda row: (row.slug,), shapes))


@router.get("/companies/{slug}", response_model=CompanyDetailShape, responses=reading(*NAMED))
def show_company(request: Request, console: ConsoleParts, who: CompaniesReader, slug: Slug) -> Response:
    """Show a company with its terms and segments."""
    with console.database.reading() as session:
        company = required(watched.company_seen(session, who.view, slug))
        terms = watched.terms_seen(session, who.view, company.id)
        segments = watched.segments_seen(session, who.view, company.id)
    shape = CompanyDetailShape(
        **CompanyShape.of(company).model_dump(),
        terms=[TermShape.of(each) for each in terms],
        segments=[SegmentShape.of(each) for each in segments],
    )
    return answer(request, shape)
