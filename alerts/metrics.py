"""The metrics of alerting; docs/reference/metrics.md has a line for each."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ALERTS = Counter("spillwatch_alerts_total", "Revisions of alerts written", ("kind", "change", "severity"))
QUIET = Counter(
    "spillwatch_alert_evaluations_quiet_total", "Findings that were judged again without a new revision"
)
HELD = Counter("spillwatch_alert_updates_held_total", "Updates that were left to an alert's digest")
MUTED = Counter(
    "spillwatch_alert_revisions_muted_total", "Revisions of findings that a mute kept from the channels"
)
HELD_DELIVERIES = Counter(
    "spillwatch_deliveries_held_total",
    "Deliveries that were not due at once, by what held them (quiet_hours, rate, digest)",
    ("held_for",),
)
ESCALATIONS = Counter(
    "spillwatch_escalated_deliveries_total", "Deliveries of findings that nobody had acknowledged in time"
)
DELIVERIES = Counter(
    "spillwatch_delivery_attempts_total",
    "Attempts to deliver, by transport and outcome",
    ("transport", "outcome"),
)
DELIVERY_SECONDS = Histogram(
    "spillwatch_delivery_attempt_seconds",
    "Duration of an attempt to deliver",
    ("transport",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
DEAD_CHANNELS = Gauge("spillwatch_channel_dead", "1 while a channel does not deliver", ("channel",))
