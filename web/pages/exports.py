"""Exports of findings, under /api/v1/exports: for people who are signed in, and for programs with a token.

Each fetch is an entry of the audit log, written before the first byte leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from storage.visible.clocks import findings_with_clocks
from storage.visible.exports import (
    ExportFilter,
    count_exported,
    exported_finding,
    exported_findings,
    id_after,
    newest_references,
)
from web.access.export_caller import ExportCaller, Exporter
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.errors import NotVisible, RequestRefused
from web.exports.calendar import ClockOfFinding, calendar
from web.exports.csv_text import MEDIA_TYPE, csv_bytes
from web.exports.feed import atom_feed, rss_feed
from web.exports.findings import CSV_HEADER, FindingDocument, Naming, csv_row, document_of
from web.finding.clocks import clocks_of

router = APIRouter(prefix="/api/v1/exports")

STREAMED = 200  # findings that one read of a stream takes
PAGE, MOST = 100, 500  # findings of a bundle
FEED = 100  # entries of RSS and Atom
CLOCKED = 500
MISP_FEED = 1_000  # events of a MISP feed, the newest ones

Company = Annotated[str | None, Query(max_length=100)]
Since = Annotated[datetime | None, Query()]
Limit = Annotated[int, Query(ge=1, le=MOST)]
After = Annotated[str | None, Query(max_length=20)]


@dataclass(frozen=True, slots=True)
class ExportPage:
    """`next`: the reference after which the next page begins; None: this is the last one."""

    findings: Sequence[FindingDocument]
    next: str | None


@router.get("/findings.csv")
def findings_csv(
    console: ConsoleParts, caller: Exporter, company: Company = None, since: Since = None, bom: bool = True
) -> Response:
    wanted = ExportFilter(company=company, since=_with_zone(since))

    with console.database.reading() as session:
        count = count_exported(session, caller.view, wanted)
    _audit(console, caller, "csv", wanted, count)
    rows = (csv_row(each) for each in _streamed(console, caller, wanted))
    return StreamingResponse(
        csv_bytes(CSV_HEADER, rows, byte_order_mark=bom), media_type=MEDIA_TYPE, headers=_file("findings.csv")
    )


def _streamed(console: Console, caller: ExportCaller, wanted: ExportFilter) -> Iterator[FindingDocument]:
    """Yield all findings, by reads that are short: a slow reader holds no transaction open."""
    after = 0
    while True:
        with console.database.reading() as session:
            found = exported_findings(session, caller.view, wanted, after_id=after, limit=STREAMED)
            documents = [document_of(each) for each in found]
        yield from documents
        if len(found) < STREAMED:
            return
        after = found[-1].alert.id


@router.get("/stix")
def findings_stix(
    request: Request,
    console: ConsoleParts,
    caller: Exporter,
    company: Company = None,
    since: Since = None,
    after: After = None,
    limit: Limit = PAGE,
) -> Response:
    from web.exports.stix import stix_bundle  # takes a second, which the other pages do not wait for

    wanted = ExportFilter(company=company, since=_with_zone(since))
    page = _page(console, caller, "stix", wanted, after, limit)
    text = stix_bundle(page.findings, naming_of(console), console.settings.web.export_tlp)
    return Response(text, media_type="application/stix+json;version=2.1", headers=_link(request, page))


@router.get("/misp")
def findings_misp(
    request: Request,
    console: ConsoleParts,
    caller: Exporter,
    company: Company = None,
    since: Since = None,
    after: After = None,
    limit: Limit = PAGE,
) -> Response:
    """Answer events as MISP's `restSearch` does: {"response": [{"Event": ...}]}."""
    from web.exports.misp import misp_event

    wanted = ExportFilter(company=company, since=_with_zone(since), without_false_positives=True)
    page = _page(console, caller, "misp", wanted, after, limit)
    tlp, naming = console.settings.web.export_tlp, naming_of(console)
    events = [misp_event(each, naming, tlp) for each in page.findings]
    return _json({"response": events}, _link(request, page))


MISP_WANTED = ExportFilter(without_false_positives=True)


@router.get("/misp/manifest.json")
def misp_feed(console: ConsoleParts, caller: Exporter) -> Response:
    from web.exports.misp import misp_manifest

    documents = _newest(console, caller, "misp_feed", MISP_WANTED, MISP_FEED)
    return _json(misp_manifest(documents, naming_of(console), console.settings.web.export_tlp))


