"""How a run ends: the row, the source's health and its cursor, in one transaction, by whoever ends it.

A source whose health changes again and again is `flapping`, which is told once, and stays so until its runs
end alike for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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
#: Changes of health within a day that make a source one that flaps: three times down and up.
FLAPS = 6
FLAP_WINDOW = timedelta(days=1)
#: Runs in a row that end alike, after which it does not.
STEADY_RUNS = 5


@dataclass(frozen=True, slots=True)
class RunEnding:
    """An outcome with its slug and its sentence; both None where there is nothing to say."""

    outcome: RunOutcome
    reason: str | None = None
    detail: str | None = None

    def remarked(self, remark: tuple[str, str] | None) -> RunEnding:
        """The same with something else to say, a slug and a sentence; what it says already comes first."""
        if remark is None:
            return self
        slug, sentence = remark
        told = " ".join(part for part in (self.detail, sentence) if part)
        return replace(self, reason=self.reason or slug, detail=told)

    def masked(self, mask: Callable[[str], str]) -> RunEnding:
        """The same with a sentence that a row may hold."""
        return replace(self, detail=self.detail and mask(self.detail))


def conclude(
    session: Session,
    *,
    run_id: int,
    epoch: int,
    source_id: int,
    ending: RunEnding,
    dispatcher: Dispatcher,
    now: datetime,
    counts: RunCounts | None = None,
    cursor: Mapping[str, Any] | None = None,
    degraded: bool = False,
) -> bool:
    """Write the end of a run. False: the run is no longer this epoch's, and nothing was written.

    `degraded`: the pages lack what they always had. `detail` must be masked.
    Without `counts` those of the last progress stay; without `cursor` the cursor.
    """
    if not runs.finish_run(
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
    health = _health(session, source_id, ending.outcome, degraded=degraded, now=now)
    if health is not None:
        change = sources.record_health(session, source_id, run_id=run_id, health=health, now=now)
        if change is not None:
            dispatcher.announce(session, Work(WorkKind.SOURCE_CHANGE, change.id))
    return True


def _health(
    session: Session, source_id: int, outcome: RunOutcome, *, degraded: bool, now: datetime
) -> SourceHealth | None:
    """What the source is after a run that is finished in this transaction; None: the run says nothing."""
    health = HEALTH.get(outcome)
    if health is SourceHealth.OK and degraded:
        health = SourceHealth.PARSER_DEGRADED
    source = sources.source_by_id(session, source_id)
    if health is None or source is None or source.health is health:
        return health
    if source.health is SourceHealth.FLAPPING:
        last = runs.last_outcomes(session, source_id, among=HEALTH, limit=STEADY_RUNS)
        steady = len(last) == STEADY_RUNS and len({HEALTH[each] for each in last}) == 1
        return health if steady else SourceHealth.FLAPPING
    flaps = sources.changes_since(session, source_id, now - FLAP_WINDOW) >= FLAPS
    return SourceHealth.FLAPPING if flaps else health
