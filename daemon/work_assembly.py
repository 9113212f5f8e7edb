"""Connects the packages: which handler does which kind of work, and which query finds its due rows.

Only this module knows all of crawler, matching and alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from alerts.sender import DeliveryService
from alerts.service import AlertService
from configuration.configuration import Configuration
from crawler.running.run_processes import NewProcesses, RunProcesses
from crawler.running.supervisor import Supervisor
from crawler.running.warm_process import WarmProcesses
from crawler.scheduling.site_board import runs_to_begin
from crawler.sources import holds_keys, stored_definition
from daemon.disk_watch import DiskWatch
from daemon.engine import EmbeddedEngine, Lane
from daemon.retention_lane import RetentionService
from matching.masks import mask_text
from matching.service import MatchingService
from storage import alerts, companies, deliveries, listings, matches, runs, sources, watch
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.installation_trouble import due_installation_changes
from storage.retention import passes
from storage.schedule_keeping import due_schedule_changes
from storage.sources import SyncResult
from storage.work import Handler, WorkKind

# Names and terms have their own columns. Key sources are never stored: they are read from files only.
_IN_FILES_ONLY: dict[str, Any] = {
    "name": True,
    "terms": True,
    "declined_aliases": True,
    "fingerprints": {"key_file", "key_credential", "key_command", "previous_keys"},
}


@dataclass(frozen=True)
class DaemonParts:
    """The parts made from one configuration. After a reload, old parts finish their work in progress."""

    supervisor: Supervisor
    judging: AlertService
    lanes: tuple[Lane, ...]


def assemble(
    configuration: Configuration,
    *,
    database: Database,
    evidence: EvidenceStore,
    engine: EmbeddedEngine,
    clock: Callable[[], datetime],
    processes: RunProcesses | None = None,
    disks: DiskWatch | None = None,
) -> DaemonParts:
    """Make the handlers of a configuration. Nothing connects or starts yet.

    Without `processes`, each run gets a new process. `disks` holds work back that needs room.
    """
    settings = configuration.settings
    supervisor = Supervisor(
        database=database,
        database_url=settings.storage.database_url.get_secret_value(),
        busy_timeout_s=settings.storage.busy_timeout_s,
        evidence_dir=settings.storage.evidence_dir,
        settings=settings.crawler,
        mask=mask_text,
        dispatcher=engine,
        relay=engine.wake,
        clock=clock,
        processes=processes,
        with_keys={
            source.name: source.value.model_dump(mode="json")
            for source in configuration.sources
            if holds_keys(source.value)
        },
    )
    matching = MatchingService(
        database=database, evidence=evidence, settings=settings.matching, dispatcher=engine, clock=clock
    )
    judging = AlertService(
        database=database, settings=settings.alerts, dispatcher=engine, clock=clock, evidence=evidence
    )
    delivery = DeliveryService(database=database, settings=settings.alerts, dispatcher=engine, clock=clock)
    retention = RetentionService(database, evidence, settings.retention, clock)
    daemon = settings.daemon

    def when_room(kind: WorkKind, handler: Handler) -> Handler:
        return handler if disks is None else disks.when_room(kind, handler)

    return DaemonParts(
        supervisor,
        judging,
        (
            Lane(
                WorkKind.RUN,
                when_room(WorkKind.RUN, supervisor.run),
                runs_to_begin,
                settings.crawler.concurrent_runs,
            ),
            Lane(
                WorkKind.MATCH,
                when_room(WorkKind.MATCH, matching.match_version),
                listings.versions_due_for_matching,
                daemon.match_workers,
            ),
            Lane(WorkKind.REMATCH, when_room(WorkKind.REMATCH, matching.rematch), watch.due_rematches),
            Lane(WorkKind.EVALUATE, judging.evaluate, matches.summaries_due_for_evaluation),
            Lane(WorkKind.SOURCE_CHANGE, judging.evaluate_source_change, sources.changes_due),
            Lane(WorkKind.INSTALLATION, judging.evaluate_installation, due_installation_changes),
            Lane(WorkKind.SCHEDULE, judging.evaluate_schedule, due_schedule_changes),
            Lane(WorkKind.LIFE, judging.evaluate_life, alerts.alerts_with_life_changes),
            Lane(WorkKind.DIGEST, judging.evaluate_digest, alerts.digests_due),
            Lane(WorkKind.DELIVER, delivery.deliver, deliveries.due_deliveries, daemon.deliver_workers),
            Lane(WorkKind.RETENTION, retention.carry_on, retention.due),
        ),
    )


def run_processes(configuration: Configuration) -> RunProcesses:
    """Return the way in which a daemon gets the processes of its runs. Nothing starts yet."""
    return WarmProcesses(mask=mask_text) if configuration.settings.daemon.warm_process else NewProcesses()


def synchronise(
    session: Session, configuration: Configuration, now: datetime
) -> tuple[SyncResult, SyncResult]:
    """Sync declared sources and companies into the database. Return the changes of each."""
    return (
        sources.sync_declared_sources(session, declared_sources(configuration), now),
        companies.sync_declared_companies(session, declared_companies(configuration), now),
    )


def declared_sources(configuration: Configuration) -> Sequence[sources.DeclaredSource]:
    return [
        sources.DeclaredSource(
            name=source.name,
            kind=source.value.kind,
            definition=stored_definition(source.value),
            declared_in=str(source.file),
            enabled=source.value.enabled,
        )
        for source in configuration.sources
    ]


def declared_companies(configuration: Configuration) -> Sequence[companies.DeclaredCompany]:
    return [
        companies.DeclaredCompany(
            slug=company.name,
            name=company.value.name,
            terms=[
                companies.DeclaredTerm(
                    text=term.text,
                    kind=companies.TermKind(term.kind),
                    owner=term.owner,
                    reason=term.reason,
                    exclude=term.exclude,
                )
                for term in company.value.terms
            ],
            definition=company.value.model_dump(mode="json", exclude=_IN_FILES_ONLY),
            declared_in=str(company.file),
        )
        for company in configuration.companies
    ]


def recover_after_crash(session: Session, now: datetime) -> dict[str, int]:
    """Release the claims of a killed daemon. Call it while holding the daemon's lock.

    Returns the number of rows recovered, by kind.
    """
    interrupted = runs.interrupt_orphans(session, now=now)
    listings.release_claims(session)
    rematches = watch.recover_rematches(session)
    unsent = deliveries.recover_deliveries(session, now=now)
    passes.release_passes(session)
    return {
        "runs_interrupted": len(interrupted),
        "rematches_resumed": len(rematches),
        "deliveries_due_again": len(unsent),
    }
