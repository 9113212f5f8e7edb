"""A small world in the database: a company, two sources, captured listings and their matches.

All rows are written by the storage functions that the crawler and the matching call. All of them are
invented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from alerts.sender import DeliveryService
from alerts.service import AlertService
from alerts.settings import AlertsSettings, Channel
from storage import alerts as alert_rows
from storage import captures, companies, deliveries, listings, matches, runs, sources, triage
from storage.alerts import Alert, AlertRevision, TriageState
from storage.captures import CaptureRecord, CaptureRole
from storage.companies import DeclaredCompany, DeclaredTerm, SegmentRecord, TermKind
from storage.database.base import Database
from storage.deliveries import Attempt, Delivery
from storage.evidence.warc import RecordPlace
from storage.listings import ListingRecord
from storage.matches import CompanyResult, MatchKind, MatchRecord
from storage.runs import RunCounts, RunOutcome, RunTrigger
from storage.sample_verdicts import SampleRecord
from storage.sources import DeclaredSource, SourceHealth
from tests.clocks import Clock
from tests.dispatchers import RecordingDispatcher

TERMS = (
    DeclaredTerm("趣店", TermKind.NAME, "fraud desk", "the lender's name"),
    DeclaredTerm("qudian.example", TermKind.DOMAIN, "fraud desk", "its site"),
)


@dataclass
class World:
    """The database and the services that use it; times come from `clock`."""

    database: Database
    channels: dict[str, Channel] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    announced: RecordingDispatcher = field(default_factory=RecordingDispatcher)
    chance: Callable[[], float] = lambda: 0.0

    def __post_init__(self) -> None:
        declared = [DeclaredSource(name, "html", {}, f"sources/{name}.toml") for name in ("market", "forum")]
        with self.database.transaction() as session:
            sources.sync_declared_sources(session, declared, self.clock())
        self.declare_company()

    def declare_company(self, *, present: bool = True) -> None:
        """Sync the companies with its file, or without it."""
        qudian = DeclaredCompany("qudian", "趣店 Lending", TERMS, {}, "companies/qudian.toml")
        with self.database.transaction() as session:
            companies.sync_declared_companies(session, [qudian] if present else [], self.clock())

    def declare_second_company(self) -> None:
        """Sync with another company's file, too: `harbour`, which is named by the same words."""
        qudian = DeclaredCompany("qudian", "趣店 Lending", TERMS, {}, "companies/qudian.toml")
        harbour = DeclaredCompany("harbour", "Harbour Bank", TERMS[:1], {}, "companies/harbour.toml")
        with self.database.transaction() as session:
            companies.sync_declared_companies(session, [qudian, harbour], self.clock())

    @property
    def alerts_settings(self) -> AlertsSettings:
        """The settings of alerting in this world."""
        return AlertsSettings(channels=self.channels, **self.settings)

    @property
    def judging(self) -> AlertService:
        """The service that writes alerts."""
        return AlertService(
            database=self.database, settings=self.alerts_settings, dispatcher=self.announced, clock=self.clock
        )

    @property
    def delivery(self) -> DeliveryService:
        """The service that sends them."""
        return DeliveryService(
            database=self.database,
            settings=self.alerts_settings,
            dispatcher=self.announced,
            clock=self.clock,
            chance=self.chance,
        )

    def crawl(
        self, key: str = "8812", *, source: str = "market", text: str = "text of the offer", **fields: Any
    ) -> int:
        """Store a run that captured one listing; return the id of its newest version."""
        now = self.clock()
        with self.database.transaction() as session:
            row = sources.source_by_name(session, source)
            assert row is not None
            capture_id = self._capture(session, row.id, key, now)
            record: dict[str, Any] = {
                "title": "出售趣店学生数据",
                "body": "contact on site",
                "content_digest": f"digest of {text}",
            }
            record |= {"price_amount": Decimal("0.5"), "price_currency": "BTC", "claimed_records": 1_000_000}
            url = f"https://{source}.example/offer/{key}"
            whole = ListingRecord(key=key, url=url, capture_id=capture_id, **(record | fields))
            (upserted,) = listings.upsert_many(session, row.id, [whole], now)
            version = listings.latest_version(session, upserted.listing_id)
            assert version is not None
            return version.id

    def _capture(self, session: Session, source_id: int, key: str, now: datetime) -> int:
        run_id = runs.enqueue_run(session, source_id, slot=uuid4().hex, trigger=RunTrigger.MANUAL, now=now)
        assert run_id is not None
        epoch = runs.claim_run(session, run_id, now=now)
        assert epoch is not None
        record = CaptureRecord(
            run_id=run_id,
            source_id=source_id,
            url=f"https://market.example/offer/{key}",
            role=CaptureRole.ITEM,
            fetched_at=now,
            status=200,
            sha256="5f" * 32,
            size=48_213,
            place=RecordPlace("run.warc.gz", 0, 100),
        )
        (capture_id,) = captures.add_captures(session, [record])
        counts = RunCounts(pages=3, captures=1, pages_unread=12)
        outcome = runs.RunOutcome.NEW_LISTINGS
        runs.finish_run(session, run_id, epoch, outcome=outcome, counts=counts, now=now)
        return capture_id

    def match(self, version_id: int, *, company: Any = "qudian", **found: Any) -> int:
        """Store what matching found in a version; return the id of its summary, which is due to be judged.

        `sample`: what was read of its masked rows; the rest are those of a CompanyResult.
        """
        sample: SampleRecord | None = found.pop("sample", None)
        with self.database.transaction() as session:
            watched = companies.company_by_slug(session, company)
            assert watched is not None
            (name,) = companies.terms_named(session, watched.id, ["趣店"])
            mention = MatchRecord(
                MatchKind.MENTION,
                "title",
                "title:1",
                "m1",
                term_id=name.id,
                excerpt="出售趣店学生数据 138****5678",
            )
            given: dict[str, Any] = {
                "matches": [mention],
                "mentions": 1,
                "mention_fields": {"title": 1},
                "terms": [name.text],
            }
            given |= {"rows_scanned": 40, "candidates": 160}
            result = CompanyResult(watched.id, **(given | found))
            matches.record_matches(session, version_id, [result], now=self.clock(), sample=sample)
            return next(
                summary.id
                for summary in matches.summaries_of_listing(session, self._listing_of(session, version_id))
                if summary.version_id == version_id and summary.company_id == watched.id
            )

    def _listing_of(self, session: Session, version_id: int) -> int:
        version = listings.version_by_id(session, version_id)
        assert version is not None
        return version.listing_id

    def enrol(self, *, customers: int, purpose: str = "customers") -> int:
        """Import a segment with this number of customers, or of others; return its number."""
        with self.database.transaction() as session:
            company = companies.company_by_slug(session, "qudian")
            assert company is not None
            segment = SegmentRecord(
                company_id=company.id,
                file="qudian.segment",
                key_id="k1",
                key_check="c",
                fields=("phone",),
                fingerprints=customers,
                customers=customers,
                sha256=f"{purpose:a<64}",
                purpose=purpose,
            )
            return companies.add_segment(session, segment, self.clock())

    def add_finding(self, key: Any = "8812", *, company: Any = "qudian", **found: Any) -> None:
        """Store one listing with its matches, and judge it."""
        self.judging.evaluate(self.match(self.crawl(key), company=company, **found))

    def change_health(
        self, health: SourceHealth, *, source: str = "market", run: tuple[RunOutcome, str] | None = None
    ) -> None:
        """Change a source's health, and judge the change; `run`: outcome and reason of the run behind it."""
        with self.database.transaction() as session:
            row = sources.source_by_name(session, source)
            assert row is not None
            run_id = None if run is None else self._ended_run(session, row.id, *run)
            sources.record_health(session, row.id, run_id=run_id, health=health, now=self.clock())
            due = sources.changes_due(session, self.clock(), 10)
        for change_id in due:
            self.judging.evaluate_source_change(change_id)

    def _ended_run(self, session: Session, source_id: int, outcome: RunOutcome, reason: str) -> int:
        now = self.clock()
        run_id = runs.enqueue_run(session, source_id, slot=uuid4().hex, trigger=RunTrigger.MANUAL, now=now)
        assert run_id is not None
        epoch = runs.claim_run(session, run_id, now=now)
        assert epoch is not None
        runs.finish_run(session, run_id, epoch, outcome=outcome, reason=reason, detail=None, now=now)
        return run_id

    def remove_listing(self, key: str = "8812", *, source: str = "market") -> None:
        """Mark a listing as gone, and judge the change."""
        with self.database.transaction() as session:
            row = sources.source_by_name(session, source)
            assert row is not None
            listings.mark_gone(session, row.id, [key], self.clock())
        self.judge_lives()

    def judge_lives(self) -> None:
        """Judge the alerts whose listing is gone or back."""
        with self.database.reading() as session:
            due = alert_rows.alerts_with_life_changes(session, now=self.clock(), limit=10)
        for alert_id in due:
            self.judging.evaluate_life(alert_id)

    def judge_digests(self) -> None:
        """Write the digests that are due."""
        with self.database.reading() as session:
            due = alert_rows.digests_due(session, now=self.clock(), limit=10)
        for alert_id in due:
            self.judging.evaluate_digest(alert_id)

    def deliver_due(self) -> int:
        """Make one attempt at every due delivery; return their number."""
        with self.database.reading() as session:
            due = deliveries.due_deliveries(session, now=self.clock(), limit=100)
        for delivery_id in due:
            self.delivery.deliver(delivery_id)
        return len(due)

    def alerts(self) -> list[Alert]:
        """Return every alert, oldest first."""
        with self.database.reading() as session:
            return sorted(alert_rows.recent_alerts(session, limit=100), key=lambda alert: alert.id)

    def revisions(self, alert_id: int | None = None) -> list[AlertRevision]:
        """Return the revisions of an alert, oldest first; without an id, of the only one."""
        if alert_id is None:
            (alert,) = self.alerts()
            alert_id = alert.id
        with self.database.reading() as session:
            return list(alert_rows.revisions_of(session, alert_id))

    def changes(self, alert_id: int | None = None) -> list[str]:
        """Return the kinds of an alert's revisions, oldest first."""
        return [revision.change.value for revision in self.revisions(alert_id)]

    def deliveries(self, **filters: Any) -> Sequence[Delivery]:
        """Return the deliveries, oldest first."""
        with self.database.reading() as session:
            return sorted(
                deliveries.recent_deliveries(session, limit=1000, **filters), key=lambda delivery: delivery.id
            )

    def attempts(self, delivery_id: int) -> Sequence[Attempt]:
        """Return the attempts of a delivery, oldest first."""
        with self.database.reading() as session:
            return deliveries.attempts_of(session, delivery_id)

    def acknowledge(self, alert_id: int, state: TriageState = TriageState.ACKNOWLEDGED) -> None:
        """Set the triage state of an alert, as a person does."""
        with self.database.transaction() as session:
            triage.set_triage_state(session, alert_id, by="analyst", now=self.clock(), state=state)
