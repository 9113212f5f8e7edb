"""Delivery: the outbox with real receivers and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import pytest
from sqlalchemy import text

from alerts.sender import RECORD_AGAIN_S, DeliveryService
from alerts.settings import Channel
from alerts.transports.webhook import RETRYABLE
from storage import deliveries
from storage.alerts import AlertKind, TriageState
from storage.database.base import Database
from storage.deliveries import AttemptOutcome, ChannelState, DeliveryState
from tests.alerts.samples import SECRET, email_channel, webhook_channel
from tests.alerts.world import World
from tests.peers.smtp import SmtpPeer
from tests.peers.webhook import WebhookPeer

FAST = {"retry": {"base_s": 60, "max_s": 600, "attempts": 100, "give_up_after_s": 7200}}


@pytest.fixture
def peers() -> Iterator[tuple[SmtpPeer, WebhookPeer]]:
    """A mail server and a webhook receiver."""
    with SmtpPeer() as mail, WebhookPeer(SECRET) as hook:
        yield mail, hook


def world_of(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer], path: str = "/ok", **retry: object
) -> World:
    """A world whose channels send to the peers."""
    mail, hook = peers
    channels: dict[str, Channel] = {
        "mail": email_channel(mail.port),
        "hook": webhook_channel(hook.url(path)),
    }
    return World(database, channels=channels, settings={"retry": FAST["retry"] | retry})


def channel_alerts(world: World) -> list[tuple[str, TriageState]]:
    """The channel and the state of each alert about a channel."""
    return [
        (alert.dedupe_key.split(":")[1], alert.state)
        for alert in world.alerts()
        if alert.kind is AlertKind.CHANNEL
    ]


def test_each_channel_gets_the_alert_once(database: Database, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """One finding gives one e-mail and one verified webhook: two deliveries with one attempt each."""
    world = world_of(database, peers)
    world.add_finding()

    world.deliver_due()
    world.deliver_due()

    mail, hook = peers
    assert len(mail.received) == 1
    assert [request.verified for request in hook.received] == [True]
    assert [delivery.state for delivery in world.deliveries()] == [DeliveryState.SENT] * 2
    for delivery in world.deliveries():
        assert [attempt.outcome for attempt in world.attempts(delivery.id)] == [AttemptOutcome.SENT]


def test_the_key_of_the_row_is_the_key_on_the_wire(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """webhook-id and the Idempotency-Key header are the idempotency keys of the delivery rows."""
    world = world_of(database, peers)
    world.add_finding()

    world.deliver_due()

    mail, hook = peers
    on_the_wire = {
        "mail": mail.received[0]["Idempotency-Key"],
        "hook": hook.received[0].headers["webhook-id"],
    }
    assert {delivery.channel: delivery.idempotency_key for delivery in world.deliveries()} == on_the_wire


def test_a_webhook_that_answers_500_for_an_hour(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """It is tried again with growing waits and reported once by mail; when it is back, that is reported
    too.
    """
    world = world_of(database, peers, "/back")
    mail, hook = peers
    world.add_finding()
    started = world.clock()
    while (world.clock() - started).total_seconds() < 3600:
        world.deliver_due()
        world.clock.advance(minutes=1)
    during = channel_alerts(world)
    hook.mend()
    for _ in range(15):
        world.deliver_due()
        world.clock.advance(minutes=1)

    assert during == [("hook", TriageState.NEW)]
    assert channel_alerts(world) == [("hook", TriageState.RESOLVED)]
    (finding,) = (d for d in world.deliveries(channel="hook") if d.alert_id == 1)
    assert DeliveryState.SENT is finding.state
    outcomes = [attempt.outcome for attempt in world.attempts(finding.id)]
    assert [AttemptOutcome.RETRY] * (len(outcomes) - 1) + [AttemptOutcome.SENT] == outcomes
    starts = [attempt.started_at for attempt in world.attempts(finding.id)]
    waits = [round((after - before).total_seconds() / 60) for before, after in pairwise(starts)]
    assert waits[:8] == [1, 2, 4, 8, 10, 10, 10, 10]
    assert len({request.headers["webhook-id"] for request in hook.received}) == 1
    subjects = [str(message["Subject"]) for message in mail.received]
    assert len(subjects) == 3
    assert "Channel hook" in subjects[1]
    assert "Resolved: Channel hook" in subjects[2]


def test_a_dead_channel_gets_no_word_of_its_own_death(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """An alert about a dead channel goes to the other channels only."""
    world = world_of(database, peers, "/gone")
    world.add_finding()

    world.deliver_due()

    (channel_alert,) = (alert for alert in world.alerts() if alert.kind is AlertKind.CHANNEL)
    assert [d.channel for d in world.deliveries(alert_id=channel_alert.id)] == ["mail"]


def test_a_permanent_failure_says_so_and_stops(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """410 ends the delivery at once; the row has the reason, and it is never sent again."""
    world = world_of(database, peers, "/gone")
    world.add_finding()

    world.deliver_due()
    world.clock.advance(days=1)
    world.deliver_due()

    (delivery,) = world.deliveries(channel="hook")
    (attempt,) = world.attempts(delivery.id)
    assert (delivery.state, delivery.reason) == (DeliveryState.FAILED, "receiver_gone")
    assert (attempt.outcome, attempt.status_code) == (AttemptOutcome.PERMANENT, 410)
    assert attempt.detail is not None
    assert "410" in attempt.detail
    assert len(peers[1].received) == 1


def test_retry_after_delays_the_next_attempt(database: Database, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """After 429 with Retry-After: 120, the next attempt is due in two minutes."""
    assert 429 in RETRYABLE
    world = world_of(database, peers, "/busy")
    world.add_finding()

    world.deliver_due()

    (delivery,) = world.deliveries(channel="hook")
    assert (delivery.next_attempt_at - world.clock()).total_seconds() == 120


def test_attempts_used_up_end_the_delivery(database: Database, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """After the last attempt the delivery has failed with "gave_up", and the detail names the last error."""
    world = world_of(database, peers, "/always-500", attempts=3)
    world.add_finding()

    for _ in range(5):
        world.deliver_due()
        world.clock.advance(minutes=10)

    (delivery,) = world.deliveries(channel="hook", alert_id=1)
    last = world.attempts(delivery.id)[-1]
    assert (last.number, delivery.reason) == (3, "gave_up")
    assert last.detail is not None
    assert "500" in last.detail


def test_what_failed_for_good_can_be_sent_again(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """After the operator corrected the channel, a failed delivery is sent with its old key."""
    world = world_of(database, peers, "/gone")
    world.add_finding()
    world.deliver_due()
    world.channels["hook"] = webhook_channel(peers[1].url("/ok"))

    with database.transaction() as session:
        deliveries.retry_failed(session, now=world.clock(), channel="hook")
    world.deliver_due()

    assert [d.state for d in world.deliveries(channel="hook", alert_id=1)] == [DeliveryState.SENT]
    assert len({request.headers["webhook-id"] for request in peers[1].received[:2]}) == 1
    assert channel_alerts(world) == [("hook", TriageState.RESOLVED)]


def test_a_retry_by_hand_has_all_its_time_and_attempts(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """A failed delivery that is requested again has all its attempts again before it gives up."""
    world = world_of(database, peers, "/always-500", attempts=3)
    world.add_finding()
    for _ in range(3):
        world.deliver_due()
        world.clock.advance(minutes=10)
    world.clock.advance(days=2)

    with database.transaction() as session:
        deliveries.retry_failed(session, now=world.clock(), channel="hook")
    states = []
    for _ in range(3):
        world.deliver_due()
        states += [d.state for d in world.deliveries(channel="hook", alert_id=1)]
        world.clock.advance(minutes=10)

    assert states == [DeliveryState.PENDING, DeliveryState.PENDING, DeliveryState.FAILED]
    last = world.attempts(world.deliveries(channel="hook", alert_id=1)[0].id)[-1]
    assert last.number == 6
    assert last.detail is not None
    assert "3 attempts" in last.detail


def test_an_unreachable_mail_server_is_reported_on_the_webhook(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """Deliveries for a mail server that is down stay pending, and the webhook reports that mail is dead."""
    world = world_of(database, peers, dead_after=2)
    with SmtpPeer() as short_lived:
        world.channels["mail"] = email_channel(short_lived.port)
    world.add_finding()

    for _ in range(3):
        world.deliver_due()
        world.clock.advance(minutes=5)

    (waiting,) = world.deliveries(channel="mail", alert_id=1)
    assert (waiting.state, waiting.reason) == (DeliveryState.PENDING, "connection_failed")
    assert channel_alerts(world) == [("mail", TriageState.NEW)]
    assert b"Channel mail" in peers[1].received[-1].body


def test_both_channels_dead_ends_in_rows_not_in_a_loop(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """Two dead channels report each other once; a failed report does not cause another report."""
    world = world_of(database, peers, "/gone")
    world.channels["mail"] = email_channel(peers[0].port, to=["refused@lender.test"])
    world.add_finding()

    for _ in range(5):
        world.deliver_due()
        world.clock.advance(hours=1)

    assert len(channel_alerts(world)) == 2
    with database.reading() as session:
        assert {ChannelState.DEAD} == {channel.state for channel in deliveries.channels(session)}


def test_a_failed_test_is_not_tried_again_and_kills_no_channel(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """A failed test message is not sent again, and its channel does not count as dead."""
    world = world_of(database, peers, "/always-500")
    world.judging.send_test()

    world.deliver_due()
    world.clock.advance(hours=2)

    assert world.deliver_due() == 0
    assert [d.state for d in world.deliveries(channel="hook")] == [DeliveryState.FAILED]
    assert channel_alerts(world) == []


def test_a_removed_channel_is_the_reason(database: Database, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """A delivery for a channel that was removed fails with that reason; there is no alert about it."""
    world = world_of(database, peers)
    world.add_finding()
    del world.channels["hook"]

    world.deliver_due()

    (delivery,) = world.deliveries(channel="hook")
    assert (delivery.state, delivery.reason) == (DeliveryState.FAILED, "channel_removed")
    assert channel_alerts(world) == []


def test_two_workers_send_a_delivery_once(database: Database, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """A delivery that another worker has claimed is not sent."""
    world = world_of(database, peers)
    world.add_finding()
    with database.transaction() as session:
        claimed = deliveries.claim_delivery(session, 1, now=world.clock())

    world.delivery.deliver(1)

    assert claimed is not None
    assert peers[0].received == []


def test_a_late_worker_changes_nothing(database: Database, peers: tuple[SmtpPeer, WebhookPeer]) -> None:
    """A worker whose claim was taken over writes no outcome: the row belongs to the newer claim."""
    world = world_of(database, peers)
    world.add_finding()
    with database.transaction() as session:
        stale = deliveries.claim_delivery(session, 1, now=world.clock())
        assert stale is not None
        deliveries.recover_deliveries(session, now=world.clock())
    world.delivery.deliver(1)

    with database.transaction() as session:
        taken = deliveries.record_outcome(
            session, stale, outcome=AttemptOutcome.PERMANENT, reason="late", now=world.clock()
        )

    assert not taken
    assert DeliveryState.SENT is world.deliveries()[0].state


def test_an_interrupted_attempt_is_made_again_with_the_same_key(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """A claim without an outcome becomes an interrupted attempt at the next start; the second one is sent."""
    world = world_of(database, peers)
    world.add_finding()
    with database.transaction() as session:
        deliveries.claim_delivery(session, 1, now=world.clock())

    with database.transaction() as session:
        deliveries.recover_deliveries(session, now=world.clock())
    world.deliver_due()

    assert [a.outcome for a in world.attempts(1)] == [AttemptOutcome.INTERRUPTED, AttemptOutcome.SENT]
    assert [world.deliveries()[0].idempotency_key] == [m["Idempotency-Key"] for m in peers[0].received]


def test_a_message_whose_outcome_could_not_be_written_goes_out_again_by_itself(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """When the lease of the lost attempt is over, the next one sends with the same key; no restart is
    needed.
    """
    world = world_of(database, peers)
    world.add_finding()
    with database.transaction() as session:
        deliveries.claim_delivery(session, 1, now=world.clock())

    world.deliver_due()
    meanwhile = world.deliveries()[0].state
    world.clock.advance(seconds=deliveries.SEND_LEASE.total_seconds())
    world.deliver_due()

    assert meanwhile is DeliveryState.SENDING
    assert [a.outcome for a in world.attempts(1)] == [AttemptOutcome.INTERRUPTED, AttemptOutcome.SENT]
    assert [world.deliveries()[0].idempotency_key] == [m["Idempotency-Key"] for m in peers[0].received]


def test_an_outcome_that_could_not_be_written_is_kept_and_not_sent_twice(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer], capsys: pytest.CaptureFixture[str]
) -> None:
    """The message went out while the database was away. Its outcome is written from memory, and no second
    message is sent.
    """
    world = world_of(database, peers)
    world.add_finding()
    waits: list[float] = []
    looks: list[datetime] = []

    def rename(table: str, name: str) -> None:
        with database.transaction() as session:
            session.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            rename("away", "delivery_attempts")

    def clock() -> datetime:
        looks.append(world.clock())
        if len(looks) == 2:  # the attempt is claimed, and the message is about to go out
            rename("delivery_attempts", "away")
        return looks[-1]

    service = DeliveryService(
        database=database,
        settings=world.alerts_settings,
        dispatcher=world.announced,
        clock=clock,
        wait=wait,
    )
    service.deliver(1)
    world.deliver_due()

    assert waits == list(RECORD_AGAIN_S[:3])
    assert [a.outcome for a in world.attempts(1)] == [AttemptOutcome.SENT]
    assert len(peers[0].received) == 1
    assert "It is kept and written as soon as" in capsys.readouterr().out


def test_accept_then_drop_delivers_at_least_once(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """Receivers that accept a message and hang up get it again with the same key, and the rows end as
    sent.
    """
    world = world_of(database, peers, "/drops-once")
    world.channels["mail"] = email_channel(peers[0].port, to=["drops-once@lender.test"])
    world.add_finding()

    for _ in range(2):
        world.deliver_due()
        world.clock.advance(minutes=2)

    mail, hook = peers
    assert (len(mail.received), len(hook.received)) == (2, 2)
    assert len({message["Message-ID"] for message in mail.received}) == 1
    assert len({request.headers["webhook-id"] for request in hook.received}) == 1
    assert [delivery.state for delivery in world.deliveries()] == [DeliveryState.SENT] * 2


def test_a_late_delivery_sends_its_own_revision(
    database: Database, peers: tuple[SmtpPeer, WebhookPeer]
) -> None:
    """A delivery that waited while its finding got stronger sends its own revision; the update follows."""
    world = world_of(database, peers)
    world.add_finding()
    world.judging.evaluate(
        world.match(
            world.crawl(text="sample", sample="rows"), hits={"phone": 3}, coherent_rows=3, customers=3
        )
    )

    world.deliver_due()

    first, second = peers[0].wait(2)
    assert "[HIGH]" in str(first["Subject"])
    assert "[CRITICAL] Stronger:" in str(second["Subject"])
    assert first["Message-ID"] == second["In-Reply-To"]


def test_only_the_deferred_recipient_gets_the_mail_again(database: Database) -> None:
    """The delivery remembers who has the message, as digests, until the last one has it."""
    with SmtpPeer() as mail:
        to = ["soc@lender.test", "later@lender.test", "desk@lender.test"]
        world = World(database, channels={"mail": email_channel(mail.port, to=to)}, settings=FAST)
        world.add_finding()
        world.deliver_due()
        (waiting,) = world.deliveries()
        world.clock.advance(minutes=10)
        world.deliver_due()
        mail.mended = True
        world.clock.advance(minutes=10)
        world.deliver_due()

    assert mail.recipients == [["soc@lender.test", "desk@lender.test"], ["later@lender.test"]]
    assert len({message["Message-ID"] for message in mail.received}) == 1
    assert (waiting.state, len((waiting.accepted or "").split())) == (DeliveryState.PENDING, 2)
    assert "@" not in f"{waiting.accepted}"
    assert [delivery.state for delivery in world.deliveries()] == [DeliveryState.SENT]
