"""storage.deliveries: the outbox, and the state of each channel."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from storage import deliveries
from storage.database.base import Database
from storage.deliveries import (
    AttemptOutcome,
    ChannelState,
    ChannelTransition,
    ClaimedDelivery,
    DeliveryState,
)
from tests.storage import given
from tests.storage.given import NOW

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def delivery_id(database: Database) -> int:
    with database.transaction() as session:
        return given.alert(session).delivery_ids[0]


def claim(database: Database, delivery_id: int) -> ClaimedDelivery:
    with database.transaction() as session:
        claimed = deliveries.claim_delivery(session, delivery_id, now=NOW)
    assert claimed
    return claimed


def test_an_alert_and_its_deliveries_come_together(database: Database) -> None:
    """A rollback leaves neither; after a commit there is a due delivery per channel, each with its own
    key.
    """
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        given.alert(session, "mail", "soc")
        raise ZeroDivisionError
    with database.reading() as session:
        none = deliveries.due_deliveries(session, now=NOW, limit=10)
    with database.transaction() as session:
        opened = given.alert(session, "mail", "soc")

    with database.reading() as session:
        due = deliveries.due_deliveries(session, now=NOW, limit=10)
        stored = deliveries.deliveries_of_alert(session, opened.alert_id)
    assert (none, tuple(due)) == ([], opened.delivery_ids)
    assert [one.channel for one in stored] == ["mail", "soc"]
    assert len({one.idempotency_key for one in stored}) == 2


def test_one_of_many_claims_it(database: Database, delivery_id: int) -> None:
    """Of eight threads, one gets the claim, and there is one attempt."""
    barrier = threading.Barrier(8)

    def ask(_: int) -> ClaimedDelivery | None:
        barrier.wait()
        with database.transaction() as session:
            return deliveries.claim_delivery(session, delivery_id, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        claimed = [one for one in pool.map(ask, range(8)) if one]

    with database.reading() as session:
        attempts = deliveries.attempts_of(session, delivery_id)
    assert [one.attempt for one in claimed] == [one.number for one in attempts] == [1]


def test_sent(database: Database, delivery_id: int) -> None:
    """A sent delivery is not due again, and its attempt has the outcome."""
    claimed = claim(database, delivery_id)
    with database.transaction() as session:
        answers = [
            deliveries.record_outcome(
                session, claimed, outcome=AttemptOutcome.SENT, now=LATER, status_code=204, duration_ms=31
            )
            for _ in range(2)
        ]

    with database.reading() as session:
        delivery = deliveries.delivery_by_id(session, delivery_id)
        [attempt] = deliveries.attempts_of(session, delivery_id)
    assert delivery
    assert (answers, delivery.state, delivery.sent_at) == ([True, False], DeliveryState.SENT, LATER)
    assert (attempt.outcome, attempt.status_code, attempt.duration_ms) == (AttemptOutcome.SENT, 204, 31)


def test_a_retry_is_due_at_its_time_with_the_same_key(database: Database, delivery_id: int) -> None:
    """A retry is not due before its time, and keeps its idempotency key."""
    first = claim(database, delivery_id)
    with database.transaction() as session:
        deliveries.record_outcome(
            session, first, outcome=AttemptOutcome.RETRY, now=NOW, reason="http_500", next_attempt_at=LATER
        )
        early = (
            deliveries.claim_delivery(session, delivery_id, now=NOW),
            deliveries.due_deliveries(session, now=NOW, limit=9),
        )
        when = deliveries.next_due_at(session)
        second = deliveries.claim_delivery(session, delivery_id, now=LATER)

    assert (early, when) == ((None, []), LATER)
    assert second
    assert (second.attempt, second.idempotency_key) == (2, first.idempotency_key)


def test_a_retry_needs_a_time(database: Database, delivery_id: int) -> None:
    """A retry without a time is refused, and so is a success with one."""
    claimed = claim(database, delivery_id)
    with pytest.raises(ValueError, match="next_attempt_at"), database.transaction() as session:
        deliveries.record_outcome(session, claimed, outcome=AttemptOutcome.RETRY, now=NOW)
    with pytest.raises(ValueError, match="next_attempt_at"), database.transaction() as session:
        deliveries.record_outcome(
            session, claimed, outcome=AttemptOutcome.SENT, now=NOW, next_attempt_at=LATER
        )


def test_a_permanent_failure_stops(database: Database, delivery_id: int) -> None:
    """A delivery that failed permanently has its reason and is not due until a person retries it."""
    claimed = claim(database, delivery_id)
    with database.transaction() as session:
        deliveries.record_outcome(
            session, claimed, outcome=AttemptOutcome.PERMANENT, now=NOW, reason="http_410", detail="Gone."
        )
        due = deliveries.due_deliveries(session, now=LATER, limit=10)
        failed = deliveries.recent_deliveries(session, state=DeliveryState.FAILED)
        retried = deliveries.retry_failed(session, now=LATER, channel="soc")
        again = deliveries.claim_delivery(session, delivery_id, now=LATER)

    assert (due, [(one.id, one.reason) for one in failed]) == ([], [(delivery_id, "http_410")])
    assert retried == [delivery_id]
    assert again
    assert again.idempotency_key == claimed.idempotency_key


def test_what_was_being_sent_at_the_kill_is_sent_again(database: Database, delivery_id: int) -> None:
    """After a kill the attempt is interrupted, the delivery is due, and the old claim's outcome is
    refused.
    """
    zombie = claim(database, delivery_id)
    with database.transaction() as session:
        recovered = deliveries.recover_deliveries(session, now=LATER)
        refused = deliveries.record_outcome(session, zombie, outcome=AttemptOutcome.SENT, now=LATER)
        again = deliveries.claim_delivery(session, delivery_id, now=LATER)

    with database.reading() as session:
        outcomes = [one.outcome for one in deliveries.attempts_of(session, delivery_id)]
    assert (recovered, refused) == ([delivery_id], False)
    assert again
    assert (again.attempt, again.idempotency_key) == (2, zombie.idempotency_key)
    assert outcomes == [AttemptOutcome.INTERRUPTED, None]


def test_a_claim_that_nobody_concludes_ends(database: Database, delivery_id: int) -> None:
    """After SEND_LEASE the delivery is due without a restart; the lost attempt is interrupted, its claim
    void.
    """
    lost = claim(database, delivery_id)
    ended = NOW + deliveries.SEND_LEASE
    with database.transaction() as session:
        meanwhile = deliveries.due_deliveries(session, now=ended - timedelta(seconds=1), limit=10)
        due = deliveries.due_deliveries(session, now=ended, limit=10)
        again = deliveries.claim_delivery(session, delivery_id, now=ended)
        twice = deliveries.claim_delivery(session, delivery_id, now=ended)
        refused = deliveries.record_outcome(session, lost, outcome=AttemptOutcome.SENT, now=ended)

    with database.reading() as session:
        outcomes = [(one.outcome, one.reason) for one in deliveries.attempts_of(session, delivery_id)]
    assert (meanwhile, due, twice, refused) == ([], [delivery_id], None, False)
    assert again
    assert (again.attempt, again.idempotency_key) == (2, lost.idempotency_key)
    assert outcomes == [(AttemptOutcome.INTERRUPTED, "interrupted"), (None, None)]


def results(database: Database, *oks: bool, permanent: bool = False) -> list[ChannelTransition | None]:
    found = []
    for ok in oks:
        with database.transaction() as session:
            found.append(
                deliveries.record_channel_result(
                    session,
                    "soc",
                    transport="webhook",
                    ok=ok,
                    now=NOW,
                    reason=None if ok else "http_500",
                    permanent=permanent,
                    dead_after=3,
                )
            )
    return found


def test_a_channel_dies_by_failures_in_a_row(database: Database) -> None:
    """A channel fails at the first failure and is dead at the third, reported once each; a success resets
    the count.
    """
    found = results(database, True, False, True, False, False, False, False)

    states = [(one.before, one.after) if one else None for one in found]
    assert states == [
        None,
        (ChannelState.OK, ChannelState.FAILING),
        (ChannelState.FAILING, ChannelState.OK),
        (ChannelState.OK, ChannelState.FAILING),
        None,
        (ChannelState.FAILING, ChannelState.DEAD),
        None,
    ]


def test_a_channel_dies_of_one_permanent_failure_and_comes_back(database: Database) -> None:
    """One success makes a dead channel ok again, which is reported."""
    [died] = results(database, False, permanent=True)
    [back] = results(database, True)

    with database.reading() as session:
        [channel] = deliveries.channels(session)
    assert died
    assert back
    assert (died.after, died.reason) == (ChannelState.DEAD, "http_500")
    assert (back.before, back.after) == (ChannelState.DEAD, ChannelState.OK)
    assert (channel.state, channel.failures, channel.last_reason) == (ChannelState.OK, 0, "http_500")
