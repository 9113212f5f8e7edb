"""From facts to signals, from signals to a score, from a score to a severity: a sum that anyone can redo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from alerts.rules import DEFAULT_WEIGHTS, HIT_SIGNALS, RULES, FindingFacts, Observation
from storage.alerts import AlertRevision, Severity

WEIGHT_LIMIT = 1_000  # points; a greater number is a typing error


class Signal(BaseModel):
    """One reason for the severity: its name, its points, and a sentence that says what was found."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    name: str = Field(description="Slug of the signal; docs/reference/alerts.md has a line for each.")
    weight: int = Field(description="Points that it adds to the score.")
    count: int | None = Field(default=None, description="The number found, if the signal counts something.")
    text: str = Field(description="One sentence for people.")
    earlier: bool = Field(
        default=False, description="True if an earlier revision found it and this one did not."
    )


@dataclass(frozen=True, slots=True)
class Judgement:
    """How severe a finding is, and the signals that say why, heaviest first."""

    severity: Severity
    signals: tuple[Signal, ...]
    score: int  # points of all signals
    hit_score: int  # points of the signals that rest on fingerprints

    def as_earlier(self) -> Judgement:
        """Return the same judgement with every signal marked as found by an earlier revision."""
        earlier = tuple(signal.model_copy(update={"earlier": True}) for signal in self.signals)
        return replace(self, signals=earlier)


class SeveritySettings(BaseModel):
    """Points from which a finding has a severity, and the points of each signal. Section
    [alerts.severity].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    medium: int = Field(default=30, description="Score from which a finding is medium; below it is low.")
    high: int = Field(default=60, description="Score from which a finding is high.")
    critical: int = Field(default=100, description="Score from which a finding is critical.")
    weights: dict[str, int] = Field(
        default_factory=dict, description="Points by signal, if different from the default."
    )

    @field_validator("weights")
    @classmethod
    def _check_weights(cls, weights: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(weights) - set(DEFAULT_WEIGHTS)):
            raise ValueError(
                f"{', '.join(unknown)}: unknown signal; the signals are {', '.join(DEFAULT_WEIGHTS)}"
            )
        if wide := sorted(name for name, weight in weights.items() if not 0 <= weight <= WEIGHT_LIMIT):
            raise ValueError(f"{', '.join(wide)}: a weight must be a number from 0 to {WEIGHT_LIMIT}")
        return weights

    @model_validator(mode="after")
    def _check_thresholds(self) -> SeveritySettings:
        if not 0 < self.medium < self.high < self.critical:
            raise ValueError(
                f"medium = {self.medium}, high = {self.high}, critical = {self.critical}: each must be "
                "greater than the one before, and medium must be greater than 0"
            )
        return self

    @property
    def thresholds(self) -> dict[str, int]:
        """Score from which an alert has a severity; below the first one it is low."""
        return {"medium": self.medium, "high": self.high, "critical": self.critical}

    def severity_for(self, score: int) -> Severity:
        """Return the severity that a score gives."""
        steps = (
            (self.critical, Severity.CRITICAL),
            (self.high, Severity.HIGH),
            (self.medium, Severity.MEDIUM),
        )
        return next((severity for least, severity in steps if score >= least), Severity.LOW)

    def signal_for(self, name: str, observation: Observation) -> Signal:
        """Return the signal `name` with what was found and its points."""
        weight = self.weights.get(name, DEFAULT_WEIGHTS[name])
        return Signal(name=name, weight=weight, count=observation.count, text=observation.text)

    def judge_signals(self, signals: Iterable[Signal]) -> Judgement:
        """Return the judgement that these signals add up to."""
        found = tuple(signals)
        return _judgement(self.severity_for(total_weight(found)), found)

    def judge_observation(self, name: str, observation: Observation) -> Judgement:
        """Return the judgement of an alert that has this one signal."""
        return self.judge_signals([self.signal_for(name, observation)])


def judge_facts(
    facts: FindingFacts, settings: SeveritySettings, *, earlier: Judgement | None = None
) -> Judgement:
    """Judge a finding. `earlier` is the judgement of its alert's last revision; None: it has no alert yet."""
    found = find_signals(facts, settings)
    return settings.judge_signals(found if earlier is None else merge_signals(earlier.signals, found))


def judgement_of(revision: AlertRevision) -> Judgement:
    """Return the judgement that a revision was written with."""
    return _judgement(revision.severity, tuple(Signal.model_validate(signal) for signal in revision.signals))


def find_signals(facts: FindingFacts, settings: SeveritySettings) -> list[Signal]:
    """Return every signal that the facts show, heaviest first."""
    return _heaviest_first(
        settings.signal_for(rule.name, observation)
        for rule in RULES
        if (observation := rule.observe(facts)) is not None
    )


def merge_signals(before: Iterable[Signal], now: Iterable[Signal]) -> list[Signal]:
    """Return the signals found now, and those from before that are missing now, marked as earlier.

    So an edit that hides the company's name, or a re-post without the sample, never makes a finding look
    harmless.
    """
    present = list(now)
    names = {signal.name for signal in present}
    gone = [signal.model_copy(update={"earlier": True}) for signal in before if signal.name not in names]
    return _heaviest_first([*present, *gone])


def total_weight(signals: Iterable[Signal]) -> int:
    """Return the sum of the signals' points."""
    return sum(signal.weight for signal in signals)


def _judgement(severity: Severity, signals: tuple[Signal, ...]) -> Judgement:
    hits = total_weight(signal for signal in signals if signal.name in HIT_SIGNALS)
    return Judgement(severity, signals, score=total_weight(signals), hit_score=hits)


def _heaviest_first(signals: Iterable[Signal]) -> list[Signal]:
    """Sort signals in the order in which people should read them; equal ones stay in the table's order."""
    return sorted(signals, key=lambda signal: -signal.weight)
