"""The page of one finding, and what people do there: states, owner, notes, labels, links, merging.

Each change is a form of its own. A form about the state, the owner or a merge holds the revision and the time
of the row that the person saw; if the row has changed meanwhile, nothing is written, and the page comes again
with what was typed and with what somebody else did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from alerts.event import event_of
from alerts.message import MessageContent, message_of
from matching.masks import mask_text
from storage import triage
from storage.alerts import Alert, TriageState
from storage.triage import NEEDS_REASON, NOTE_CHARS, REASON_CHARS, ActKind, TriageRefusal
from storage.users import Role
from storage.visible import finding_detail as visible
from storage.visible.people import people_of
from web.access.signed_in import Person, SignedIn
from web.audit import AuditAction, audit
from web.console import Console, ConsoleParts
from web.errors import NotVisible
from web.finding.clocks import clocks_of
from web.finding.differences import DifferenceRow, shown_rows, text_differences
from web.finding.timeline import last_change, timeline_of
from web.finding.verdict import next_steps, verdict_of
from web.rendering import render
from web.wording import zone_named

router = APIRouter(prefix="/findings/{reference}")

#: What `?done=` may say.
DONE = frozenset(
    {"state", "owner", "label", "note", "linked", "unlinked", "merged", "unmerged", "certain", "notified"}
)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=5)  # the clock of a person may be fast by so much
REFERENCE = re.compile(r"[2-9A-HJ-NP-Z]{9}")
STALE = "stale"
TOO_LONG = "too_long"
NO_TIME = "no_time"
NOT_KNOWN = "not_known"
TEXTS = ("title", "body", "sample")
ENTRIES = 40  # of the timeline on the page of the finding
NOTES_SHOWN = 8
ENTRIES_A_PAGE = 10  # of the whole timeline, with whole texts

#: The state that a form proposes.
NEXT_STATE = {
    TriageState.NEW: TriageState.ACKNOWLEDGED,
    TriageState.ACKNOWLEDGED: TriageState.INVESTIGATING,
    TriageState.INVESTIGATING: TriageState.CONFIRMED,
    TriageState.CONFIRMED: TriageState.RESOLVED,
    TriageState.FALSE_POSITIVE: TriageState.INVESTIGATING,
    TriageState.RESOLVED: TriageState.INVESTIGATING,
}

Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class FindingVisit:
    """Who asks for which finding."""

    request: Request
    console: Console
    person: SignedIn
    reference: str


def visit(request: Request, console: ConsoleParts, person: Person, reference: str) -> FindingVisit:
    return FindingVisit(request, console, person, reference)


AtFinding = Annotated[FindingVisit, Depends(visit)]


@dataclass(frozen=True, slots=True)
class RefusedChange:
    """A change that was not made: in which form it was asked for, and why."""

    form: str
    why: str


@router.get("")
def finding_page(at: AtFinding, done: str = "") -> Response:
    return _page(at, done=done if done in DONE else "")


def _page(
    at: FindingVisit,
    *,
    done: str = "",
    refused: RefusedChange | None = None,
    typed: Mapping[str, str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    person, console = at.person, at.console
    with console.database.reading() as session:
        found = visible.finding_detail(session, person.view, at.reference, viewer=person.name)
        if found is None:
            raise NotVisible
        people = people_of(session, person.view, found.alert.company_id)
        clocks = clocks_of(session, person.view, [found.alert.id], console.settings.web.clocks)
    if found.is_first_view:
        console.database.write(lambda session: _note_view(session, at))
    content = MessageContent.model_validate(found.revision.content)
    return render(
        at.request,
        "finding.html",
        person=person,
        status=status,
        found=found,
        alert=found.alert,
        content=content,
        verdict=verdict_of(content, found.summary),
        steps=list(next_steps(content, found.alert.severity)),
        thresholds=sorted(content.thresholds.items(), key=lambda step: -step[1]),
        timeline=timeline_of(found.history)[-ENTRIES:],
        notes=found.history.notes[-NOTES_SHOWN:],
        people=people,
        clocks=clocks.get(found.alert.id, ()),
        states=list(TriageState),
        proposed=(typed or {}).get("state", NEXT_STATE[found.alert.state].value),
        needs_reason=NEEDS_REASON,
        may_triage=person.may(Role.ANALYST, found.alert.company_id),
        done=done,
        refused=refused,
        stale=last_change(found.history) if refused and refused.why == STALE else None,
        typed=typed or {},
        stamp=_stamp(found.alert),
        limits={"reason": REASON_CHARS, "note": NOTE_CHARS},
        latest=f"{console.clock().astimezone(zone_named(person.zone)):%Y-%m-%dT%H:%M}",
    )


def _note_view(session: Session, at: FindingVisit) -> None:
    """Write that a person opened the page, for the first time since the finding's last revision."""
    alert = visible.lock_finding(session, at.person.view, at.reference)
    now = at.console.clock()
    if alert is not None and triage.note_view(session, alert, by=at.person.name, now=now):
        _audit(session, at, AuditAction.FINDING_VIEWED, alert, now, revision=alert.revision)


