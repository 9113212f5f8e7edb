"""sd_notify messages as systemd receives them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from daemon.service_manager import ServiceManager


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_each_message(tmp_path: Path, abstract: bool) -> None:
    """Each message is one datagram, to a socket in the file system and to an abstract one."""
    name = f"@{tmp_path.name}-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + name[1:] if abstract else name)
        ear.settimeout(60)
        manager = ServiceManager(name)
        manager.ready("2 sources")
        manager.reloading()
        manager.alive()
        manager.stopping()
        heard = [ear.recv(1000).decode() for _ in range(4)]

    assert heard[0] == "READY=1\nSTATUS=2 sources"
    assert heard[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[2:] == ["WATCHDOG=1", "STOPPING=1"]


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    """A missing socket is not an error."""
    ServiceManager(None).alive()
    ServiceManager(str(tmp_path / "gone")).alive()
