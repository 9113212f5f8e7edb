"""deploy/tor: the container's configuration and health check, tested with real Tor processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.here import ROOT, answer
from tests.peers.tor import TorNetwork
from tests.peers.web import Site

pytestmark = [pytest.mark.needs("tor"), pytest.mark.timeout(240)]


def test_tor_accepts_its_configuration(tmp_path: Path) -> None:
    """Tor finds no fault with the file that its container runs with."""
    found = answer("tor", "--verify-config", "-f", ROOT / "deploy/tor/torrc", "--DataDirectory", tmp_path)

    assert found.returncode == 0, found.stdout


def test_the_health_check_tells_a_bootstrapped_tor_from_a_dead_one(hidden: tuple[Site, TorNetwork]) -> None:
    """It exits with 0 if the control port reports 100 %, and with another code if nobody answers there."""
    _, network = hidden
    check = (ROOT / "deploy/tor/bootstrapped.sh", network.cookie_file, str(network.control))
    alive = answer(*check).returncode
    network.kill("client")
    dead = answer(*check).returncode
    network.start_again("client")

    assert alive == 0
    assert dead != 0
