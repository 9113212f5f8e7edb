"""The signals: when each one is found, and how much it weighs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from alerts.rules import DEFAULT_WEIGHTS, RULES, CanaryFact, FindingFacts, SampleFact
from alerts.severity import SeveritySettings, find_signals, merge_signals, total_weight
from storage.alerts import Severity
from storage.canary_matches import CanaryEvidence

SETTINGS = SeveritySettings()
CRM = CanaryFact(
    evidence=CanaryEvidence.CERTAIN,
    system="crm",
    partner="acme",
    issued=date(2026, 3, 1),
    expires=None,
    fields=("resident_id", "phone"),
)
MASKED_CANARY = replace(CRM, evidence=CanaryEvidence.CONSISTENT)
SINGLE_CANARY = replace(CRM, evidence=CanaryEvidence.SINGLE)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "alerts.md"


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (FindingFacts(), []),
        (FindingFacts(coherent_rows=1), ["coherent_rows"]),
        (FindingFacts(coherent_rows=10), ["coherent_rows", "coherent_rows_many"]),
        (FindingFacts(customers=99), []),
        (FindingFacts(customers=100), ["customers_many"]),
        (FindingFacts(customers=10_000), ["customers_mass", "customers_many"]),
        (FindingFacts(single_hits=1, candidates=10), ["single_hits"]),
        (FindingFacts(single_hits=5, candidates=500), ["single_hits_share", "single_hits"]),
        (FindingFacts(single_hits=5, candidates=501), ["single_hits"]),
        (FindingFacts(single_hits=2_342, candidates=10_000_000), ["single_hits"]),
        (FindingFacts(mentions={"title": 1}), ["mention_title"]),
        (FindingFacts(mentions={"sample": 2}), ["mention_sample"]),
        (FindingFacts(mentions={"body": 1}), ["mention_body"]),
        (FindingFacts(mentions={"attachment": 1}), ["mention_attachment"]),
        (FindingFacts(domains=("lender[.]example",)), ["term_domain"]),
        (FindingFacts(mentions={"address": 9}), ["mention_address"]),
        (FindingFacts(mentions={"lookalike": 1}), ["lookalike_domain"]),
        (FindingFacts(claimed_records=9_999), []),
        (FindingFacts(claimed_records=10_000), ["claimed_records"]),
        (FindingFacts(claimed_records=1_000_000), ["claimed_records", "claimed_records_mass"]),
        (FindingFacts(price="1 BTC"), ["price"]),
        (FindingFacts(data_classes=("phone",)), ["data_classes"]),
        (FindingFacts(canaries=(CRM, MASKED_CANARY)), ["canary", "masked_canary"]),
        (FindingFacts(canaries=(CRM, replace(CRM, partner=None))), ["canary", "canary_several"]),
        (FindingFacts(canaries=(SINGLE_CANARY,)), ["canary_single"]),
        (FindingFacts(known_rows={"forum-2019": 3}), ["known_breach"]),
        (FindingFacts(masked=SampleFact(verdict="ours", rows=20)), ["masked_ours"]),
        (FindingFacts(masked=SampleFact(verdict="partly_ours", rows=20)), ["masked_partly_ours"]),
        (FindingFacts(masked=SampleFact(verdict="shared_clients_only", rows=20)), ["masked_shared_clients"]),
        (FindingFacts(masked=SampleFact(verdict="pairing_broken", rows=20)), ["masked_pairing_broken"]),
        (FindingFacts(masked=SampleFact(verdict="tests_disagree", rows=20)), ["masked_tests_disagree"]),
        (FindingFacts(masked=SampleFact(verdict="not_ours", rows=20)), []),
        (FindingFacts(masked=SampleFact(verdict="too_little", rows=2)), []),
        (FindingFacts(masked=SampleFact(verdict="no_masks", rows=20)), []),
        (FindingFacts(offer_number=3, first_offered_at=datetime(2026, 3, 1, tzinfo=UTC)), ["repost"]),
    ],
)
def test_when_a_signal_is_found(facts: FindingFacts, names: list[str]) -> None:
    """Each signal is found from its threshold on; the heaviest comes first."""
    assert names == [signal.name for signal in find_signals(facts, SETTINGS)]


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        (FindingFacts(mentions={"body": 3}), Severity.LOW),
        (FindingFacts(single_hits=2, candidates=10_000), Severity.LOW),
        (FindingFacts(mentions={"title": 1}), Severity.MEDIUM),
        (FindingFacts(mentions={"title": 1}, domains=("lender[.]example",), price="1 BTC"), Severity.MEDIUM),
        (FindingFacts(mentions={"title": 1}, price="1 BTC", claimed_records=1_000_000), Severity.HIGH),
        (
            FindingFacts(
                mentions={"title": 1, "body": 3},
                domains=("lender[.]example",),
                price="1 BTC",
                claimed_records=1_000_000,
                data_classes=("phone",),
            ),
            Severity.HIGH,
        ),
        (FindingFacts(coherent_rows=1), Severity.HIGH),
        (FindingFacts(coherent_rows=1, mentions={"title": 1}), Severity.CRITICAL),
        (FindingFacts(coherent_rows=10), Severity.CRITICAL),
        (FindingFacts(canaries=(CRM,)), Severity.CRITICAL),
        (FindingFacts(canaries=(MASKED_CANARY,)), Severity.HIGH),
        (FindingFacts(canaries=(SINGLE_CANARY,) * 9), Severity.LOW),
        (FindingFacts(masked=SampleFact(verdict="ours", rows=20)), Severity.CRITICAL),
        (FindingFacts(masked=SampleFact(verdict="partly_ours", rows=20)), Severity.HIGH),
        (FindingFacts(masked=SampleFact(verdict="tests_disagree", rows=20)), Severity.LOW),
    ],
)
def test_the_severity_of_typical_findings(facts: FindingFacts, severity: Severity) -> None:
    """A mention in the text is low, an offer with the name medium to high, rows of customers high to
    critical.
    """
    assert severity is SETTINGS.severity_for(total_weight(find_signals(facts, SETTINGS)))


def test_a_million_random_numbers_do_not_wake_anybody() -> None:
    """Chance hits in a dump of ten million numbers are low, and the sentence gives the expected number."""
    (signal,) = find_signals(
        FindingFacts(single_hits=2_342, candidates=10_000_000, enrolled=1_000_000), SETTINGS
    )

    assert Severity.LOW is SETTINGS.severity_for(signal.weight)
    assert "about 2,342" in signal.text


def test_a_canary_names_its_system_partner_and_days() -> None:
    """So the reader knows at once whose copy is for sale, and from which days."""
    (signal,) = find_signals(FindingFacts(canaries=(replace(CRM, expires=date(2026, 9, 1)),)), SETTINGS)

    for expected in ("crm", "partner acme", "2026-03-01", "2026-09-01", "phone, resident id"):
        assert expected in signal.text


def test_a_masked_answer_gives_its_interval_and_its_weakest_assumption() -> None:
    """Numbers that survive a hostile reader."""
    ours = SampleFact(
        verdict="ours",
        rows=20,
        share_low=0.85,
        share_middle=0.97,
        share_high=1.0,
        assumption="rows are picked at random",
    )
    (signal,) = find_signals(FindingFacts(masked=ours), SETTINGS)

    for expected in ("20 masked rows", "97%", "85% to 100%", "rows are picked at random."):
        assert expected in signal.text


def test_a_signal_that_is_gone_stays_as_earlier() -> None:
    """A signal that is no longer found stays, marked as earlier; the others have the new sentence."""
    before = find_signals(FindingFacts(coherent_rows=4, price="1 BTC"), SETTINGS)
    now = find_signals(FindingFacts(price="2 BTC"), SETTINGS)

    both = merge_signals(before, now)

    assert [(s.name, s.earlier) for s in both] == [("coherent_rows", True), ("price", False)]
    assert "2 BTC" in both[1].text


@pytest.mark.parametrize(("name", "weight"), DEFAULT_WEIGHTS.items())
def test_the_page_has_the_weights_of_the_code(name: str, weight: int) -> None:
    """docs/reference/alerts.md has a row for each signal, with the points that the code gives."""
    assert f"| `{name}` | {weight} |" in PAGE.read_text(encoding="utf-8")


def test_every_signal_says_a_whole_sentence() -> None:
    """Every signal has a sentence that ends with a full stop and does not begin with a small letter."""
    everything = FindingFacts(
        mentions={"title": 1, "body": 2, "sample": 3, "attachment": 4, "address": 5, "lookalike": 6},
        domains=("lender[.]example",),
        coherent_rows=12_000,
        customers=12_000,
        single_hits=10_000,
        candidates=50_000,
        enrolled=200_000,
        claimed_records=5_000_000,
        price="1 BTC",
        data_classes=("phone",),
        offer_number=3,
        first_offered_at=datetime(2026, 3, 1, tzinfo=UTC),
        canaries=(CRM, replace(CRM, system="loans"), MASKED_CANARY, SINGLE_CANARY),
        known_rows={"forum-2019": 30},
        recycled_rows={"forum-2019": 12},
    )

    verdicts = ("ours", "partly_ours", "shared_clients_only", "pairing_broken", "tests_disagree")
    signals = [
        signal
        for verdict in verdicts
        for signal in find_signals(
            replace(everything, masked=SampleFact(verdict=verdict, rows=20, detail="Endings hit alone.")),
            SETTINGS,
        )
    ]

    assert {rule.name for rule in RULES} == {signal.name for signal in signals}
    assert all(signal.text.endswith(".") and not signal.text[0].islower() for signal in signals)
