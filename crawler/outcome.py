"""How a run ends: the row, the source's health and its cursor, in one transaction, by whoever ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from storage import runs, sources
from storage.runs import RunCounts, RunOutcome
from storage.sources import SourceHealth
from storage.work import Dispatcher, Work, WorkKind

#: Health after each outcome. An interrupted run says nothing about its source.
HEALTH = {
    RunOutcome.NEW_LISTINGS: SourceHealth.OK,
    RunOutcome.NOTHING_NEW: SourceHealth.OK,
    RunOutcome.PAGE_NOT_RECOGNISED: SourceHealth.PAGE_NOT_RECOGNISED,
    RunOutcome.COULD_NOT_FETCH: SourceHealth.COULD_NOT_FETCH,
    RunOutcome.REFUSED: SourceHealth.REFUSED,
    RunOutcome.WALL: SourceHealth.WALL,
    RunOutcome.DEADLINE_EXCEEDED: SourceHealth.FAILING,
    RunOutcome.MEMORY_EXCEEDED: SourceHealth.FAILING,
    RunOutcome.CRASHED: SourceHealth.FAILING,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """An outcome with its slug and its sentence; both None where there is nothing to say."""

    outcome: RunOutcome
    reason: str | None = None
    detail: str | None = None

    def remarked(self, remark: tuple[str, str] | None) -> Ending:
        """The same with something else to say, a slug and a sentence; what it says already comes first."""
        if remark is None:
            return self
        slug, sentence = remark
        told = " ".join(part for part in (self.detail, sentence) if part)
        return replace(self, reason=self.reason or slug, detail=told)

    def masked(self, mask: Callable[[str], str]) -> Ending:
        """The same with a sentence that a row may hold."""
        return replace(self, detail=self.detail and mask(self.detail))


def conclude(
    session: Session,
    *,
    run_id: int,
    epoch: int,
    source_id: int,
    ending: Ending,
    dispatcher: Dispatcher,
    now: datetime,
    counts: RunCounts | None = None,
    cursor: Mapping[str, Any] | None = None,
) -> bool:
    """Write the end of a run. False: the run is no longer this epoch's, and nothing was written.

    `detail` must be masked. Without `counts` those of the last progress stay; without `cursor` the cursor.
    """
    if not runs.finish(
        session,
        run_id,
        epoch,
        outcome=ending.outcome,
        reason=ending.reason,
        detail=ending.detail,
        counts=counts,
        now=now,
    ):
        return False
    if cursor is not None:
        sources.save_cursor(session, source_id, cursor)
    health = HEALTH.get(ending.outcome)
    if health is not None:
        change = sources.record_health(session, source_id, run_id=run_id, health=health, now=now)
        if change is not None:
            dispatcher.announce(session, Work(WorkKind.SOURCE_CHANGE, change.id))
    return True
