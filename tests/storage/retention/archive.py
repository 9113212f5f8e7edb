"""An archive with a past: what is needed to see what goes and what stays."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from storage import alerts, captures, companies, listings, matches, runs, sources
from storage.alert_listings import ListingNews
from storage.canary_matches import CanaryEvidence, CanaryRecord
from storage.captures import CaptureOutcome, CaptureRecord, CaptureRole
from storage.database.base import Database
from storage.evidence.digest import digest_beside
from storage.evidence.warc import EvidenceStore, EvidenceWriter, ListingText, RecordPlace
from storage.listing_tables import ListingVersion, MatchState
from storage.sample_verdicts import SampleRecord, VerdictRecord
from storage.sources import AlertState
from tests.storage import given
from tests.storage.given import NOW

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Archive:
    database: Database
    evidence: EvidenceStore

    def begin(self) -> None:
        digest_beside(self.evidence.folder)

    def visit(
        self, at: datetime, pages: dict[str, str], *, source: str = "market", shown: str = ""
    ) -> list[int]:
        """Read a list page and the pages of listings (key: text); return the ids of new versions."""
        with self.database.transaction() as session:
            found = sources.source_by_name(session, source)
            source_id = found.id if found else given.source(session, source)
            run_id = runs.enqueue_run(
                session, source_id, slot=f"{at.isoformat()}", trigger=runs.RunTrigger.SCHEDULE, now=at
            )
            assert run_id
            epoch = runs.claim_run(session, run_id, now=at)
            assert epoch
            with self.evidence.writer(f"{source}-{run_id}", now=at) as writer:
                stored = self._store(session, writer, source_id, run_id, at, pages, shown)
            runs.finish_run(session, run_id, epoch, outcome=runs.RunOutcome.NEW_LISTINGS, now=at)
        return stored

    def _store(
        self,
        session: Session,
        writer: EvidenceWriter,
        source_id: int,
        run_id: int,
        at: datetime,
        pages: dict[str, str],
        shown: str,
    ) -> list[int]:
        def capture(url: str, role: CaptureRole, body: str) -> tuple[int, RecordPlace]:
            raw = body.encode()
            place = writer.response(url=url, status=200, headers=[], body=raw, fetched_at=at)
            record = CaptureRecord(
                run_id,
                source_id,
                url,
                role,
                at,
                200,
                hashlib.sha256(raw).hexdigest(),
                len(raw),
                place,
                outcome=CaptureOutcome.PARSED,
            )
            return captures.add_captures(session, [record])[0], place

        listed = " ".join(f"<a href='/offer/{key}'>{text[:40]}</a>" for key, text in pages.items())
        capture("https://market.example/", CaptureRole.LIST, listed + shown)
        records = []
        for key, text in pages.items():
            url = f"https://market.example/offer/{key}"
            capture_id, page = capture(url, CaptureRole.ITEM, f"<h1>{text}</h1>")
            place = writer.text(ListingText({"title": text[:40], "body": text}), refers_to=page, url=url)
            records.append(
                given.record(
                    key,
                    url=url,
                    title=text[:40],
                    body=text,
                    content_digest=hashlib.sha256(text.encode()).hexdigest(),
                    capture_id=capture_id,
                    place=place,
                )
            )
        results = listings.upsert_many(session, source_id, records, at)
        ids = [each.version_id for each in results if each.version_id is not None]
        done = update(ListingVersion).where(ListingVersion.id.in_(ids))
        session.execute(done.values(match_state=MatchState.MATCHED))
        return ids

    def alert(
        self,
        listing_id: int,
        version: int,
        *,
        at: datetime = NOW,
        company: int | None = None,
        change: alerts.AlertChange = alerts.AlertChange.OPENED,
        channels: Sequence[str] = ("soc",),
        key: str | None = None,
        title: str = "Data of Lender is offered",
        text: str = "",
    ) -> alerts.OpenedAlert:
        """Write a message of an alert about a version."""
        with self.database.transaction() as session:
            draft = alerts.AlertDraft(
                kind=alerts.AlertKind.FINDING,
                dedupe_key=key or f"finding:lender:{listing_id}",
                change=change,
                severity=alerts.Severity.HIGH,
                score=70,
                title=title,
                content={"listing": {"id": listing_id, "version": version}, "excerpts": [text]},
                company_id=company,
                listing_id=listing_id,
                news=ListingNews(listing_id, version, 1, {"price": str(version)}),
            )
            targets = [alerts.ChannelTarget(name, "webhook") for name in channels]
            return alerts.open_or_revise(session, draft, channels=targets, now=at)

    def match(self, version_id: int, company_id: int, excerpt: str = "") -> None:
        """Store a mention, a canary and an answer about masked rows in a version, already judged."""
        with self.database.transaction() as session:
            segment = companies.Segment(
                company_id=company_id,
                file="canaries.segment",
                key_id="k1",
                key_check="check",
                fields=["email"],
                fingerprints=9,
                customers=3,
                sha256=f"{version_id}",
                purpose="canaries",
                imported_at=NOW,
            )
            session.add(segment)  # as it was before: importing it would request a rematch
            session.flush()
            canary = CanaryRecord(
                segment.id, CanaryEvidence.CERTAIN, "crm", NOW.date(), None, 1, ("email",), 1, "body:1"
            )
            found = matches.CompanyResult(
                company_id,
                matches=[
                    matches.MatchRecord(
                        matches.MatchKind.MENTION, "body", "body:1", f"{company_id}", excerpt=excerpt
                    )
                ],
                mentions=1,
                terms=["lender"],
                canary_records=[canary],
                verdict=VerdictRecord("ours", 20),
            )
            sample = SampleRecord(20, 0)
            matches.record_matches(session, version_id, [found], now=NOW, sample=sample)
            session.execute(update(matches.MatchSummary).values(alert_state=AlertState.DONE))
