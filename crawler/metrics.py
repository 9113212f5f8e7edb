"""Metrics of the crawler, which the daemon updates when a run ends; the label is the source's name."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram

from storage.runs import Run
from storage.sources import SourceHealth

RUNS = Counter("spillwatch_runs", "Runs that ended, by outcome.", ["source", "outcome"])
RUN_SECONDS = Histogram(
    "spillwatch_run_seconds",
    "Duration of runs in seconds.",
    buckets=(1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
)
RUNS_ACTIVE = Gauge("spillwatch_runs_active", "Runs in progress.")
RUN_PROCESSES = Counter(
    "spillwatch_run_processes",
    "Processes of runs, by way: forked from the warm process, or new.",
    ["way"],
)
WARM_ENDS = Counter(
    "spillwatch_warm_process_ends",
    "Warm processes that ended unexpectedly or were given up because they were silent, by how.",
    ["how"],
)
PAGES = Counter("spillwatch_pages", "Pages fetched.", ["source"])
CAPTURED_BYTES = Counter("spillwatch_captured_bytes", "Bytes of stored responses, as received.", ["source"])
LISTINGS = Counter("spillwatch_listings", "Listings that runs stored, new or changed.", ["source", "life"])
PAGES_UNREAD = Gauge(
    "spillwatch_pages_unread", "List pages that the last run knew of and left unread.", ["source"]
)
LAST_SUCCESS = Gauge(
    "spillwatch_source_last_success_timestamp_seconds", "When a run last read the source's lists.", ["source"]
)
COOKIES_EXPIRE = Gauge(
    "spillwatch_source_cookies_expire_timestamp_seconds",
    "When the first of a source's pasted cookies expires.",
    ["source"],
)
HEALTHY = Gauge("spillwatch_source_healthy", "1 while the source's health is ok, else 0.", ["source"])
LISTINGS_SEEN = Gauge(
    "spillwatch_source_listings_seen", "List rows that the last successful run saw.", ["source"]
)
LISTINGS_USUAL = Gauge(
    "spillwatch_source_listings_usual", "Median of the list rows that the last runs saw.", ["source"]
)
SELECTORS_LOST = Gauge(
    "spillwatch_source_selectors_lost",
    "Selectors that always found something and now find nothing.",
    ["source"],
)
NEWEST_LISTING = Gauge(
    "spillwatch_source_newest_listing_timestamp_seconds", "When a run last found a new listing.", ["source"]
)
WRITES_FAILED = Counter("spillwatch_run_writes_failed", "Failed attempts to write the end of a run.")
SLOTS_SKIPPED = Counter(
    "spillwatch_slots_skipped",
    "Scheduled runs that were skipped because the source's previous run was in progress.",
)


@dataclass(frozen=True, slots=True)
class SourceState:
    """Numbers about a source after a run."""

    listings_usual: float
    selectors_lost: int


def count_run(run: Run, state: SourceState, *, read: bool) -> None:
    """Add a finished run, whose source must be loaded. `read`: the run read the source's lists."""
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