def _audit(
    session: Session, at: FindingVisit, action: AuditAction, alert: Alert, now: datetime, /, **detail: object
) -> None:
    subject = f"finding:{alert.reference}"
    audit(session, at.person, action, now, subject=subject, company_id=alert.company_id, **detail)


def _stamp(alert: Alert) -> str:
    """Return what the row looked like when the page was made: a form gives it back."""
    changing = (alert.revision, alert.updated_at.isoformat(), alert.state.value, alert.owner_id)
    return ".".join(str(each) for each in (*changing, alert.merged_into_id))


@router.get("/timeline")
def timeline_page(at: AtFinding, page: Annotated[int, Query(ge=1, le=1000)] = 1) -> Response:
    """Show the whole timeline with whole texts, newest first."""
    with at.console.database.reading() as session:
        found = visible.finding_history(session, at.person.view, at.reference)
    if found is None:
        raise NotVisible
    alert, history = found
    entries = timeline_of(history)[::-1]
    first = (page - 1) * ENTRIES_A_PAGE
    return render(
        at.request,
        "finding_timeline.html",
        person=at.person,
        alert=alert,
        timeline=entries[first : first + ENTRIES_A_PAGE],
        page=page,
        has_more=len(entries) > first + ENTRIES_A_PAGE,
        cut=history.cut,
    )


@router.get("/versions")
def versions_page(at: AtFinding, listing: int = 0, before: int = -1, after: int = 0) -> Response:
    """Show two versions of a listing side by side; by default the last two."""
    with at.console.database.reading() as session:
        found = visible.version_texts(
            session,
            at.person.view,
            at.reference,
            listing_id=listing or None,
            numbers=(max(before, -1), max(after, 0)),
        )
    if found is None:
        raise NotVisible
    row, versions, texts = found
    parts: list[tuple[str, Sequence[DifferenceRow], bool]] = []
    if len(texts) == 2:
        old, new = texts
        compared = ((name, text_differences(getattr(old, name), getattr(new, name))) for name in TEXTS)
        parts = [(name, *shown_rows(rows)) for name, rows in compared]
    return render(
        at.request,
        "finding_versions.html",
        person=at.person,
        reference=at.reference,
        listing=row,
        versions=versions,
        texts=texts,
        parts=parts,
    )


@router.get("/event.json")
def finding_event(at: AtFinding) -> Response:
    """Return the event of the last revision, as a webhook gets it. It has numbers of rows."""

    def read(session: Session) -> Response:
        found = visible.lock_with_revision(session, at.person.view, at.reference)
        if found is None:
            raise NotVisible
        alert, revision = found
        now = at.console.clock()
        _audit(session, at, AuditAction.EXPORT, alert, now, format="event", rows=1)
        installation = at.console.settings.alerts.installation
        message = message_of(alert, revision, installation=installation)
        return Response(event_of(message).model_dump_json(indent=2), media_type="application/json")

    return at.console.database.write(read)


@router.post("/address")
def address_in_clear(at: AtFinding, listing: Annotated[int, Form()]) -> Response:
    """Answer a listing's address as it can be opened, as plain text."""

    def read(session: Session) -> str:
        alert = visible.lock_finding(session, at.person.view, at.reference)
        if alert is None:
            raise NotVisible
        at.person.require(Role.ANALYST, alert.company_id)
        address = visible.address_in_clear(session, at.person.view, at.reference, listing)
        if address is None:
            raise NotVisible
        now = at.console.clock()
        _audit(session, at, AuditAction.ADDRESS_COPIED, alert, now, of=f"listing:{listing}")
        return address

    return PlainTextResponse(at.console.database.write(read) + "\n")


# --- changes

Change = Callable[[Session, Alert, datetime], str | None]


def _change(
    at: FindingVisit,
    change: Change,
    *,
    form: str,
    typed: Mapping[str, str] | None = None,
    done: str = "",
    stamp: str | None = None,
    lock: Callable[[Session], Alert | None] | None = None,
) -> Response:
    """Make a change to a locked finding, and answer with a redirect; or with the page and what is wrong.

    `change` returns why it is not possible, and has written nothing then. `stamp`: of the row that the person
    saw; None: it does not matter. `lock` locks the finding together with another one.
    """

    def write(session: Session) -> str | None:
        lock_one = lock or (lambda each: visible.lock_finding(each, at.person.view, at.reference))
        alert = lock_one(session)
        if alert is None:
            raise NotVisible
        at.person.require(Role.ANALYST, alert.company_id)
        if stamp is not None and stamp != _stamp(alert):
            return STALE
        return change(session, alert, at.console.clock())

    held = typed or {}
    limit = NOTE_CHARS if form == "note" else REASON_CHARS
    is_long = any(len(text) > limit for text in held.values())
    why = TOO_LONG if is_long else at.console.database.write(write)
    if why is None:
        return RedirectResponse(f"/findings/{at.reference}?done={done or form}#{form}", HTTPStatus.SEE_OTHER)
    status = HTTPStatus.CONFLICT if why == STALE else HTTPStatus.UNPROCESSABLE_ENTITY
    return _page(at, refused=RefusedChange(form, str(why)), typed=held, status=status)


