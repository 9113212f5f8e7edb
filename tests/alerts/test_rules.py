"""The signals: when each speaks, and what it weighs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.rules import DEFAULT_WEIGHTS, RULES, Facts
from alerts.severity import SeveritySettings, merged, score_of, signals_of
from storage.alerts import Severity

SETTINGS = SeveritySettings()
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "alerts.md"


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (Facts(), []),
        (Facts(coherent_rows=1), ["coherent_rows"]),
        (Facts(coherent_rows=10), ["coherent_rows", "coherent_rows_many"]),
        (Facts(customers=99), []),
        (Facts(customers=100), ["customers_many"]),
        (Facts(customers=10_000), ["customers_mass", "customers_many"]),
        (Facts(single_hits=1, candidates=10), ["single_hits"]),
        (Facts(single_hits=5, candidates=500), ["single_hits_share", "single_hits"]),
        (Facts(single_hits=5, candidates=501), ["single_hits"]),
        (Facts(single_hits=2_342, candidates=10_000_000), ["single_hits"]),
        (Facts(mentions={"title": 1}), ["mention_title"]),
        (Facts(mentions={"sample": 2}), ["mention_sample"]),
        (Facts(mentions={"body": 1}), ["mention_body"]),
        (Facts(mentions={"attachment": 1}), ["mention_attachment"]),
        (Facts(domains=("lender[.]example",)), ["term_domain"]),
        (Facts(claimed_records=9_999), []),
        (Facts(claimed_records=10_000), ["claimed_records"]),
        (Facts(claimed_records=1_000_000), ["claimed_records", "claimed_records_mass"]),
        (Facts(price="1 BTC"), ["price"]),
        (Facts(data_classes=("phone",)), ["data_classes"]),
        (Facts(offer_number=3, first_offered_at=datetime(2026, 3, 1, tzinfo=UTC)), ["repost"]),
    ],
)
def test_when_a_signal_speaks(facts: Facts, names: list[str]) -> None:
    """Each signal at its threshold and just below it, the heaviest first."""
    assert names == [signal.name for signal in signals_of(facts, SETTINGS)]


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        (Facts(mentions={"body": 3}), Severity.LOW),
        (Facts(single_hits=2, candidates=10_000), Severity.LOW),
        (Facts(mentions={"title": 1}), Severity.MEDIUM),
        (Facts(mentions={"title": 1}, domains=("lender[.]example",), price="1 BTC"), Severity.MEDIUM),
        (Facts(mentions={"title": 1}, price="1 BTC", claimed_records=1_000_000), Severity.HIGH),
        (
            Facts(
                mentions={"title": 1, "body": 3},
                domains=("lender[.]example",),
                price="1 BTC",
                claimed_records=1_000_000,
                data_classes=("phone",),
            ),
            Severity.HIGH,
        ),
        (Facts(coherent_rows=1), Severity.HIGH),
        (Facts(coherent_rows=1, mentions={"title": 1}), Severity.CRITICAL),
        (Facts(coherent_rows=10), Severity.CRITICAL),
    ],
)
def test_what_typical_findings_come_to(facts: Facts, severity: Severity) -> None:
    """A name in passing is low, a name for sale medium to high, rows of customers high to critical."""
    assert severity is SETTINGS.of(score_of(signals_of(facts, SETTINGS)))


def test_a_million_random_numbers_do_not_wake_anybody() -> None:
    """What chance gives in a dump of ten million numbers stays low, and the sentence says what chance
    gives.
    """
    (signal,) = signals_of(Facts(single_hits=2_342, candidates=10_000_000, enrolled=1_000_000), SETTINGS)

    assert Severity.LOW is SETTINGS.of(signal.weight)
    assert "Chance gives about 2,342 of" in signal.text


def test_a_signal_that_is_gone_stays_as_earlier() -> None:
    """Merging keeps what an earlier look found, marked, and takes today's words for the rest."""
    before = signals_of(Facts(coherent_rows=4, price="1 BTC"), SETTINGS)
    now = signals_of(Facts(price="2 BTC"), SETTINGS)

    both = merged(before, now)

    assert [(s.name, s.earlier) for s in both] == [("coherent_rows", True), ("price", False)]
    assert "2 BTC" in both[1].text


@pytest.mark.parametrize(("name", "weight"), DEFAULT_WEIGHTS.items())
def test_the_page_has_the_weights_of_the_code(name: str, weight: int) -> None:
    """docs/reference/alerts.md has a row for each signal, with the points that the code gives."""
    assert f"| `{name}` | {weight} |" in PAGE.read_text(encoding="utf-8")


def test_every_signal_says_a_whole_sentence() -> None:
    """What a signal says is a sentence for people: it ends with a full stop and begins with no small
    letter.
    """
    everything = Facts(
        mentions={"title": 1, "body": 2, "sample": 3, "attachment": 4},
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
    )

    signals = signals_of(everything, SETTINGS)

    assert {rule.name for rule in RULES} == {signal.name for signal in signals}
    assert all(signal.text.endswith(".") and not signal.text[0].islower() for signal in signals)
