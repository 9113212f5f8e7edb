"""This daemon as a node: it joins, renews its lease, and ends nodes whose lease has run out.

Steps of each beat, every sixth of the lease, in a thread of its own:
1. renew the lease, by the database's clock, and measure that clock;
2. end the nodes whose lease has run out, and release their claims (only where nodes share a database);
3. if another node has ended this one, or the lease could not be renewed in time: tell the daemon, which stops
   its work, and join again as a new node.

A node that could not reach the database for a while does not end others at its first beat: the database was
away from them, too.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from daemon.metrics import NODE_LOST, NODES
from storage import nodes, runs
from storage.claims import release_lost_claims
from storage.database.base import Database
from storage.database.revisions import require_current
from storage.errors import SchemaNewer, SchemaOutdated, StorageError
from storage.nodes import EngineName, NodeEnd, NodeProfile
from storage.shared_clock import SharedClock, elapsed_s
from storage.work import Dispatcher, HeldLease, Work, WorkKind

BEATS_PER_LEASE = 6
STEADY_BEATS = 3  # in a row, before a node ends others again after it was cut off
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Lease:
    node_id: int
    until: float  # by `elapsed_s`


class NodeMembership:
    """The node of this daemon. `node_id` is that of the newest row; claims are made in its name."""

    def __init__(
        self,
        database: Database,
        profile: NodeProfile,
        *,
        lease_s: float,
        clock: SharedClock,
        dispatcher: Dispatcher,
        beat_s: float | None = None,
    ) -> None:
        self._database = database
        self._profile = profile
        self._lease = timedelta(seconds=lease_s)
        self._beat_s = beat_s or lease_s / BEATS_PER_LEASE
        self._clock = clock
        self._dispatcher = dispatcher
        self._shares = profile.engine is EngineName.PROCRASTINATE
        self._held: _Lease | None = None
        self._steady = STEADY_BEATS
        self._replaced: int | None = None  # the node about whose end a line was logged
        self._failure: str | None = None
        self._refused: StorageError | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat_loop, name="node", daemon=True)

    # --- what the work asks

    @property
    def node_id(self) -> int | None:
        return None if self._held is None else self._held.node_id

    def holds(self, node_id: int | None) -> bool:
        """Return whether claims of this node still belong to this process, as far as it knows.

        A node that works alone keeps its claims, however long the database is away: nobody else takes them.
        """
        held = self._held
        if held is None or held.node_id != node_id:
            return False
        return not self._shares or elapsed_s() < held.until

    def lease(self) -> HeldLease | None:
        held = self._held
        if held is None or not self._shares:
            return None
        return HeldLease(held.node_id, self._lease.total_seconds(), held.until, self._clock.anchor)

    def problem(self) -> str | None:
        """Say what is wrong; None if the lease was renewed in time."""
        if self._refused is not None:
            return str(self._refused)
        held = self._held
        return self._failure if held is not None and elapsed_s() >= held.until else None

    def refusal(self) -> StorageError | None:
        """Return the error for which this daemon must end: the database was upgraded for a newer program."""
        return self._refused

    # --- the daemon's steps

    def join(self) -> None:
        """Write this node's row. Raises StorageError if it must not join, or if the database is away."""
        asked = elapsed_s()
        with self._database.transaction() as session:
            now = self._clock.measure(session)
            if self.node_id is not None:
                nodes.end_node(session, self.node_id, as_=NodeEnd.LOST, now=now)
            node_id = nodes.join(session, self._profile, lease=self._lease, now=now)
            if self._shares:
                nodes.end_others(
                    session, as_=NodeEnd.REPLACED, now=now, older_than=self._profile.schema_revision
                )
                alone = [node.id for node in nodes.known_nodes(session)] == [node_id]
                self._announce(session, now, nobodys=alone)
        self._held = _Lease(node_id, asked + self._lease.total_seconds())
        self._failure = None

    def start(self) -> None:
        self._thread.start()

    def leave(self) -> None:
        """Stop the heartbeats, and end this node's row so that others take what it did not finish."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(self._beat_s)
        held, self._held = self._held, None
        if held is None:
            return
        with self._database.transaction() as session:
            now = self._clock()
            nodes.end_node(session, held.node_id, as_=NodeEnd.STOPPED, now=now)
            if self._shares:
                self._announce(session, now)
                stopped = runs.stopped_runs(session, held.node_id)
                for run_id in runs.repeat_interrupted(session, stopped, now=now):
                    self._dispatcher.announce(session, Work(WorkKind.RUN, run_id))

    def _beat_loop(self) -> None:
        while not self._stopping.wait(self._beat_s):
            try:
                self._beat()
            except StorageError as error:
                self._steady = 0
                if isinstance(error, (SchemaNewer, SchemaOutdated)):
                    self._refused = error
                    return
                self._failure = f"the lease of this node could not be renewed: {error}"
                log.debug("A heartbeat could not be written.", action="heartbeat_failed", reason=error.reason)

    def _beat(self) -> None:
        held = self._held
        if held is None:
            return
        asked = elapsed_s()
        with self._database.transaction() as session:
            now = self._clock.measure(session)
            renewed = nodes.renew_lease(session, held.node_id, lease=self._lease, now=now)
        if renewed and (not self._shares or asked < held.until):
            self._held = _Lease(held.node_id, asked + self._lease.total_seconds())
            self._failure = None
            if self._shares:
                self._watch_others()
            return
        self._join_again("ended" if not renewed else "overdue")

    def _watch_others(self) -> None:
        """End lapsed nodes and release what nobody holds, unless this node was cut off a moment ago."""
        require_current(self._database)
        self._steady += 1
        if self._steady < STEADY_BEATS:
            return
        with self._database.transaction() as session:
            now = self._clock()
            lapsed = nodes.end_lapsed(session, now=now)
            self._announce(session, now)
            nodes.forget_ended(session, now=now)
            NODES.set(len(nodes.known_nodes(session)))
        for node in lapsed:
            NODE_LOST.inc()
            log.warning(
                f"The lease of node {node.name} has run out. Its work goes on elsewhere.",
                action="node_lost",
                node=node.id,
                name=node.name,
            )

    def _announce(self, session: Session, now: datetime, *, nobodys: bool = False) -> None:
        released = release_lost_claims(session, now=now, nobodys=nobodys)
        for work in released.due():
            self._dispatcher.announce(session, work)
        counts = {name: count for name, count in released.counts().items() if count}
        if counts:
            log.warning("Released the claims of nodes that are gone.", action="claims_released", **counts)

    def _join_again(self, why: str) -> None:
        """Stop everything that was claimed in the old node's name, and join as a new one. If that fails, for
        example because somebody works alone just now, the next beat tries it again.
        """
        old = self.node_id
        if self._replaced != old:
            self._replaced = old
            log.error(
                "This node was paused or cut off for longer than its lease, so its work was given to others. "
                "It stops that work and joins again as a new node.",
                action="node_replaced",
                node=old,
                why=why,
            )
        require_current(self._database)
        self.join()
        log.info("Joined again.", action="node_joined", node=self.node_id)
