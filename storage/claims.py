"""Claims of all kinds of work: releasing those of nodes that are gone, and those that strayed; counting them.

A released claim has a higher epoch, so that whoever held it changes nothing any more. A claim strays if the
database dies between writing it and saying so, or before it can be given back: a node then holds it in the
database, and works on nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, text, tuple_
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


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """A claim that a node holds now."""

    kind: WorkKind
    row_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class _ClaimColumns:
    """Where the claims of one kind stand; `held`: which rows are claimed."""

    row_id: InstrumentedAttribute[int]
    epoch: InstrumentedAttribute[int]
    holder: InstrumentedAttribute[int | None]
    held: ColumnElement[bool]


_CLAIMS: Mapping[WorkKind, _ClaimColumns] = {
    WorkKind.RUN: _ClaimColumns(
        Run.id, Run.epoch, Run.node_id, and_(text(OPEN_RUNS), Run.state == RunState.RUNNING)
    ),
    WorkKind.MATCH: _ClaimColumns(
        ListingVersion.id,
        ListingVersion.match_epoch,
        ListingVersion.match_node_id,
        and_(
            text(UNMATCHED),
            ListingVersion.match_state == MatchState.PENDING,
            ListingVersion.match_not_before.is_not(None),
            ListingVersion.match_node_id.is_not(None),
        ),
    ),
    WorkKind.REMATCH: _ClaimColumns(
        Rematch.id, Rematch.epoch, Rematch.node_id, Rematch.state == RematchState.RUNNING
    ),
    WorkKind.DELIVER: _ClaimColumns(
        Delivery.id,
        Delivery.epoch,
        Delivery.node_id,
        and_(text(UNSENT), Delivery.state == DeliveryState.SENDING),
    ),
    WorkKind.UNIT: _ClaimColumns(
        DumpUnit.id, DumpUnit.epoch, DumpUnit.node_id, DumpUnit.state == UnitState.CLAIMED
    ),
}

#: Why a run was ended, as its row says.
NODE_LOST = "The node that had this run did not renew its lease in time."
STRAYED = "This run was claimed while the database was away, so that it never began or could not be ended."


def release_lost_claims(session: Session, *, now: datetime, nobodys: bool = False) -> ReleasedClaims:
    """Release the claims of all nodes that are gone. The visits of interrupted runs are queued once more.

    `nobodys`: also the claims that name no node. A command that sends or matches something by itself makes
    such claims, and so did daemons before there were nodes.
    """
    gone = {kind: holder_is_gone(each.holder, nobodys=nobodys) for kind, each in _CLAIMS.items()}
    return _release(session, gone, now=now, why=NODE_LOST)


def release_strays(session: Session, strays: Collection[HeldClaim], *, now: datetime) -> ReleasedClaims:
    """Release these claims, unless they have ended since. The visits of interrupted runs are queued once
    more.
    """
    pairs = {kind: [(each.row_id, each.epoch) for each in strays if each.kind is kind] for kind in _CLAIMS}
    gone = {kind: tuple_(each.row_id, each.epoch).in_(pairs[kind]) for kind, each in _CLAIMS.items()}
    return _release(session, gone, now=now, why=STRAYED)


def _release(
    session: Session, gone: Mapping[WorkKind, ColumnElement[bool]], *, now: datetime, why: str
) -> ReleasedClaims:
    interrupted = runs.interrupt_orphans(session, now=now, gone=gone[WorkKind.RUN], why=why)
    return ReleasedClaims(
        interrupted,
        runs.repeat_interrupted(session, interrupted, now=now),
        listings.release_claims(session, gone=gone[WorkKind.MATCH]),
        watch.recover_rematches(session, gone=gone[WorkKind.REMATCH]),
        deliveries.recover_deliveries(session, now=now, gone=gone[WorkKind.DELIVER]),
        dumps.release_units(session, gone=gone[WorkKind.UNIT]),
    )


def release_all_claims(session: Session, *, now: datetime, repeat: bool = False) -> ReleasedClaims:
    """Release every claim. Call it while holding the daemon's lock, when no other node is there.

    `repeat`: queue the visits of interrupted runs once more.
    """
    interrupted = runs.interrupt_orphans(session, now=now)
    return ReleasedClaims(
        interrupted,
        runs.repeat_interrupted(session, interrupted, now=now) if repeat else (),
        listings.release_claims(session),
        watch.recover_rematches(session),
        deliveries.recover_deliveries(session, now=now),
        dumps.release_units(session),
    )


def claims_in_hand(session: Session) -> dict[int, dict[str, int]]:
    """Return how many claims each node holds, by kind of work."""
    return nodes.work_in_hand(
        session, [(kind, select(each.holder).where(each.held)) for kind, each in _CLAIMS.items()]
    )


def claims_of(session: Session, node_id: int) -> set[HeldClaim]:
    """Return the claims that a node holds."""
    return {
        HeldClaim(kind, row_id, epoch)
        for kind, each in _CLAIMS.items()
        for row_id, epoch in session.execute(
            select(each.row_id, each.epoch).where(each.held, each.holder == node_id)
        )
    }
