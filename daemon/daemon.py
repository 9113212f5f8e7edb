"""`spillwatch run`: one process that schedules, crawls, matches, alerts and delivers until it is stopped.

Start: 1. take the lock (one daemon per database), 2. upgrade the schema, 3. recover after a killed daemon,
4. sync the declared sources and companies, 5. start health server, engine and schedule, 6. tell systemd
"ready". Then signals are handled until one ends the process.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from weakref import WeakSet

import structlog

from configuration.configuration import Configuration
from configuration.errors import ConfigurationError, ConfigurationRefused
from configuration.settings import Settings, Supervision
from crawler.scheduling.run_schedule import Plan, RunSchedule
from daemon import logs
from daemon.console_process import ConsoleProcess, console_command
from daemon.disk_watch import DiskWatch
from daemon.errors import LockLost
from daemon.evidence_sealing import SealingThread
from daemon.health import HealthServer
from daemon.metrics import RELOADS, STARTED
from daemon.node_membership import BEATS_PER_LEASE, NodeMembership
from daemon.service_manager import ServiceManager
from daemon.signals import Signals
from daemon.storage_checks import StorageChecks
from daemon.stray_claims import StrayClaims
from daemon.work_assembly import (
    DaemonParts,
    assemble,
    make_engine,
    node_profile,
    recover_after_crash,
    run_processes,
    synchronise,
)
from matching.enrolment.segment_intake import SegmentIntake, segment_folder
from storage.database import schema
from storage.database.base import Database
from storage.database.job_schema import require_job_schema, upgrade_job_schema
from storage.database.lock import DaemonLock
from storage.disk_space import MIB, DiskFloor, data_places
from storage.errors import StorageError, StoreFailed
from storage.evidence.digest import require_shared_key
from storage.evidence.sealing import EvidenceSealer
from storage.nodes import EngineName
from storage.shared_clock import SharedClock
from storage.sources import SyncResult
from storage.work import NodeRole
from storage.write_probe import require_known_evidence

PULSE_S = 5.0  # between two health checks, unless systemd's watchdog needs them more often
UNWELL_AGAIN_S = 600.0  # between two lines about a problem that lasts: a log on a full disk must not grow
KILL_MARGIN_S = 1.0  # after a run's grace period, to collect its killed process and write its outcome

#: The check of a bucket.
EVIDENCE_STORE = "evidence_store"
DISK = "disk"
CONSOLE = "console"

#: Settings of [daemon] that a reload applies without a restart.
NO_RESTART = {"match_workers", "unit_workers", "deliver_workers", "stop_timeout_s"}

log = structlog.get_logger()


class Daemon:
    """The daemon. `reread` reads the configuration again, for SIGHUP."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        reread: Callable[[], Configuration],
        supervision: Supervision,
        clock: Callable[[], datetime],
    ) -> None:
        self._configuration = configuration
        self._reread = reread
        self._manager = ServiceManager(supervision.notify_socket)
        self._problems: dict[str, str] = {}
        self._problems_logged_at = 0.0
        self._pulse_s = min(PULSE_S, (supervision.watchdog_s or PULSE_S * 2) / 2)
        settings = configuration.settings
        self._shares = settings.daemon.engine is EngineName.PROCRASTINATE
        self._database = Database.open(
            settings.storage.database_url.get_secret_value(),
            busy_timeout_s=settings.storage.busy_timeout_s,
            idle_timeout_s=settings.daemon.lease_s if self._shares else None,
        )
        # Heartbeats must not wait for a connection of the pool, nor for somebody's lock.
        self._lease_database = (
            Database.open(
                settings.storage.database_url.get_secret_value(),
                busy_timeout_s=settings.daemon.lease_s / BEATS_PER_LEASE,
                idle_timeout_s=settings.daemon.lease_s,
            )
            if self._shares
            else self._database
        )
        self._evidence = settings.storage.evidence_store()
        self._storage_checks = StorageChecks.of(
            settings.storage.database_url.get_secret_value(), self._evidence
        )
        self._clock = SharedClock(clock)
        self._schedules = NodeRole.SCHEDULE in settings.daemon.roles
        self._engine = make_engine(settings, self._database, self._clock)
        profile = node_profile(settings)
        self._node = NodeMembership(
            self._lease_database,
            profile,
            lease_s=settings.daemon.lease_s,
            clock=self._clock,
            dispatcher=self._engine,
        )
        self._strays = StrayClaims(self._database, self._engine, self._node, self._clock)
        self._disks = DiskWatch(
            self._database,
            DiskFloor(data_places(settings.storage), settings.daemon.disk_floor_mb * MIB),
            settings.daemon.disk_warning_days,
            self._clock,
            machine=profile.name,
        )
        self._sealing = SealingThread(EvidenceSealer(self._evidence, self._database, self._engine))
        self._processes = run_processes(configuration)
        self._console = ConsoleProcess(console_command(configuration.file)) if settings.web.listen else None
        self._parts = self._assemble_parts(configuration)
        # A replaced supervisor lives on while it has a run in progress.
        self._supervisors = WeakSet([self._parts.supervisor])
        self._schedule = RunSchedule(database=self._database, dispatcher=self._engine, clock=self._clock)

    def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises AlreadyRunning, or the error that prevents the start."""
        settings = self._configuration.settings.daemon
        logs.configure_logging(form=settings.log_format, level=settings.log_level)
        with ExitStack() as stack:
            stack.callback(self._database.close)
            stack.callback(self._lease_database.close)
            stack.callback(self._storage_checks.close)
            self._signals = Signals((signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
            self._lock = None if self._shares else stack.enter_context(DaemonLock.acquire(self._database))
            self._prepare_database()
            if settings.health_address:
                stack.callback(self._health_server(settings.health_address).stop)
            stack.callback(self._stop_work)
            self._start_work()
            STARTED.set(time.time())
            self._manager.ready(self._summary())
            log.info(f"Started: {self._summary()}.", action="started")
            self._serve_signals()

    def checks(self) -> dict[str, str]:
        """Check database, evidence folder, bucket, console, disks, engine and node.

        Each is "ok" or says what is wrong.
        """
        bucket = {EVIDENCE_STORE: self._sealing.problem() or "ok"} if self._sealing.shares_evidence else {}
        return {
            **self._storage_checks.results(),
            **bucket,
            **({} if self._console is None else {CONSOLE: self._console.problem() or "ok"}),
            DISK: self._disks.check(),
            "engine": self._engine.problem() or "ok",
            "node": self._node.problem() or "ok",
        }

    def _health_server(self, address: str) -> HealthServer:
        server = HealthServer(address, self.checks)
        log.info(f"/healthz and /metrics are at {server.url}.", action="health_listening", url=server.url)
        return server

    def _prepare_database(self) -> None:
        if self._configuration.settings.daemon.upgrade_schema:
            schema.upgrade_schema(self._database)
            if self._shares:
                upgrade_job_schema(self._database)
        schema.require_current(self._database)
        if self._shares:
            require_job_schema(self._database)
        require_known_evidence(self._database, self._evidence.folder, self._evidence.shared)
        self._share_key()
        torn = self._evidence.recover()
        recovered = {}
        if self._shares:
            self._node.join()
        with self._database.transaction() as session:
            if not self._shares:
                recovered = recover_after_crash(session, self._clock(), repeat=True)
            if self._schedules:
                synchronise(session, self._configuration, self._clock())
        if not self._shares:
            self._node.join()
        self._tidy_segments()
        if torn or any(recovered.values()):
            log.warning(
                "Work that the previous daemon had begun and not ended continues.",
                action="recovered",
                torn_evidence_files=len(torn),
                **recovered,
            )

    def _share_key(self) -> None:
        """Compare this machine's digest key with that of the other nodes, if their store can be reached."""
        if self._evidence.shared is not None:
            with suppress(StoreFailed):  # `checks` says so, and compares it later
                require_shared_key(self._evidence.folder, self._evidence.shared)

    def _tidy_segments(self) -> None:
        """Remove files left by a killed import or merge, which may contain erased customers. Share those that
        only this machine has.
        """
        folder = segment_folder(self._configuration.settings.matching)
        intake = SegmentIntake(self._database, folder, self._clock)
        try:
            intake.delete_unnamed_files()
            intake.share_files()
        except StoreFailed as error:
            log.warning(
                f"Cannot look after the store of the segments: {error}",
                action="segments_unswept",
                reason=error.reason,
            )
        except OSError as error:
            log.warning(
                "Cannot remove unused files from the segments folder. Check its owner and mode.",
                action="segments_unswept",
                detail=str(error.strerror),
            )

    def _assemble_parts(self, configuration: Configuration) -> DaemonParts:
        return assemble(
            configuration,
            database=self._database,
            evidence=self._evidence,
            engine=self._engine,
            clock=self._clock,
            processes=self._processes,
            disks=self._disks,
            holder=self._node,
        )

    def _start_work(self) -> None:
        self._engine.serve(self._parts.lanes)
        self._engine.start()
        self._node.start()
        self._sealing.start()
        if self._console is not None:
            self._console.start()
        if self._schedules:
            self._schedule.start()

    def _stop_work(self) -> None:
        """Start no more work, and give work in progress its time. The rest is due at the next start."""
        settings = self._configuration.settings
        if self._console is not None:
            self._console.stop()
        self._schedule.stop()
        for supervisor in list(self._supervisors):
            supervisor.stop()
        wait_s = max(settings.daemon.stop_timeout_s, settings.crawler.stop_grace_s + KILL_MARGIN_S)
        unfinished = self._engine.stop(wait_s)
        self._sealing.stop(settings.daemon.stop_timeout_s)
        self._processes.close()
        log.info(
            "Stopped.",
            action="stopped",
            unfinished=[str(kind) for kind in unfinished],
            **self._release_unfinished_work(),
        )

    def _release_unfinished_work(self) -> dict[str, int]:
        """Release what is not ended, as the next start would: then that finds a clean stop."""
        try:
            self._node.leave()
            if self._shares:
                return {}
            with self._database.transaction() as session:
                released = recover_after_crash(session, self._clock(), repeat=True)
        except StorageError:
            return {}  # the next start does it
        return {name: count for name, count in released.items() if count}

    def _serve_signals(self) -> None:
        """Handle signals, and report to systemd between them, but only while all checks are ok."""
        while True:
            received = self._signals.wait(self._pulse_s)
            if received is None:
                self._report_health()
            elif received is signal.SIGHUP:
                self._reload()
            else:
                log.info(f"Stopping on {received.name}.", action="stopping")
                self._manager.stopping()
                return

    def _report_health(self) -> None:
        if self._lock is not None and not self._lock.held():
            raise LockLost
        if (refusal := self._node.refusal()) is not None:
            raise refusal
        self._disks.look(self._parts.judging)
        with suppress(StorageError):  # the checks say so
            self._strays.look()
        problems = {name: result for name, result in self.checks().items() if result != "ok"}
        if problems:
            self._log_problems(problems)
            self._manager.status("; ".join(problems.values()))
            # Runs go on without a bucket, and alerts without room: a restart brings back none of these.
            if problems.keys() <= {EVIDENCE_STORE, DISK, CONSOLE}:
                self._manager.alive()
                self._write_missed_runs()
            return
        if self._problems:
            self._problems = {}
            log.info("The daemon is healthy again.", action="well")
            self._manager.status(self._summary())
        self._manager.alive()
        self._write_missed_runs()

    def _log_problems(self, problems: dict[str, str]) -> None:
        """Log what is wrong when it begins or changes, and from time to time while it lasts."""
        now = time.monotonic()
        if problems.keys() != self._problems.keys() or now - self._problems_logged_at >= UNWELL_AGAIN_S:
            self._problems_logged_at = now
            log.error("The daemon is not healthy.", action="unwell", **problems)
        self._problems = problems

    def _write_missed_runs(self) -> None:
        if not self._schedules:
            return
        try:
            self._schedule.write_missed_slots()
            if self._schedule.follow_changes():
                log.info("Sources were changed, and are scheduled anew.", action="sources_changed")
        except StorageError as error:
            log.error(f"Cannot write the missed runs: {error}", action="unwell", reason=error.reason)

    def _reload(self) -> None:
        self._manager.reloading()
        try:
            configuration = self._reread()
            self._apply_configuration(configuration)
        except ConfigurationRefused as error:
            RELOADS.labels("refused").inc()
            log.error(
                "The new configuration has mistakes and is refused. The old one stays in effect.",
                action="reload_refused",
                mistakes=[str(mistake) for mistake in error.mistakes],
            )
        except (ConfigurationError, StorageError) as error:
            RELOADS.labels("refused").inc()
            log.error(
                f"Cannot apply the new configuration, so the old one stays. Send SIGHUP again. {error}",
                action="reload_refused",
                reason=error.reason,
            )
        self._manager.ready(self._summary())

    def _apply_configuration(self, configuration: Configuration) -> None:
        """Apply a new configuration: 1. new parts, 2. all rows in one transaction, 3. handlers and schedule.

        Steps that can fail come first, so that a failure changes nothing. Runs in progress keep the old one.
        """
        self._warn_restart_needed(configuration)
        configuration = _keep_storage(self._configuration, configuration)
        parts = self._assemble_parts(configuration)
        of_sources = of_companies = SyncResult()
        plan: Plan = {}
        if self._schedules:
            with self._database.transaction() as session:
                of_sources, of_companies = synchronise(session, configuration, self._clock())
                plan = self._schedule.plan(session)
        self._configuration = configuration
        self._parts = parts
        self._supervisors.add(parts.supervisor)
        self._engine.serve(parts.lanes)
        if self._schedules:
            self._schedule.follow(plan)
        self._processes.replace()
        if self._console is not None:
            self._console.replace()
        RELOADS.labels("accepted").inc()
        log.info(
            f"Applied the new configuration: {self._summary()}.",
            action="reloaded",
            sources_changed=[*of_sources.added, *of_sources.changed, *of_sources.removed],
            companies_changed=[*of_companies.added, *of_companies.changed, *of_companies.removed],
        )

    def _warn_restart_needed(self, configuration: Configuration) -> None:
        old, new = self._configuration.settings, configuration.settings
        changed = {
            "storage": old.storage != new.storage,
            "daemon": _restart_settings(old) != _restart_settings(new),
            "web": bool(old.web.listen) != bool(new.web.listen),
        }
        sections = [section for section, is_changed in changed.items() if is_changed]
        if sections:
            log.warning(
                f"[{'] and ['.join(sections)}] changed. Restart the daemon for this to take effect.",
                action="restart_needed",
                sections=sections,
            )

    def _summary(self) -> str:
        declared = self._configuration
        enabled = sum(source.value.enabled for source in declared.sources)
        channels = len(declared.settings.alerts.channels)
        counts = f"{enabled} sources, {len(declared.companies)} companies, {channels} channels"
        return f"{counts}, on {self._database.place}"


def _restart_settings(settings: Settings) -> dict[str, object]:
    """Return the settings of [daemon] that need a restart."""
    return settings.daemon.model_dump(exclude=NO_RESTART)


def _keep_storage(running: Configuration, new: Configuration) -> Configuration:
    """Return `new` with the old [storage]: runs must write where this process reads."""
    return replace(new, settings=new.settings.model_copy(update={"storage": running.settings.storage}))