@router.get("/misp/{name}.json")
def misp_feed_event(console: ConsoleParts, caller: Exporter, name: UUID) -> Response:
    """Answer an event of the feed by its UUID."""
    from web.exports.misp import event_uuid, misp_event

    naming = naming_of(console)

    with console.database.reading() as session:
        names = newest_references(session, caller.view, MISP_WANTED, limit=MISP_FEED)
        alert_id = next((each for each, reference in names if event_uuid(reference, naming) == name), None)
        found = None if alert_id is None else exported_finding(session, caller.view, alert_id)
        document = None if found is None else document_of(found)
    if document is None:
        raise NotVisible
    _audit(console, caller, "misp_feed", MISP_WANTED, 1, subject=f"finding:{document.reference}")
    return _json(misp_event(document, naming, console.settings.web.export_tlp))


@router.get("/findings.rss")
def findings_rss(console: ConsoleParts, caller: Exporter, company: Company = None) -> Response:
    documents = _newest(console, caller, "rss", ExportFilter(company=company), FEED)
    return Response(rss_feed(documents, naming_of(console)), media_type="application/rss+xml")


@router.get("/findings.atom")
def findings_atom(console: ConsoleParts, caller: Exporter, company: Company = None) -> Response:
    documents = _newest(console, caller, "atom", ExportFilter(company=company), FEED)
    return Response(atom_feed(documents, naming_of(console)), media_type="application/atom+xml")


@router.get("/clocks.ics")
def clocks_calendar(console: ConsoleParts, caller: Exporter) -> Response:
    """Answer the legal clocks that run, of the CLOCKED findings that changed last."""

    with console.database.reading() as session:
        rows = findings_with_clocks(session, caller.view, limit=CLOCKED)
        counted = console.settings.web.clocks
        found = clocks_of(session, caller.view, [alert_id for alert_id, _, _ in rows], counted)
    clocks = [
        ClockOfFinding(reference, title, each)
        for alert_id, reference, title in rows
        for each in found.get(alert_id, ())
        if each.stopped_at is None
    ]
    _audit(console, caller, "ics", ExportFilter(), len(clocks))
    return Response(calendar(clocks, naming_of(console)), media_type="text/calendar")


def naming_of(console: Console) -> Naming:
    return Naming(console.settings.alerts.installation, console.settings.web.public_url)


def _page(
    console: Console,
    caller: ExportCaller,
    format_name: str,
    wanted: ExportFilter,
    after: str | None,
    limit: int,
) -> ExportPage:
    with console.database.reading() as session:
        begin = 0 if after is None else id_after(session, caller.view, after)
        if begin is None:
            raise RequestRefused("after: found no such finding; wanted the reference that a page ended with")
        found = exported_findings(session, caller.view, wanted, after_id=begin, limit=limit + 1)
        documents = [document_of(each) for each in found[:limit]]
    _audit(console, caller, format_name, wanted, len(documents))
    return ExportPage(documents, documents[-1].reference if len(found) > limit else None)


def _newest(
    console: Console, caller: ExportCaller, format_name: str, wanted: ExportFilter, limit: int
) -> Sequence[FindingDocument]:
    with console.database.reading() as session:
        found = exported_findings(session, caller.view, wanted, newest_first=True, limit=limit)
        documents = [document_of(each) for each in found]
    _audit(console, caller, format_name, wanted, len(documents))
    return documents


def _audit(
    console: Console,
    caller: ExportCaller,
    format_name: str,
    wanted: ExportFilter,
    rows: int,
    *,
    subject: str = "",
) -> None:
    """Write the entry in a transaction of its own: reading many findings holds no lock for writing."""
    filters = {name: getattr(wanted, name) for name in ("company", "since") if getattr(wanted, name)}

    def write(session: Session) -> None:
        audit(
            session,
            caller,
            AuditAction.EXPORT,
            console.clock(),
            subject=subject,
            company_id=caller.company_id,
            format=format_name,
            filters=filters,
            rows=rows,
        )

    console.database.write(write)


def _with_zone(at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise RequestRefused("since: found a time without a zone; wanted one such as 2026-03-13T00:00:00Z")
    return at


def _link(request: Request, page: ExportPage) -> dict[str, str]:
    """Return the header that leads to the next page, relative to this address."""
    if page.next is None:
        return {}
    query = {**request.query_params, "after": page.next}
    return {"Link": f'<?{urlencode(query)}>; rel="next"'}


def _json(value: Any, headers: dict[str, str] | None = None) -> Response:  # noqa: ANN401  (JSON)
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return Response(text, media_type="application/json", headers=headers)


def _file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
