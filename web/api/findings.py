"""Findings: the list, one of them with its history, and what people do with it."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session
from starlette.responses import Response

from storage import triage
from storage.alerts import Alert, Severity, TriageState
from storage.service_tokens import TokenScope
from storage.triage import NEEDS_REASON, TriageRefusal
from storage.visible import findings_by_time as by_time
from storage.visible.finding_timeline import timeline_of
from storage.visible.findings import alert_names, finding_by_reference, lock_finding
from storage.visible.findings_by_time import FindingConditions, TimeOrder
from storage.visible.people import people_of
from web.api.answers import IfMatch, answer, require_match
from web.api.callers import Asker, FindingsReader, FindingsWriter, own_change, required
from web.api.cursors import ListQuery, Moment, moment_text, read_moment
from web.api.errors import ChangeRefused
from web.api.models import (
    AlertShape,
    FindingDetailShape,
    ListingShape,
    NoteShape,
    Paged,
    RevisionDetailShape,
    RevisionShape,
    TimelineShape,
)
from web.api.problems import CHANGING, NAMED, problems, reading
from web.api.repeats import Changed, RepeatKey, change_once
from web.audit import AuditAction, audit
from web.console import ConsoleParts
from web.errors import NotVisible, RequestRefused

router = APIRouter(tags=["findings"], dependencies=[Depends(own_change)])

MAX_NUMBER = 2**63 - 1
Reference = Annotated[str, Path(max_length=40, description="Reference of the finding, such as K7QX2M9DA.")]
Name = Annotated[str, StringConstraints(max_length=200)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=triage.REASON_CHARS)]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[^\W_][\w.-]{0,39}$")
]
NumberQuery = Annotated[int, Field(ge=1, le=MAX_NUMBER)]


class FindingQuery(ListQuery):
    """Filters of the list of findings."""

    company: Name | None = Field(default=None, description="Slug of a company.")
    state: list[TriageState] = Field(default=[], max_length=10, description="Any of these states.")
    min_severity: Severity | None = None
    source: Name | None = Field(default=None, description="Name of a source.")
    owner: Name | None = Field(default=None, description="Name of the person who has taken it.")
    label: Name | None = None
    listing: NumberQuery | None = Field(default=None, description="Number of a listing.")
    opened_since: Moment | None = None
    opened_until: Moment | None = Field(default=None, description="Opened before this time.")
    updated_since: Moment | None = None
    merged: bool = Field(default=False, description="Whether merged findings are given, too.")
    order: TimeOrder = Field(
        default=TimeOrder.OPENED,
        description="opened: the newest first. updated: the oldest change first, to follow changes.",
    )

    @property
    def conditions(self) -> FindingConditions:
        return FindingConditions(
            company=self.company,
            states=self.state,
            min_severity=self.min_severity,
            source=self.source,
            owner=self.owner,
            label=self.label,
            listing=self.listing,
            opened_since=self.opened_since,
            opened_until=self.opened_until,
            updated_since=self.updated_since,
            merged=self.merged,
        )


class _Sent(BaseModel):
    """A body: strict types, and no other fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


class FindingChange(_Sent):
    """What to change; a field that is left out stays as it is."""

    state: Annotated[TriageState, Field(strict=False)] | None = None
    reason: Reason = Field(default="", description="Why; needed for false_positive and resolved.")
    owner: Name | None = Field(default=None, description="Name of a person; null: nobody.")
    labels: Annotated[list[Label], Field(max_length=triage.LABELS)] | None = Field(
        default=None, description="All labels that the finding is to have."
    )


class NewNote(_Sent):
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=triage.NOTE_CHARS)]


class Merge(_Sent):
    into: Annotated[str, StringConstraints(max_length=40)] = Field(
        description="Reference of the finding that is to stand for both."
    )
    reason: Reason = ""


class Unmerge(_Sent):
    reason: Reason = ""


