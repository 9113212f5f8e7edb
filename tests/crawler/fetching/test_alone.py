"""An onion site crawled on a machine without any other way out: every page came through Tor, on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.here import ROOT

#: A network of six processes is slow to start on a busy machine.
TIMEOUT_S = 230
#: Only root may create a network namespace; other users need a user namespace of their own.
UNSHARE = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--net")


@pytest.mark.needs("tor")
@pytest.mark.timeout(TIMEOUT_S + 10)
def test_with_loopback_alone_an_onion_is_read_and_nothing_tries_to_leave(tmp_path: Path) -> None:
    """In a namespace with only `lo`, a crawl reads everything, one redirected to clearnet is refused, one
    whose Tor ends reports it, and all of them use only Tor's port. The audit notices a run that tries
    another.
    """
    ran = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.crawler.alone", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "found").read_text())
    assert found["interfaces"] == ["lo"]
    assert found["runs"] == {
        "whole": ["new_listings", None, 12],
        "away": ["refused", "onion_left", 0],
        "cut": ["could_not_fetch", "tor_unreachable", 5],
        "stray": ["could_not_fetch", "robots_unreachable", 0],
    }
    assert found["asked"] == [found["proxy"]]
    assert found["stray"] == ["('192.0.2.1', 80)"]
