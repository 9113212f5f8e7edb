"""Connects the packages: which handler does which kind of work, and which query finds its due rows.

Only this module knows all of crawler, matching and alerts.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from sqlalchemy.orm import Session

from alerts.sender import DeliveryService
from alerts.service import AlertService
from configuration.configuration import Configuration
from configuration.settings import Settings
from crawler.running.run_processes import NewProcesses, RunProcesses
from crawler.running.supervisor import Supervisor
from crawler.running.warm_process import WarmProcesses
from crawler.scheduling.site_board import runs_to_begin
from crawler.sources import holds_keys, stored_definition
from daemon.audit_lane import AuditService
from daemon.disk_watch import DiskWatch
from daemon.engine import DueWork, EmbeddedEngine, Lane
from daemon.retention_lane import RetentionService
from daemon.roles import has_role
from daemon.unit_service import UnitService
from matching.company_definition import stored_company
from matching.masks import mask_text
from matching.service import MatchingService
from storage import (
    alerts,
    audit_checks,
    companies,
    deliveries,
    dumps,
    listings,
    matches,
    nodes,
    runs,
    sources,
    watch,
)
from storage.claims import release_all_claims
from storage.database.base import Database
from storage.database.revisions import newest_revision
from storage.evidence.warc import EvidenceStore
from storage.installation_trouble import due_installation_changes
from storage.nodes import EngineName, NodeEnd, NodeProfile
from storage.retention import passes
from storage.schedule_keeping import due_schedule_changes
from storage.sources import SyncResult
from storage.work import ClaimHolder, NodeRoute, WorkKind

ALL_READY = 20_000  # runs among which a node looks for those that it has a route for


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
    holder: ClaimHolder | None = None,
    disks: DiskWatch | None = None,
) -> DaemonParts:
    """Make the handlers of a configuration. Nothing connects or starts yet.

    Without `processes`, each run gets a new process. Work is claimed in the name of `holder`. `disks` holds
    back work that needs room.
    """
    settings = configuration.settings
    supervisor = Supervisor(
        database=database,
        database_url=settings.storage.database_url.get_secret_value(),
        busy_timeout_s=settings.storage.busy_timeout_s,
        evidence_dir=settings.storage.evidence_dir,
        evidence=settings.storage.evidence,
        s3=settings.storage.s3,
        seal_after_s=settings.storage.seal_after_s,
        settings=settings.crawler,
        mask=mask_text,
        dispatcher=engine,
        relay=engine.wake,
        clock=clock,
        processes=processes,
        holder=holder,
        doorbell=settings.daemon.engine is EngineName.PROCRASTINATE,
        with_keys={
            source.name: source.value.model_dump(mode="json")
            for source in configuration.sources
            if holds_keys(source.value)
        },
    )
    matching = MatchingService(
        database=database,
        evidence=evidence,
        settings=settings.matching,
        dispatcher=engine,
        clock=clock,
        holder=holder,
    )
    judging = AlertService(
        database=database, settings=settings.alerts, dispatcher=engine, clock=clock, evidence=evidence
    )
    delivery = DeliveryService(
        database=database, settings=settings.alerts, dispatcher=engine, clock=clock, holder=holder
    )
    retention = RetentionService(database, evidence, settings.retention, clock)
    audit = AuditService(database, judging, clock, settings.web.audit_head_channel)
    daemon = settings.daemon
    units = UnitService(
        database=database,
        config=configuration.file,
        memory_mb=settings.matching.unit_memory_mb,
        threads=max(1, (os.cpu_count() or 1) // daemon.unit_workers),
        clock=clock,
        holder=holder,
    )
    lanes = (
        Lane(WorkKind.RUN, supervisor.run, _runs_by_route(settings), settings.crawler.concurrent_runs),
        Lane(
            WorkKind.MATCH,
            matching.match_version,
            listings.versions_due_for_matching,
            daemon.match_workers,
        ),
        Lane(WorkKind.REMATCH, matching.rematch, watch.due_rematches),
        Lane(WorkKind.UNIT, units.match, dumps.due_units, daemon.unit_workers),
        Lane(WorkKind.EVALUATE, judging.evaluate, matches.summaries_due_for_evaluation),
        Lane(WorkKind.SOURCE_CHANGE, judging.evaluate_source_change, sources.changes_due),
        Lane(WorkKind.INSTALLATION, judging.evaluate_installation, due_installation_changes),
        Lane(WorkKind.SCHEDULE, judging.evaluate_schedule, due_schedule_changes),
        Lane(WorkKind.LIFE, judging.evaluate_life, alerts.alerts_with_life_changes),
        Lane(WorkKind.DIGEST, judging.evaluate_digest, alerts.digests_due),
        Lane(WorkKind.ESCALATION, judging.evaluate_escalation, alerts.escalations_due),
        Lane(WorkKind.BUNDLE, judging.write_channel_digest, deliveries.bundles_due),
        Lane(WorkKind.DELIVER, delivery.deliver, deliveries.due_deliveries, daemon.deliver_workers),
        Lane(WorkKind.RETENTION, retention.carry_on, retention.due),
        Lane(WorkKind.AUDIT, audit.check, audit_checks.due_checks),
    )
    roles = settings.daemon.roles
    mine = [lane for lane in lanes if has_role(lane.kind, roles)]
    return DaemonParts(
        supervisor, judging, tuple(lane if disks is None else disks.held_back(lane) for lane in mine)
    )


def _runs_by_route(settings: Settings) -> DueWork:
    """Return the query for due runs, without those that this node has no route for.

    A daemon that works alone begins them all: a run without its route ends with that as its reason.
    """
    routes = node_routes(settings)
    if settings.daemon.engine is EngineName.EMBEDDED or set(routes) == set(NodeRoute):
        return runs_to_begin

    def due(session: Session, *, now: datetime, limit: int) -> list[int]:
        ready = runs_to_begin(session, now=now, limit=ALL_READY)
        found = runs.routes_of(session, ready)
        return [run_id for run_id in ready if found.get(run_id) in routes][:limit]

    return due


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
            definition=stored_company(company.value),
            declared_in=str(company.file),
        )
        for company in configuration.companies
    ]


def node_routes(settings: Settings) -> tuple[NodeRoute, ...]:
    """Return the ways to sites that this node has."""
    both = (NodeRoute.DIRECT, NodeRoute.TOR) if settings.crawler.tor_proxy else (NodeRoute.DIRECT,)
    return settings.daemon.routes or both


def make_engine(settings: Settings, database: Database, clock: Callable[[], datetime]) -> EmbeddedEngine:
    """Return the engine of [daemon]. procrastinate is imported only if it is used."""
    if settings.daemon.engine is EngineName.EMBEDDED:
        return EmbeddedEngine(database, clock=clock)
    from daemon.procrastinate_engine import ProcrastinateEngine

    return ProcrastinateEngine(database, clock=clock, routes=node_routes(settings))


def node_profile(settings: Settings) -> NodeProfile:
    """Return what this daemon says of itself as a node."""
    return NodeProfile(
        name=settings.daemon.node_name or socket.gethostname(),
        engine=settings.daemon.engine,
        roles=list(settings.daemon.roles),
        routes=list(node_routes(settings)),
        version=version("spillwatch"),
        schema_revision=newest_revision(),
        pid=os.getpid(),
    )


def recover_after_crash(session: Session, now: datetime, *, repeat: bool = False) -> dict[str, int]:
    """Release the claims of a killed daemon. Call it while holding the daemon's lock: no other node is there.

    `repeat`: queue the visits that it interrupted once more. Returns the number of rows recovered, by kind.
    """
    nodes.end_others(session, as_=NodeEnd.LOST, now=now)
    counts = release_all_claims(session, now=now, repeat=repeat).counts()
    passes.release_passes(session)
    told = ("runs_interrupted", "runs_repeated", "rematches_resumed", "deliveries_due_again")
    return {name: counts[name] for name in told}
