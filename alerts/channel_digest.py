"""The digest of a channel: one message of everything that its settings held back for an hour or a day.

It is an alert of its own, for this channel only. What it tells of are deliveries, which end with its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from alerts.clean import one_line
from alerts.message import ENTRIES, TITLE_CHARS, DigestEntry, MessageContent
from alerts.outbox import AlertSubject, RevisionDraft
from alerts.rules import Observation
from alerts.severity import SeveritySettings
from alerts.wording import format_count, format_time
from storage import alerts as rows
from storage.alerts import Alert, AlertChange, AlertKind, TriageState
from storage.deliveries import Delivery

BUNDLE = 1000  # deliveries that one digest concludes; what is left is in the next one, at once


def channel_digest(session: Session, bundle: Sequence[Delivery], settings: SeveritySettings) -> RevisionDraft:
    """Return the digest of these deliveries of one channel, oldest first. Its severity is their highest."""
    entries = sorted(
        (_entry_of(session, delivery) for delivery in bundle),
        key=lambda entry: (-entry.severity.rank, entry.at),
    )
    since, severity = bundle[0].created_at, entries[0].severity
    count = len(entries)
    messages = "1 message" if count == 1 else f"{format_count(count)} messages"
    content = MessageContent(
        title=f"Digest: {messages}, the most severe one {severity.value}",
        state=TriageState.RESOLVED,
        summary=f"Since {format_time(since)} there {'was' if count == 1 else 'were'} {messages} that this "
        "channel's settings hold for a digest. Each of them can be shown as a whole.",
        entries=tuple(entries[:ENTRIES]),
        entries_left=max(0, count - ENTRIES),
        next_steps=("Show one of them: spillwatch alerts show NUMBER --message MESSAGE",),
    )
    observation = Observation(count, f"{messages} were held for this digest.")
    judged = settings.judge_observation("digest", observation)
    subject = AlertSubject(dedupe_key=f"digest:{bundle[0].id}", kind=AlertKind.DIGEST)
    return RevisionDraft(subject, AlertChange.OPENED, replace(judged, severity=severity), content)


def _entry_of(session: Session, delivery: Delivery) -> DigestEntry:
    alert = session.get_one(Alert, delivery.alert_id)
    revision = rows.revision_by_number(session, delivery.alert_id, delivery.revision)
    return DigestEntry(
        alert_id=alert.id,
        revision=revision.number,
        change=revision.change,
        severity=revision.severity,
        title=one_line(str(revision.content["title"]), TITLE_CHARS),
        at=revision.at,
    )
