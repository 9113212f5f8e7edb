"""Changes of many findings at once, from the rows of the first screen.

Each finding is changed in a transaction of its own, and only if it still is what the person saw: the row's
box holds the revision and the time of the last change that were shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse

from storage.alerts import Alert, TriageState
from storage.triage import (
    LABEL,
    NEEDS_REASON,
    REASON_CHARS,
    TriageRefusal,
    add_label,
    assign_owner,
    change_state,
    labels_of,
    remove_label,
)
from storage.users import Role
from storage.visible.findings import lock_finding, stamp_of
from storage.visible.people import people_of
from web.access.signed_in import Person, SignedIn
from web.audit import AuditAction, audit
from web.console import ConsoleParts
from web.errors import RequestRefused
from web.finding_list import ListChoice
from web.pages.findings import forget_counts

router = APIRouter()

MOST = 200  # findings at once
LEFT_NAMED = 10  # findings that were left alone and are named in the answer


class BulkOutcome(StrEnum):
    """What became of one finding."""

    CHANGED = "changed"
    SAME = "same"  # it was so already
    STALE = "stale"  # somebody changed it after it was shown
    REFUSED = "refused"  # it may not be seen or changed by this person, or not so


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What is to be done, by whom."""

    person: SignedIn
    act: str
    reason: str
    owner: str
    label: str
    now: datetime


@dataclass(slots=True)
class BulkAnswer:
    outcomes: Counter[BulkOutcome] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)  # references of stale ones


@router.post("/findings/bulk")
def change_many(
    console: ConsoleParts,
    person: Person,
    act: Annotated[str, Form(max_length=40)],
    row: Annotated[list[str] | None, Form()] = None,
    shown: Annotated[list[str] | None, Form()] = None,
    whole_page: Annotated[str, Form(max_length=10)] = "",
    state: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=REASON_CHARS)] = "",
    owner: Annotated[str, Form(max_length=20)] = "",
    label: Annotated[str, Form(max_length=100)] = "",
    back: Annotated[str, Form(max_length=2000)] = "",
) -> RedirectResponse:
    stamps = list(dict.fromkeys((shown if whole_page else row) or ()))[: MOST + 1]
    if len(stamps) > MOST:
        raise RequestRefused(f"found more than {MOST} findings; change fewer at once")
    change = BulkChange(
        person,
        state if act == "state" else act,
        reason.strip(),
        owner,
        label.strip().lower(),
        console.clock(),
    )
    _check(change)
    answer = BulkAnswer()
    for stamp in stamps:
        outcome = console.database.write(partial(_change_one, stamp=stamp, change=change))
        answer.outcomes[outcome] += 1
        if outcome is BulkOutcome.STALE:
            answer.left.append(stamp.partition(".")[0])
    forget_counts(console.database)
    told = {outcome.value: count for outcome, count in answer.outcomes.items()} or {"none": 1}
    pairs = {f"done_{name}": str(count) for name, count in told.items()}
    if answer.left:
        pairs["left"] = ".".join(answer.left[:LEFT_NAMED])
    return RedirectResponse(f"{ListChoice.of_query(back).address()}&{urlencode(pairs)}", 303)


def _check(change: BulkChange) -> None:
    """Refuse what fits no finding at all."""
    if change.act in ("label", "unlabel"):
        if not LABEL.fullmatch(change.label):
            raise RequestRefused("A label is a word of letters, digits, hyphens and dots.")
    elif change.act == "assign":
        if change.owner not in ("", "me") and not change.owner.isdecimal():
            raise RequestRefused("found no such owner")
    elif change.act not in tuple(TriageState) or change.act == TriageState.NEW:
        raise RequestRefused("found no such change")
    elif TriageState(change.act) in NEEDS_REASON and not change.reason:
        raise RequestRefused("Closing a finding needs a reason.")


def _change_one(session: Session, *, stamp: str, change: BulkChange) -> BulkOutcome:
    reference, _, seen = stamp.partition(".")
    alert = lock_finding(session, change.person.view, reference)
    if alert is None or not change.person.may(Role.ANALYST, alert.company_id):
        return BulkOutcome.REFUSED
    if stamp_of(alert.revision, alert.updated_at) != seen:
        return BulkOutcome.STALE
    return _ACTS.get(change.act, _set_state)(session, alert, change)


def _set_state(session: Session, alert: Alert, change: BulkChange) -> BulkOutcome:
    before, after = alert.state, TriageState(change.act)
    name = change.person.name
    if not change_state(session, alert, after, by=name, reason=change.reason, now=change.now):
        return BulkOutcome.SAME
    _write(
        session, alert, change, AuditAction.FINDING_TRIAGED, before=before, after=after, reason=change.reason
    )
    return BulkOutcome.CHANGED


def _assign(session: Session, alert: Alert, change: BulkChange) -> BulkOutcome:
    people = {each.id: each.name for each in people_of(session, change.person.view, alert.company_id)}
    wanted = change.person.user_id if change.owner == "me" else int(change.owner or 0) or None
    if wanted is not None and wanted not in people:
        return BulkOutcome.REFUSED
    owner = "" if wanted is None else people[wanted]
    if not assign_owner(session, alert, owner_id=wanted, owner=owner, by=change.person.name, now=change.now):
        return BulkOutcome.SAME
    _write(session, alert, change, AuditAction.FINDING_ASSIGNED, owner=owner)
    return BulkOutcome.CHANGED


def _label(session: Session, alert: Alert, change: BulkChange) -> BulkOutcome:
    held: Sequence[str] = labels_of(session, alert.id)
    adding = change.act == "label"
    if (change.label in held) is adding:
        return BulkOutcome.SAME
    if adding:
        refusal: TriageRefusal | None = add_label(session, alert, change.label)
        if refusal is not None:
            return BulkOutcome.REFUSED
    else:
        remove_label(session, alert, change.label)
    done = "added" if adding else "removed"
    _write(session, alert, change, AuditAction.LABEL_CHANGED, label=change.label, change=done)
    return BulkOutcome.CHANGED


def _write(
    session: Session, alert: Alert, bulk: BulkChange, action: AuditAction, /, **detail: object
) -> None:
    subject = f"finding:{alert.reference}"
    audit(session, bulk.person, action, bulk.now, subject=subject, company_id=alert.company_id, **detail)


_ACTS: dict[str, Callable[[Session, Alert, BulkChange], BulkOutcome]] = {
    "assign": _assign,
    "label": _label,
    "unlabel": _label,
}