@router.post("/state")
def change_state(
    at: AtFinding, state: Annotated[TriageState, Form()], stamp: Text = "", reason: Text = ""
) -> Response:
    def change(session: Session, alert: Alert, now: datetime) -> str | None:
        before, why = alert.state, _words(reason)
        if state in NEEDS_REASON and not why:
            return TriageRefusal.REASON_MISSING
        if not triage.change_state(session, alert, state, by=at.person.name, reason=why, now=now):
            return TriageRefusal.SAME_STATE
        detail = {"before": before, "after": state, "reason": why}
        _audit(session, at, AuditAction.FINDING_TRIAGED, alert, now, **detail)
        return None

    return _change(at, change, form="state", typed={"state": state.value, "reason": reason}, stamp=stamp)


@router.post("/owner")
def change_owner(at: AtFinding, stamp: Text = "", owner: Text = "") -> Response:
    """Give the finding an owner; "" is nobody."""

    def change(session: Session, alert: Alert, now: datetime) -> str | None:
        people = {str(each.id): each for each in people_of(session, at.person.view, alert.company_id)}
        chosen = people.get(owner)
        if owner and chosen is None:
            return NOT_KNOWN
        name, owner_id = (chosen.name, chosen.id) if chosen else ("", None)
        by = at.person.name
        if triage.assign_owner(session, alert, owner_id=owner_id, owner=name, by=by, now=now):
            _audit(session, at, AuditAction.FINDING_ASSIGNED, alert, now, owner=name)
        return None

    return _change(at, change, form="owner", typed={"owner": owner}, stamp=stamp)


@router.post("/note")
def add_note(at: AtFinding, note: Text = "") -> Response:
    def change(session: Session, alert: Alert, now: datetime) -> str | None:
        text = _words(note)
        refusal = triage.add_note(session, alert, by=at.person.name, text=text, now=now)
        if refusal is None:
            _audit(session, at, AuditAction.NOTE_ADDED, alert, now, characters=len(text))
        return refusal

    return _change(at, change, form="note", typed={"note": note})


@router.post("/label")
def add_label(at: AtFinding, label: Text = "") -> Response:
    def change(session: Session, alert: Alert, now: datetime) -> str | None:
        refusal = triage.add_label(session, alert, label)
        if refusal is None:
            word = label.strip().lower()
            _audit(session, at, AuditAction.LABEL_CHANGED, alert, now, label=word, change="added")
        return refusal

    return _change(at, change, form="label", typed={"label": label})


@router.post("/label/remove")
def remove_label(at: AtFinding, label: Text = "") -> Response:
    def change(session: Session, alert: Alert, now: datetime) -> str | None:
        triage.remove_label(session, alert, label)
        _audit(session, at, AuditAction.LABEL_CHANGED, alert, now, label=label, change="removed")
        return None

    return _change(at, change, form="label")


@router.post("/certain")
def declare_certain(at: AtFinding, since: Text = "", reason: Text = "") -> Response:
    def change(session: Session, alert: Alert, now: datetime) -> str | None:
        moment, why = _moment(since, at.person.zone, now), _words(reason)
        if moment is None:
            return NO_TIME
        by = at.person.name
        refusal = triage.declare_certain(session, alert, at=moment, by=by, reason=why, now=now)
        if refusal is None:
            detail = {"clock": "certain", "at": moment, "reason": why}
            _audit(session, at, AuditAction.CLOCK_CHANGED, alert, now, **detail)
        return refusal

    return _change(at, change, form="certain", typed={"since": since, "certain_reason": reason})


@router.post("/certain/withdraw")
def withdraw_certainty(at: AtFinding, reason: Text = "") -> Response:
    def change(session: Session, alert: Alert, now: datetime) -> str | None:
        why = _words(reason)
        refusal = triage.withdraw_certainty(session, alert, by=at.person.name, reason=why, now=now)
        if refusal is None:
            detail = {"clock": "certain", "at": None, "reason": why}
            _audit(session, at, AuditAction.CLOCK_CHANGED, alert, now, **detail)
        return refusal

    return _change(at, change, form="certain", typed={"certain_reason": reason})


