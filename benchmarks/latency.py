"""The time from a page's arrival to the alert's delivery, through the real daemon, on SQLite.

Offers that name a watched company appear on the practice marketplace, ten at a time. Arrival is the time of
the page's capture, when its last byte was received. Delivery is the time at which the SMTP server or the
webhook receiver had the message. The third row counts from the appearance of the offer, and includes the wait
for the next run: one every 2 s here.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import select

from benchmarks.measure import report
from demo.demo_stage import Stage
from demo.postings import Posting, SiteSection, Step
from storage.alerts import Alert
from storage.captures import Capture
from storage.listing_tables import Listing, ListingVersion

ROUNDS = 10
OFFERS = 10  # at a time
SOURCE = "market.toml"
ROUND_WITHIN_S = 60.0
READ_WITHIN_S = 120.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder) / "demo", every="2s") as stage:
        for file in (stage.workspace.folder / "sources").iterdir():
            if file.name != SOURCE:
                file.unlink()
        daemon = stage.daemon()
        try:
            _wait_until_read(stage)
            appeared = {
                path: at for number in range(ROUNDS) for path, at in _publish_round(stage, number).items()
            }
        finally:
            daemon.stop()
        arrivals = _capture_times(stage)
        mails, hooks = stage.receipts.of("mail"), stage.receipts.of("hook")
        rows = [
            ("page's arrival to e-mail", *_statistics([r.at - arrivals[r.alert_id][1] for r in mails])),
            ("page's arrival to webhook", *_statistics([r.at - arrivals[r.alert_id][1] for r in hooks])),
            ("appearance to e-mail", *_statistics([r.at - appeared[arrivals[r.alert_id][0]] for r in mails])),
        ]
    report(("from, to", "alerts", "p50 ms", "p99 ms", "longest ms"), rows)


def _wait_until_read(stage: Stage) -> None:
    deadline = time.monotonic() + READ_WITHIN_S
    while not stage.ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the daemon has not read the site within {READ_WITHIN_S:.0f} s")
        stage.received(timeout_s=0.1)


def _publish_round(stage: Stage, number: int) -> dict[str, float]:
    """Publish offers, wait for their alerts on both channels, and return when each appeared, by path."""
    offers = tuple(_offer(f"{5000 + number * OFFERS + each}") for each in range(OFFERS))
    stage.put(Step("offers for the benchmark", puts=offers))
    appeared = time.time()
    wanted, deadline = (number + 1) * OFFERS * 2, time.monotonic() + ROUND_WITHIN_S
    while len(stage.receipts.all) < wanted:
        if time.monotonic() > deadline:
            got = len(stage.receipts.all)
            raise TimeoutError(f"received {got} of {wanted} messages within {ROUND_WITHIN_S:.0f} s")
        stage.received(timeout_s=1.0)
    return {offer.path: appeared for offer in offers}


def _offer(key: str) -> Posting:
    title = f"Quillmere clients, part {key}"
    return Posting(
        SiteSection.OFFERS, key, title, f"{title}: loans and phones.", "bench", "$10.00", "1,000 records"
    )


def _capture_times(stage: Stage) -> dict[int, tuple[str, float]]:
    """Return, by alert, the offer's path and the time of its first version's capture."""
    query = (
        select(Alert.id, Listing.url, Capture.fetched_at)
        .join(Listing, Alert.listing_id == Listing.id)
        .join(ListingVersion, (ListingVersion.listing_id == Listing.id) & (ListingVersion.number == 1))
        .join(Capture, ListingVersion.capture_id == Capture.id)
    )
    with stage.database.reading() as session:
        return {alert: (_path(url), at.timestamp()) for alert, url, at in session.execute(query)}


def _path(url: str) -> str:
    return "/offer/" + url.rpartition("/")[2]


def _statistics(seconds: list[float]) -> tuple[int, float, float, float]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return len(seconds), cuts[49] * 1000, cuts[98] * 1000, max(seconds) * 1000
