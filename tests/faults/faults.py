"""What can go wrong, as a table: each fault begins, lasts for a while, and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from tests.faults.cluster import Cluster, Node
from tests.peers.small_disk import fill_disk, free_disk

MINUTES_S = 240  # by which a clock is wrong
Fault = Callable[[Cluster, Node], AbstractContextManager[None]]


@contextmanager
def killed(cluster: Cluster, node: Node) -> Iterator[None]:
    node.kill()
    yield
    node.start()


@contextmanager
def paused(cluster: Cluster, node: Node) -> Iterator[None]:
    node.pause()
    yield
    node.resume()


@contextmanager
def database_killed(cluster: Cluster, node: Node) -> Iterator[None]:
    cluster.postgres.kill()
    yield
    cluster.postgres.start_again()


@contextmanager
def link_down(cluster: Cluster, node: Node) -> Iterator[None]:
    node.network.cut()
    yield
    node.network.mend()


def store_answers(what: str) -> Fault:
    @contextmanager
    def fault(cluster: Cluster, node: Node) -> Iterator[None]:
        cluster.store_proxy.fault = what
        yield
        cluster.store_proxy.fault = ""

    return fault


@contextmanager
def disk_full(cluster: Cluster, node: Node) -> Iterator[None]:
    fill_disk(node.disk)
    yield
    free_disk(node.disk)


def clock_off(seconds: int) -> Fault:
    @contextmanager
    def fault(cluster: Cluster, node: Node) -> Iterator[None]:
        node.kill()
        node.clock_s = seconds
        node.start()
        yield
        node.kill()
        node.clock_s = 0
        node.start()

    return fault


#: How long a fault lasts, as a multiple of the lease: the longest that is drawn.
FAULTS: Mapping[str, tuple[Fault, float]] = {
    "killed": (killed, 1.0),
    "paused": (paused, 2.5),
    "database_killed": (database_killed, 1.0),
    "link_down": (link_down, 2.5),
    "store_500": (store_answers("500"), 2.0),
    "store_slow": (store_answers("slow"), 2.0),
    "store_cut": (store_answers("cut"), 1.0),
    "disk_full": (disk_full, 1.0),
    "clock_ahead": (clock_off(MINUTES_S), 2.0),
    "clock_behind": (clock_off(-MINUTES_S), 2.0),
}
