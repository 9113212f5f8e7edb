"""Metrics of the daemon itself. Each package has its own metrics module for its work."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

WORK = Counter(
    "spillwatch_work_total", "Work handled, by kind and by result (done, waited, failed).", ["kind", "result"]
)
WORK_SECONDS = Histogram("spillwatch_work_seconds", "Duration of one piece of work that was done.", ["kind"])
WORK_WAITING = Gauge("spillwatch_work_waiting", "Work that is waiting to start.", ["kind"])
WORK_IN_HAND = Gauge("spillwatch_work_in_hand", "Work in progress.", ["kind"])
RELOADS = Counter(
    "spillwatch_reloads_total", "Reloads of the configuration, by result (accepted, refused).", ["result"]
)
CONSOLE_STARTS = Counter("spillwatch_console_starts_total", "Starts of the console's process.")
NODES = Gauge("spillwatch_nodes", "Nodes that are there, as this one sees them.")
NODE_LOST = Counter("spillwatch_nodes_lost_total", "Nodes whose lease ran out, and that this one ended.")
CLAIMS_STRAYED = Counter(
    "spillwatch_claims_strayed_total",
    "Claims of this node that nothing worked on, and that it gave back.",
)
BELLS_RESTARTED = Counter(
    "spillwatch_bells_restarted_total",
    "Times that the workers of procrastinate ended and were started again.",
)
EVIDENCE_UNSEALED = Gauge(
    "spillwatch_evidence_unsealed_bytes", "Evidence on this machine that the bucket does not have yet."
)
EVIDENCE_SEALED = Counter(
    "spillwatch_evidence_sealed_total", "Evidence files that runs had left and the daemon has stored."
)
STARTED = Gauge("spillwatch_started_timestamp_seconds", "When the daemon started, in Unix time.")
RETENTION_PASSES = Counter(
    "spillwatch_retention_passes_total", "Passes of retention, by outcome.", ["outcome"]
)
RETENTION_DELETED = Counter(
    "spillwatch_retention_deleted_total", "Rows and records that retention deleted, by table.", ["what"]
)
RETENTION_BYTES = Counter("spillwatch_retention_freed_bytes_total", "Bytes of evidence that retention freed.")
RETENTION_LAST = Gauge(
    "spillwatch_retention_last_pass_timestamp_seconds", "When the last pass of retention ended, in Unix time."
)
AUDIT_ENTRIES = Gauge("spillwatch_audit_entries", "Entries of the audit log that are a whole chain.")
AUDIT_WHOLE = Gauge(
    "spillwatch_audit_chain_whole", "1 if the last check found the audit log whole, and 0 otherwise."
)
AUDIT_LAST = Gauge(
    "spillwatch_audit_last_check_timestamp_seconds", "When the audit log was last verified, in Unix time."
)
DISK_FREE = Gauge("spillwatch_disk_free_bytes", "Bytes free on the disk of evidence or database.", ["what"])
HELD_BACK = Counter(
    "spillwatch_work_held_back_total",
    "Calls of work that waited because of the disk.",
    ["kind"],
)
