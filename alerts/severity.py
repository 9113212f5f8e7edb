"""From signals to a score, and from a score to a severity: a sum anyone can redo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from alerts.rules import DEFAULT_WEIGHTS, RULES, Facts, Said
from storage.alerts import Severity

WEIGHT_LIMIT = 1_000  # points; more would only be a slip of the finger


class Signal(BaseModel):
    """One reason for the severity: its name, its points, and a sentence that says what was found."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    name: str = Field(description="Slug of the signal; docs/reference/alerts.md has a line for each.")
    weight: int = Field(description="Points that it adds to the score.")
    count: int | None = Field(default=None, description="How many, where the signal counts something.")
    text: str = Field(description="One sentence for people.")
    earlier: bool = Field(
        default=False, description="True if an earlier revision found it and this one did not."
    )


class SeveritySettings(BaseModel):
    """Points from which a finding has a severity, and the points of each signal. Section
    [alerts.severity].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    medium: int = Field(default=30, description="Score from which a finding is medium; below it is low.")
    high: int = Field(default=60, description="Score from which a finding is high.")
    critical: int = Field(default=100, description="Score from which a finding is critical.")
    weights: dict[str, int] = Field(
        default_factory=dict, description="Points by signal, where not the default."
    )

    @field_validator("weights")
    @classmethod
    def _known(cls, weights: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(weights) - set(DEFAULT_WEIGHTS)):
            raise ValueError(f"{', '.join(unknown)}: no such signal; there are {', '.join(DEFAULT_WEIGHTS)}")
        if wide := sorted(name for name, weight in weights.items() if not 0 <= weight <= WEIGHT_LIMIT):
            raise ValueError(f"{', '.join(wide)}: a weight is a number from 0 to {WEIGHT_LIMIT}")
        return weights

    @model_validator(mode="after")
    def _rising(self) -> SeveritySettings:
        if not 0 < self.medium < self.high < self.critical:
            raise ValueError(
                f"medium = {self.medium}, high = {self.high}, critical = {self.critical}: each has to be "
                "greater than "
                "the one before, and medium greater than 0"
            )
        return self

    def of(self, score: int) -> Severity:
        """The severity of a score."""
        steps = (
            (self.critical, Severity.CRITICAL),
            (self.high, Severity.HIGH),
            (self.medium, Severity.MEDIUM),
        )
        return next((severity for least, severity in steps if score >= least), Severity.LOW)

    @property
    def thresholds(self) -> dict[str, int]:
        """Score from which an alert has a severity; below the first it is low."""
        return {"medium": self.medium, "high": self.high, "critical": self.critical}

    def weight(self, name: str) -> int:
        """The points of a signal."""
        return self.weights.get(name, DEFAULT_WEIGHTS[name])

    def signal(self, name: str, said: Said) -> Signal:
        """The signal `name` with what was found and its points."""
        return Signal(name=name, weight=self.weight(name), count=said.count, text=said.text)


def signals_of(facts: Facts, settings: SeveritySettings) -> list[Signal]:
    """Every signal that the facts show, the heaviest first."""
    found = [settings.signal(rule.name, said) for rule in RULES if (said := rule.says(facts))]
    return heaviest_first(found)


def heaviest_first(signals: Iterable[Signal]) -> list[Signal]:
    """In the order in which people should read them; equals stay in the order of the table."""
    return sorted(signals, key=lambda signal: -signal.weight)


def score_of(signals: Iterable[Signal]) -> int:
    """The sum of the points."""
    return sum(signal.weight for signal in signals)


def merged(before: Iterable[Signal], now: Iterable[Signal]) -> list[Signal]:
    """What a finding has shown up to now: a signal that is missing from `now` stays, marked as earlier.

    So an edit that hides the name of the company, or a re-post without the sample, never makes a finding
    harmless.
    """
    present = list(now)
    names: Mapping[str, Signal] = {signal.name: signal for signal in present}
    gone = [signal.model_copy(update={"earlier": True}) for signal in before if signal.name not in names]
    return heaviest_first([*present, *gone])


def at_least(severity: Severity, least: Severity) -> bool:
    """Whether a severity reaches another."""
    return severity.rank >= least.rank
