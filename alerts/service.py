"""Judging: handlers that turn what matching and crawling wrote into alerts.

Each handler claims its row and writes the alert with its deliveries in the same transaction. So a row is
judged once, and a row whose handler was killed stays due.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

from sqlalchemy.orm import Session

from alerts import metrics
from alerts.audit_health import audit_revision, head_message
from alerts.channel_digest import BUNDLE, channel_digest
from alerts.dedupe import CLOSED, OFFERS, OPEN_ALERT, Decision, decide, listing_differences, listing_news
from alerts.disk_health import disk_revision
from alerts.finding import CompanyFinding, listing_of, lock_alert_of, may_hold, read_finding, source_of
from alerts.finding_text import digest_summary, finding_content, listing_life_content
from alerts.installation_health import installation_revision
from alerts.message import Difference, MessageCapture, MessageContent, MessageListing
from alerts.outbox import AlertSubject, Outbox, RevisionDraft
from alerts.rules import Observation
from alerts.schedule_health import schedule_revision
from alerts.settings import AlertsSettings
from alerts.severity import Judgement, judge_facts, judgement_of
from alerts.source_health import source_revision
from storage import alert_listings, data_sets, deliveries, listings, matches, sources, triage
from storage import alerts as rows
from storage.alerts import Alert, AlertChange, AlertKind, ChannelTarget, OpenedAlert, TriageState
from storage.audit_checks import ChainState, CheckOutcome
from storage.database.base import Database, lock_whole
from storage.disk_space import DiskForecast
from storage.disk_trouble import CLOSED as CLOSED_BY_ANYBODY
from storage.disk_trouble import QUIET, DiskLevel, DiskTrouble, last_disk_alert, level_of
from storage.errors import DatabaseConflict
from storage.evidence.warc import EvidenceStore, RecordPlace
from storage.installation_trouble import storage_trouble
from storage.listings import ListingVersion
from storage.work import Dispatcher

#: Held while an alert about the whole installation is judged, so that two nodes do not open it twice.
INSTALLATION_LOCK = 0x5350494C4C2D
LATEST = datetime.max.replace(tzinfo=UTC)
DAY = timedelta(days=1)  # the time in which updates are counted, and after which held ones are told


class AlertService:
    """Turns summaries of matches and changes of sources into alerts."""

    def __init__(
        self,
        *,
        database: Database,
        settings: AlertsSettings,
        dispatcher: Dispatcher,
        clock: Callable[[], datetime],
        evidence: EvidenceStore | None = None,
    ) -> None:
        """`evidence`: where proof is looked for; None: what the rows say is believed."""
        self._database = database
        self._evidence = evidence
        self._settings = settings
        self._outbox = Outbox(settings, dispatcher)
        self._clock = clock

    def evaluate(self, summary_id: int) -> None:
        """Judge what a version of a listing says about a company. Handler of WorkKind.EVALUATE."""
        self._database.write(partial(self._judge_summary, summary_id=summary_id))

    def _judge_summary(self, session: Session, *, summary_id: int) -> None:
        summary = matches.summary_by_id(session, summary_id)
        finding = read_finding(session, summary, evidence=self._evidence) if summary else None
        if summary is None or finding is None:  # it stays due until its company is watched again
            return
        if matches.mark_evaluated(session, summary_id, summary.digest):
            self._judge_finding(session, finding)

    def _judge_finding(self, session: Session, finding: CompanyFinding) -> None:
        alert = lock_alert_of(session, finding)
        if alert is None:
            judgement = judge_facts(finding.facts, self._settings.severity)
            key = finding.dedupe_key()
            written = self._write_finding(session, finding, judgement, OPEN_ALERT, dedupe_key=key)
            if written.revision > 1:  # another worker opened the alert after lock_alert_of: judge again
                raise DatabaseConflict
            return
        earlier = judgement_of(rows.last_revision(session, alert))
        judgement = judge_facts(finding.facts, self._settings.severity, earlier=earlier)
        differences = self._differences(session, alert, finding.listing)
        decision = self._decide(session, alert, earlier, judgement, differences)
        if decision is None:
            metrics.QUIET.inc()
            self._note_quiet_change(session, alert, finding.listing)
        elif not self._hold(session, alert, finding.listing, decision):
            self._write_finding(session, finding, judgement, decision, dedupe_key=alert.dedupe_key)

    def _decide(
        self,
        session: Session,
        alert: Alert,
        earlier: Judgement,
        judgement: Judgement,
        differences: Sequence[Difference],
    ) -> Decision | None:
        """Decide about a finding whose alert is locked.

        If it is merged, the state of the finding that stands for it decides: what people closed there stays
        quiet here, too. But a merged finding that becomes stronger leaves the merge and is new, because the
        list shows the severity of the other one.
        """
        above = triage.standing_for(session, alert)
        decision = decide(earlier, judgement, state=above.state, differences=differences)
        if decision is None or alert.merged_into_id is None:
            return decision
        if decision.change is AlertChange.UPDATED:
            return replace(decision, state=alert.state)
        triage.unmerge_finding(session, alert, by=triage.SPILLWATCH, reason="", now=self._clock())
        return replace(decision, state=TriageState.NEW)

    def _differences(self, session: Session, alert: Alert, listing: MessageListing) -> tuple[Difference, ...]:
        known = alert_listings.listing_in_alert(session, alert.id, listing.id)
        return listing_differences(known, listing, offers_told=alert.offers_told)

    def _hold(self, session: Session, alert: Alert, listing: MessageListing, decision: Decision) -> bool:
        """Hold an update for the alert's digest, if one is due or the alert had its updates of this day."""
        now, limit = self._clock(), self._settings.updates_per_day
        if decision.change is not AlertChange.UPDATED:
            return False
        recent = rows.updates_within(session, alert.id, since=now - DAY, limit=limit)
        if alert.digest_at is None and recent < limit:
            return False
        changed = alert_listings.note_seen(session, alert.id, listing_news(listing))
        if changed or alert.digest_at is None:
            rows.hold_change(session, alert, listing_id=listing.id, digest_at=now + DAY, now=now)
        metrics.HELD.inc()
        return True

    def _note_quiet_change(self, session: Session, alert: Alert, listing: MessageListing) -> None:
        """While a digest waits, count changes that would not be news by themselves, too."""
        if alert_listings.listing_in_alert(session, alert.id, listing.id) is None:
            return  # a re-post of the same text
        changed = alert_listings.note_seen(session, alert.id, listing_news(listing))
        if changed and alert.digest_at is not None:
            now = self._clock()
            rows.hold_change(session, alert, listing_id=listing.id, digest_at=alert.digest_at, now=now)

    def _write_finding(
        self,
        session: Session,
        finding: CompanyFinding,
        judgement: Judgement,
        decision: Decision,
        *,
        dedupe_key: str,
    ) -> OpenedAlert:
        """Write a revision about a finding."""
        content = finding_content(finding, decision, judgement.severity)
        subject = AlertSubject(
            dedupe_key=dedupe_key,
            kind=AlertKind.FINDING,
            company=finding.company.slug,
            company_id=finding.company_id,
            source_id=finding.source_id,
            listing_id=finding.listing_id,
        )
        draft = RevisionDraft(subject, decision.change, judgement, content)
        return self._outbox.write(session, draft, now=self._clock())

    def evaluate_life(self, alert_id: int) -> None:
        """Write that the listing of an alert is gone, or back. Handler of WorkKind.LIFE."""
        self._database.write(partial(self._judge_presence, alert_id=alert_id))

    def _judge_presence(self, session: Session, *, alert_id: int) -> None:
        alert = rows.lock_alert(session, alert_id)
        if alert is None or alert.listing_id is None:
            return
        version = listings.latest_version(session, alert.listing_id)
        if version is None:
            return
        gone = version.listing.gone_at is not None
        if rows.note_listing_gone(session, alert_id, gone=gone):
            self._judge_life(session, alert, version)

    def _judge_life(self, session: Session, alert: Alert, version: ListingVersion) -> None:
        last = rows.last_revision(session, alert)
        listing = listing_of(version, offer=data_sets.offer_of(session, version.listing))
        judgement = judgement_of(last)
        differences = self._differences(session, alert, listing)
        decision = self._decide(session, alert, judgement, judgement, differences)
        if decision is None:
            self._note_quiet_change(session, alert, listing)
        elif not self._hold(session, alert, listing, decision):
            self._write_life(session, alert, version, decision, listing)

    def _write_life(
        self,
        session: Session,
        alert: Alert,
        version: ListingVersion,
        decision: Decision,
        listing: MessageListing,
    ) -> None:
        """Write a revision that repeats the last one with the listing as it is now."""
        last = rows.last_revision(session, alert)
        reported = MessageContent.model_validate(last.content)
        source = source_of(version.listing.source)
        content = listing_life_content(
            reported, decision, source=source, listing=listing, is_there=self._is_there
        )
        subject = AlertSubject(
            dedupe_key=alert.dedupe_key,
            kind=AlertKind.FINDING,
            company=content.company.slug if content.company else None,
            company_id=alert.company_id,
            source_id=version.listing.source_id,
            listing_id=version.listing_id,
        )
        draft = RevisionDraft(subject, decision.change, judgement_of(last), content)
        self._outbox.write(session, draft, now=self._clock())

    def _is_there(self, proof: MessageCapture) -> bool:
        """Return whether the evidence holds a capture, as far as its rows say where it is."""
        if self._evidence is None or proof.file is None or proof.offset is None or proof.length is None:
            return True
        return may_hold(self._evidence, RecordPlace(proof.file, proof.offset, proof.length))

    def evaluate_digest(self, alert_id: int) -> None:
        """Write one message about the changes that were held. Handler of WorkKind.DIGEST."""
        self._database.write(partial(self._judge_digest, alert_id=alert_id))

    def _judge_digest(self, session: Session, *, alert_id: int) -> None:
        alert = rows.lock_alert(session, alert_id)
        if alert is None or alert.digest_at is None or alert.digest_at > self._clock():
            return
        changes, since, listing_id = alert.held_changes, alert.held_since, alert.held_listing_id
        rows.release_held_changes(session, alert)
        version = None if listing_id is None else listings.latest_version(session, listing_id)
        if version is None or since is None:
            return
        listing = listing_of(version, offer=data_sets.offer_of(session, version.listing))
        differences = self._differences(session, alert, listing)
        state = triage.standing_for(session, alert).state
        if state in CLOSED and not any(each.field == OFFERS for each in differences):
            return
        digest = digest_summary(changes, since, listing)
        decision = Decision(AlertChange.UPDATED, alert.state, differences, digest)
        summary = matches.summary_of(session, version.id, alert.company_id)
        finding = None if summary is None else read_finding(session, summary, evidence=self._evidence)
        if finding is None:  # the newest version has no match
            self._write_life(session, alert, version, decision, listing)
            return
        earlier = judgement_of(rows.last_revision(session, alert))
        judgement = judge_facts(finding.facts, self._settings.severity, earlier=earlier)
        self._write_finding(session, finding, judgement, decision, dedupe_key=alert.dedupe_key)

    def evaluate_escalation(self, alert_id: int) -> None:
        """Send a finding that nobody has acknowledged to whoever is next. Handler of WorkKind.ESCALATION."""
        self._database.write(partial(self._escalate, alert_id=alert_id))

    def _escalate(self, session: Session, *, alert_id: int) -> None:
        alert, now = rows.lock_alert(session, alert_id), self._clock()
        if alert is None or alert.escalates_at is None or alert.escalates_at > now:
            return
        state = triage.standing_for(session, alert).state  # of the finding that people look at
        if state is not TriageState.NEW or alert.awaits_since is None:
            alert.awaits_since = alert.escalates_at = None
            return
        last = rows.last_revision(session, alert)
        content = MessageContent.model_validate(last.content)
        subject = AlertSubject(
            dedupe_key=alert.dedupe_key,
            kind=alert.kind,
            company=content.company.slug if content.company else None,
            company_id=alert.company_id,
            source_id=alert.source_id,
            listing_id=alert.listing_id,
        )
        draft = RevisionDraft(subject, last.change, judgement_of(last), content)
        metrics.ESCALATIONS.inc(self._outbox.escalate(session, alert, draft, now=now))

    def write_channel_digest(self, delivery_id: int) -> None:
        """Write one message of all that waits for a channel's digest. Handler of WorkKind.BUNDLE."""
        self._database.write(partial(self._write_channel_digest, delivery_id=delivery_id))

    def _write_channel_digest(self, session: Session, *, delivery_id: int) -> None:
        now = self._clock()
        bundle = deliveries.lock_bundle(session, delivery_id, now=now, limit=BUNDLE)
        if not bundle:
            return
        draft = channel_digest(session, bundle, self._settings.severity)
        target = ChannelTarget(bundle[0].channel, bundle[0].transport)
        written = self._outbox.write_to(session, draft, target, now=now)
        deliveries.note_in_digest(session, bundle, written.delivery_ids[0])

    def evaluate_source_change(self, change_id: int) -> None:
        """Write that a source's health changed. Handler of WorkKind.SOURCE_CHANGE."""
        self._database.write(partial(self._judge_source_change, change_id=change_id))

    def _judge_source_change(self, session: Session, *, change_id: int) -> None:
        change = sources.change_by_id(session, change_id)
        if change is None or not sources.mark_change_done(session, change_id):
            return
        draft = source_revision(session, change, self._settings.severity)
        if draft is not None:
            self._outbox.write(session, draft, now=self._clock())

    def evaluate_installation(self, _run_id: int) -> None:
        """Write that runs cannot be stored, or that they are again. Handler of WorkKind.INSTALLATION.

        All runs of the trouble are one alert, so the rows decide and not the run.
        """
        with self._database.transaction() as session:
            lock_whole(session, INSTALLATION_LOCK)
            now = self._clock()
            trouble = storage_trouble(session, now=now)
            draft = installation_revision(session, trouble, self._settings.severity)
            if draft is not None:
                self._outbox.write(session, draft, now=now)

    def tell_of_audit_log(self, session: Session, state: ChainState, *, head_channel: str) -> None:
        """Write that the audit log is broken, or whole again; and its head, for one channel ("": none)."""
        now, severity = self._clock(), self._settings.severity
        draft = audit_revision(session, state, severity)
        if draft is not None:
            self._outbox.write(session, draft, now=now)
        channel = self._settings.channels.get(head_channel)
        if state.outcome is CheckOutcome.WHOLE and channel is not None:
            target = ChannelTarget(head_channel, channel.transport)
            self._outbox.write_to(session, head_message(state, severity, now=now), target, now=now)

    def evaluate_schedule(self, _row_id: int) -> None:
        """Write that schedules cannot be kept, or that they are again. Handler of WorkKind.SCHEDULE.

        All sources that are behind are one alert, so the rows decide.
        """
        self._database.write(self._judge_schedules)

    def _judge_schedules(self, session: Session) -> None:
        lock_whole(session, INSTALLATION_LOCK)
        draft = schedule_revision(session, self._settings.severity)
        if draft is not None:
            self._outbox.write(session, draft, now=self._clock())

    def evaluate_disks(
        self, machine: str, disks: Sequence[DiskForecast], *, warn_days: int, is_short: bool
    ) -> None:
        """Write that a disk of a machine will be full or is at its floor, or that there is room again.

        `is_short`: the machine takes no new work. The worst disk counts.
        """
        with self._database.transaction() as session:
            now = self._clock()
            trouble = self._disk_trouble(session, machine, disks, warn_days=warn_days, is_short=is_short)
            draft = disk_revision(session, trouble, self._settings.severity, now=now)
            if draft is not None:
                self._outbox.write(session, draft, now=now)

    def _disk_trouble(
        self, session: Session, machine: str, disks: Sequence[DiskForecast], *, warn_days: int, is_short: bool
    ) -> DiskTrouble:
        now, last = self._clock(), last_disk_alert(session, machine)
        is_open = last is not None and last.state not in CLOSED_BY_ANYBODY
        revision = None if last is None else rows.last_revision(session, last)
        told = DiskLevel(judgement_of(revision).signals[0].name) if revision and is_open else None
        by_person = revision is not None and not is_open and revision.change is not AlertChange.RESOLVED
        worst = min(disks, key=_room_left, default=None)
        level = None
        if worst is not None:
            level = level_of(worst, warn_days=warn_days, is_short=is_short, lasting=is_open, now=now)
        return DiskTrouble(
            machine=machine,
            level=level,
            disk=worst,
            alert=last if is_open else None,
            told=told,
            quiet=by_person and last is not None and last.updated_at > now - QUIET,
        )

    def send_test(self) -> OpenedAlert:
        """Write a test message for every enabled channel; `DeliveryService.deliver` sends it."""
        with self._database.transaction() as session:
            return self.write_test(session, "Somebody ran `spillwatch alerts test`.")

    def write_test(self, session: Session, why: str, *, channel: str | None = None) -> OpenedAlert:
        """Write a test message for one channel; None: for every enabled one.

        `why`: a sentence about who asked for it. A channel that is disabled sends nothing.
        """
        observation = Observation(None, why)
        judgement = self._settings.severity.judge_observation("test", observation)
        content = MessageContent(
            title="Test of the alert channels",
            state=TriageState.RESOLVED,
            summary="This is a test. Nothing was found. If you can read this, this channel works.",
            next_steps=("Nothing.",),
        )
        key = f"test:{uuid4().hex}"
        subject = AlertSubject(dedupe_key=key, kind=AlertKind.TEST)
        draft = RevisionDraft(subject, AlertChange.OPENED, judgement, content)
        if channel is None:
            return self._outbox.write(session, draft, now=self._clock())
        target = ChannelTarget(channel, self._settings.channels[channel].transport)
        return self._outbox.write_to(session, draft, target, now=self._clock())


def _room_left(disk: DiskForecast) -> tuple[float, datetime]:
    return disk.free / max(disk.floor, 1), disk.floor_at or LATEST
