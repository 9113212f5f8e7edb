"""`spillwatch coverage`: shows what was watched, so that "nothing found" can be judged."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command_context import Wide, app_of
from cli.errors import UnknownName
from cli.output import TableColumn, emit_json, print_line, print_table
from cli.time_argument import parse_moment
from daemon.coverage import SourceCoverage, all_source_coverage, company_coverage, coverage_summary
from storage import companies

_COLUMNS = (
    "source",
    "visits",
    "read",
    TableColumn("pages", extra=True),
    "unread",
    "gaps",
    "hours unseen",
    "newest",
    TableColumn("matched", extra=True),
    TableColumn("waiting", extra=True),
)
_NO_SOURCE = "There is no source. Write sources/NAME.toml."


def command(
    context: typer.Context,
    company: Annotated[str | None, typer.Option(help="Slug of a company. Default: every company.")] = None,
    since: Annotated[
        str, typer.Option(help="Beginning of the period: an age (12h, 30d) or a date (2026-05-01).")
    ] = "30d",
    wide: Wide = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Show which sources were read, and what was not covered."""
    app = app_of(context)
    now = app.clock()
    begin = parse_moment(since, now=now)
    with app.database.reading() as session:
        if company is not None and companies.company_by_slug(session, company) is None:
            raise UnknownName(
                f'There is no company "{company}". A company is declared in companies/{company}.toml.'
            )
        found = all_source_coverage(session, since=begin, now=now, retention=app.sections.retention)
        against = list(company_coverage(session, app.settings.matching, only=company))
    summary = coverage_summary(found, against, since=begin)
    if as_json:
        from web.api.models import CoverageShape

        sources = [each.as_dict() for each in found]
        whole = {"since": begin, "until": now, "sources": sources, "companies": against, "sentence": summary}
        emit_json(CoverageShape.model_validate(whole).model_dump())
        return
    print_table(
        _COLUMNS,
        [_coverage_row(each) for each in found],
        empty=_NO_SOURCE,
        wide=wide,
    )
    print_line(summary)


def _coverage_row(each: SourceCoverage) -> tuple[object, ...]:
    read = sum(each.outcomes.get(name, 0) for name in ("new_listings", "nothing_new"))
    gaps = None if each.gaps is None else len(each.gaps)
    hours = None if each.gaps is None else f"{each.hours_unseen:.1f}"
    matched, waiting = f"{each.versions['matched']:,}" + "+" * each.more_versions, each.versions["pending"]
    return (
        each.name,
        each.runs,
        read,
        each.pages,
        each.pages_unread,
        gaps,
        hours,
        each.newest_listing,
        matched,
        waiting,
    )
