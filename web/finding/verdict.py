"""Is it ours? The answer that a finding's last revision gives, its tests, and the assumption it rests on.

Made from the stored counts, in slugs that texts/finding.toml has words for. `headline` is that of the
strongest proof: a certain canary, rows that agree on two fields, masked rows, then what is only a hint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts.message import MessageContent, MessageSample
from alerts.rules import CHANCE
from storage.alerts import Severity
from storage.canary_matches import CanaryEvidence
from storage.matches import MatchSummary

#: Sentences of stored messages, by the slug of the assumption. A test compares them with the matching.
ASSUMPTIONS: Mapping[str, str] = {
    "base_complete": "all customers are enrolled, those of the copy's time included",
    "shared_clients_limit": "companies do not share more than a tenth of their clients",
    "null_fits": "other people's names, regions and numbers are spread as customers' are",
    "rows_independent": "the rows were not picked by one region, family name or number",
    "single_fields": "a whole value that is a customer's belongs to the row it stands in",
    "coarse_null": "coarse counts of a small list of customers describe other people, too",
    "rows_typical": "the rows that are shown are like those that are not",
}
DISAGREEMENTS: Mapping[str, str] = {
    "scores_without_pairs": (
        "The rows hit more often than chance explains, but no less often when their endings are exchanged."
    ),
    "pairs_without_scores": (
        "The rows hit less often when their endings are exchanged, but no more often than chance explains."
    ),
}
#: Verdicts about masked rows that are an answer of their own, the strongest first.
MASKED_FIRST = ("ours", "partly_ours")
MASKED_LATER = ("pairing_broken", "tests_disagree", "shared_clients_only")
WORST = frozenset({"canary", "rows", "masked_ours", "masked_partly_ours"})


@dataclass(frozen=True, slots=True)
class TestLine:
    """One test: its slug, the slug of its outcome, and the figures that the outcome's text names."""

    __test__ = False

    test: str
    outcome: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    share: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class ShownVerdict:
    """`assumption`: a slug; "" if there is none. `sentence`: an assumption that no slug is known for."""

    headline: str
    tone: str  # class of its badge
    share: tuple[float, float, float] | None
    tests: tuple[TestLine, ...]
    assumption: str
    sentence: str = ""
    disagreement: str = ""


def verdict_of(content: MessageContent, summary: MatchSummary | None) -> ShownVerdict:
    """Return the answer of a finding's revision; `summary` has what the message does not: known breaches."""
    headline = _headline(content, summary)
    masked = headline.startswith("masked_") and headline != "masked_canary"
    tone = "critical" if headline in WORST else "good" if headline == "not_ours" else "medium"
    assumption, sentence = _assumption(headline, content.sample if masked else None)
    disagreement = ""
    if content.sample is not None and content.sample.verdict == "tests_disagree":
        disagreement = _slug_of(content.sample.detail, DISAGREEMENTS)
    share = _share_of(content.sample) if masked else None
    tests = tuple(_tests(content, summary))
    return ShownVerdict(headline, tone, share, tests, assumption, sentence, disagreement)


def _headline(content: MessageContent, summary: MatchSummary | None) -> str:
    matches, sample = content.matches, content.sample
    evidence = {canary.evidence for canary in content.canaries}
    masked = sample.verdict if sample else None
    enrolled = content.coverage.enrolled_customers if content.coverage else 0
    if CanaryEvidence.CERTAIN.value in evidence:
        return "canary"
    if matches and matches.coherent_rows:
        return "rows"
    if masked in MASKED_FIRST:
        return f"masked_{masked}"
    if CanaryEvidence.CONSISTENT.value in evidence:
        return "masked_canary"
    if masked in MASKED_LATER:
        return f"masked_{masked}"
    if summary and summary.known_rows:
        return "known_breach"
    if matches and matches.single_hits:
        return "single_hits"
    if masked == "not_ours":
        return "not_ours"
    return "named_no_match" if enrolled else "named_not_compared"


