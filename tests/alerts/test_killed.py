"""A process that is killed in the middle of a delivery."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from storage import deliveries
from storage.database.base import Database
from storage.deliveries import AttemptOutcome, DeliveryState
from tests.alerts.samples import SECRET, webhook_channel
from tests.alerts.world import World
from tests.peers.webhook import WebhookPeer

ROOT = Path(__file__).resolve().parents[2]


def test_a_killed_delivery_is_made_again_under_its_key(database: Database, database_url: str) -> None:
    """If the process is killed after the receiver got the message, it comes again with the same key and
    body.
    """
    with WebhookPeer(SECRET) as receiver:
        world = World(database, channels={"hook": webhook_channel(receiver.url("/ok"))})
        world.add_finding()
        command = [sys.executable, "-m", "tests.alerts.delivering", database_url, receiver.url("/hangs")]
        with subprocess.Popen(command, cwd=ROOT) as child:
            receiver.wait(1, timeout_s=60)
            child.kill()

        with database.transaction() as session:
            deliveries.recover_deliveries(session, now=world.clock())
        world.deliver_due()

        first, second = receiver.wait(2)
    (delivery,) = world.deliveries()
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert first.verified
    assert second.verified
    assert DeliveryState.SENT is delivery.state
    assert [attempt.outcome for attempt in world.attempts(delivery.id)] == [
        AttemptOutcome.INTERRUPTED,
        AttemptOutcome.SENT,
    ]
