"""The lease of a run's node, as the run's process watches it.

The process of a run may outlive what its daemon knows: the daemon is suspended, or the machine is cut off
from the database. When the node's lease runs out, another node repeats the visit. So this process asks the
database six times per lease whether the run is still its own, and for how long the node has its lease.
Without an answer it stops when the last lease that it knows of runs out: never do two nodes read a site at
once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from crawler.errors import RunSuperseded
from storage import nodes, runs
from storage.errors import StorageError
from storage.shared_clock import elapsed_s
from storage.work import HeldLease

if TYPE_CHECKING:
    from crawler.running.run_context import RunContext

LOOKS_PER_LEASE = 6


async def watch_lease(run: RunContext, lease: HeldLease) -> None:
    """End the run when it is no longer its node's, or when nobody can tell any more."""
    until = lease.until
    while run.closed is None:
        await asyncio.sleep(max(0.0, min(lease.seconds / LOOKS_PER_LEASE, until - elapsed_s())))
        asked = elapsed_s()
        try:
            remaining_s = await asyncio.to_thread(_remaining_s, run, lease.node_id)
        except StorageError:
            remaining_s = until - asked
        until = asked + remaining_s
        if elapsed_s() >= until:
            run.fail(RunSuperseded())
            return


def _remaining_s(run: RunContext, node_id: int) -> float:
    """Return for how long the run is still this node's; 0 if it is not."""
    with run.database.reading() as session:
        if not runs.is_current(session, run.job.run_id, run.job.epoch):
            return 0.0
        return nodes.remaining_lease_s(session, node_id)
