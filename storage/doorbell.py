"""The doorbell: announcements as jobs of procrastinate, written in the transaction that writes the row.

A job says "look at row N of kind K" and nothing else. What is due, who has it and when it is tried again is
in our rows, so a job that is lost or comes twice changes nothing. Its queue is the kind of work,
and for a run also the route of its source, so that only a node with that route gets it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from storage.database.job_schema import JOB_SCHEMA
from storage.runs import routes_of
from storage.work import NodeRoute, Work, WorkKind

_ANNOUNCE = text(f"SELECT {JOB_SCHEMA}.spillwatch_announce(:queue, :kind, CAST(:rows AS bigint[]))")
_WAITING = text(
    f"SELECT CAST(args->>'row_id' AS bigint) FROM {JOB_SCHEMA}.procrastinate_jobs"  # noqa: S608
    " WHERE queue_name = ANY(:queues) AND status = 'todo' ORDER BY id LIMIT :limit"
)


class Doorbell:
    """A dispatcher for PostgreSQL. Any process may use it: it needs no connection of its own."""

    def announce(self, session: Session, work: Work) -> None:
        ring(session, work.kind, [work.row_id])


def ring(session: Session, kind: WorkKind, row_ids: Collection[int]) -> None:
    """Announce rows. Nothing happens if the transaction rolls back."""
    for queue, rows in _by_queue(session, kind, row_ids).items():
        session.execute(_ANNOUNCE, {"queue": queue, "kind": kind.value, "rows": rows})


def queues_of(kind: WorkKind, routes: Collection[str] = tuple(NodeRoute)) -> list[str]:
    """Return the queues of a kind that a node with these routes listens to."""
    return [f"{kind}.{route}" for route in routes] if kind is WorkKind.RUN else [kind.value]


def announced_rows(session: Session, kind: WorkKind, *, limit: int) -> set[int]:
    """Return the rows of a kind that are announced and that no node looks at yet, the first `limit`."""
    return set(session.scalars(_WAITING, {"queues": queues_of(kind), "limit": limit}))


def _by_queue(session: Session, kind: WorkKind, row_ids: Collection[int]) -> dict[str, Sequence[int]]:
    if kind is not WorkKind.RUN:
        return {kind.value: list(row_ids)} if row_ids else {}
    by_queue: dict[str, list[int]] = defaultdict(list)
    for run_id, route in routes_of(session, row_ids).items():
        by_queue[f"{kind}.{route}"].append(run_id)
    return dict(by_queue)
