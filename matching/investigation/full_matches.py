"""Whole identifiers and watch terms that a sweep found of one company."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

from matching.comparing.chance import enrolled_values
from matching.comparing.findings import CompanyFindings, Findings
from matching.identifiers import Field
from matching.investigation.subject import shown_name

_TERMS_SHOWN = 20
_MENTIONS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class FieldMatches:
    """Whole values of one field that are the company's customers', beside what chance gives."""

    field: Field
    hits: int
    candidates: int
    enrolled: int
    by_chance: float
    lift: float | None

    @property
    def is_chance(self) -> bool:
        """Whether unrelated data gives as many hits now and then: within three standard deviations."""
        return self.hits <= self.by_chance + 3 * sqrt(self.by_chance)

    def as_dict(self) -> dict[str, Any]:
        return {
            "field": self.field.value,
            "hits": self.hits,
            "candidates": self.candidates,
            "enrolled": self.enrolled,
            "by_chance": self.by_chance,
            "lift": self.lift,
        }


@dataclass(frozen=True, slots=True)
class MentionSeen:
    """A place of a watch term. The words around it are left out: they may name a person."""

    term: str
    place: str  # masked

    def as_dict(self) -> dict[str, Any]:
        return {"term": self.term, "place": self.place}


@dataclass(frozen=True, slots=True)
class FullMatches:
    """What the sweep found: whole identifiers and mentions of watch terms."""

    fields: tuple[FieldMatches, ...]
    coherent_rows: int
    single_hits: int
    customers: int
    mentions: int
    terms: tuple[str, ...]
    first_mentions: tuple[MentionSeen, ...]

    @property
    def hits(self) -> int:
        return sum(one.hits for one in self.fields)

    @property
    def by_chance(self) -> float:
        return float(f"{sum(one.by_chance for one in self.fields):.3g}")

    @property
    def is_chance(self) -> bool:
        """Whether chance explains all hits, field by field."""
        return not self.coherent_rows and all(one.is_chance for one in self.fields)

    def as_dict(self) -> dict[str, Any]:
        return {
            "hits": self.hits,
            "by_chance": self.by_chance,
            "is_chance": self.is_chance,
            "fields": [one.as_dict() for one in self.fields],
            "coherent_rows": self.coherent_rows,
            "single_hits": self.single_hits,
            "customers": self.customers,
            "mentions": self.mentions,
            "terms": list(self.terms),
            "first_mentions": [one.as_dict() for one in self.first_mentions],
        }


def full_matches(findings: Findings, company: int) -> FullMatches:
    """Return what a sweep found of a company; everything is 0 where it found nothing."""
    found = findings.companies.get(company) or CompanyFindings()
    tally = found.tally
    return FullMatches(
        fields=tuple(_field_matches(findings, company, found)),
        coherent_rows=tally.coherent_rows,
        single_hits=tally.single_hits,
        customers=tally.customers,
        mentions=sum(found.mention_fields.values()),
        terms=tuple(sorted(found.terms)[:_TERMS_SHOWN]),
        first_mentions=tuple(
            MentionSeen(one.term.text, f"{shown_name(one.label)}:{one.line}")
            for one in found.mentions[:_MENTIONS_SHOWN]
        ),
    )


def _field_matches(findings: Findings, company: int, found: CompanyFindings) -> Iterator[FieldMatches]:
    """Yield the fields that are enrolled, with the number of hits that unrelated data would give."""
    for field in Field:
        hits, values = found.hit_fields[field], enrolled_values(findings.watch.segments, company, field)
        if not hits and not values:
            continue
        chance = findings.expected_hits(company, field)
        yield FieldMatches(
            field=field,
            hits=hits,
            candidates=findings.candidates_of(company)[field],
            enrolled=values,
            by_chance=float(f"{chance.hits:.3g}"),
            lift=None if chance.lift is None else round(chance.lift, 1),
        )
