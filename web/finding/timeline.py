"""The timeline of a finding: what happened and who did what, in the order of time.

It answers when the company knew. Each entry has a slug that texts/finding.toml has words for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from storage.alerts import AlertChange
from storage.deliveries import DeliveryState
from storage.triage import SPILLWATCH, ActKind
from storage.visible.finding_detail import FindingHistory


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """`text` was typed by a person, or comes from a channel; `changes` has (field, before, after)."""

    at: datetime
    what: str
    by: str = ""
    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    changes: Sequence[tuple[str, str | None, str | None]] = ()
    written_at: datetime | None = None  # if somebody wrote it down at another time
    uncertain: bool = False


def timeline_of(history: FindingHistory) -> list[TimelineEntry]:
    """Return the entries, oldest first. Of equal times, those that follow from others stand behind them."""
    found = [
        *_listing_entries(history),
        *_revision_entries(history),
        *_delivery_entries(history),
        *(TimelineEntry(at, "viewed", by) for by, at in history.views),
        *_people_entries(history),
        *(TimelineEntry(each.at, "note", each.by, each.text) for each in history.notes),
    ]
    return sorted(found, key=lambda entry: entry.at)


def last_change(history: FindingHistory) -> TimelineEntry | None:
    """Return the last entry that a form about the finding would not know of."""
    changing = ("state", "reopened", "assigned", "merged", "unmerged", "took_in", "gave_back", "alert_")
    entries = (entry for entry in reversed(timeline_of(history)) if entry.what.startswith(changing))
    return next(entries, None)


def _listing_entries(history: FindingHistory) -> Iterator[TimelineEntry]:
    listing = history.listing
    if listing is None:
        return
    if listing.posted_at is not None:
        yield TimelineEntry(listing.posted_at, "posted", uncertain=listing.posted_at_uncertain)
    yield TimelineEntry(listing.first_seen_at, "captured")
    if history.matched_at is not None:
        yield TimelineEntry(history.matched_at, "matched")


def _revision_entries(history: FindingHistory) -> Iterator[TimelineEntry]:
    for revision in history.revisions:
        changes = [
            (str(each.get("field")), each.get("before"), each.get("after"))
            for each in revision.content.get("changes", ())
        ]
        values = {"number": revision.number, "severity": revision.severity.value, "score": revision.score}
        yield TimelineEntry(revision.at, f"alert_{revision.change.value}", values=values, changes=changes)
        if revision.muted_by_id is not None:
            yield TimelineEntry(revision.at, "muted", values={"number": revision.number})


def _delivery_entries(history: FindingHistory) -> Iterator[TimelineEntry]:
    for each in history.deliveries:
        values = {"channel": each.channel, "number": each.revision, "attempts": each.attempts}
        at = each.sent_at or each.claimed_at or each.created_at
        is_held = each.state is DeliveryState.PENDING and each.held_for is not None
        what = f"held_{each.held_for}" if is_held else f"delivery_{each.state.value}"
        yield TimelineEntry(at, what, text=each.reason or "", values=values)


def _people_entries(history: FindingHistory) -> Iterator[TimelineEntry]:
    told = {revision.at: revision.change for revision in history.revisions}
    for event in history.events:
        values = {"before": event.before.value, "after": event.after.value}
        if event.by == SPILLWATCH:  # the reason stands in the entry of the revision
            reopened = told.get(event.at) in (AlertChange.REOPENED, AlertChange.ESCALATED)
            yield TimelineEntry(
                event.at, "reopened" if reopened else "state", "" if reopened else event.by, values=values
            )
        else:
            yield TimelineEntry(event.at, "state", event.by, event.reason, values)
    for act in history.acts:
        what = act.kind.value
        if act.by == SPILLWATCH and act.kind in (ActKind.UNMERGED, ActKind.GAVE_BACK):
            what = f"{what}_stronger"
        written = act.written_at if act.written_at != act.at else None
        values = {"other": act.other, "owner": act.detail}
        text = "" if act.kind is ActKind.ASSIGNED else act.detail
        if act.kind is ActKind.ASSIGNED and not act.detail:
            what = "assigned_nobody"
        yield TimelineEntry(act.at, what, act.by, text, values, written_at=written)
