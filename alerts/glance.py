"""What a list shows of a finding: the strongest answer to "is it ours?", and a few figures.

It is stored in the alert's own row, so that a list of findings reads no revision.
"""

from __future__ import annotations

from typing import Any

from alerts.message import MessageContent
from alerts.severity import Judgement
from storage.canary_matches import CanaryEvidence

#: Verdicts on masked rows that answer the question. The others say that nothing can be said.
ANSWERS = (
    "ours",
    "partly_ours",
    "pairing_broken",
    "tests_disagree",
    "shared_clients_only",
    "not_ours",
    "too_little",
)
KNOWN_BREACH = "known_breach"


def glance_of(content: MessageContent, judgement: Judgement) -> tuple[str | None, dict[str, Any]]:
    """Return the verdict and the figures; (None, {}) for an alert that is about no listing.

    The figures, each left out where there is none: `rows` that agree with `customers`; `low`, `middle` and
    `high` of the share; `claimed` records; number of this `offer` of the same data; `old`: rows are known
    from an older breach; `gone`: the listing is.
    """
    if content.listing is None or content.matches is None:
        return None, {}
    sample = content.sample
    figures = {
        "rows": content.matches.coherent_rows or None,
        "customers": content.matches.customers or None,
        "low": sample.share_low if sample else None,
        "middle": sample.share_middle if sample else None,
        "high": sample.share_high if sample else None,
        "claimed": content.listing.claimed_records,
        "offer": content.listing.offer_number if content.listing.offer_number > 1 else None,
        "old": any(signal.name == KNOWN_BREACH for signal in judgement.signals) or None,
        "gone": content.listing.gone_at is not None or None,
    }
    return verdict_of(content), {name: value for name, value in figures.items() if value is not None}


def verdict_of(content: MessageContent) -> str:
    """Return the first of these that holds: a certain `canary`; `rows_agree` with customers; the verdict on
    masked rows, if it answers; `canary_hint`; `single_hits`; `not_enrolled`, if there is nothing to compare
    with; else `named`.
    """
    evidence = {canary.evidence for canary in content.canaries}
    masked = content.sample.verdict if content.sample else None
    if CanaryEvidence.CERTAIN in evidence:
        return "canary"
    if content.matches and content.matches.coherent_rows:
        return "rows_agree"
    if masked in ANSWERS:
        return str(masked)
    if evidence:
        return "canary_hint"
    if content.matches and content.matches.single_hits:
        return "single_hits"
    if content.coverage is not None and not content.coverage.enrolled_customers:
        return "not_enrolled"
    return "named"
