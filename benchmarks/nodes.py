"""Two nodes on one PostgreSQL and one bucket: from capture to delivery, and how many jobs a second they do.

Three feeds offer new items that name a watched company. A visit of each is queued and announced as a node
with the role schedule does it; the two daemons share what follows: run, sealing of the evidence, matching,
judging and delivery. Capture is when the page was fetched, delivery when the receiver's answer was noted,
both by the database's clock. Jobs are runs, matches, judgements and deliveries, of all items at once.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.measure import report
from benchmarks.storage import postgresql_url
from storage import runs
from storage.alerts import Alert
from storage.captures import Capture
from storage.database import schema
from storage.database.base import Database
from storage.database.job_schema import upgrade_job_schema
from storage.deliveries import Delivery, DeliveryState
from storage.doorbell import ring
from storage.listing_tables import ListingVersion
from storage.matches import MatchSummary
from storage.nodes import known_nodes
from storage.runs import RunTrigger
from storage.sources import Source
from storage.work import WorkKind
from tests.cli.command import environment
from tests.cli.warm_start import ForkedCommand
from tests.faults.cluster import COMPANY_FILE, SECRET, SOURCE
from tests.faults.site import SHOWN, FeedSite, Offers
from tests.peers.s3 import S3Server
from tests.peers.webhook import WebhookPeer

NODES = 2
ROUNDS = 20
OFFERS = 5  # of each feed and round
SITES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
LOOPBACK = "127.0.0.1"
WITHIN_S = 120.0
SETTINGS = """
[storage]
database_url = "{database_url}"
evidence = "s3://{bucket}/evidence"
[storage.s3]
endpoint = "{endpoint}"
allow_http = true
access_key_id = "key"
secret_access_key = "secret"
[daemon]
engine = "procrastinate"
node_name = "node{number}"
health_address = ""
[alerts]
[alerts.channels.hook]
transport = "webhook"
url = "{hook}"
secrets = ["{secret}"]
allow_private_addresses = ["{loopback}"]
"""


@dataclass
class _Cluster:
    database: Database
    offers: Offers
    hook: WebhookPeer
    visits: int = 0

    def publish(self, count: int) -> float:
        """Let each feed offer more, visit them, and return the seconds until every alert was delivered."""
        self.offers.publish(count)
        self.visits += 1
        began, now = time.monotonic(), datetime.now(UTC)
        with self.database.transaction() as session:
            for source_id in session.scalars(select(Source.id)):
                slot = f"visit {self.visits}"
                run_id = runs.enqueue_run(session, source_id, slot=slot, trigger=RunTrigger.SCHEDULE, now=now)
                if run_id is not None:
                    ring(session, WorkKind.RUN, [run_id])
        self.hook.wait(len(self.offers.keys()), WITHIN_S)
        took_s = time.monotonic() - began
        _wait_until(lambda: self._sent() == len(self.offers.keys()))
        return took_s

    def latencies(self) -> list[float]:
        """Return the seconds from the capture of each listing's first version to its delivery."""
        query = (
            select(Capture.fetched_at, Delivery.sent_at)
            .join(ListingVersion, ListingVersion.capture_id == Capture.id)
            .join(Alert, Alert.listing_id == ListingVersion.listing_id)
            .join(Delivery, Delivery.alert_id == Alert.id)
        )
        with self.database.reading() as session:
            return [(sent - at).total_seconds() for at, sent in session.execute(query) if sent is not None]

    def jobs(self) -> int:
        """Return how many runs, versions, summaries and deliveries there are."""
        with self.database.reading() as session:
            tables = (runs.Run, ListingVersion, MatchSummary, Delivery)
            return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)

    def _sent(self) -> int:
        with self.database.reading() as session:
            sent = select(func.count()).where(Delivery.state == DeliveryState.SENT)
            return session.scalar(sent) or 0


def main() -> None:
    with _cluster() as cluster:
        for _ in range(3):  # the warm processes rehearse, and the watch is loaded
            cluster.publish(1)
        known = len(cluster.latencies())
        for _ in range(ROUNDS):
            cluster.publish(OFFERS)
        seconds = cluster.latencies()[known:]
        before = cluster.jobs()
        took_s = sum(cluster.publish(SHOWN) for _ in range(3))
        per_s = (cluster.jobs() - before) / took_s
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    report(
        ("nodes", "alerts", "capture to delivery, p50 ms", "p99 ms", "longest ms", "jobs per second"),
        [(NODES, len(seconds), cuts[49] * 1000, cuts[98] * 1000, max(seconds) * 1000, per_s)],
    )


@contextmanager
def _cluster() -> Iterator[_Cluster]:
    offers = Offers(tuple(f"s{number}" for number in range(1, len(SITES) + 1)))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spillwatch-bench-")))
        url = stack.enter_context(postgresql_url())
        store = stack.enter_context(S3Server())
        hook = stack.enter_context(WebhookPeer(SECRET))
        sites = [stack.enter_context(FeedSite(offers, address=address)) for address in SITES]
        database = Database.open(url)
        stack.callback(database.close)
        schema.upgrade_schema(database)
        upgrade_job_schema(database)
        bucket = store.bucket()
        for number in range(NODES):
            home = folder / f"node{number}"
            (home / "sources").mkdir(parents=True)
            (home / "companies").mkdir()
            settings = SETTINGS.format(
                database_url=url,
                bucket=bucket,
                endpoint=store.url,
                number=number,
                hook=hook.url("/ok", host=LOOPBACK),
                secret=SECRET,
                loopback=LOOPBACK,
            )
            (home / "spillwatch.toml").write_text(settings)
            (home / "spillwatch.toml").chmod(0o600)
            (home / "companies" / "lender.toml").write_text(COMPANY_FILE)
            for name, site, address in zip(offers.sources, sites, SITES, strict=True):
                text = SOURCE.format(address=address, port=site.port, name=name)
                (home / "sources" / f"{name}.toml").write_text(text)
            log = home / "log"
            log.touch()
            node = ForkedCommand(
                ["run"], folder=home, environment=environment(), output=str(log), errors=str(log)
            )
            stack.callback(node.wait, WITHIN_S)
            stack.callback(node.kill)
        _wait_until(lambda: _nodes(database) == NODES)
        yield _Cluster(database, offers, hook)


def _nodes(database: Database) -> int:
    with database.reading() as session:
        return len(known_nodes(session))


def _wait_until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_S
    while not happened():
        if time.monotonic() > until:
            raise TimeoutError(f"the nodes did not get that far within {WITHIN_S:.0f} s")
        time.sleep(0.02)