@router.get("/findings", response_model=Paged[AlertShape], responses=reading())
def list_findings(
    request: Request, console: ConsoleParts, who: FindingsReader, query: Annotated[FindingQuery, Query()]
) -> Response:
    """List findings. Merged ones are left out unless asked for."""
    is_opened = query.order is TimeOrder.OPENED
    place = query.place("findings", str, str)
    after = None if place is None else (read_moment(place[0]), str(place[1]))
    with console.database.reading() as session:
        rows = by_time.findings_by_time(
            session, who.view, query.conditions, order=query.order, after=after, limit=query.limit + 1
        )
        names = alert_names(session, who.view, rows)

    def key(row: Alert) -> tuple[str, str]:
        return moment_text(row.opened_at if is_opened else row.updated_at), row.reference

    return answer(request, query.page("findings", rows, key, [AlertShape.of(row, names) for row in rows]))


@router.get("/findings/{reference}", response_model=FindingDetailShape, responses=reading(*NAMED))
def show_finding(
    request: Request, console: ConsoleParts, who: FindingsReader, reference: Reference
) -> Response:
    """Show a finding with its signals and with what its last message says."""
    with console.database.reading() as session:
        shape = _detail(session, who, required(finding_by_reference(session, who.view, reference)))
    return answer(request, shape)


def _detail(session: Session, who: Asker, alert: Alert) -> FindingDetailShape:
    names = alert_names(session, who.view, [alert])
    return FindingDetailShape.with_message(alert, names, by_time.last_message(session, who.view, alert))


@router.patch(
    "/findings/{reference}",
    response_model=FindingDetailShape,
    responses=problems(*CHANGING, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED),
)
def change_finding(
    request: Request,
    console: ConsoleParts,
    who: FindingsWriter,
    reference: Reference,
    sent: FindingChange,
    if_match: IfMatch = None,
) -> Response:
    """Change the state, the owner or the labels of a finding that is still as If-Match names it."""
    now = console.clock()

    def change(session: Session) -> FindingDetailShape:
        alert = _for_change(session, who, reference)
        require_match(if_match, _detail(session, who, alert))
        if sent.state is not None:
            _change_state(session, who, alert, sent.state, sent.reason, now)
        if "owner" in sent.model_fields_set:
            _change_owner(session, who, alert, sent.owner, now)
        if sent.labels is not None:
            _change_labels(session, who, alert, sent.labels, now)
        return _detail(session, who, alert)

    return answer(request, console.database.write(change))


def _for_change(session: Session, who: Asker, reference: str) -> Alert:
    alert = required(lock_finding(session, who.view, reference))
    who.require(TokenScope.FINDINGS_WRITE, alert.company_id)
    return alert


def _change_state(
    session: Session, who: Asker, alert: Alert, state: TriageState, reason: str, now: datetime
) -> None:
    if state in NEEDS_REASON and not reason and state is not alert.state:
        raise RequestRefused(f"{state.value} needs a reason")
    before = alert.state
    if triage.change_state(session, alert, state, by=who.name, reason=reason, now=now):
        _audit(
            session, who, AuditAction.FINDING_TRIAGED, alert, now, before=before, after=state, reason=reason
        )


def _change_owner(session: Session, who: Asker, alert: Alert, name: str | None, now: datetime) -> None:
    people = {each.name: each.id for each in people_of(session, who.view, alert.company_id)}
    if name is not None and name not in people:
        raise RequestRefused("owner: nobody of that name may own this finding")
    owner_id = None if name is None else people[name]
    if triage.assign_owner(session, alert, owner_id=owner_id, owner=name or "", by=who.name, now=now):
        _audit(session, who, AuditAction.FINDING_ASSIGNED, alert, now, owner=name or "")


