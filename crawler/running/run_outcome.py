"""How a run ends: its row, the source's health and its cursor, in one transaction, by the process that ends
it.

A source whose health changes again and again is `flapping`. That is reported once, and lasts until several
runs in a row end alike.
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

#: Health after each outcome. Interrupted runs, and runs that could not be stored, say nothing about the site.
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
#: Changes of health within a day that make a source flapping: three times down and up.
FLAPS = 6
FLAP_WINDOW = timedelta(days=1)
#: Runs in a row with the same health after which a source no longer flaps.
STEADY_RUNS = 5


@dataclass(frozen=True, slots=True)
class RunEnding:
    """An outcome with its reason and its sentence; both are None if nothing needs explaining."""

    outcome: RunOutcome
    reason: str | None = None
    detail: str | None = None

    def remarked(self, remark: tuple[str, str] | None) -> RunEnding:
        """Return the ending with a further reason and sentence, which come after those it has."""
        if remark is None:
            return self
        reason, sentence = remark
        detail = " ".join(part for part in (self.detail, sentence) if part)
        return replace(self, reason=self.reason or reason, detail=detail)

    def masked(self, mask: Callable[[str], str]) -> RunEnding:
        """Return the ending with a masked sentence, which a row may hold."""
        return replace(self, detail=self.detail and mask(self.detail))


def storage_ending(reason: str, message: str, *, where: str | None = None) -> RunEnding:
    """Return the ending of a run whose results could not be stored, by the reason and message of a
    `StorageError`; `where` is the file and line of the code that could not write.
    """
    place = f" (at {where})" if where else ""
    sentence = (
        f"What the run read could not be stored{place}: {message.rstrip('.')}. This says nothing about the "
        "site."
    )
    return RunEnding(RunOutcome.STORAGE_FAILED, reason or "storage_failed", sentence)


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
    """Write the end of a run; return False, and write nothing, if the run no longer has this epoch.

    The sentence of `ending` must be masked. `degraded`: something that the pages always showed is missing.
    Without `counts` or `cursor`, those of the last progress stay.
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
    health = _next_health(session, source_id, ending.outcome, degraded=degraded, now=now)
    if health is not None:
        change = sources.record_health(session, source_id, run_id=run_id, health=health, now=now)
        if change is not None:
            dispatcher.announce(session, Work(WorkKind.SOURCE_CHANGE, change.id))
    return True


def _next_health(
    session: Session, source_id: int, outcome: RunOutcome, *, degraded: bool, now: datetime
) -> SourceHealth | None:
    """Return the source's health after a run finished in this transaction; None if the run does not change
    it.
    """
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
