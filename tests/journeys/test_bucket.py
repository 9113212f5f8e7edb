"""Evidence in a bucket that goes away under a running daemon: each report says so, the alert comes later."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.exits import Exit
from tests.cli.command import spillwatch
from tests.journeys.home import SECRET, Home, home_in, running
from tests.journeys.test_daemon import ask, started
from tests.journeys.test_full_disk import listening
from tests.peers.s3 import FaultProxy, S3Server
from tests.peers.smtp import SmtpPeer
from tests.peers.web import Site
from tests.peers.webhook import WebhookPeer
from tests.waiting import wait_until


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_outage_of_the_bucket_delays_an_alert_and_loses_none(
    s3_server: S3Server, database_url: str, tmp_path: Path
) -> None:
    """Crawling goes on and systemd's watchdog is served; afterwards another machine reads every record."""
    with (
        FaultProxy(s3_server) as proxy,
        Site(offers=3) as site,
        SmtpPeer() as mail,
        WebhookPeer(SECRET) as hook,
    ):
        home = home_in(tmp_path / "one", smtp=mail.port, webhook=hook.url("/ok"), database_url=database_url)
        home.write("secret", "secret")
        home.settings.update(
            SPILLWATCH_STORAGE__EVIDENCE=f"s3://{s3_server.bucket()}/evidence",
            SPILLWATCH_STORAGE__S3__ENDPOINT=proxy.url,
            SPILLWATCH_STORAGE__S3__TIMEOUT_S="1",
            SPILLWATCH_STORAGE__S3__ACCESS_KEY_ID_FILE=str(home.folder / "secret"),
            SPILLWATCH_STORAGE__S3__SECRET_ACCESS_KEY_FILE=str(home.folder / "secret"),
            NOTIFY_SOCKET=str(tmp_path / "notify"),
            WATCHDOG_USEC="2000000",
        )
        home.source("market", f"{site.url}/offers", every="10s")
        with listening(tmp_path / "notify") as heard, running(home) as daemon:
            url = started(daemon)
            daemon.wait_for("run_finished", outcome="new_listings")
            well, _ = ask(url, "/healthz")

            proxy.fault = "503"
            site.offers["2"].title = "120w rows of inventedlender"
            ended = daemon.wait_for("run_finished", outcome="new_listings")
            unwell = daemon.wait_for("unwell")
            status, body = ask(url, "/healthz")
            before = len(heard)
            wait_until(lambda: any(each.startswith("WATCHDOG") for each in heard[before:]))
            told = len(hook.received)
            doctor = spillwatch(home.folder, "doctor", "--only", "evidence", extra=home.settings)

            proxy.fault = ""
            daemon.wait_for("evidence_sealed")
            daemon.wait_for("well")
            wait_until(lambda: len(hook.received) > told, "the alert")
            alerts = home.ask("alerts", "list", "--kind", "finding")
            daemon.stop()
        other = Home(tmp_path / "two", dict(home.settings))
        other.write("spillwatch.toml", "")
        verified = other.ask("evidence", "verify")
        exported = other.ask("evidence", "export", str(alerts[0]["id"]))

    assert (well, status) == (200, 503)
    assert ended["reason"] == "evidence_unsealed"
    assert "status 503" in unwell["evidence_store"]
    assert "wait on this machine" in body
    assert (told, len(alerts)) == (0, 1)
    assert doctor.returncode == Exit.NEGATIVE
    assert (verified["ok"], verified["waiting"], verified["faults"]) == (True, 0, [])
    assert (verified["checked"]["version"], exported["left_out"]) == (4, [])
