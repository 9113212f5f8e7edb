"""The interface between the code that creates work and the engine that calls handlers.

The rows say what is due; an announcement only makes it start sooner. A handler gets a row's id and claims the
row by a conditional UPDATE. It may be called twice for the same row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy.orm import Session


class WorkKind(StrEnum):
    RUN = "run"
    MATCH = "match"
    REMATCH = "rematch"
    EVALUATE = "evaluate"
    SOURCE_CHANGE = "source_change"
    INSTALLATION = "installation"
    SCHEDULE = "schedule"
    DELIVER = "deliver"
    LIFE = "life"
    DIGEST = "digest"
    ESCALATION = "escalation"
    BUNDLE = "bundle"
    RETENTION = "retention"
    UNIT = "unit"
    AUDIT = "audit"


class NodeRole(StrEnum):
    """What a node does."""

    # daemon.roles says which kinds of work belong to each.

    SCHEDULE = "schedule"
    CRAWL = "crawl"
    MATCH = "match"
    DELIVER = "deliver"


class NodeRoute(StrEnum):
    """A way from a node to the sites."""

    DIRECT = "direct"
    TOR = "tor"


@dataclass(frozen=True, slots=True)
class Work:
    """A row that waits for a handler. Its kind determines its table: run, listing version (MATCH), rematch,
    match summary (EVALUATE), source change, run (INSTALLATION), source or alert (SCHEDULE), delivery
    (DELIVER), alert (LIFE, DIGEST, ESCALATION), first delivery of a digest (BUNDLE), pass of retention
    (RETENTION; 0: one has to begin), unit of a dump (UNIT), a check of the audit log (AUDIT; always 0).
    """

    kind: WorkKind
    row_id: int


class WorkResult(StrEnum):
    """What a handler did with a row: its work, or nothing, because the row has to wait and stays due."""

    DONE = "done"
    WAITED = "waited"


Handler = Callable[[int], WorkResult | None]  # None: done


class Dispatcher(Protocol):
    def announce(self, session: Session, work: Work) -> None:
        """Announce work.

        Call it in the transaction that writes the row; it takes effect after the commit.
        """


@dataclass(frozen=True, slots=True)
class HeldLease:
    """The lease of a node that shares its work: how long it lasts, and until when it does, by `elapsed_s` of
    `storage.shared_clock`. `anchor` is that of the node's clock.
    """

    node_id: int
    seconds: float
    until: float
    anchor: tuple[datetime, float] | None = None


class ClaimHolder(Protocol):
    """The node in whose name work is claimed."""

    @property
    def node_id(self) -> int | None:
        """The node's id; None: no node, for a command or a test that works alone."""

    def holds(self, node_id: int | None) -> bool:
        """Return whether claims of this node still belong to this process, as far as it knows."""

    def lease(self) -> HeldLease | None:
        """Return the lease, by which child processes must end; None: nobody else takes the work."""


class NoNode:
    """The holder of claims for a command or a test that works alone."""

    node_id: int | None = None

    def holds(self, node_id: int | None) -> bool:
        return True

    def lease(self) -> HeldLease | None:
        return None


class SilentDispatcher:
    """A dispatcher for commands without a daemon: it announces nothing, because the rows say what is due."""

    def announce(self, session: Session, work: Work) -> None:
        return None
