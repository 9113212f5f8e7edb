"""Runs rounds of faults in a namespace of its own, and writes what was found as JSON to FOLDER/found.

    unshare --net --mount python -m tests.faults.rounds FOLDER --rounds 100

A round: publish new offers, queue visits, wait for a random moment, let one fault begin and later end, and
wait until everything published has its listing, its alert and its delivery. Then check.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from storage.errors import StorageError
from tests.faults.cluster import LEASE_S, Cluster
from tests.faults.faults import FAULTS
from tests.faults.invariants import broken, missing_listings, open_work, unsealed_evidence

OFFERS = 2  # per feed and round
FIRST_WAIT_S = 1.5  # at most, between the announcement and the fault
SETTLES_S = 150.0
LOOK_S = 0.25
VISIT_AGAIN_S = 4.0


@dataclass
class Found:
    """What the rounds found. `slowest_s`: until all had settled, by fault."""

    rounds: int = 0
    broken: list[str] = field(default_factory=list)
    slowest_s: dict[str, float] = field(default_factory=dict)
    listings: int = 0
    arrivals: int = 0
    repeated: int = 0  # deliveries that came more than once, with the same key


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=len(FAULTS))
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    found = run_rounds(asked.folder, asked.rounds, asked.nodes, random.Random(asked.seed))
    (asked.folder / "found").write_text(json.dumps(asdict(found), indent=1))


def run_rounds(folder: Path, rounds: int, nodes: int, chance: random.Random) -> Found:
    found = Found()
    with Cluster(folder, nodes) as cluster:
        _begin(cluster, found, "start")
        names: list[str] = []
        while found.rounds < rounds and not found.broken:
            if not names:
                names = chance.sample(sorted(FAULTS), len(FAULTS))
            name = names.pop()
            settled_s = _round(cluster, found, name, chance)
            found.rounds += 1
            sys.stdout.write(f"round {found.rounds}: {name}, settled after {settled_s:.1f} s\n")
            sys.stdout.flush()
        found.listings = len(cluster.offers.keys())
        keys = [each.headers["webhook-id"] for each in cluster.hook.received]
        found.arrivals, found.repeated = len(keys), len(keys) - len(set(keys))
    return found


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
            found.broken.append(f"after {name} (round {found.rounds}): {left}")
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
        found.broken += [f"after {name} (round {found.rounds}): {each}" for each in broken(session, cluster)]
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
