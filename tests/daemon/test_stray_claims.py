"""daemon.stray_claims: claims of a node that nothing works on, and that it gives back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from daemon.engine import EmbeddedEngine, Lane, _LaneState
from daemon.stray_claims import LOOKS, StrayClaims
from storage import dumps, listings, runs, watch
from storage.claims import claims_of
from storage.database.base import Database
from storage.errors import DatabaseUnreachable
from storage.listing_tables import ListingVersion
from storage.runs import Run, RunState
from storage.watch import MatchScope, Rematch, RematchState
from storage.work import WorkKind
from tests.storage import given


@dataclass
class Holder:
    node_id: int | None

    def holds(self, node_id: int | None) -> bool:
        return True

    def lease(self) -> None:
        return None


@dataclass
class Here:
    database: Database
    engine: EmbeddedEngine
    node_id: int
    strays: StrayClaims


@pytest.fixture
def here(database: Database) -> Iterator[Here]:
    engine = EmbeddedEngine(database, clock=lambda: given.NOW)
    kinds = (WorkKind.RUN, WorkKind.MATCH, WorkKind.REMATCH)
    engine.serve([Lane(kind, lambda row_id: None, lambda session, *, now, limit: []) for kind in kinds])
    engine.storage_failures += 1
    with database.transaction() as session:
        node_id = given.node(session)
    yield Here(database, engine, node_id, StrayClaims(database, engine, Holder(node_id), lambda: given.NOW))


def claim_everything(here: Here) -> tuple[int, int, int, int]:
    """Claim a run, a version and a rematch in the node's name; return their ids, and the epoch of the run."""
    with here.database.transaction() as session:
        source_id = given.source(session)
        run_id = runs.enqueue_run(
            session, source_id, slot="1", trigger=runs.RunTrigger.SCHEDULE, now=given.NOW
        )
        assert run_id
        epoch = runs.claim_run(session, run_id, now=given.NOW, node_id=here.node_id)
        assert epoch
        version_id = given.version(session)
        listings.claim_for_matching(session, version_id, now=given.NOW, node_id=here.node_id)
        rematch_id = watch.request_rematch(session, scope=MatchScope.ALL, reason="asked for", now=given.NOW)
        watch.claim_rematch(session, rematch_id, now=given.NOW, node_id=here.node_id)
    return run_id, version_id, rematch_id, epoch


def test_a_claim_without_a_handler_is_given_back_at_the_second_look(here: Here) -> None:
    """The run ends as interrupted and its visit is queued once more; version and rematch are due at once."""
    run_id, version_id, rematch_id, _ = claim_everything(here)
    returned = (here.strays.look(), here.strays.look(), here.strays.look())

    with here.database.reading() as session:
        states = [run.state for run in session.scalars(select(Run).order_by(Run.id))]
        version = session.get_one(ListingVersion, version_id)
        rematch = session.get_one(Rematch, rematch_id)
        left = claims_of(session, here.node_id)
        run = session.get_one(Run, run_id)
    assert returned == (0, 3, 0)
    assert states == [RunState.FINISHED, RunState.QUEUED]
    assert (run.outcome, run.reason) == (runs.RunOutcome.INTERRUPTED, "interrupted")
    assert (version.match_node_id, version.match_not_before) == (None, None)
    assert rematch.state is RematchState.QUEUED
    assert left == set()


def test_what_a_handler_works_on_stays_claimed(here: Here) -> None:
    """However often it is looked at; and what was claimed again between two looks is another claim."""
    run_id, version_id, rematch_id, epoch = claim_everything(here)
    lanes = here.engine._lanes
    lanes[WorkKind.RUN].in_progress[run_id] = 0.0
    lanes[WorkKind.MATCH].in_progress[version_id] = 0.0
    here.strays.look()
    with here.database.transaction() as session:
        watch.recover_rematches(session)
        watch.claim_rematch(session, rematch_id, now=given.NOW, node_id=here.node_id)
    again = here.strays.look()
    with here.database.transaction() as session:
        still = runs.record_progress(session, run_id, epoch, now=given.NOW)

    assert (again, still) == (0, True)


def test_nothing_is_looked_for_while_storage_does_not_fail(here: Here) -> None:
    """Some looks follow each failure; a handler that fails because of the database is one."""
    quiet = [here.strays.look() for _ in range(LOOKS)]
    claim_everything(here)
    unseen = [here.strays.look() for _ in range(LOOKS)]

    def fail(row_id: int) -> None:
        raise DatabaseUnreachable("away")

    state = _LaneState(Lane(WorkKind.RUN, fail, lambda session, *, now, limit: []))
    state.in_progress[7] = 0.0
    here.engine._handle(state, 7)
    seen = [here.strays.look() for _ in range(LOOKS)]

    assert (quiet, unseen, seen) == ([0, 0, 0], [0, 0, 0], [0, 3, 0])


def test_a_unit_of_a_dump_is_given_back_too(here: Here) -> None:
    """Its claim would last for minutes although no process matches it."""
    with here.database.transaction() as session:
        dump_id = dumps.open_dump(session, "key", watch_version="1", company=None, options={}, now=given.NOW)
        dumps.add_units(session, dump_id, [dumps.NewUnit("1", {}, 1)], now=given.NOW)
        [unit_id] = dumps.due_units(session, now=given.NOW, limit=9)
        dumps.claim_unit(session, unit_id, now=given.NOW, node_id=here.node_id)
    returned = (here.strays.look(), here.strays.look())
    with here.database.reading() as session:
        due = dumps.due_units(session, now=given.NOW, limit=9)

    assert (returned, list(due)) == ((0, 1), [unit_id])
