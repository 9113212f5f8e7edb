"""daemon.node_membership: a node on PostgreSQL that renews its lease, loses it, and joins again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import text

from crawler.errors import RunSuperseded
from crawler.running.lease_watch import watch_lease
from daemon.node_membership import STEADY_BEATS, NodeMembership
from storage import claims, listings, nodes, runs
from storage.database import schema
from storage.database.base import Database
from storage.errors import SchemaNewer
from storage.nodes import EngineName, NodeEnd
from storage.runs import RunOutcome
from storage.shared_clock import SharedClock, elapsed_s
from storage.work import HeldLease, WorkKind
from tests.dispatchers import RecordingDispatcher
from tests.storage import given
from tests.storage.database.test_schema import RELEASED, fill
from tests.waiting import wait_until

LEASE_S = 60.0


def local() -> datetime:
    """The clock of a machine that is an hour behind."""
    return datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    opened = Database.open(postgres_url)
    yield opened
    opened.close()


def membership(
    database: Database,
    *,
    name: str = "one",
    lease_s: float = LEASE_S,
    engine: EngineName = EngineName.PROCRASTINATE,
    beat_s: float | None = None,
) -> NodeMembership:
    node = NodeMembership(
        database,
        given.profile(name, engine),
        lease_s=lease_s,
        clock=SharedClock(local),
        dispatcher=RecordingDispatcher(),
        beat_s=beat_s,
    )
    node.join()
    return node


def test_a_node_that_was_ended_joins_again_as_a_new_one(database: Database) -> None:
    """Its first heartbeat after another node ended it drops the claims of the old name, and the new name has
    a lease.
    """
    node, other = membership(database), membership(database, name="two")
    old = node.node_id
    assert old is not None
    with database.transaction() as session:
        nodes.end_node(session, old, as_=NodeEnd.LOST, now=local())
    held = node.holds(old)
    node._beat()

    assert (held, node.holds(old), node.holds(node.node_id)) == (True, False, True)
    assert node.node_id not in {old, other.node_id}
    lease = node.lease()
    assert lease is not None
    assert lease.node_id == node.node_id


def test_a_lease_that_was_not_renewed_in_time_is_given_up(database: Database) -> None:
    """Even if no other node ended it: claims are dropped as soon as the lease is over, and it joins again.
    A node that works alone keeps them.
    """
    node = membership(database, lease_s=0.2)
    alone = membership(database, name="two", lease_s=0.2, engine=EngineName.EMBEDDED)
    old = node.node_id
    wait_until(lambda: not node.holds(old))
    problem = node.problem()
    node._beat()

    assert node.node_id != old
    assert problem is None
    assert alone.holds(alone.node_id)
    assert alone.lease() is None


def test_a_node_that_was_cut_off_ends_nobody_at_first(database: Database) -> None:
    """After it could not reach the database, others get the time of some heartbeats to renew their leases."""
    node = membership(database)
    with database.transaction() as session:
        lapsed = nodes.join(
            session,
            given.profile("two", EngineName.PROCRASTINATE),
            lease=timedelta(0),
            now=nodes.database_time(session, local()) - timedelta(seconds=1),
        )
    node._steady = 0
    there = []
    for _ in range(STEADY_BEATS):
        node._beat()
        with database.reading() as session:
            there.append(nodes.is_alive(session, lapsed))

    assert there == [True] * (STEADY_BEATS - 1) + [False]


def test_a_node_refuses_a_newer_schema(database: Database) -> None:
    """When the database has been upgraded for a newer program, the heartbeats end with that error."""
    node = membership(database, beat_s=0.05)
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    node.start()
    wait_until(lambda: node.refusal() is not None)

    assert isinstance(node.refusal(), SchemaNewer)
    assert node.problem() is not None


def test_a_node_that_stops_gives_its_work_to_others(database: Database) -> None:
    """What it holds is due at once and announced, and the visits that it ended are queued again."""
    node = membership(database)
    with database.transaction() as session:
        source_id = given.source(session)
        run_id = runs.enqueue_run(
            session, source_id, slot="1", trigger=runs.RunTrigger.SCHEDULE, now=given.NOW
        )
        assert run_id
        epoch = runs.claim_run(session, run_id, now=given.NOW, node_id=node.node_id)
        assert epoch
        runs.finish_run(
            session, run_id, epoch, outcome=RunOutcome.INTERRUPTED, reason=runs.STOPPED, now=given.NOW
        )
        version_id = given.version(session)
        listings.claim_for_matching(session, version_id, now=given.NOW, node_id=node.node_id)
    node.leave()
    announced = cast(RecordingDispatcher, node._dispatcher)
    with database.reading() as session:
        slots = [run.slot for run in runs.recent_runs(session)]

    assert announced.row_ids(WorkKind.MATCH) == [version_id]
    assert slots == ["1 repeat 1", "1"]
    assert node.node_id is None


def test_a_node_takes_over_from_the_last_release(empty_postgres_url: str) -> None:
    """After the upgrade from the last schema without nodes, what its daemon had in hand goes on."""
    before = next(path for path in RELEASED if path.stem == "0007")
    database = Database.open(empty_postgres_url)
    schema.upgrade_schema(database, before.stem)
    fill(database, json.loads(before.read_text(encoding="utf-8")))
    schema.upgrade_schema(database)
    with database.reading() as session:
        held = [run.state for run in runs.recent_runs(session)]
    node = membership(database)
    with database.reading() as session:
        states = [(run.state, run.slot.partition(" ")[2]) for run in runs.recent_runs(session)]
        left = claims.claims_in_hand(session)
    database.close()

    assert held == ["running"]
    assert states == [("queued", "repeat 1"), ("finished", "")]
    assert (left, node.holds(node.node_id)) == ({}, True)


def test_the_clock_is_that_of_the_database(database: Database) -> None:
    """A machine that is an hour behind works with the database's time, and knows by how much it is wrong."""
    clock = SharedClock(local)
    with database.reading() as session:
        told = clock.measure(session)
        now = nodes.database_time(session, local())

    assert now - told < timedelta(minutes=1)
    assert 0 <= (clock() - told).total_seconds() < 60
    assert round(clock.offset_s() / 60) == 60
    assert SharedClock(local, anchor=clock.anchor)() >= told


@pytest.mark.parametrize("lost", ["the run", "the node", "the database"])
def test_a_run_ends_when_it_is_no_longer_its_nodes(database: Database, lost: str) -> None:
    """The process of a run stops when the run was given away, when its node's lease is over, and when the
    database cannot say so in time.
    """
    with database.transaction() as session:
        now = nodes.database_time(session, local())
        profile = given.profile("one", EngineName.PROCRASTINATE)
        node_id = nodes.join(session, profile, lease=timedelta(minutes=5), now=now)
        run_id, epoch = given.running(session, given.source(session))
        if lost == "the run":
            runs.interrupt_orphans(session, now=now)
        elif lost == "the node":
            nodes.end_node(session, node_id, as_=NodeEnd.LOST, now=now)
    unreachable = Database.open("postgresql://nobody@/nowhere?host=/nonexistent")
    failures: list[BaseException] = []
    run = SimpleNamespace(
        job=SimpleNamespace(run_id=run_id, epoch=epoch),
        database=unreachable if lost == "the database" else database,
        closed=None,
        fail=failures.append,
    )
    lease = HeldLease(node_id, seconds=0.6, until=elapsed_s() + 0.6)

    asyncio.run(asyncio.wait_for(watch_lease(cast(Any, run), lease), 30))

    assert [type(failure) for failure in failures] == [RunSuperseded]
