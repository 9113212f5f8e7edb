"""Statistics: charts from the server, each with its table, which is also given as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, Response

from storage.alerts import Severity
from storage.visible.findings import MEASURED, Wait, Waiting
from storage.visible.statistics import (
    COVERED_DAYS,
    DAYS,
    WEEKS,
    FindingFigures,
    ListingFigures,
    SourceShare,
    coverage_figures,
    finding_figures,
    listing_figures,
    waiting_figures,
)
from storage.visible.visibility import Visibility
from web.access.signed_in import Person
from web.audit import AuditAction, audit
from web.charts import lines_chart, stacked_bars
from web.console import Console, ConsoleParts
from web.errors import NotVisible
from web.exports.csv_text import MEDIA_TYPE, csv_bytes
from web.kept_answers import KeptAnswers
from web.rendering import render
from web.wording import ConsoleWording

router = APIRouter()

KEPT = timedelta(minutes=1)
Cell = str | int | float | datetime | None


@dataclass(frozen=True, slots=True)
class StatisticsFigures:
    """Everything that the page shows."""

    at: datetime
    findings: FindingFigures
    waiting: Sequence[tuple[datetime, Waiting]]
    coverage: Sequence[SourceShare]
    listings: ListingFigures


@dataclass(frozen=True, slots=True)
class FigureTable:
    """The figures of one chart as they are written. `header`: translated."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@router.get("/statistics")
def statistics(request: Request, console: ConsoleParts, person: Person) -> HTMLResponse:
    figures = _figures(console, person.view)
    wording = ConsoleWording(person.language, person.zone)
    zone = _zone(person.zone)
    severities = tuple(Severity)
    weeks = [
        (_day(begin, zone), [counts.get(each, 0) for each in severities])
        for begin, counts in figures.findings.weeks
    ]
    waits = [
        (_day(begin, zone), [_hours(found.median), _hours(found.ninetieth)])
        for begin, found in figures.waiting
    ]
    names: list[str | None] = [*figures.listings.sources, *([None] if figures.listings.others else [])]
    days = [
        (_day(begin, zone), [counts.get(each, 0) for each in names])
        for begin, counts in figures.listings.days
    ]
    return render(
        request,
        "statistics.html",
        person=person,
        figures=figures,
        tables=_tables(figures, wording),
        severity_bars=stacked_bars(weeks),
        severities=severities,
        wait_lines=lines_chart(waits),
        waiting_cut=any(found.cut for _, found in figures.waiting),
        any_wait=any(found.findings for _, found in figures.waiting),
        day_bars=stacked_bars(days),
        day_sources=names,
        weeks=WEEKS,
        days=DAYS,
        covered_days=COVERED_DAYS,
        measured=MEASURED,
    )


@router.get("/statistics/{name}.csv")
def table_as_csv(console: ConsoleParts, person: Person, name: str) -> Response:
    """Give the table of one chart as a file."""
    table = _tables(_figures(console, person.view), ConsoleWording(person.language, person.zone)).get(name)
    if table is None:
        raise NotVisible
    console.database.write(
        lambda session: audit(
            session,
            person,
            AuditAction.EXPORT,
            console.clock(),
            subject=f"statistics:{name}",
            format="csv",
            rows=len(table.rows),
        )
    )
    headers = {"Content-Disposition": f'attachment; filename="spillwatch-{name}.csv"'}
    return Response(b"".join(csv_bytes(table.header, table.rows)), media_type=MEDIA_TYPE, headers=headers)


def _figures(console: Console, view: Visibility) -> StatisticsFigures:
    now = console.clock()

    def find() -> StatisticsFigures:
        with console.database.reading() as session:
            return _read(session, view, now)

    return FIGURES.get(console.database, view, now, find)


def _read(session: Session, view: Visibility, now: datetime) -> StatisticsFigures:
    return StatisticsFigures(
        at=now,
        findings=finding_figures(session, view, now=now),
        waiting=waiting_figures(session, view, now=now),
        coverage=coverage_figures(session, view, now=now),
        listings=listing_figures(session, view, now=now),
    )


def _tables(figures: StatisticsFigures, t: ConsoleWording) -> dict[str, FigureTable]:
    """Return the table of each chart by its slug."""
    severities = tuple(Severity)
    total = figures.findings.total or 1
    names: list[str | None] = [*figures.listings.sources, *([None] if figures.listings.others else [])]
    return {
        "findings": FigureTable(
            [
                t("statistics.week"),
                *(t(f"findings.severity_{each}") for each in severities),
                t("statistics.total"),
            ],
            [
                [begin, *(counts.get(each, 0) for each in severities), sum(counts.values())]
                for begin, counts in figures.findings.weeks
            ],
        ),
        "verdicts": FigureTable(
            [t("statistics.verdict"), t("statistics.found"), t("statistics.share")],
            [
                [verdict_name(t, verdict), count, round(count / total, 4)]
                for verdict, count in figures.findings.verdicts
            ],
        ),
        "coverage": FigureTable(
            [t(f"statistics.{each}") for each in ("source", "visits", "read", "share", "seen_listings")],
            [
                [each.source, each.runs, each.read, round(each.share, 4), each.listings]
                for each in figures.coverage
            ],
        ),
        "waiting": FigureTable(
            [t(f"statistics.{each}") for each in ("week", "found", "still", "median", "ninetieth")],
            [
                [begin, found.findings, found.still, _hours(found.median), _hours(found.ninetieth)]
                for begin, found in figures.waiting
            ],
        ),
        "listings": FigureTable(
            [t("statistics.day"), *(each or t("statistics.others") for each in names), t("statistics.total")],
            [
                [begin, *(counts.get(each, 0) for each in names), sum(counts.values())]
                for begin, counts in figures.listings.days
            ],
        ),
    }


def verdict_name(t: ConsoleWording, verdict: str | None) -> str:
    """Return a verdict in words, without the number of rows that one finding has."""
    name = f"statistics.verdict_{verdict}"
    if t.has(name):
        return t(name)
    name = f"findings.verdict_{verdict or 'none'}"
    return t(name) if t.has(name) else str(verdict)


def _hours(wait: Wait | None) -> float | None:
    return None if wait is None else round(wait.time / timedelta(hours=1), 2)


def _day(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%m-%d")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


FIGURES: KeptAnswers[StatisticsFigures] = KeptAnswers(KEPT)
