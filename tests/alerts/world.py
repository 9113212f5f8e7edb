"""A small world in the database: a company, two sources, captured listings and what matching found in them.

Everything goes in through the storage functions that the crawler and the matching call. Everything is
invented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from alerts.sender import DeliveryService
from alerts.service import AlertService
from alerts.settings import AlertsSettings, EmailChannel, WebhookChannel
from storage import alerts as alert_rows
from storage import captures, companies, deliveries, listings, matches, runs, sources
from storage.alerts import Alert, AlertRevision, TriageState
from storage.base import Database
from storage.captures import CaptureRecord, CaptureRole
from storage.companies import DeclaredCompany, DeclaredTerm, SegmentRecord, TermKind
from storage.deliveries import Attempt, Delivery
from storage.evidence.warc import RecordPlace
from storage.listings import ListingRecord
from storage.matches import CompanyResult, MatchKind, MatchRecord
from storage.runs import RunCounts, RunTrigger
from storage.sources import DeclaredSource, SourceHealth
from storage.work import Work, WorkKind

TERMS = (
    DeclaredTerm("趣店", TermKind.NAME, "fraud desk", "the lender's name"),
    DeclaredTerm("qudian.example", TermKind.DOMAIN, "fraud desk", "its site"),
)


class Clock:
    """A clock that only the test moves."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        """Let time pass."""
        self.now += timedelta(**duration)


class Heard:
    """A dispatcher that keeps what was announced."""

    def __init__(self) -> None:
        self.work: list[Work] = []

    def announce(self, session: Session, work: Work) -> None:
        self.work.append(work)

    def of(self, kind: WorkKind) -> list[int]:
        """Row ids that were announced of this kind."""
        return [work.row_id for work in self.work if work.kind is kind]


@dataclass
class World:
    """The database and the services over it; times come from `clock`."""

    database: Database
    channels: dict[str, EmailChannel | WebhookChannel] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    heard: Heard = field(default_factory=Heard)
    chance: Callable[[], float] = lambda: 0.0

    def __post_init__(self) -> None:
        declared = [DeclaredSource(name, "html", {}, f"sources/{name}.toml") for name in ("market", "forum")]
        with self.database.transaction() as session:
            sources.sync_declared_sources(session, declared, self.clock())
        self.declare()

    def declare(self, *, company: bool = True) -> None:
        """The company's file is there, or is not."""
        qudian = DeclaredCompany("qudian", "趣店 Lending", TERMS, {}, "companies/qudian.toml")
        with self.database.transaction() as session:
            companies.sync_declared_companies(session, [qudian] if company else [], self.clock())

    @property
    def alerts_settings(self) -> AlertsSettings:
        """The settings of this world."""
        return AlertsSettings(channels=self.channels, **self.settings)

    @property
    def judging(self) -> AlertService:
        """The service that writes alerts."""
        return AlertService(
            database=self.database, settings=self.alerts_settings, dispatcher=self.heard, clock=self.clock
        )

    @property
    def delivery(self) -> DeliveryService:
        """The service that sends them."""
        return DeliveryService(
            database=self.database,
            settings=self.alerts_settings,
            dispatcher=self.heard,
            clock=self.clock,
            chance=self.chance,
        )

    def crawl(
        self, key: str = "8812", *, source: str = "market", text: str = "text of the offer", **said: Any
    ) -> int:
        """A run that captured one listing; returns the id of its newest version."""
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
            whole = ListingRecord(key=key, url=url, capture_id=capture_id, **(record | said))
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

    def match(self, version_id: int, **found: Any) -> int:
        """What matching found in a version; returns the id of its summary, which waits to be judged."""
        with self.database.transaction() as session:
            company = companies.company_by_slug(session, "qudian")
            assert company is not None
            (name,) = companies.terms_named(session, company.id, ["趣店"])
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
            result = CompanyResult(company.id, **(given | found))
            matches.record_matches(session, version_id, [result], now=self.clock())
            return next(
                summary.id
                for summary in matches.summaries_of_listing(session, self._listing_of(session, version_id))
                if summary.version_id == version_id
            )

    def _listing_of(self, session: Session, version_id: int) -> int:
        version = listings.version_by_id(session, version_id)
        assert version is not None
        return version.listing_id

    def enrol(self, *, customers: int) -> None:
        """A segment of the company's customers is imported."""
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
                sha256="a" * 64,
            )
            companies.add_segment(session, segment, self.clock())

    def find(self, **found: Any) -> None:
        """One listing, matched and judged."""
        self.judging.evaluate(self.match(self.crawl(), **found))

    def turn(self, health: SourceHealth, *, source: str = "market") -> None:
        """A source's health becomes another, and the alerts hear of it."""
        with self.database.transaction() as session:
            row = sources.source_by_name(session, source)
            assert row is not None
            sources.record_health(session, row.id, run_id=None, health=health, now=self.clock())
            due = sources.changes_due(session, self.clock(), 10)
        for change_id in due:
            self.judging.evaluate_source_change(change_id)

    def vanish(self, key: str = "8812", *, source: str = "market") -> None:
        """A listing is gone, and the alerts hear of it."""
        with self.database.transaction() as session:
            row = sources.source_by_name(session, source)
            assert row is not None
            listings.mark_gone(session, row.id, [key], self.clock())
        self.hear_of_lives()

    def hear_of_lives(self) -> None:
        """Judge the alerts whose listing went or came back."""
        with self.database.reading() as session:
            due = alert_rows.alerts_with_life_changes(session, now=self.clock(), limit=10)
        for alert_id in due:
            self.judging.evaluate_life(alert_id)

    def deliver_due(self) -> int:
        """One attempt at everything that is due; returns how many those were."""
        with self.database.reading() as session:
            due = deliveries.due_deliveries(session, now=self.clock(), limit=100)
        for delivery_id in due:
            self.delivery.deliver(delivery_id)
        return len(due)

    def alerts(self) -> list[Alert]:
        """Every alert, oldest first."""
        with self.database.reading() as session:
            return sorted(alert_rows.recent_alerts(session, limit=100), key=lambda alert: alert.id)

    def revisions(self, alert_id: int | None = None) -> list[AlertRevision]:
        """The revisions of an alert (by default the only one there is), oldest first."""
        if alert_id is None:
            (alert,) = self.alerts()
            alert_id = alert.id
        with self.database.reading() as session:
            return list(alert_rows.revisions_of(session, alert_id))

    def changes(self, alert_id: int | None = None) -> list[str]:
        """What the revisions of an alert are called."""
        return [revision.change.value for revision in self.revisions(alert_id)]

    def deliveries(self, **filters: Any) -> Sequence[Delivery]:
        """Deliveries, oldest first."""
        with self.database.reading() as session:
            return sorted(
                deliveries.recent_deliveries(session, limit=1000, **filters), key=lambda delivery: delivery.id
            )

    def attempts(self, delivery_id: int) -> Sequence[Attempt]:
        """The attempts at a delivery, oldest first."""
        with self.database.reading() as session:
            return deliveries.attempts_of(session, delivery_id)

    def acknowledge(self, alert_id: int, state: TriageState = TriageState.ACKNOWLEDGED) -> None:
        """A person takes an alert on, or ends it."""
        with self.database.transaction() as session:
            alert_rows.set_triage_state(session, alert_id, by="analyst", now=self.clock(), state=state)
