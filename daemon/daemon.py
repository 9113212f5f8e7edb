"""`spillwatch run`: one process that schedules, crawls, matches, alerts and delivers until it is stopped.

1. the lock: one daemon a database, 2. the schema, 3. what a killed daemon left behind, 4. what is declared in
files, 5. health, engine and schedule, 6. systemd's "ready"; then signals, until the one that ends it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from weakref import WeakSet

import structlog

from configuration.configuration import Configuration
from configuration.errors import ConfigurationError, ConfigurationRefused
from configuration.settings import Settings, Supervision
from crawler.scheduling.run_schedule import RunSchedule
from daemon import logs
from daemon.assembly import DaemonParts, assemble, recover_after_crash, synchronise
from daemon.engine import EmbeddedEngine
from daemon.errors import LockLost
from daemon.health import HealthServer
from daemon.metrics import RELOADS, STARTED
from daemon.service_manager import ServiceManager
from daemon.signals import Signals
from matching.enrolment.segment_intake import Intake
from matching.fingerprints.segment_folder import SegmentFolder
from storage.database import schema
from storage.database.base import Database
from storage.database.lock import DaemonLock
from storage.errors import StorageError
from storage.evidence.warc import EvidenceStore

PULSE_S = 5.0  # between two looks at the own health, where systemd's watchdog does not ask for more
KILL_MARGIN_S = 1.0  # after a run's grace, until its killed process is collected and its outcome written

#: What of [daemon] a reload changes as well.
NO_RESTART = {"match_workers", "deliver_workers", "stop_timeout_s"}

log = structlog.get_logger()


class Daemon:
    """`reread` reads the configuration anew, for SIGHUP."""

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
        self._pulse_s = min(PULSE_S, (supervision.watchdog_s or PULSE_S * 2) / 2)
        self._clock = clock
        settings = configuration.settings
        self._database = Database.open(
            settings.storage.database_url.get_secret_value(), busy_timeout_s=settings.storage.busy_timeout_s
        )
        self._evidence = EvidenceStore(settings.storage.evidence_dir)
        self._engine = EmbeddedEngine(self._database, clock=clock)
        self._parts = self._assembled(configuration)
        # A supervisor lives as long as it is the current one or has a run in hand.
        self._supervisors = WeakSet([self._parts.supervisor])
        self._schedule = RunSchedule(database=self._database, dispatcher=self._engine, clock=clock)

    def run(self) -> None:
        """Return after SIGTERM or SIGINT; raises AlreadyRunning, or what keeps it from starting."""
        settings = self._configuration.settings.daemon
        logs.configure_logging(form=settings.log_format, level=settings.log_level)
        with ExitStack() as stack:
            stack.callback(self._database.close)
            self._signals = Signals((signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
            self._lock = stack.enter_context(DaemonLock.acquire(self._database))
            self._prepare_database()
            if settings.health_address:
                stack.callback(self._health_server(settings.health_address).stop)
            stack.callback(self._stop_work)
            self._start_work()
            STARTED.set(time.time())
            self._manager.ready(self._summary())
            log.info(f"Started: {self._summary()}.", action="started")
            self._attend()

    def checks(self) -> dict[str, str]:
        """The database answers, the engine is alive; each "ok" or what is wrong."""
        try:
            with self._database.reading() as session:
                session.connection()
            database = "ok"
        except StorageError as error:
            database = str(error)
        return {"database": database, "engine": self._engine.ailment() or "ok"}

    def _health_server(self, address: str) -> HealthServer:
        server = HealthServer(address, self.checks)
        log.info(f"/healthz and /metrics are at {server.url}.", action="health_listening", url=server.url)
        return server

    def _prepare_database(self) -> None:
        if self._configuration.settings.daemon.upgrade_schema:
            schema.upgrade_schema(self._database)
        schema.require_current(self._database)
        torn = self._evidence.recover()
        with self._database.transaction() as session:
            left = recover_after_crash(session, self._clock())
            synchronise(session, self._configuration, self._clock())
        self._sweep_segments()
        if torn or any(left.values()):
            log.warning(
                "The last daemon did not end by itself; its work goes on.",
                action="recovered",
                torn_evidence_files=len(torn),
                **left,
            )

    def _sweep_segments(self) -> None:
        """Files that a killed import or merge left: erased customers may be in them."""
        folder = SegmentFolder(self._configuration.settings.matching.segments_dir)
        try:
            Intake(self._database, folder, self._clock).sweep()
        except OSError as error:
            log.warning(
                "The segments' folder cannot be tidied.",
                action="segments_unswept",
                detail=str(error.strerror),
            )

    def _assembled(self, configuration: Configuration) -> DaemonParts:
        return assemble(
            configuration,
            database=self._database,
            evidence=self._evidence,
            engine=self._engine,
            clock=self._clock,
        )

    def _start_work(self) -> None:
        self._engine.serve(self._parts.lanes)
        self._engine.start()
        self._schedule.start()

    def _stop_work(self) -> None:
        """Begin nothing more, give what is in hand its time; the rest is due at the next start."""
        settings = self._configuration.settings
        self._schedule.stop()
        for supervisor in list(self._supervisors):
            supervisor.stop()
        wait_s = max(settings.daemon.stop_timeout_s, settings.crawler.stop_grace_s + KILL_MARGIN_S)
        unfinished = self._engine.stop(wait_s)
        log.info("Stopped.", action="stopped", unfinished=[str(kind) for kind in unfinished])

    def _attend(self) -> None:
        """Signals, and a pulse between them: systemd hears of us only while the checks are well."""
        while True:
            received = self._signals.wait(self._pulse_s)
            if received is None:
                self._pulse()
            elif received is signal.SIGHUP:
                self._reload()
            else:
                log.info(f"{received.name}: stopping.", action="stopping")
                self._manager.stopping()
                return

    def _pulse(self) -> None:
        if not self._lock.held():
            raise LockLost
        ill = {name: what for name, what in self.checks().items() if what != "ok"}
        if not ill:
            self._manager.alive()
            self._pay_what_is_owed()
            return
        log.error("The daemon is not well.", action="unwell", **ill)
        self._manager.status("; ".join(ill.values()))

    def _pay_what_is_owed(self) -> None:
        try:
            self._schedule.pay()
        except StorageError as error:
            log.error(f"Missed runs still cannot be written: {error}", action="unwell", reason=error.reason)

    def _reload(self) -> None:
        self._manager.reloading()
        try:
            configuration = self._reread()
            self._replace(configuration)
        except ConfigurationRefused as error:
            RELOADS.labels("refused").inc()
            log.error(
                "The new configuration is refused; the old one goes on.",
                action="reload_refused",
                mistakes=[str(mistake) for mistake in error.mistakes],
            )
        except (ConfigurationError, StorageError) as error:
            RELOADS.labels("refused").inc()
            log.error(
                f"The configuration was not re-read, so the old one goes on; send SIGHUP again. {error}",
                action="reload_refused",
                reason=error.reason,
            )
        self._manager.ready(self._summary())

    def _replace(self, configuration: Configuration) -> None:
        """What can fail comes first: 1. new parts, 2. all rows in one transaction; then 3. handlers and
        schedule. Runs that go on end as they began.
        """
        self._warn_of_what_stays(configuration)
        configuration = _with_storage_of(self._configuration, configuration)
        parts = self._assembled(configuration)
        with self._database.transaction() as session:
            of_sources, of_companies = synchronise(session, configuration, self._clock())
            plan = self._schedule.plan(session)
        self._configuration = configuration
        self._parts = parts
        self._supervisors.add(parts.supervisor)
        self._engine.serve(parts.lanes)
        self._schedule.follow(plan)
        RELOADS.labels("accepted").inc()
        log.info(
            f"The configuration was re-read: {self._summary()}.",
            action="reloaded",
            sources_changed=[*of_sources.added, *of_sources.changed, *of_sources.removed],
            companies_changed=[*of_companies.added, *of_companies.changed, *of_companies.removed],
        )

    def _warn_of_what_stays(self, configuration: Configuration) -> None:
        old, new = self._configuration.settings, configuration.settings
        changed = {"storage": old.storage != new.storage, "daemon": _lasting(old) != _lasting(new)}
        stays = [section for section, is_changed in changed.items() if is_changed]
        if stays:
            log.warning(
                f"[{'] and ['.join(stays)}] changed; that takes effect when the daemon is started again.",
                action="restart_needed",
                sections=stays,
            )

    def _summary(self) -> str:
        declared = self._configuration
        enabled = sum(source.value.enabled for source in declared.sources)
        channels = len(declared.settings.alerts.channels)
        counts = f"{enabled} sources, {len(declared.companies)} companies, {channels} channels"
        return f"{counts}, on {self._database.place}"


def _lasting(settings: Settings) -> dict[str, object]:
    """What of [daemon] is as it was at the start, whatever the file says later."""
    return settings.daemon.model_dump(exclude=NO_RESTART)


def _with_storage_of(running: Configuration, new: Configuration) -> Configuration:
    """Runs must write where this process looks, which is what it opened at its start."""
    return replace(new, settings=new.settings.model_copy(update={"storage": running.settings.storage}))