def _change_labels(session: Session, who: Asker, alert: Alert, labels: list[str], now: datetime) -> None:
    held, wanted = set(triage.labels_of(session, alert.id)), set(labels)
    if held == wanted:
        return
    for label in sorted(held - wanted):
        triage.remove_label(session, alert, label)
    for label in sorted(wanted - held):
        _refuse(triage.add_label(session, alert, label))
    alert.updated_at = now
    session.flush()
    added, removed = sorted(wanted - held), sorted(held - wanted)
    _audit(session, who, AuditAction.LABEL_CHANGED, alert, now, added=added, removed=removed)


def _audit(
    session: Session, who: Asker, action: AuditAction, alert: Alert, now: datetime, **detail: object
) -> None:
    subject = f"finding:{alert.reference}"
    audit(session, who, action, now, subject=subject, company_id=alert.company_id, **detail)


def _refuse(refusal: TriageRefusal | None) -> None:
    if refusal is not None:
        raise ChangeRefused(refusal.value)


# --- what belongs to a finding


class NumberedQuery(ListQuery):
    """The parameters of a list whose items are numbered."""


def numbered_place(query: ListQuery, name: str) -> int:
    place = query.place(name, int)
    return 0 if place is None else int(place[0])


@router.get("/findings/{reference}/revisions", response_model=Paged[RevisionShape], responses=reading(*NAMED))
def list_revisions(
    request: Request,
    console: ConsoleParts,
    who: FindingsReader,
    reference: Reference,
    query: Annotated[NumberedQuery, Query()],
) -> Response:
    """List the revisions of a finding, oldest first."""
    name = f"revisions {reference}"
    after = numbered_place(query, name)
    with console.database.reading() as session:
        alert = required(finding_by_reference(session, who.view, reference))
        rows = by_time.revisions_after(session, who.view, alert, after=after, limit=query.limit + 1)
    return answer(
        request,
        query.page(name, rows, lambda row: (row.number,), [RevisionShape.of(row) for row in rows]),
    )


@router.get(
    "/findings/{reference}/revisions/{number}",
    response_model=RevisionDetailShape,
    responses=reading(*NAMED),
)
def show_revision(
    request: Request,
    console: ConsoleParts,
    who: FindingsReader,
    reference: Reference,
    number: Annotated[int, Path(ge=1, le=MAX_NUMBER)],
) -> Response:
    """Show one revision with all that its message says."""
    with console.database.reading() as session:
        alert = required(finding_by_reference(session, who.view, reference))
        rows = by_time.revisions_after(session, who.view, alert, after=number - 1, limit=1)
    if not rows or rows[0].number != number:
        raise NotVisible
    return answer(request, RevisionDetailShape.with_content(rows[0]))


@router.get("/findings/{reference}/timeline", response_model=Paged[TimelineShape], responses=reading(*NAMED))
def list_timeline(
    request: Request,
    console: ConsoleParts,
    who: FindingsReader,
    reference: Reference,
    query: Annotated[NumberedQuery, Query()],
) -> Response:
    """List what happened to a finding, oldest first: seen, messages, sendings, states, acts and notes."""
    name = f"timeline {reference}"
    after = numbered_place(query, name)
    with console.database.reading() as session:
        alert = required(finding_by_reference(session, who.view, reference))
        events = timeline_of(session, who.view, alert)
    shown = list(enumerate(events, 1))[after : after + query.limit + 1]
    return answer(
        request,
        query.page(
            name, shown, lambda row: (row[0],), [TimelineShape.model_validate(event) for _, event in shown]
        ),
    )


@router.get("/findings/{reference}/offers", response_model=Paged[ListingShape], responses=reading(*NAMED))
def list_offers(
    request: Request,
    console: ConsoleParts,
    who: FindingsReader,
    reference: Reference,
    query: Annotated[NumberedQuery, Query()],
) -> Response:
    """List the listings that offer the data of a finding."""
    name = f"offers {reference}"
    after = numbered_place(query, name)
    with console.database.reading() as session:
        alert = required(finding_by_reference(session, who.view, reference))
        rows = by_time.offers_after(session, who.view, alert, after=after, limit=query.limit + 1)
    return answer(
        request, query.page(name, rows, lambda row: (row.id,), [ListingShape.of(row) for row in rows])
    )


