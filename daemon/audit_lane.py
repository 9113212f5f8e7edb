"""The lane of the audit log: once a day its chain is verified, and people are told what that shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from alerts.service import AlertService
from daemon.metrics import AUDIT_ENTRIES, AUDIT_LAST, AUDIT_WHOLE
from storage import audit_checks
from storage.audit_checks import CHECKER, CheckOutcome
from storage.database.base import Database
from storage.work import WorkResult

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AuditService:
    """Handler of WorkKind.AUDIT. `head_channel` "": the head is not sent."""

    database: Database
    judging: AlertService
    clock: Callable[[], datetime]
    head_channel: str

    def check(self, _row_id: int) -> WorkResult:
        """Walk the chain, and write what was found unless another node was faster."""
        state = audit_checks.check_chain(self.database, kept_heads=audit_checks.earlier_heads(self.database))

        def work(session: Session) -> bool:
            now = self.clock()
            audit_checks.lock_checks(session)
            if not audit_checks.due_checks(session, now=now, limit=1):
                return False
            audit_checks.record_check(session, state, by=CHECKER, now=now)
            self.judging.tell_of_audit_log(session, state, head_channel=self.head_channel)
            return True

        if not self.database.write(work):
            return WorkResult.WAITED
        AUDIT_ENTRIES.set(state.entries)
        AUDIT_WHOLE.set(state.outcome is CheckOutcome.WHOLE)
        AUDIT_LAST.set(self.clock().timestamp())
        write = log.info if state.outcome is CheckOutcome.WHOLE else log.error
        write(
            "The chain of the audit log was verified.",
            action="audit_checked",
            outcome=state.outcome.value,
            entries=state.entries,
            head=state.head,
            entry_id=state.entry_id,
        )
        return WorkResult.DONE
