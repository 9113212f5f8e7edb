"""Runs rounds of faults in a namespace of its own, and writes what was found as JSON to FOLDER/found.

    unshare --net --mount python -m tests.faults.rounds FOLDER --rounds 100 --kills 1000

A round: publish new offers, queue visits, wait for a random moment, let one fault begin and later end, and
wait until everything published has its listing, its alert and its delivery. Then check.

A round of a storm: kill many times while offers are published, perhaps with the store ill meanwhile. Then
wait and check in the same way. After the last round, what the killed ones left must be cleared away.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from storage.errors import StorageError
from tests.faults.cluster import LEASE_S, Cluster
from tests.faults.faults import FAULTS
from tests.faults.invariants import (
    Broken,
    Harm,
    broken,
    left_jobs,
    missing_listings,
    open_work,
    unsealed_evidence,
)
from tests.faults.storm import storm

OFFERS = 2  # per feed and round
FIRST_WAIT_S = 1.5  # at most, between the announcement and the fault
SETTLES_S = 400.0  # on a busy machine; less than the ten minutes after which any claim ends by itself
LOOK_S = 0.25
VISIT_AGAIN_S = 4.0
CLEARED_S = 90.0  # until the jobs of killed workers are deleted: procrastinate waits 30 s for a heartbeat
KILLS = 60  # of a storm's round
#: What lasts during a storm's round; mostly nothing.
BESIDE = ("", "", "", "store_500", "store_slow", "store_cut")


@dataclass
class Found:
    """What the rounds found. `slowest_s`: until all had settled, by fault."""

    rounds: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    broken: list[str] = field(default_factory=list)
    slowest_s: dict[str, float] = field(default_factory=dict)
    listings: int = 0
    arrivals: int = 0
    repeated: int = 0  # deliveries that came more than once, with the same key

    def note(self, name: str, each: Broken) -> None:
        setattr(self, each.harm, getattr(self, each.harm) + 1)
        self.broken.append(f"{each.harm}, after {name} (round {self.rounds}): {each.what}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=len(FAULTS))
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    found = run_rounds(asked.folder, asked.rounds, asked.kills, asked.nodes, random.Random(asked.seed))
    (asked.folder / "found").write_text(json.dumps(asdict(found), indent=1))


def run_rounds(folder: Path, rounds: int, kills: int, nodes: int, chance: random.Random) -> Found:
    """Carry out so many rounds of single faults, and then storms of so many kills in all."""
    found, killed = Found(), Counter[str]()
    with Cluster(folder, nodes) as cluster:
        _begin(cluster, found, "start")
        names: list[str] = []
        while found.rounds < rounds and not found.broken:
            if not names:
                names = chance.sample(sorted(FAULTS), len(FAULTS))
            name = names.pop()
            found.rounds += 1
            _say(found, name, _round(cluster, found, name, chance))
        while killed.total() < kills and not found.broken:
            found.rounds += 1
            beside = chance.choice(BESIDE)
            count = min(KILLS, kills - killed.total())
            fault = FAULTS[beside][0](cluster, cluster.nodes[0]) if beside else nullcontext()
            with fault:
                killed += storm(cluster, count, chance, name=f"storm {found.rounds}")
            found.kills = dict(killed)
            name = f"storm, {beside}" if beside else "storm"
            _say(found, f"{name}, {killed.total()} kills", _settle(cluster, found, name))
        if not found.broken:
            _wait_until_cleared(cluster, found)
        found.listings = len(cluster.offers.keys())
        keys = [each.headers["webhook-id"] for each in cluster.hook.received]
        found.arrivals, found.repeated = len(keys), len(keys) - len(set(keys))
    return found


def _say(found: Found, name: str, settled_s: float) -> None:
    sys.stdout.write(f"round {found.rounds}: {name}, settled after {settled_s:.1f} s\n")
    sys.stdout.flush()


def _wait_until_cleared(cluster: Cluster, found: Found) -> None:
    """Wait until no job and no node is left of those that were killed."""
    until = time.monotonic() + CLEARED_S
    while left := _left_jobs(cluster):
        if time.monotonic() > until:
            for each in left:
                found.note("the last round", Broken(Harm.STUCK, each))
            return
        time.sleep(1)


def _left_jobs(cluster: Cluster) -> list[str]:
    with cluster.database.reading() as session:
        return list(left_jobs(session, cluster))


def _begin(cluster: Cluster, found: Found, name: str) -> None:
    """Let the nodes start and read the feeds for the first time."""
    cluster.offers.publish(OFFERS)
    _settle(cluster, found, name)


def _round(cluster: Cluster, found: Found, name: str, chance: random.Random) -> float:
    """Carry out one round; return the seconds from the fault's end until all had settled."""
    fault, longest = FAULTS[name]
    cluster.offers.publish(OFFERS)
    cluster.visit_all(f"round {found.rounds}")
    time.sleep(chance.uniform(0, FIRST_WAIT_S))
    with fault(cluster, chance.choice(cluster.nodes)):
        time.sleep(chance.uniform(0.2, longest) * LEASE_S)
    return _settle(cluster, found, name)


def _settle(cluster: Cluster, found: Found, name: str) -> float:
    """Wait until everything is at its end, and note what is not as it must be."""
    began = asked = time.monotonic()
    visits = 0
    while (left := _left(cluster)) != "":
        now = time.monotonic()
        if now - began > SETTLES_S:
            found.note(name, Broken(Harm.STUCK, left))
            return now - began
        if now - asked > VISIT_AGAIN_S:
            asked, visits = now, visits + 1
            cluster.visit_all(f"round {found.rounds}, again {visits}")
        for node in cluster.nodes:
            node.start_if_ended()
        time.sleep(LOOK_S)
    took = round(time.monotonic() - began, 1)
    found.slowest_s[name] = max(found.slowest_s.get(name, 0.0), took)
    with cluster.database.reading() as session:
        for each in broken(session, cluster):
            found.note(name, each)
    return took


def _left(cluster: Cluster) -> str:
    """Return what is not at its end yet, in words; "" if nothing is left."""
    with suppress(StorageError), cluster.database.reading() as session:
        missing = missing_listings(session, cluster)
        waiting = +open_work(session)
        if missing or waiting:
            return f"{len(missing)} offers without a delivered alert, open: {dict(waiting)}"
        unsealed = sorted(unsealed_evidence(session, cluster.evidence))
        return f"evidence that is not in the store: {unsealed}" if unsealed else ""
    return "the database does not answer"


if __name__ == "__main__":
    main()
