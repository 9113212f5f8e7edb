"""What matching counts; docs/reference/metrics.md has a line for each."""

from prometheus_client import Counter, Gauge, Histogram

VERSIONS = Counter(
    "spillwatch_matched_versions_total",
    "Versions of listings matched, by result: matched, retried, failed",
    ("result",),
)
SECONDS = Histogram(
    "spillwatch_match_seconds",
    "Seconds that matching one version takes",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60),
)
FOUND = Counter("spillwatch_matches_total", "Mentions and fingerprint hits found", ("kind",))
CANARIES = Counter(
    "spillwatch_canaries_total", "Canaries found, by evidence: certain, consistent, single", ("evidence",)
)
MASKED = Counter(
    "spillwatch_masked_answers_total", "Answers for masked rows of a version, by verdict", ("verdict",)
)
MASKED_ROWS = Counter(
    "spillwatch_masked_rows_total",
    "Rows with masked identifiers in versions, by result: read, unread, crashed",
    ("result",),
)
CUT = Counter(
    "spillwatch_match_bounds_total", "Versions that met a bound: text, time, matches, records", ("bound",)
)
REMATCHED = Counter(
    "spillwatch_rematched_versions_total",
    "Versions matched again, by result: matched, masked, failed",
    ("result",),
)
REMATCH_FAILURES = Counter(
    "spillwatch_rematch_failures_total",
    "Chunks of the archive that could not be matched again, by result: retried, failed",
    ("result",),
)
# A sample that only appears with the first failure cannot be watched.
for _metric, _results in (
    (VERSIONS, ("matched", "retried", "failed")),
    (MASKED_ROWS, ("read", "unread", "crashed")),
    (CANARIES, ("certain", "consistent", "single")),
    (REMATCHED, ("matched", "masked", "failed")),
    (REMATCH_FAILURES, ("retried", "failed")),
):
    for _result in _results:
        _metric.labels(_result)
UNUSABLE = Gauge("spillwatch_companies_without_fingerprints", "Companies with a segment that cannot be used")
