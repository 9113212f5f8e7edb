"""The words of a report: one table per language, with numbers, shares and times as the language writes them.

A text names its values in braces: `{rows:row|rows} were read` has the number and the form that fits it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from math import floor, log10

from text.filled_texts import filled


class ReportLanguage(StrEnum):
    ENGLISH = "en"
    CHINESE = "zh"


_TAGS = {ReportLanguage.ENGLISH: "en", ReportLanguage.CHINESE: "zh-CN"}
_TIMES = {ReportLanguage.ENGLISH: "%Y-%m-%d %H:%M UTC", ReportLanguage.CHINESE: "%Y年%m月%d日 %H:%M（UTC）"}
_DATES = {ReportLanguage.ENGLISH: "%Y-%m-%d", ReportLanguage.CHINESE: "%Y年%m月%d日"}
_SMALL, _LARGE = 0.001, 1_000_000_000
_TIMES_LIMIT = 1_000_000
_NOT_A_NUMBER = "–"


@cache
def texts_of(language: ReportLanguage) -> Mapping[str, str]:
    """Return all texts of a language by their keys."""
    found = files("matching.investigation.report") / "texts" / f"{language.value}.toml"
    return tomllib.loads(found.read_text(encoding="utf-8"))


@cache
def own_characters(tag: str) -> frozenset[str]:
    """Return every character of the report's own texts in the language with this tag."""
    language = next(one for one, other in _TAGS.items() if other == tag)
    own = (*texts_of(language).values(), _TIMES[language], _DATES[language], _NOT_A_NUMBER)
    return frozenset("".join(own))


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts of one language."""

    language: ReportLanguage

    @property
    def tag(self) -> str:
        return _TAGS[self.language]

    def say(self, key: str, **values: object) -> str:
        """Return a text; whole numbers are written with separators, strings as they are."""
        return filled(texts_of(self.language)[key], values)

    def has(self, key: str) -> bool:
        return key in texts_of(self.language)

    def count(self, number: int) -> str:
        return f"{number:,}"

    def amount(self, number: float) -> str:
        """Return a number that need not be whole, with at most three digits that count."""
        if number != number:  # not a number
            return _NOT_A_NUMBER
        if 0 < number < _SMALL:
            return f"<{_SMALL}"
        if number > _LARGE:
            return f">{_LARGE:,}"
        digits = 0 if number == 0 else max(0, 2 - floor(log10(abs(number))))
        shown = f"{number:,.{digits}f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown

    def once_in(self, chance: float) -> str:
        """Return how often something of a small chance happens: once in so many times, in two digits."""
        times = min(1 / max(chance, 1 / _TIMES_LIMIT), _TIMES_LIMIT)
        step = 10 ** max(0, floor(log10(times)) - 1)
        return self.count(int(times // step * step))

    def probability(self, part: float) -> str:
        """Return a probability in percent; nothing is certain, and nothing is excluded."""
        return ">99.9%" if part > 0.999 else "<0.1%" if part < 0.001 else self.share(part)

    def share(self, part: float) -> str:
        """Return a share of 1 in percent: 0.1% and 97%, never 100% for what is less."""
        percent = 100 * part
        if 0 < percent < 0.1:
            return "<0.1%"
        if percent in (0, 100):
            return f"{percent:.0f}%"
        if percent < 1 or percent > 99:
            return f"{min(percent, 99.9):.1f}%"
        return f"{percent:.0f}%"

    def chance(self, probability: float) -> str:
        """Return a small probability in percent: 0.05%, and <0.001% where it is tiny."""
        return f"{self.amount(100 * probability)}%"

    def moment(self, at: datetime | None) -> str:
        return self.say("not_known") if at is None else at.astimezone(UTC).strftime(_TIMES[self.language])

    def day(self, at: date) -> str:
        return at.strftime(_DATES[self.language])

    def several(self, names: list[str]) -> str:
        return self.say("comma").join(names)

    def sentences(self, texts: list[str]) -> str:
        return self.say("space").join(text for text in texts if text)
