"""Claims of all kinds of work: releasing those of nodes that are gone, and counting those of the others.

A released claim has a higher epoch, so that whoever held it changes nothing any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage import deliveries, dumps, listings, nodes, runs, watch
from storage.deliveries import UNSENT, Delivery, DeliveryState
from storage.dumps import DumpUnit, UnitState
from storage.listing_tables import UNMATCHED, ListingVersion, MatchState
from storage.nodes import holder_is_gone
from storage.runs import OPEN_RUNS, Run, RunState
from storage.watch import Rematch, RematchState
from storage.work import Work, WorkKind


@dataclass(frozen=True, slots=True)
class ReleasedClaims:
    """Ids of the rows whose claims were released, and of the runs that repeat the interrupted ones."""

    runs: Sequence[int]
    repeats: Sequence[int]
    versions: Sequence[int]
    rematches: Sequence[int]
    deliveries: Sequence[int]
    units: Sequence[int]

    def due(self) -> list[Work]:
        """Return the work that is due now because of the release."""
        rows = {
            WorkKind.RUN: self.repeats,
            WorkKind.MATCH: self.versions,
            WorkKind.REMATCH: self.rematches,
            WorkKind.DELIVER: self.deliveries,
            WorkKind.UNIT: self.units,
        }
        return [Work(kind, row_id) for kind, ids in rows.items() for row_id in ids]

    def counts(self) -> dict[str, int]:
        """Return the counts as the log names them."""
        return {
            "runs_interrupted": len(self.runs),
            "runs_repeated": len(self.repeats),
            "versions_due_again": len(self.versions),
            "rematches_resumed": len(self.rematches),
            "deliveries_due_again": len(self.deliveries),
            "units_due_again": len(self.units),
        }


def release_lost_claims(session: Session, *, now: datetime, nobodys: bool = False) -> ReleasedClaims:
    """Release the claims of all nodes that are gone. The visits of interrupted runs are queued once more.

    `nobodys`: also the claims that name no node. A command that sends or matches something by itself makes
    such claims, and so did daemons before there were nodes.
    """

    def gone(holder: InstrumentedAttribute[int | None]) -> ColumnElement[bool]:
        return holder_is_gone(holder, nobodys=nobodys)

    interrupted = runs.interrupt_orphans(session, now=now, gone=gone(Run.node_id))
    return ReleasedClaims(
        interrupted,
        runs.repeat_interrupted(session, interrupted, now=now),
        listings.release_claims(session, gone=gone(ListingVersion.match_node_id)),
        watch.recover_rematches(session, gone=gone(Rematch.node_id)),
        deliveries.recover_deliveries(session, now=now, gone=gone(Delivery.node_id)),
        dumps.release_units(session, gone=gone(DumpUnit.node_id)),
    )


def release_all_claims(session: Session, *, now: datetime) -> ReleasedClaims:
    """Release every claim. Call it while holding the daemon's lock, when no other node is there."""
    interrupted = runs.interrupt_orphans(session, now=now)
    return ReleasedClaims(
        interrupted,
        (),
        listings.release_claims(session),
        watch.recover_rematches(session),
        deliveries.recover_deliveries(session, now=now),
        dumps.release_units(session),
    )


def claims_in_hand(session: Session) -> dict[int, dict[str, int]]:
    """Return how many claims each node holds, by kind of work."""
    return nodes.work_in_hand(
        session,
        (
            (WorkKind.RUN, select(Run.node_id).where(text(OPEN_RUNS), Run.state == RunState.RUNNING)),
            (
                WorkKind.MATCH,
                select(ListingVersion.match_node_id).where(
                    text(UNMATCHED),
                    ListingVersion.match_state == MatchState.PENDING,
                    ListingVersion.match_not_before.is_not(None),
                    ListingVersion.match_node_id.is_not(None),
                ),
            ),
            (WorkKind.REMATCH, select(Rematch.node_id).where(Rematch.state == RematchState.RUNNING)),
            (WorkKind.UNIT, select(DumpUnit.node_id).where(DumpUnit.state == UnitState.CLAIMED)),
            (
                WorkKind.DELIVER,
                select(Delivery.node_id).where(text(UNSENT), Delivery.state == DeliveryState.SENDING),
            ),
            (WorkKind.UNIT, select(DumpUnit.node_id).where(DumpUnit.state == UnitState.CLAIMED)),
        ),
    )
