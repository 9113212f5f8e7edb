"""`python -m tests.crawler.alone FOLDER`: crawls of an onion site on a private Tor network. It runs in a
namespace with only a loopback device, and writes one JSON object to FOLDER/found.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
from pathlib import Path

from storage.database import schema
from storage.database.base import Database
from storage.runs import Run
from tests.crawler.conftest import Runs
from tests.crawler.fetching.test_tor import addresses, audited
from tests.peers.tor import TorNetwork, tor_network
from tests.peers.web import Site
from tests.waiting import wait_until

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
PATIENCE_S = 60.0


def loopback_up() -> None:
    """Do what `ip link set lo up` does (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sh14x", b"lo", 0)
        flags: int = struct.unpack("16sh14x", fcntl.ioctl(control, SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def interfaces() -> list[str]:
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    return [line.partition(":")[0].strip() for line in lines]


def crawls(crawl: Runs, site: Site, network: TorNetwork, asked: Path) -> list[Run]:
    """A complete crawl, one that is redirected to clearnet, and one whose Tor ends."""
    onion = {"via": "tor", "allow_private_addresses": []}
    start = f"http://{network.onion}"
    whole = crawl.run(crawl.declare("whole", f"{start}/offers", **onion), child=audited(asked))
    away = crawl.run(crawl.declare("away", f"{start}/redirect-to-clearnet", **onion), child=audited(asked))
    cut = crawl.declare("cut", f"{start}/offers", item=None, **onion)
    site.held, seen = {"2"}, len(site.requests)
    run_id, thread = crawl.start(cut, crawl.supervisor(audited(asked)))
    wait_until(lambda: any(each.query.get("page") == "2" for each in site.requests[seen:]))
    network.kill("client")
    thread.join(PATIENCE_S)
    return [whole, away, crawl.row(run_id)]


def main(folder: Path) -> None:
    loopback_up()
    url = f"sqlite:///{folder / 'alone.db'}"
    database = Database.open(url)
    schema.upgrade_schema(database)
    crawl = Runs(database, url, folder / "evidence")
    with Site() as site, tor_network(int(site.url.rpartition(":")[2])) as network:
        crawl.set(tor_proxy=network.proxy, request_timeout_s=30)
        rows = crawls(crawl, site, network, folder / "asked")
    # A documentation address (RFC 5737), to show that the audit notices a run that tries another way out.
    stray = crawl.run(
        crawl.declare("stray", "http://192.0.2.1/", allow_private_addresses=["192.0.2.1"]),
        child=audited(folder / "stray"),
    )
    found = {
        "interfaces": interfaces(),
        "runs": {run.source.name: [run.outcome, run.reason, run.listings_new] for run in [*rows, stray]},
        "proxy": f"('127.0.0.1', {network.socks})",
        "asked": sorted(addresses(folder / "asked")),
        "stray": sorted(addresses(folder / "stray")),
    }
    (folder / "found").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
