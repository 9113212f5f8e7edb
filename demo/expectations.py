"""Compares the story's expected alerts with the rows and receipts: all must arrive, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from demo.database_snapshot import AlertFacts, Counts
from demo.delivery_receipts import Receipts, received_revisions
from demo.postings import Step
from demo.story import STORY, ExpectedAlert

CHANNELS = ("mail", "hook")


def alert_problems(
    expected: Sequence[ExpectedAlert], sent_alerts: Sequence[AlertFacts], receipts: Receipts
) -> list[str]:
    """Return one sentence per missing, unexpected or undelivered alert. Empty: all is as expected."""
    return [
        *missing_alerts(expected, sent_alerts),
        *unexpected_alerts(expected, sent_alerts),
        *delivery_problems(sent_alerts, receipts),
    ]


def count_problems(counts: Counts, steps: Sequence[Step] = STORY) -> list[str]:
    """Return one sentence per wrong number of rows: one listing per posting, one version per `puts` of it."""
    put = [posting for step in steps for posting in step.puts]
    distinct = {(posting.section, posting.key) for posting in put}
    wanted = {"listings": (len(distinct), counts.listings), "versions": (len(put), counts.versions)}
    return [f"{found} {what}; expected {want}" for what, (want, found) in wanted.items() if want != found]


def _matches(expected: ExpectedAlert, sent_alert: AlertFacts) -> bool:
    posting, url = expected.posting, sent_alert.url or ""
    place = (expected.company, posting.section)
    return (sent_alert.company, sent_alert.source) == place and url.endswith(posting.path)


def missing_alerts(expected: Iterable[ExpectedAlert], sent_alerts: Sequence[AlertFacts]) -> Iterator[str]:
    for each in expected:
        alerts = [alert for alert in sent_alerts if _matches(each, alert)]
        if len(alerts) != 1:
            where = f"{each.posting.section}{each.posting.path}"
            yield f"{len(alerts)} alerts for {each.company} at {where}; expected 1, because {each.because}"


def unexpected_alerts(expected: Sequence[ExpectedAlert], sent_alerts: Iterable[AlertFacts]) -> Iterator[str]:
    for alert in sent_alerts:
        if not any(_matches(each, alert) for each in expected):
            what = f"{alert.kind}, {alert.company}, {alert.source}: {alert.title}"
            yield f"alert {alert.alert_id} is unexpected ({what})"


def delivery_problems(sent_alerts: Sequence[AlertFacts], receipts: Receipts) -> Iterator[str]:
    known = {(alert.alert_id, number) for alert in sent_alerts for number in range(1, alert.revision + 1)}
    for channel in CHANNELS:
        for alert_id, revision in sorted(known | received_revisions(receipts.of(channel))):
            keys = receipts.idempotency_keys(channel, alert_id, revision)
            if len(keys) != 1:
                what = f"{len(keys)} idempotency keys on {channel}"
                yield f"alert {alert_id}, revision {revision}: {what}; expected 1"
            if (alert_id, revision) not in known:
                yield f"alert {alert_id}, revision {revision} arrived on {channel}, but has no row"
    for receipt in receipts.all:
        if not receipt.verified:
            yield f"webhook {receipt.key} has an invalid signature"
