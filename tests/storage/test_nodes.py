"""storage.nodes and storage.claims: leases, and what becomes of the claims of a node that is gone."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from storage import claims, deliveries, listings, matches, nodes, runs, watch
from storage.database.base import Database
from storage.database.lock import DaemonLock
from storage.deliveries import AttemptOutcome
from storage.errors import AlreadyRunning, ClaimLost
from storage.matches import CompanyResult
from storage.nodes import EngineName, Node, NodeEnd
from storage.runs import RunOutcome, RunState, RunTrigger
from storage.watch import MatchScope
from storage.work import Work, WorkKind
from tests.storage import given
from tests.storage.given import NOW

LEASE = timedelta(seconds=30)
SOON = NOW + timedelta(seconds=20)
LATE = NOW + timedelta(seconds=31)


def test_a_lease_is_renewed_until_another_node_ends_it(database: Database) -> None:
    """A late heartbeat still counts; after another node has ended the lapsed one, it counts no more."""
    with database.transaction() as session:
        first, second = given.node(session, "first"), given.node(session, "second")
        answers = [
            nodes.renew_lease(session, first, lease=LEASE, now=LATE),
            nodes.renew_lease(session, second, lease=LEASE, now=SOON),
        ]
        lapsed = nodes.end_lapsed(session, now=SOON + LEASE + timedelta(seconds=1))
        answers.append(nodes.renew_lease(session, second, lease=LEASE, now=LATE))

    with database.reading() as session:
        left = [(node.name, node.ended_as) for node in nodes.known_nodes(session, ended=True)]
    assert answers == [True, True, False]
    assert [node.name for node in lapsed] == ["second"]
    assert left == [("first", None), ("second", NodeEnd.LOST)]


def test_claims_of_a_lost_node_go_on_elsewhere(database: Database) -> None:
    """Each kind of claim of a lost node is released, and what its holder writes later changes nothing; claims
    of a living node stay.
    """
    with database.transaction() as session:
        lost, living = given.node(session, "lost"), given.node(session, "living")
        source_id, other_id = given.source(session), given.source(session, "second")
        run_id = runs.enqueue_run(session, source_id, slot="noon", trigger=RunTrigger.SCHEDULE, now=NOW)
        kept = runs.enqueue_run(session, other_id, slot="noon", trigger=RunTrigger.SCHEDULE, now=NOW)
        assert run_id and kept
        epoch = runs.claim_run(session, run_id, now=NOW, node_id=lost)
        assert epoch
        runs.claim_run(session, kept, now=NOW, node_id=living)
        version_id, kept_version = given.version(session, "1"), given.version(session, "2")
        claim = listings.claim_for_matching(session, version_id, now=NOW, node_id=lost)
        assert claim
        listings.claim_for_matching(session, kept_version, now=NOW, node_id=living)
        rematch_id = watch.request_rematch(session, scope=MatchScope.ALL, reason="a test", now=NOW)
        rematch = watch.claim_rematch(session, rematch_id, now=NOW, node_id=lost)
        assert rematch
        [delivery_id] = given.alert(session).delivery_ids
        delivery = deliveries.claim_delivery(session, delivery_id, now=NOW, node_id=lost)
        assert delivery
        in_hand = claims.claims_in_hand(session)
    with database.transaction() as session:
        nodes.renew_lease(session, living, lease=LEASE, now=SOON)
        nodes.end_lapsed(session, now=LATE)
        released = claims.release_lost_claims(session, now=LATE)
        again = claims.release_lost_claims(session, now=LATE)
    with database.transaction() as session:
        late = [
            runs.record_progress(session, run_id, epoch, now=LATE),
            runs.finish_run(session, run_id, epoch, outcome=RunOutcome.NEW_LISTINGS, now=LATE),
            listings.record_matching_failure(session, claim, reason="late", retry_at=None, now=LATE),
            listings.lock_claimed_version(session, claim),
            watch.finish_rematch(session, rematch_id, rematch.epoch, now=LATE),
            deliveries.record_outcome(session, delivery, outcome=AttemptOutcome.SENT, now=LATE),
        ]
    with pytest.raises(ClaimLost), database.transaction() as session:
        matches.record_matches(session, version_id, [CompanyResult(1)], now=LATE, epoch=claim.epoch)

    assert in_hand == {
        lost: {"run": 1, "match": 1, "rematch": 1, "deliver": 1},
        living: {"run": 1, "match": 1},
    }
    assert (released.runs, released.versions) == ([run_id], [version_id])
    assert (released.rematches, released.deliveries) == ([rematch_id], [delivery_id])
    assert [work.kind for work in released.due()] == ["run", "match", "rematch", "deliver"]
    assert sum(again.counts().values()) == 0
    assert late == [False] * 6
    with database.reading() as session:
        repeat = runs.run_by_id(session, released.repeats[0])
        found = runs.run_by_id(session, run_id)
        attempt = deliveries.attempts_of(session, delivery_id)[0]
    assert found and repeat
    assert (found.outcome, found.reason) == (RunOutcome.INTERRUPTED, "interrupted")
    assert (repeat.slot, repeat.state, repeat.trigger) == (
        "noon repeat 1",
        RunState.QUEUED,
        RunTrigger.CATCH_UP,
    )
    assert attempt.outcome is AttemptOutcome.INTERRUPTED


def test_a_lost_node_claims_nothing_more(database: Database) -> None:
    """A node that wakes after its lease gets no claim in its old name; as a new node it does."""
    with database.transaction() as session:
        lost = given.node(session)
        source_id = given.source(session)
        run_id = runs.enqueue_run(session, source_id, slot="1", trigger=RunTrigger.SCHEDULE, now=NOW)
        version_id = given.version(session)
        rematch_id = watch.request_rematch(session, scope=MatchScope.ALL, reason="a test", now=NOW)
        [delivery_id] = given.alert(session).delivery_ids
        nodes.end_lapsed(session, now=LATE)
        assert run_id
        refused = [
            runs.claim_run(session, run_id, now=LATE, node_id=lost),
            listings.claim_for_matching(session, version_id, now=LATE, node_id=lost),
            watch.claim_rematch(session, rematch_id, now=LATE, node_id=lost),
            deliveries.claim_delivery(session, delivery_id, now=LATE, node_id=lost),
        ]
        taken = runs.claim_run(session, run_id, now=LATE, node_id=given.node(session))

    assert refused == [None] * 4
    assert taken == 1


def test_an_interrupted_visit_is_repeated_a_few_times(database: Database) -> None:
    """A visit whose node is lost again and again is repeated REPEATS times; then the next slot decides."""
    slots = []
    with database.transaction() as session:
        source_id = given.source(session)
        run_id = runs.enqueue_run(session, source_id, slot="noon", trigger=RunTrigger.SCHEDULE, now=NOW)
        while run_id is not None:
            node_id = given.node(session)
            runs.claim_run(session, run_id, now=NOW, node_id=node_id)
            nodes.end_node(session, node_id, as_=NodeEnd.LOST, now=NOW)
            repeats = claims.release_lost_claims(session, now=NOW).repeats
            run_id = repeats[0] if repeats else None
        slots = [run.slot for run in reversed(runs.recent_runs(session))]

    assert slots == ["noon", *(f"noon repeat {number}" for number in range(1, runs.REPEATS + 1))]


def test_claims_of_commands_are_left_alone(database: Database) -> None:
    """What a command claims in nobody's name stays its own while nodes release the claims of others; a first
    node takes it over.
    """
    with database.transaction() as session:
        given.node(session)
        [delivery_id] = given.alert(session).delivery_ids
        deliveries.claim_delivery(session, delivery_id, now=NOW)
        beside = claims.release_lost_claims(session, now=NOW).deliveries
        first = claims.release_lost_claims(session, now=NOW, nobodys=True).deliveries

    assert (beside, first) == ([], [delivery_id])


def test_a_row_that_is_being_written_holds_up_no_release(postgres_url: str) -> None:
    """A paused node may hold the lock of a row: the other claims are released, and that one later."""
    database = Database.open(postgres_url)
    with database.transaction() as session:
        lost = given.node(session)
        first, second = given.version(session, "1"), given.version(session, "2")
        held = listings.claim_for_matching(session, first, now=NOW, node_id=lost)
        listings.claim_for_matching(session, second, now=NOW, node_id=lost)
        nodes.end_lapsed(session, now=LATE)
        assert held
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction() as session:
            listings.lock_claimed_version(session, held)
            entered.set()
            leave.wait(30)

    paused = threading.Thread(target=hold)
    paused.start()
    assert entered.wait(30)
    with database.transaction() as session:
        at_once = claims.release_lost_claims(session, now=LATE).versions
    leave.set()
    paused.join()
    with database.transaction() as session:
        later = claims.release_lost_claims(session, now=LATE).versions
    database.close()

    assert (at_once, later) == ([second], [first])


def test_nodes_that_share_and_a_daemon_that_works_alone_exclude_each_other(postgres_url: str) -> None:
    """While a node is alive nobody takes the lock; while somebody has the lock no node joins."""
    database = Database.open(postgres_url)
    shared, alone = given.profile("a", EngineName.PROCRASTINATE), given.profile("b")
    with database.transaction() as session:
        now = nodes.database_time(session, NOW)
        node_id = nodes.join(session, shared, lease=LEASE, now=now)
    with pytest.raises(AlreadyRunning):
        DaemonLock.acquire(database)
    with database.transaction() as session:
        nodes.end_node(session, node_id, as_=NodeEnd.STOPPED, now=now)
    with DaemonLock.acquire(database), database.transaction() as session:
        nodes.join(session, alone, lease=LEASE, now=now)
        with pytest.raises(AlreadyRunning):
            nodes.join(session, shared, lease=LEASE, now=now)
    with database.transaction() as session:
        nodes.join(session, shared, lease=LEASE, now=now)
    database.close()


def test_nodes_of_an_older_schema_are_ended(database: Database) -> None:
    """A node that joins with a newer schema ends those that do not know it; rows are kept for a week."""
    with database.transaction() as session:
        given.node(session)
        count = nodes.end_others(session, as_=NodeEnd.REPLACED, now=NOW, older_than="9999")
        none = nodes.end_others(session, as_=NodeEnd.REPLACED, now=NOW, older_than="9999")
        nodes.forget_ended(session, now=NOW + nodes.KEPT_FOR - timedelta(seconds=1))
        kept = len(session.scalars(select(Node)).all())
        nodes.forget_ended(session, now=NOW + nodes.KEPT_FOR)
        left = len(session.scalars(select(Node)).all())

    assert (count, none, kept, left) == (1, 0, 1, 0)


def test_what_is_due_after_a_release_is_announced_by_kind() -> None:
    """The rows of a release are the work that is due."""
    released = claims.ReleasedClaims([1], [2], [3], [], [4], [5])

    assert released.due() == [
        Work(WorkKind.RUN, 2),
        Work(WorkKind.MATCH, 3),
        Work(WorkKind.DELIVER, 4),
        Work(WorkKind.UNIT, 5),
    ]
