"""Judging: handlers that turn what matching and crawling wrote into alerts.

Each handler claims its row and writes the alert with its deliveries in the same transaction; a row that was
judged is never judged twice, a process killed in between leaves it due. The rules of when to speak are in
dedupe.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from alerts import metrics, source_health
from alerts.advice import finding_steps
from alerts.dedupe import Decision, Judged, decide, finding_key, listing_changes
from alerts.finding import CompanyFinding, listing_of, read_finding, source_of
from alerts.message import MessageContent
from alerts.outbox import About, Outbox
from alerts.render import shown_time
from alerts.rules import Said
from alerts.settings import AlertsSettings
from alerts.severity import Signal, merged, score_of, signals_of
from storage import alerts as rows
from storage import data_sets, listings, matches, sources
from storage.alerts import Alert, AlertChange, AlertKind, AlertRevision, OpenedAlert, TriageState
from storage.base import Database
from storage.listings import ListingVersion
from storage.work import Dispatcher


class AlertService:
    """Turns summaries of matches and changes of sources into alerts."""

    def __init__(
        self,
        *,
        database: Database,
        settings: AlertsSettings,
        dispatcher: Dispatcher,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._settings = settings
        self._outbox = Outbox(settings, dispatcher)
        self._clock = clock

    def evaluate(self, summary_id: int) -> None:
        """Judge what a version of a listing says of a company. Handler of WorkKind.EVALUATE."""
        with self._database.transaction() as session:
            summary = matches.summary_by_id(session, summary_id)
            finding = read_finding(session, summary) if summary else None
            if summary is None or finding is None:  # it waits until its company is watched again
                return
            if matches.mark_evaluated(session, summary_id, summary.digest):
                self._judge(session, finding)

    def _judge(self, session: Session, finding: CompanyFinding) -> None:
        key = finding_key(finding.company.slug, finding.root_listing_id)
        now = self._judged(signals_of(finding.facts, self._settings.severity))
        alert = rows.alert_by_key(session, key, for_update=True) or _of_its_set(session, finding)
        if alert is None:
            self._write(session, finding, now, Decision(AlertChange.OPENED, TriageState.NEW, ()), key=key)
            return
        said = rows.revisions_of(session, alert.id)
        before = _judged_before(said[-1])
        now = self._judged(merged(before.signals, now.signals))
        contents = [MessageContent.model_validate(revision.content) for revision in said]
        decision = decide(before, now, state=alert.state, material=listing_changes(contents, finding.listing))
        if decision is None:
            metrics.QUIET.inc()
        else:
            self._write(session, finding, now, decision, key=alert.dedupe_key)

    def _judged(self, signals: list[Signal]) -> Judged:
        return Judged(self._settings.severity.of(score_of(signals)), tuple(signals))

    def _write(
        self, session: Session, finding: CompanyFinding, judged: Judged, decision: Decision, *, key: str
    ) -> None:
        content = MessageContent(
            title=f"{finding.company.name}: {finding.listing.title or 'a listing without a title'}",
            state=decision.state,
            summary=summary_of(finding, decision.change),
            company=finding.company,
            source=finding.source,
            listing=finding.listing,
            matches=finding.matches,
            excerpts=finding.excerpts,
            changes=decision.changes,
            next_steps=finding_steps(finding, judged.severity),
            coverage=finding.coverage,
            proof=finding.proof,
        )
        about = About(
            key=key,
            kind=AlertKind.FINDING,
            company=finding.company.slug,
            company_id=finding.company_id,
            source_id=finding.source_id,
            listing_id=finding.listing_id,
        )
        self._outbox.write(
            session, about, change=decision.change, judged=judged, content=content, now=self._clock()
        )

    def evaluate_life(self, alert_id: int) -> None:
        """Tell that the listing of an alert is gone, or back. Handler of WorkKind.LIFE."""
        with self._database.transaction() as session:
            alert = rows.lock_alert(session, alert_id)
            if alert is None or alert.listing_id is None:
                return
            version = listings.latest_version(session, alert.listing_id)
            revisions = rows.revisions_of(session, alert_id)
            if version is None or not rows.note_listing_gone(
                session, alert_id, gone=version.listing.gone_at is not None
            ):
                return
            self._tell_life(session, alert, revisions, version)

    def _tell_life(
        self, session: Session, alert: Alert, revisions: Sequence[AlertRevision], version: ListingVersion
    ) -> None:
        last = MessageContent.model_validate(revisions[-1].content)
        before = _judged_before(revisions[-1])
        listing = listing_of(version, offer=data_sets.offer_of(session, version.listing))
        said = [MessageContent.model_validate(revision.content) for revision in revisions]
        decision = decide(before, before, state=alert.state, material=listing_changes(said, listing))
        if decision is None:
            return
        where = "is gone from" if listing.gone_at else "is back on"
        content = last.model_copy(
            update={
                "state": decision.state,
                "summary": f"The listing {where} {version.listing.source.name}. What was captured of it is "
                "kept.",
                "listing": listing,
                "source": source_of(version.listing.source),
                "changes": decision.changes,
            }
        )
        about = About(
            key=alert.dedupe_key,
            kind=AlertKind.FINDING,
            company=last.company.slug if last.company else None,
            company_id=alert.company_id,
            source_id=alert.source_id,
            listing_id=alert.listing_id,
        )
        self._outbox.write(
            session, about, change=decision.change, judged=before, content=content, now=self._clock()
        )

    def evaluate_source_change(self, change_id: int) -> None:
        """Tell that a source's health changed. Handler of WorkKind.SOURCE_CHANGE."""
        with self._database.transaction() as session:
            change = sources.change_by_id(session, change_id)
            if change is None or not sources.mark_change_done(session, change_id):
                return
            source_health.report(session, self._outbox, change=change, now=self._clock())

    def send_test(self) -> OpenedAlert:
        """Write a test message for every enabled channel; `DeliveryService.deliver` sends each."""
        signal = self._settings.severity.signal("test", Said(None, "Somebody ran `spillwatch alerts test`."))
        content = MessageContent(
            title="Test of the alert channels",
            state=TriageState.RESOLVED,
            summary="This is a test. Nothing was found; if you read this, this channel works.",
            next_steps=("Nothing.",),
        )
        about = About(key=f"test:{uuid4().hex}", kind=AlertKind.TEST)
        judged = Judged(self._settings.severity.of(signal.weight), (signal,))
        with self._database.transaction() as session:
            return self._outbox.write(
                session, about, change=AlertChange.OPENED, judged=judged, content=content, now=self._clock()
            )


