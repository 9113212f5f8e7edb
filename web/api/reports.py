"""Reports: what was covered, counts of findings, and the audit log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from daemon.coverage import all_source_coverage, company_coverage, coverage_summary
from storage.alerts import Severity, TriageState
from storage.visible.audit import AuditFilter, audit_entries
from storage.visible.companies import company_slugs
from storage.visible.findings import CLOSED
from storage.visible.findings_by_time import FindingTally, finding_tallies
from web.api.answers import answer
from web.api.callers import AuditReader, SourcesReader, StatisticsReader, installation_admin_only
from web.api.cursors import ListQuery, Moment
from web.api.findings import Name
from web.api.models import AuditShape, CompanyCountsShape, CoverageShape, Paged, StatisticsShape
from web.api.problems import reading
from web.console import ConsoleParts
from web.errors import RequestRefused
from web.kept_answers import KeptAnswers

router = APIRouter(tags=["reports"])

COVERAGE = timedelta(days=30)
LONGEST = timedelta(days=366)
#: Counts of 100,000 findings take 0.2 s, so they are kept for a moment for each view.
GROUPS: KeptAnswers[Sequence[FindingTally]] = KeptAnswers(timedelta(seconds=10))
ERASED = "erased"  # the company of findings that are being erased at this moment


class CoverageQuery(BaseModel):
    """The period of the coverage."""

    model_config = ConfigDict(extra="forbid")

    since: Moment | None = Field(
        default=None,
        description="Beginning of the period, at most 366 days ago; 30 days ago if it is missing.",
    )


@router.get("/coverage", response_model=CoverageShape, responses=reading())
def show_coverage(
    request: Request, console: ConsoleParts, who: SourcesReader, query: Annotated[CoverageQuery, Query()]
) -> Response:
    """Show what was read and what was not, so that "nothing found" can be judged."""
    now = console.clock()
    since = (query.since or now - COVERAGE).astimezone(UTC)
    if not now - LONGEST <= since <= now:
        raise RequestRefused("since: a time within the last 366 days is expected")
    settings = console.settings
    with console.database.reading() as session:
        found = all_source_coverage(session, since=since, now=now, retention=settings.retention)
        seen = set(company_slugs(session, who.view).values())
        against = [
            each for slug in sorted(seen) for each in company_coverage(session, settings.matching, only=slug)
        ]
    whole = {
        "since": since,
        "until": now,
        "sources": [each.as_dict() for each in found],
        "companies": against,
        "sentence": coverage_summary(found, against, since=since),
    }
    return answer(request, CoverageShape.model_validate(whole))


class NoQuery(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid")


@router.get("/statistics", response_model=StatisticsShape, responses=reading())
def show_statistics(
    request: Request, console: ConsoleParts, who: StatisticsReader, query: Annotated[NoQuery, Query()]
) -> Response:
    """Count the findings that the asker may see, by state, severity and company."""

    def count() -> Sequence[FindingTally]:
        with console.database.reading() as session:
            return finding_tallies(session, who.view)

    groups = GROUPS.get(console.database, who.view, console.clock(), count)
    with console.database.reading() as session:
        slugs = company_slugs(session, who.view)
    by_company: dict[str, list[FindingTally]] = {}
    for group in groups:
        by_company.setdefault(slugs.get(group.company_id or 0, ERASED), []).append(group)
    shape = StatisticsShape(
        findings=sum(group.count for group in groups),
        open=sum(group.count for group in groups if group.state not in CLOSED),
        by_state=_by_state(groups),
        by_severity=_by_severity(groups),
        by_company=[
            CompanyCountsShape(company=slug, by_state=_by_state(own), by_severity=_by_severity(own))
            for slug, own in sorted(by_company.items())
        ],
        first_opened_at=min((group.first_opened_at for group in groups), default=None),
        last_updated_at=max((group.last_updated_at for group in groups), default=None),
    )
    return answer(request, shape)


def _by_state(groups: Sequence[FindingTally]) -> dict[TriageState, int]:
    counts: Counter[TriageState] = Counter()
    for group in groups:
        counts[group.state] += group.count
    return {state: counts[state] for state in TriageState}


def _by_severity(groups: Sequence[FindingTally]) -> dict[Severity, int]:
    counts: Counter[Severity] = Counter()
    for group in groups:
        counts[group.severity] += group.count
    return {severity: counts[severity] for severity in Severity}


class AuditQuery(ListQuery):
    """Filters of the audit log."""

    actor: Name | None = None
    action: Name | None = None
    subject: Name | None = None
    since: Moment | None = None
    until: Moment | None = None


@router.get("/audit", response_model=Paged[AuditShape], responses=reading())
def list_audit(
    request: Request, console: ConsoleParts, who: AuditReader, query: Annotated[AuditQuery, Query()]
) -> Response:
    """List the entries of the audit log, the newest first. For admins of the installation."""
    installation_admin_only(who)
    place = query.place("audit", int)
    wanted = AuditFilter(query.actor or "", query.action or "", query.subject or "", query.since, query.until)
    with console.database.reading() as session:
        rows = audit_entries(
            session,
            who.view,
            wanted,
            before=None if place is None else int(place[0]),
            limit=query.limit + 1,
        )
        slugs = company_slugs(session, who.view)
    shapes = [AuditShape.of(row, slugs) for row in rows]
    return answer(request, query.page("audit", rows, lambda row: (row.id,), shapes))