def _assumption(headline: str, sample: MessageSample | None) -> tuple[str, str]:
    if sample is not None and sample.assumption:
        slug = _slug_of(sample.assumption, ASSUMPTIONS)
        return slug, "" if slug else sample.assumption
    of_headline = {"canary": "canary_planted", "rows": "rows_elsewhere", "masked_canary": "canary_chance"}
    return of_headline.get(headline, ""), ""


def _slug_of(sentence: str, known: Mapping[str, str]) -> str:
    plain = sentence.strip().rstrip(".")
    return next((slug for slug, each in known.items() if each.rstrip(".") == plain), "")


def _share_of(sample: MessageSample | None) -> tuple[float, float, float] | None:
    if sample is None or sample.share_low is None or sample.share_middle is None or sample.share_high is None:
        return None
    return sample.share_low, sample.share_middle, sample.share_high


def _tests(content: MessageContent, summary: MatchSummary | None) -> Iterator[TestLine]:
    matches, coverage = content.matches, content.coverage
    enrolled = coverage.enrolled_customers if coverage else 0
    certain = sum(each.evidence == CanaryEvidence.CERTAIN.value for each in content.canaries)
    weaker = len(content.canaries) - certain
    outcome = "found" if certain else "weak" if weaker else "none"
    yield TestLine("canaries", outcome, {"n": certain or weaker})
    rows = matches.coherent_rows if matches else 0
    if rows and matches:
        yield TestLine("rows", "found", {"n": rows, "customers": matches.customers, "enrolled": enrolled})
    else:
        yield TestLine("rows", "none" if enrolled else "not_enrolled", {"enrolled": enrolled})
    yield from _masked_lines(content.sample)
    if summary and summary.known_rows:
        name, known = max(summary.known_rows.items(), key=lambda item: item[1])
        figures = {"n": known, "recycled": summary.recycled_rows.get(name, 0), "rows": rows, "name": name}
        yield TestLine("breaches", "found" if rows else "found_alone", figures)
    else:
        yield TestLine("breaches", "none")
    single = matches.single_hits if matches else 0
    candidates = coverage.candidates if coverage else 0
    expected = max(1, round(candidates * enrolled * CHANCE))
    if enrolled:
        figures = {"n": single, "candidates": candidates, "expected": expected}
        yield TestLine("single", "found" if single else "none", figures)


def _masked_lines(sample: MessageSample | None) -> Iterator[TestLine]:
    if sample is None:
        yield TestLine("masked", "none")
        return
    figures = {"n": sample.usable_rows or sample.rows, "more": sample.more_rows or 0}
    if sample.rows:
        outcome = sample.verdict or "not_compared"
        if outcome == "too_little" and sample.more_rows is not None:
            outcome = "too_little_more"
        yield TestLine("masked", outcome, figures, _share_of(sample))
        if sample.cut:
            yield TestLine("masked", "cut")
    if sample.unread_rows:
        yield TestLine("masked", "unread", {"n": sample.unread_rows})


def next_steps(content: MessageContent, severity: Severity) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what to do, in the order of doing it, as slugs with the figures of their texts.

    The conditions are those of the message's own English sentences (alerts.finding_text).
    """
    certain = next((one for one in content.canaries if one.evidence == CanaryEvidence.CERTAIN.value), None)
    matches, verdict = content.matches, content.sample.verdict if content.sample else None
    if severity in (Severity.HIGH, Severity.CRITICAL):
        yield "call", {}
    yield "take_on", {}
    if certain:
        place = f"{certain.system} → {certain.partner}" if certain.partner else certain.system
        yield "canary", {"place": place, "issued": certain.issued.isoformat()}
    if matches and matches.coherent_rows:
        yield "name_customers", {}
    elif certain:
        pass
    elif verdict in MASKED_FIRST:
        yield "keep_sample", {}
    elif matches and matches.single_hits:
        yield "hint", {}
    elif content.coverage and content.coverage.enrolled_customers:
        yield "keep_an_eye", {}
    else:
        yield "enrol", {}
    yield "keep_proof", {}