def _of_its_set(session: Session, finding: CompanyFinding) -> Alert | None:
    """The alert of another offer of the same data, opened before they were known to be the same."""
    others = data_sets.data_set_members(session, finding.root_listing_id)
    return rows.lock_oldest_of_keys(
        session, [finding_key(finding.company.slug, listing) for listing in others]
    )


def _judged_before(revision: AlertRevision) -> Judged:
    return Judged(revision.severity, tuple(Signal.model_validate(signal) for signal in revision.signals))


def summary_of(finding: CompanyFinding, change: AlertChange) -> str:
    """How sure it is that the data is the company's, where it is offered and since when."""
    facts, name, where = finding.facts, finding.company.name, finding.source.name
    if facts.coherent_rows:
        found = "1 row agrees" if facts.coherent_rows == 1 else f"{facts.coherent_rows:,} rows agree"
        sure = f"Data of {name} is on {where}: {found} with enrolled customers."
    elif facts.mentions:
        compared = "No row there agrees with enrolled customers."
        nothing = "No customer is enrolled to compare it with."
        sure = f"{name} is named on {where}. {compared if facts.enrolled else nothing}"
    else:
        sure = f"Single identifiers of customers of {name} are on {where}."
    again = {
        AlertChange.ESCALATED: " This is stronger than what was told before.",
        AlertChange.REOPENED: " This is stronger than what was known when the alert was taken on or closed.",
    }
    return f"{sure} First seen {shown_time(finding.listing.first_seen_at)}.{again.get(change, '')}"
