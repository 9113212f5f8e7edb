"""A network namespace per node, joined to ours by a link that can be cut. Needs the rights of a namespace."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.postgres import die_with_parent
from tests.waiting import wait_until

#: Where the servers of all nodes listen, and the addresses of the sites.
HUB = "10.77.0.1"
SITES = ("10.77.1.1", "10.77.1.2", "10.77.1.3")


def ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True, capture_output=True)


def open_hub() -> None:
    """Give this namespace the addresses of the servers."""
    ip("link", "set", "lo", "up")
    for address in (HUB, *SITES):
        ip("address", "add", f"{address}/32", "dev", "lo")


@dataclass
class NodeNetwork:
    """The namespace of node `number`, which is 10.77.2.x. Use as a context manager."""

    number: int

    def __enter__(self) -> Self:
        # The namespace lives as long as a process in it: nodes are killed and started again.
        self._holder = subprocess.Popen(("unshare", "--net", "sleep", "infinity"), preexec_fn=die_with_parent)
        own = _namespace_of("self")
        wait_until(lambda: _namespace_of(str(self._holder.pid)) != own, "the namespace")
        ours, theirs = f"10.77.2.{4 * self.number + 1}", f"10.77.2.{4 * self.number + 2}"
        ip("link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", str(self._holder.pid))
        ip("address", "add", f"{ours}/30", "dev", self._link)
        ip("link", "set", self._link, "up")
        for command in (
            ("link", "set", "lo", "up"),
            ("address", "add", f"{theirs}/30", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", ours),
        ):
            subprocess.run((*self.inside, "ip", *command), check=True, capture_output=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.kill()
        self._holder.wait()

    @property
    def inside(self) -> tuple[str, ...]:
        """Return the words before a command that runs in the namespace."""
        return ("nsenter", f"--net={self.namespace}")

    @property
    def namespace(self) -> str:
        return f"/proc/{self._holder.pid}/ns/net"

    @property
    def address(self) -> str:
        return f"10.77.2.{4 * self.number + 2}"

    def cut(self) -> None:
        """Let nothing through. Connections stay open on both sides, as with a pulled cable."""
        ip("link", "set", self._link, "down")

    def mend(self) -> None:
        ip("link", "set", self._link, "up")

    @property
    def _link(self) -> str:
        return f"node{self.number}"


def _namespace_of(process: str) -> str:
    try:
        return str(Path(f"/proc/{process}/ns/net").readlink())
    except OSError:
        return ""