@router.get("/findings/{reference}/notes", response_model=Paged[NoteShape], responses=reading(*NAMED))
def list_notes(
    request: Request,
    console: ConsoleParts,
    who: FindingsReader,
    reference: Reference,
    query: Annotated[NumberedQuery, Query()],
) -> Response:
    """List the notes about a finding, oldest first."""
    name = f"notes {reference}"
    after = numbered_place(query, name)
    with console.database.reading() as session:
        alert = required(finding_by_reference(session, who.view, reference))
        rows = by_time.notes_after(session, who.view, alert, after=after, limit=query.limit + 1)
    numbered = list(enumerate(rows, after + 1))
    return answer(
        request, query.page(name, numbered, lambda row: (row[0],), [NoteShape.of(row) for row in rows])
    )


@router.post(
    "/findings/{reference}/notes",
    response_model=NoteShape,
    status_code=HTTPStatus.CREATED,
    responses=problems(*CHANGING),
)
def add_note(
    request: Request,
    console: ConsoleParts,
    who: FindingsWriter,
    reference: Reference,
    sent: NewNote,
    key: RepeatKey = None,
) -> Response:
    """Write a note about a finding."""
    now = console.clock()

    def work(session: Session) -> Changed:
        alert = _for_change(session, who, reference)
        _refuse(triage.add_note(session, alert, by=who.name, text=sent.text, now=now))
        _audit(session, who, AuditAction.NOTE_ADDED, alert, now)
        return Changed(NoteShape(at=now, by=who.name, text=sent.text), alert.id)

    return change_once(request, console, who, key, sent, work, HTTPStatus.CREATED)


@router.post("/findings/{reference}/merge", response_model=FindingDetailShape, responses=problems(*CHANGING))
def merge(
    request: Request,
    console: ConsoleParts,
    who: FindingsWriter,
    reference: Reference,
    sent: Merge,
    key: RepeatKey = None,
) -> Response:
    """Merge a finding into another one of the same company, which stands for both."""
    now = console.clock()

    def work(session: Session) -> Changed:
        alert, into = _both_for_change(session, who, reference, sent.into)
        _refuse(triage.merge_findings(session, alert, into, by=who.name, reason=sent.reason, now=now))
        _audit(session, who, AuditAction.FINDING_MERGED, alert, now, into=into.reference, reason=sent.reason)
        return Changed(_detail(session, who, alert), alert.id)

    return change_once(request, console, who, key, sent, work)


def _both_for_change(session: Session, who: Asker, reference: str, other: str) -> tuple[Alert, Alert]:
    """Lock two findings in the order of their ids, so that two such requests never wait for each other."""
    first = required(finding_by_reference(session, who.view, reference))
    who.require(TokenScope.FINDINGS_WRITE, first.company_id)
    found = [first, required(finding_by_reference(session, who.view, other))]
    locked = {
        each.reference: _for_change(session, who, each.reference)
        for each in sorted(found, key=lambda alert: alert.id)
    }
    return locked[found[0].reference], locked[found[1].reference]


@router.post(
    "/findings/{reference}/unmerge", response_model=FindingDetailShape, responses=problems(*CHANGING)
)
def unmerge(
    request: Request,
    console: ConsoleParts,
    who: FindingsWriter,
    reference: Reference,
    sent: Unmerge,
    key: RepeatKey = None,
) -> Response:
    """Let a merged finding stand for itself again, in the state that it had."""
    now = console.clock()

    def work(session: Session) -> Changed:
        alert = _for_change(session, who, reference)
        _refuse(triage.unmerge_finding(session, alert, by=who.name, reason=sent.reason, now=now))
        _audit(session, who, AuditAction.FINDING_UNMERGED, alert, now, reason=sent.reason)
        return Changed(_detail(session, who, alert), alert.id)

    return change_once(request, console, who, key, sent, work)
