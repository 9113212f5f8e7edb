"""The lane of retention: one tick of a pass per call, with its metrics and log lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from daemon.metrics import RETENTION_BYTES, RETENTION_DELETED, RETENTION_LAST, RETENTION_PASSES
from storage import runs
from storage.database.base import Database
from storage.evidence.warc import EvidenceStore
from storage.retention import passes
from storage.retention.passes import NEW_PASS, PassOutcome, PassProgress
from storage.settings import RetentionSettings
from storage.work import WorkResult

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RetentionService:
    """Handler and query of WorkKind.RETENTION."""

    database: Database
    evidence: EvidenceStore
    settings: RetentionSettings
    clock: Callable[[], datetime]

    def due(self, session: Session, *, now: datetime, limit: int) -> Sequence[int]:
        return passes.due_passes(session, now=now, limit=limit, settings=self.settings)

    def carry_on(self, pass_id: int) -> WorkResult:
        """Carry out one tick of a pass; NEW_PASS begins one."""
        if pass_id == NEW_PASS:
            self._begin()
            return WorkResult.DONE
        with self.database.transaction() as session:
            claimed = passes.claim_pass(session, pass_id, now=self.clock())
        if claimed is None:
            return WorkResult.WAITED
        progress = passes.carry_out_tick(
            self.database, self.evidence, self.settings, claimed, now=self.clock()
        )
        _count(progress)
        if progress.outcome is not None:
            self._report_end(pass_id)
        return WorkResult.DONE

    def _begin(self) -> None:
        with self.database.transaction() as session:
            pass_id = passes.begin_pass(session, now=self.clock())
            first = pass_id is not None and passes.pass_by_id(session, pass_id)
            is_new = not runs.recent_runs(session, limit=1)
        if first and first.outcome is PassOutcome.ANNOUNCED:
            write = log.info if is_new else log.warning
            write(
                f"From {first.not_before:%Y-%m-%d %H:%M} UTC on, old rows and evidence are deleted. "
                "`spillwatch retention` shows what will go; [retention] says for how long each kind is kept.",
                action="retention_announced",
                first_pass_at=first.not_before.isoformat(),
            )

    def _report_end(self, pass_id: int) -> None:
        with self.database.reading() as session:
            ended = passes.pass_by_id(session, pass_id)
        if ended is None or ended.outcome is None:
            return
        RETENTION_PASSES.labels(ended.outcome.value).inc()
        RETENTION_LAST.set(self.clock().timestamp())
        write = log.error if ended.outcome is PassOutcome.FILES_LEFT else log.info
        write(
            "A pass of retention ended.",
            action="retention_finished",
            pass_id=pass_id,
            outcome=ended.outcome.value,
            reason=ended.reason,
            bytes_freed=ended.bytes_freed,
            **ended.counts,
        )


def _count(progress: PassProgress) -> None:
    for name, count in progress.counts.items():
        if count:
            RETENTION_DELETED.labels(name).inc(count)
    RETENTION_BYTES.inc(progress.bytes_freed)
