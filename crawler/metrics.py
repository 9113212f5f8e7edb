"""Counters of the crawler, bumped by the daemon when a run ends; a source is named by its operator."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram

from storage.runs import Run
from storage.sources import SourceHealth

RUNS = Counter("spillwatch_runs", "Runs that ended, by outcome.", ["source", "outcome"])
RUN_SECONDS = Histogram(
    "spillwatch_run_seconds", "How long runs took.", buckets=(1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
)
RUNS_ACTIVE = Gauge("spillwatch_runs_active", "Runs going on.")
PAGES = Counter("spillwatch_pages", "Pages fetched.", ["source"])
CAPTURED_BYTES = Counter("spillwatch_captured_bytes", "Bytes of stored responses, as received.", ["source"])
LISTINGS = Counter("spillwatch_listings", "Listings read, by what they were.", ["source", "life"])
PAGES_UNREAD = Gauge(
    "spillwatch_pages_unread", "List pages the last run knew of and left unread.", ["source"]
)
LAST_SUCCESS = Gauge(
    "spillwatch_source_last_success_timestamp_seconds", "When a run last read what there was.", ["source"]
)
COOKIES_EXPIRE = Gauge(
    "spillwatch_source_cookies_expire_timestamp_seconds",
    "When the first of a source's pasted cookies expires.",
    ["source"],
)
HEALTHY = Gauge("spillwatch_source_healthy", "1 while the source's health is ok.", ["source"])
LISTINGS_SEEN = Gauge(
    "spillwatch_source_listings_seen", "Rows of lists that the last run which read them saw.", ["source"]
)
LISTINGS_USUAL = Gauge(
    "spillwatch_source_listings_usual", "The median of the same over the last runs.", ["source"]
)
SELECTORS_LOST = Gauge(
    "spillwatch_source_selectors_lost", "Selectors that always found something and now do not.", ["source"]
)
NEWEST_LISTING = Gauge(
    "spillwatch_source_newest_listing_timestamp_seconds", "When a run last found a new listing.", ["source"]
)
WRITES_FAILED = Counter(
    "spillwatch_run_writes_failed", "Times what became of a run could not be written and was tried again."
)
SLOTS_SKIPPED = Counter(
    "spillwatch_slots_skipped", "Times a run was due while the source's last one still went on."
)


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source does after a run."""

    listings_usual: float
    selectors_lost: int


def count(run: Run, state: SourceState, *, read: bool) -> None:
    """Add a finished run, which must come with its source. `read`: it read what there was."""
    source = run.source.name
    HEALTHY.labels(source).set(run.source.health is SourceHealth.OK)
    SELECTORS_LOST.labels(source).set(state.selectors_lost)
    LISTINGS_USUAL.labels(source).set(state.listings_usual)
    if read:
        LISTINGS_SEEN.labels(source).set(run.listings_seen)
    RUNS.labels(source, run.outcome or "unknown").inc()
    PAGES.labels(source).inc(run.pages)
    CAPTURED_BYTES.labels(source).inc(run.bytes)
    LISTINGS.labels(source, "new").inc(run.listings_new)
    LISTINGS.labels(source, "changed").inc(run.listings_changed)
    PAGES_UNREAD.labels(source).set(run.pages_unread or 0)
    if run.listings_new and run.finished_at:
        NEWEST_LISTING.labels(source).set(run.finished_at.timestamp())
    if run.started_at and run.finished_at:
        RUN_SECONDS.observe((run.finished_at - run.started_at).total_seconds())
        if read:
            LAST_SUCCESS.labels(source).set(run.finished_at.timestamp())
