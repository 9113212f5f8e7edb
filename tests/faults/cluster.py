"""PostgreSQL, an object store, a webhook receiver, a site, and nodes that share all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import select

from storage import runs
from storage.database import schema
from storage.database.base import Database
from storage.doorbell import ring
from storage.errors import StorageError
from storage.runs import RunTrigger
from storage.sources import Source
from storage.stores.location import StoreAddress
from storage.work import WorkKind
from tests.cli.command import environment
from tests.cli.warm_start import ForkedCommand
from tests.faults.network import HUB, SITES, NodeNetwork, open_hub
from tests.faults.site import COMPANY, FeedSite, Offers
from tests.packaging.here import ROOT
from tests.peers.postgres import PostgresServer, die_with_parent, find_binaries
from tests.peers.s3 import FaultProxy, S3Server, s3_settings
from tests.peers.small_disk import small_disk
from tests.peers.webhook import WebhookPeer
from tests.processes import children_of

LEASE_S = 3
SECRET = "whsec_" + "aW52ZW50ZWQtaW52ZW50ZWQtaW52ZW50ZWQtaW52ZW50ZWQ="
#: Bytes of a node's disk: its evidence waits there while the store is ill.
DISK_KB = 24_000
STOP_S = 30
SETTINGS = """
[storage]
database_url = "{database_url}"
evidence = "s3://{bucket}/evidence"
evidence_dir = "{folder}/disk/evidence"
[storage.s3]
endpoint = "{endpoint}"
allow_http = true
access_key_id = "key"
secret_access_key = "secret"
timeout_s = 3
[daemon]
engine = "procrastinate"
node_name = "node{number}"
lease_s = {lease_s}
disk_floor_mb = 4
health_address = ""
[crawler]
concurrent_runs = 2
deadline_s = 60
stop_grace_s = 2
[matching]
segments_dir = "{folder}/segments"
[alerts]
[alerts.channels.hook]
transport = "webhook"
url = "{hook}"
secrets = ["{secret}"]
allow_private_addresses = ["{hub}"]
timeout_s = 3
"""
SOURCE = """
kind = "feed"
start = "http://{address}:{port}/{name}"
allow_private_addresses = ["{address}"]
[schedule]
every = "1d"
[politeness]
delay_s = 0
"""
COMPANY_FILE = f"""
name = "{COMPANY}"
[[terms]]
text = "{COMPANY}"
owner = "fraud desk"
reason = "its name"
"""


@dataclass
class Node:
    """A daemon in a namespace of its own. `clock_s`: by how much its clock is wrong at its next start."""

    number: int
    network: NodeNetwork
    folder: Path
    clock_s: int = 0
    starts: int = 0
    _process: subprocess.Popen[bytes] | ForkedCommand | None = None

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the daemon; its log is appended to.

        It is a fork of a process that has imported it, which costs a tenth of a new process. With a wrong
        clock it is a new one, because the clock is told to a program at its start.
        """
        self.starts += 1
        if self.clock_s:
            self._process = self._started_with_clock()
            return
        log = str(self.folder / "log")
        Path(log).touch()
        self._process = ForkedCommand(
            ["run"],
            folder=self.folder,
            environment=environment({"PYTHONPATH": str(ROOT)}),
            output=log,
            errors=log,
            network=self.network.namespace,
        )
        self._process.stderr.close()

    def start_if_ended(self) -> None:
        """Do what a service manager does."""
        if self._process is not None and self._process.poll() is not None:
            self.start()

    def kill(self) -> None:
        """Kill the daemon with -9; its runs die with it."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(STOP_S)

    def pause(self) -> None:
        """Stop all of its processes, as a machine does that sleeps."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the daemon; kill it if it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        self.resume()
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired, TimeoutError):
            self._process.wait(STOP_S)
            return
        self.kill()

    def _started_with_clock(self) -> subprocess.Popen[bytes]:
        clock = ("faketime", "-f", f"{self.clock_s:+d}s")
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*self.network.inside, *clock, sys.executable, "-m", "cli.main", "run"],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def _signal(self, number: signal.Signals) -> None:
        for pid in _tree_of(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _tree_of(pid: int) -> list[int]:
    """Return a process and those that it has started, the oldest first."""
    return [pid, *(each for child in children_of(pid) for each in _tree_of(child))]


@dataclass
class Cluster:
    """Use as a context manager, in a namespace of its own."""

    folder: Path
    count: int
    offers: Offers = field(default_factory=lambda: Offers(tuple(f"s{n}" for n in range(1, 4))))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            open_hub()
            binaries = find_binaries()
            assert binaries is not None, "PostgreSQL is missing"
            self.postgres = PostgresServer(binaries, address=HUB)
            stack.callback(self.postgres.stop)
            self.postgres.start()
            self.postgres.create("faults")
            self.store = stack.enter_context(S3Server())
            self.store_proxy = stack.enter_context(FaultProxy(self.store, address=HUB, delay_s=2.0))
            self.hook = stack.enter_context(WebhookPeer(SECRET, address=HUB))
            self.sites = [stack.enter_context(FeedSite(self.offers, address=each)) for each in SITES]
            self.database = Database.open(self.postgres.url("faults"))
            stack.callback(self.database.close)
            schema.upgrade_schema(self.database)
            bucket = self.store.bucket()
            self.evidence = StoreAddress.parse(f"s3://{bucket}/evidence").opened(s3_settings(self.store.url))
            self.nodes = [self._prepared_node(stack, number, bucket) for number in range(self.count)]
            for node in self.nodes:
                stack.callback(node.stop)
                node.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def visit_all(self, slot: str) -> None:
        """Queue a visit to each source and announce it, as a node with the role schedule does."""
        now = datetime.now(UTC)
        with suppress(StorageError), self.database.transaction() as session:
            for source_id in session.scalars(select(Source.id)):
                run_id = runs.enqueue_run(session, source_id, slot=slot, trigger=RunTrigger.SCHEDULE, now=now)
                if run_id is not None:
                    ring(session, WorkKind.RUN, [run_id])

    def _prepared_node(self, stack: ExitStack, number: int, bucket: str) -> Node:
        folder = self.folder / f"node{number}"
        (folder / "sources").mkdir(parents=True)
        (folder / "companies").mkdir()
        node = Node(number, stack.enter_context(NodeNetwork(number)), folder)
        stack.enter_context(small_disk(node.disk, size_kb=DISK_KB))
        settings = SETTINGS.format(
            database_url=self.postgres.network_url("faults"),
            bucket=bucket,
            folder=folder,
            endpoint=self.store_proxy.url,
            number=number,
            lease_s=LEASE_S,
            hook=self.hook.url("/ok", host=HUB),
            secret=SECRET,
            hub=HUB,
        )
        (folder / "spillwatch.toml").write_text(settings)
        (folder / "spillwatch.toml").chmod(0o600)
        (folder / "companies/lender.toml").write_text(COMPANY_FILE)
        for name, site, address in zip(self.offers.sources, self.sites, SITES, strict=True):
            source = SOURCE.format(address=address, port=site.port, name=name)
            (folder / f"sources/{name}.toml").write_text(source)
        return node
