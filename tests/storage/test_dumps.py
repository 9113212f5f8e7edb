"""storage.dumps: each unit is matched once, also if nodes are killed or frozen meanwhile."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from storage import dumps, nodes
from storage.claims import release_all_claims, release_lost_claims
from storage.database.base import Database
from storage.dumps import ClaimedUnit, NewUnit, UnitState
from storage.nodes import NodeEnd
from storage.retention.erasure import erase_company
from tests.storage import given
from tests.storage.given import NOW

KEYS = ("a", "b", "c")


@pytest.fixture
def dump_id(database: Database) -> int:
    """A dump with three units."""
    with database.transaction() as session:
        dump_id = opened(session)
        dumps.add_units(session, dump_id, [NewUnit(key, {"n": key}, 10) for key in KEYS], now=NOW)
        return dump_id


def opened(session: Session, key: str = "k") -> int:
    return dumps.open_dump(session, key, watch_version="w", company=None, options={"limit": 5}, now=NOW)


def claim(
    database: Database, unit_id: int, *, after_s: float = 0, node: int | None = None
) -> ClaimedUnit | None:
    with database.transaction() as session:
        return dumps.claim_unit(session, unit_id, now=NOW + timedelta(seconds=after_s), node_id=node)


def taken(database: Database, *, after_s: float = 0) -> ClaimedUnit:
    """Claim the first due unit."""
    with database.reading() as session:
        unit_id = dumps.due_units(session, now=NOW + timedelta(seconds=after_s), limit=1)[0]
    claimed = claim(database, unit_id, after_s=after_s)
    assert claimed
    return claimed


def test_a_unit_is_claimed_once_and_ends_once(database: Database, dump_id: int) -> None:
    """The loser of the race gets None; the result is there under the unit's key."""
    claimed = taken(database)

    second = claim(database, claimed.unit_id)
    with database.transaction() as session:
        written = [dumps.finish_unit(session, claimed, each) for each in (b"result", b"again")]
    with database.reading() as session:
        found = dumps.unit_result(session, dump_id, "a")
        others = dumps.unit_result(session, dump_id, "b")
        due = len(dumps.due_units(session, now=NOW, limit=9))

    assert (second, written, others, due) == (None, [True, False], None, 2)
    assert found and (found.state, found.result) == (UnitState.DONE, b"result")
    assert (claimed.content, claimed.watch_version, claimed.options) == ({"n": "a"}, "w", {"limit": 5})


def test_a_claim_that_is_not_renewed_goes_to_another_node(database: Database, dump_id: int) -> None:
    """What the first node writes then is refused, and the second one's result counts."""
    frozen = taken(database)
    with database.transaction() as session:
        renewed = dumps.renew_unit(session, frozen, now=NOW + timedelta(seconds=20))
    early = claim(database, frozen.unit_id, after_s=45)
    with database.transaction() as session:
        node_id = nodes.join(session, given.profile(), lease=timedelta(seconds=30), now=NOW)
    second = claim(database, frozen.unit_id, after_s=51, node=node_id)
    assert second
    with database.transaction() as session:
        late = (
            dumps.renew_unit(session, frozen, now=NOW),
            dumps.finish_unit(session, frozen, b"old"),
            dumps.release_unit(session, frozen, now=NOW),
            dumps.record_unit_death(session, frozen, detail="", now=NOW),
        )
        dumps.finish_unit(session, second, b"new")

    with database.reading() as session:
        found = dumps.unit_result(session, dump_id, "a")
    assert (renewed, early, late) == (True, None, (False, False, False, None))
    assert found and found.result == b"new"


@pytest.mark.parametrize(("how", "most"), [("death", dumps.UNIT_DEATHS), ("refusal", dumps.UNIT_REFUSALS)])
def test_a_unit_fails_after_some_attempts(database: Database, dump_id: int, how: str, most: int) -> None:
    """Each failed attempt makes it due again, the last one ends it; opening the dump again begins anew."""
    states = []
    for attempt in range(most):
        claimed = taken(database, after_s=3 * attempt)
        now = NOW + timedelta(seconds=3 * attempt)
        with database.transaction() as session:
            if how == "death":
                state = dumps.record_unit_death(session, claimed, detail="Signal 9.", now=now)
            else:
                state = dumps.refuse_unit(session, claimed, reason="other", detail="Signal 9.", now=now)
        states.append(state)
        assert claimed.content == {"n": "a"}
    with database.reading() as session:
        failed = dumps.unit_result(session, dump_id, "a")
    with database.transaction() as session:
        again = opened(session)

    assert states == [UnitState.PENDING] * (most - 1) + [UnitState.FAILED]
    assert failed and (failed.state, failed.detail) == (UnitState.FAILED, "Signal 9.")
    assert again == dump_id and taken(database).content == {"n": "a"}