@router.post("/notified")
def note_notified(at: AtFinding, when: Text = "", whom: Text = "") -> Response:
    def change(session: Session, alert: Alert, now: datetime) -> str | None:
        moment, words = _moment(when, at.person.zone, now), _words(whom)
        if moment is None:
            return NO_TIME
        if not words:
            return TriageRefusal.REASON_MISSING
        by, kind = at.person.name, ActKind.NOTIFIED
        triage.note_act(session, alert, kind, by=by, at=moment, detail=words, now=now)
        detail = {"clock": "notified", "at": moment, "reason": words}
        _audit(session, at, AuditAction.CLOCK_CHANGED, alert, now, **detail)
        return None

    return _change(at, change, form="notified", typed={"when": when, "whom": whom})


# --- two findings

ChangeOfTwo = Callable[[Session, Alert, Alert, datetime], str | None]


def _change_two(
    at: FindingVisit,
    other: str,
    change: ChangeOfTwo,
    *,
    form: str,
    done: str,
    typed: Mapping[str, str] | None = None,
    stamp: str | None = None,
) -> Response:
    """Do what `_change` does with another finding that is locked, too. `other` has its reference."""
    named = REFERENCE.search(other.upper())
    pair: list[Alert] = []

    def lock(session: Session) -> Alert | None:
        both = visible.lock_findings(session, at.person.view, at.reference, named.group() if named else "")
        pair[:] = both or ()
        return both[0] if both else visible.lock_finding(session, at.person.view, at.reference)

    def change_one(session: Session, alert: Alert, now: datetime) -> str | None:
        return change(session, alert, pair[1], now) if pair else NOT_KNOWN

    return _change(at, change_one, form=form, done=done, typed=typed, stamp=stamp, lock=lock)


@router.post("/link")
def link_findings(at: AtFinding, other: Text = "", reason: Text = "") -> Response:
    def change(session: Session, alert: Alert, second: Alert, now: datetime) -> str | None:
        why = _words(reason)
        refusal = triage.link_findings(session, alert, second, by=at.person.name, reason=why, now=now)
        if refusal is None:
            detail = {"other": second.reference, "change": "added"}
            _audit(session, at, AuditAction.FINDING_LINKED, alert, now, **detail)
        return refusal

    typed = {"link_other": other, "link_reason": reason}
    return _change_two(at, other, change, form="link", done="linked", typed=typed)


@router.post("/link/remove")
def unlink_findings(at: AtFinding, other: Text = "") -> Response:
    def change(session: Session, alert: Alert, second: Alert, now: datetime) -> str | None:
        if triage.unlink_findings(session, alert, second):
            detail = {"other": second.reference, "change": "removed"}
            _audit(session, at, AuditAction.FINDING_LINKED, alert, now, **detail)
        return None

    return _change_two(at, other, change, form="link", done="unlinked")


@router.post("/merge")
def merge_finding(at: AtFinding, stamp: Text = "", into: Text = "", reason: Text = "") -> Response:
    def change(session: Session, alert: Alert, second: Alert, now: datetime) -> str | None:
        why = _words(reason)
        refusal = triage.merge_findings(session, alert, second, by=at.person.name, reason=why, now=now)
        if refusal is None:
            detail = {"into": second.reference, "reason": why}
            _audit(session, at, AuditAction.FINDING_MERGED, alert, now, **detail)
        return refusal

    typed = {"into": into, "merge_reason": reason}
    return _change_two(at, into, change, form="merge", done="merged", typed=typed, stamp=stamp)


@router.post("/unmerge")
def unmerge_finding(at: AtFinding) -> Response:
    def change(session: Session, alert: Alert, now: datetime) -> str | None:
        above = visible.merged_into(session, at.person.view, alert)
        refusal = triage.unmerge_finding(session, alert, by=at.person.name, reason="", now=now)
        if refusal is None:
            _audit(session, at, AuditAction.FINDING_UNMERGED, alert, now, **{"from": above})
        return refusal

    return _change(at, change, form="merge", done="unmerged")


# --- what was typed


def _words(text: str) -> str:
    """Return what a person typed, with identifiers masked: the database holds none in the clear."""
    return mask_text(text.replace("\r\n", "\n").replace("\0", "").strip())


def _moment(typed: str, zone: str, now: datetime) -> datetime | None:
    """Return a time typed in the person's zone ("" is now); None: it is no time, or lies in the future."""
    if not typed:
        return now
    try:
        read = datetime.fromisoformat(typed)
    except ValueError:
        return None
    if read.tzinfo is None:
        read = read.replace(tzinfo=zone_named(zone))
    read = read.astimezone(UTC)
    return read if EARLIEST <= read <= now + AHEAD else None
