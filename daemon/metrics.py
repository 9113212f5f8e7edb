"""What the daemon counts about itself; the packages count their own work in their own metrics modules."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

WORK = Counter(
    "spillwatch_work_total", "Work handled, by kind and by result (done, failed).", ["kind", "result"]
)
WORK_SECONDS = Histogram("spillwatch_work_seconds", "How long a piece of work took.", ["kind"])
WORK_WAITING = Gauge("spillwatch_work_waiting", "Work found and not begun yet.", ["kind"])
WORK_IN_HAND = Gauge("spillwatch_work_in_hand", "Work being done now.", ["kind"])
RELOADS = Counter(
    "spillwatch_reloads_total", "Re-reads of the configuration (accepted, refused).", ["result"]
)
STARTED = Gauge("spillwatch_started_timestamp_seconds", "When the daemon started, in Unix time.")