def test_a_unit_that_ends_its_nodes_is_given_up(database: Database, dump_id: int) -> None:
    """A killed node counts nothing itself, so claims count, but for those that a stopping node gives back."""
    unit_id = taken(database).unit_id
    at = 0.0
    for _ in range(dumps.UNIT_CLAIMS - 1):
        at += 31
        claimed = claim(database, unit_id, after_s=at)
        assert claimed
        with database.transaction() as session:
            dumps.release_unit(session, claimed, now=NOW)
        assert claim(database, unit_id, after_s=at)

    last = claim(database, unit_id, after_s=at + 31)

    with database.reading() as session:
        found = dumps.unit_result(session, dump_id, "a")
    assert (last, found and found.reason) == (None, dumps.KILLED)


def test_opening_again_goes_on(database: Database, dump_id: int) -> None:
    """The same key is the same dump, whose units keep their results; another key is another dump."""
    claimed = taken(database)
    with database.transaction() as session:
        dumps.finish_unit(session, claimed, b"result")
    with database.transaction() as session:
        same, other = opened(session), opened(session, "other")
        dumps.add_units(session, same, [NewUnit(key, {"n": key}, 10) for key in (*KEYS, "d")], now=NOW)
    in_hand = taken(database)
    with database.reading() as session:
        progress = dumps.dump_progress(session, dump_id, now=NOW)
        later = dumps.dump_progress(session, dump_id, now=NOW + timedelta(minutes=1))
        found = dumps.unit_result(session, dump_id, "a")

    assert (same, other != same, in_hand.content) == (dump_id, True, {"n": "b"})
    assert (progress, later.in_hand) == (dumps.DumpProgress(10, 10, 40), 0)
    assert found and found.result == b"result"


def test_a_company_that_is_erased_leaves_no_results(database: Database, dump_id: int) -> None:
    """Dumps that were compared with it go; those of another company stay."""
    with database.transaction() as session:
        given.company(session, "lender")
        other = dumps.open_dump(session, "o", watch_version="w", company="mere", options={}, now=NOW)
        dumps.add_units(session, other, [NewUnit("x", {}, 10)], now=NOW)

    erasure = erase_company(database, "lender", person="dpo", reason="asked for", now=NOW)

    with database.reading() as session:
        left = (dumps.dump_progress(session, dump_id, now=NOW), dumps.dump_progress(session, other, now=NOW))
    assert erasure and (erasure.counts["dumps"], erasure.counts["dump_units"]) == (1, 3)
    assert [progress.total for progress in left] == [0, 10]


def test_a_dump_goes_with_its_units(database: Database, dump_id: int) -> None:
    """When it is deleted, or nobody asked for it for a long time; a node's late result changes nothing."""
    claimed = taken(database)
    with database.transaction() as session:
        opened(session, "young")
        early = dumps.remove_abandoned_dumps(session, before=NOW)
        dumps.remove_dump_of_key(session, "k")
        late = dumps.finish_unit(session, claimed, b"")
        old = dumps.remove_abandoned_dumps(session, before=NOW + timedelta(days=1))
        left = dumps.due_units(session, now=NOW, limit=9)

    assert (early, late, old, left) == (0, False, 1, [])


def test_the_units_of_a_lost_node_are_due_at_once(database: Database, dump_id: int) -> None:
    """Those of a node that is there stay with it; a node that was ended claims nothing."""
    with database.transaction() as session:
        lost, there = (
            nodes.join(session, given.profile(), lease=timedelta(seconds=30), now=NOW) for _ in "ab"
        )
    with database.reading() as session:
        first, second, third = dumps.due_units(session, now=NOW, limit=9)
    ours, theirs = claim(database, first, node=lost), claim(database, second, node=there)
    assert ours and theirs
    with database.transaction() as session:
        nodes.end_node(session, lost, as_=NodeEnd.LOST, now=NOW)
        released = release_lost_claims(session, now=NOW)
        late = dumps.finish_unit(session, ours, b"late")
        due = dumps.due_units(session, now=NOW, limit=9)
    refused = claim(database, third, node=lost)
    with database.transaction() as session:
        everything = release_all_claims(session, now=NOW)

    assert (list(released.units), late, list(due), refused) == ([first], False, [first, third], None)
    assert (released.counts()["units_due_again"], list(everything.units)) == (1, [second])
