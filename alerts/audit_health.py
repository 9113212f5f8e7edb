"""Messages about the audit log: its head, once a day, and that its chain is broken.

The head is worth something only where whoever can write to the database cannot write: in a mailbox, a chat,
a ticket system. So it is sent through a channel, like everything else that people are told.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from alerts.message import Difference, MessageContent
from alerts.outbox import AlertSubject, RevisionDraft
from alerts.rules import Observation
from alerts.severity import SeveritySettings, judgement_of
from alerts.wording import format_count
from storage import alerts as rows
from storage.alerts import AlertChange, AlertKind, TriageState
from storage.audit_checks import ChainState, CheckOutcome, open_audit_alert

#: The dedupe key of an alert about a broken chain, before what is wrong with it.
KEY_PREFIX = "installation:audit:"
HEAD_KEY_PREFIX = "audit:head:"


def audit_revision(session: Session, state: ChainState, severity: SeveritySettings) -> RevisionDraft | None:
    """Return the alert that the chain is broken, or the revision that it is whole; None: that is known."""
    alert = open_audit_alert(session, KEY_PREFIX)
    if state.outcome is CheckOutcome.WHOLE:
        if alert is None:
            return None
        subject = AlertSubject(dedupe_key=alert.dedupe_key, kind=AlertKind.INSTALLATION)
        judgement = judgement_of(rows.last_revision(session, alert))
        return RevisionDraft(subject, AlertChange.RESOLVED, judgement.as_earlier(), _whole_again(state))
    key = f"{KEY_PREFIX}{state.outcome.value}:{state.entry_id or state.missing_head}"
    if rows.alert_by_key(session, key) is not None:
        return None  # people know, and have decided about it
    judgement = severity.judge_observation("audit_broken", Observation(1, f"{_wrong(state)}."))
    content = MessageContent(
        title=f"The audit log is broken: {_wrong(state)}",
        summary=(
            f"Each entry of the audit log holds the hash of the one before. {_wrong(state, long=True)}. "
            f"Whole before that: {_entries(state)}, with the head {state.head}."
        ),
        next_steps=(
            "Somebody with access to the database changed it, or its storage is damaged: find out who and "
            "when, before anything else is written.",
            "See it again: spillwatch audit verify",
            "Compare with the heads that were sent out: spillwatch audit verify --head HASH",
        ),
    )
    return RevisionDraft(
        AlertSubject(dedupe_key=key, kind=AlertKind.INSTALLATION), AlertChange.OPENED, judgement, content
    )


def head_message(state: ChainState, severity: SeveritySettings, *, now: datetime) -> RevisionDraft:
    """Return the daily message with the head. Nobody has to acknowledge it."""
    content = MessageContent(
        title=f"Audit log: {_entries(state)}",
        state=TriageState.RESOLVED,
        summary=f"The chain of {_entries(state)} is whole. Its head is {state.head}. Keep this message.",
        next_steps=(
            f"To see later whether the log still has them: spillwatch audit verify --head {state.head}",
        ),
    )
    judgement = severity.judge_observation("audit_head", Observation(state.entries, "The daily head."))
    subject = AlertSubject(dedupe_key=f"{HEAD_KEY_PREFIX}{now:%Y%m%d}", kind=AlertKind.INSTALLATION)
    return RevisionDraft(subject, AlertChange.OPENED, judgement, content)


def _whole_again(state: ChainState) -> MessageContent:
    return MessageContent(
        title="The audit log is whole again",
        state=TriageState.RESOLVED,
        summary=f"The chain of {_entries(state)} is whole. Its head is {state.head}.",
        changes=(Difference(field="state", before="broken", after="whole"),),
        next_steps=("Nothing.",),
    )


def _entries(state: ChainState) -> str:
    return "1 entry" if state.entries == 1 else f"{format_count(state.entries)} entries"


def _wrong(state: ChainState, *, long: bool = False) -> str:
    if state.outcome is CheckOutcome.CHANGED:
        return f"Entry {state.entry_id} was changed" + (", or the one before it was" if long else "")
    if state.outcome is CheckOutcome.MISSING:
        return f"Entry {state.entry_id} is missing"
    more = f" that was its head at the last verification ({state.missing_head})" if long else ""
    return f"The end was cut off: no entry has the hash{more}" if long else "The end was cut off"
