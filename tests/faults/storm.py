"""Many kills in a short time, fractions of a second apart, while everything that was killed restarts.

What is killed is drawn from a table. A node that is killed is started again at once, so that it is killed at
its start, too, while it takes over the work of the one before.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from tests.faults.cluster import Cluster
from tests.processes import children_of
from tests.waiting import happens

PAUSE_S = 1.6  # at most, between two kills; the least is a twentieth of it
AWAY_S = 0.5  # at most, until a killed database is started again
PUBLISH_EVERY = 3  # kills, so that the feeds still show all of a storm's offers at its end
RUN_S = 3.0  # within which a run begins that may be killed
ANSWER_S = 0.4  # that the sites take, so that runs last long enough to be killed

Kill = Callable[[Cluster, random.Random], bool]


def kill_node(cluster: Cluster, chance: random.Random) -> bool:
    """Kill a daemon, and with it its warm process and its runs. It is started again at once."""
    node = chance.choice(cluster.nodes)
    node.kill()
    node.start()
    return True


def kill_run(cluster: Cluster, chance: random.Random) -> bool:
    """Kill the process of a run, after waiting for one; False if there is none."""
    return happens(lambda: bool(_runs(cluster)), within_s=RUN_S) and _kill_one(_runs(cluster), chance)


def kill_warm_process(cluster: Cluster, chance: random.Random) -> bool:
    """Kill the process from which a node forks its runs; False if there is none."""
    return _kill_one(_warm_processes(cluster), chance)


def kill_session(cluster: Cluster, chance: random.Random) -> bool:
    """Kill a server process of PostgreSQL: all others end, too, and it recovers by itself."""
    return _kill_one(cluster.postgres.sessions(), chance)


def kill_database(cluster: Cluster, chance: random.Random) -> bool:
    """Kill PostgreSQL, and start it again a little later."""
    cluster.postgres.kill()
    time.sleep(chance.uniform(0, AWAY_S))
    cluster.postgres.start_again()
    return True


#: How often each of them is drawn.
KILLS: Mapping[Kill, int] = {
    kill_node: 42,
    kill_run: 32,
    kill_warm_process: 16,
    kill_session: 4,
    kill_database: 6,
}


def storm(cluster: Cluster, kills: int, chance: random.Random, *, name: str) -> Counter[str]:
    """Kill so many times, while offers are published and visits are queued. Return what was killed."""
    done: Counter[str] = Counter()
    published = -PUBLISH_EVERY
    cluster.offers.answer_s = ANSWER_S
    while done.total() < kills:
        if done.total() - published >= PUBLISH_EVERY:
            published = done.total()
            cluster.offers.publish(1)
            cluster.visit_all(f"{name} {done.total()}")
        time.sleep(chance.uniform(PAUSE_S / 20, PAUSE_S))
        for node in cluster.nodes:
            node.start_if_ended()
        [kill] = chance.choices(list(KILLS), list(KILLS.values()))
        if kill(cluster, chance):
            done[kill.__name__.removeprefix("kill_")] += 1
    cluster.offers.answer_s = 0.0
    return done


def _runs(cluster: Cluster) -> list[int]:
    return [run for warm in _warm_processes(cluster) for run in children_of(warm)]


def _warm_processes(cluster: Cluster) -> list[int]:
    return [warm for node in cluster.nodes for warm in children_of(node.pid)]


def _kill_one(pids: Sequence[int], chance: random.Random) -> bool:
    """Kill one of them; False if there is none, or if it has ended by itself."""
    if not pids:
        return False
    with suppress(ProcessLookupError):
        os.kill(chance.choice(pids), signal.SIGKILL)
        return True
    return False
