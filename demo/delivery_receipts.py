"""Receipts: every e-mail and webhook that the demo's receivers accepted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from demo.child_process import Event


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery as its receiver saw it. `verified`: the signature is valid; always True for e-mail, which
    has none. `at`: seconds since 1970.
    """

    channel: str
    alert_id: int
    revision: int
    key: str
    verified: bool
    subject: str
    text: str
    at: float = 0.0


@dataclass(slots=True)
class Receipts:
    """All receipts in order of arrival."""

    all: list[Receipt] = field(default_factory=list)

    def add(self, event: Event) -> Receipt:
        receipt = _mail_receipt(event) if "mail" in event else _webhook_receipt(event)
        self.all.append(receipt)
        return receipt

    def of(self, channel: str) -> list[Receipt]:
        return [receipt for receipt in self.all if receipt.channel == channel]

    def idempotency_keys(self, channel: str, alert_id: int, revision: int) -> set[str]:
        """Return the idempotency keys of a delivery's receipts. Repeated deliveries must share one key."""
        wanted = (channel, alert_id, revision)
        return {r.key for r in self.all if (r.channel, r.alert_id, r.revision) == wanted}


def received_revisions(receipts: Iterable[Receipt]) -> set[tuple[int, int]]:
    return {(receipt.alert_id, receipt.revision) for receipt in receipts}


def _mail_receipt(event: Event) -> Receipt:
    headers = event["headers"]
    alert_id, _, revision = headers["x-spillwatch-alert"].partition("/")
    subject, key = headers["subject"], headers["idempotency-key"]
    return Receipt("mail", int(alert_id), int(revision), key, True, subject, event["text"], event["at"])


def _webhook_receipt(event: Event) -> Receipt:
    alert = json.loads(event["body"])["data"]
    number, revision = alert["alert_id"], alert["revision"]
    return Receipt(
        "hook", number, revision, event["key"], event["verified"], alert["title"], event["body"], event["at"]
    )
