"""What the rows say: the share that is ours, the verdict, and three rows with their evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from matching.ours import FullHit, OursAnswer, RowBasis, RowEvidence, answer_for
from matching.ours.comparable_base import ComparableBase, Template

EXAMPLES = 3
_HIDDEN = "****"
#: How many characters of a value an example shows at most, at its beginning and at its end.
_SHOWN = {
    Attribute.PHONE: (3, 4),
    Attribute.RESIDENT_ID: (6, 2),
    Attribute.NATIONAL_ID: (2, 2),
    Attribute.CARD: (6, 4),
    Attribute.IBAN: (4, 4),
    Attribute.EMAIL: (1, 1),
    Attribute.NAME: (1, 0),
    Attribute.BIRTH_DATE: (4, 0),
}


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """A row as an example. `shown`: what of its values is shown, masked more than a seller masks.

    The numbers are customers: all, those who share the visible beginning, those who by chance look like the
    row, and those who do. None: whole values decided, and not what a mask leaves.
    """

    number: int
    line: int
    shown: tuple[tuple[Attribute, str], ...]
    basis: str
    template: str | None
    customers: int
    with_anchor: float | None
    by_chance: float | None
    found: int
    score: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "line": self.line,
            "shown": [[attribute.value, text] for attribute, text in self.shown],
            "basis": self.basis,
            "template": self.template,
            "customers": self.customers,
            "with_anchor": self.with_anchor,
            "by_chance": self.by_chance,
            "found": self.found,
            "score": self.score,
        }


@dataclass(frozen=True, slots=True)
class OursPart:
    """The answer about the rows, with its examples. `customers`: of the base that was compared.

    `is_cut`: there are more rows than were judged. `ambiguous`: masked values that can be several things, and
    were left out.
    """

    answer: OursAnswer
    customers: int
    examples: tuple[ExampleRow, ...]
    is_cut: bool = False
    ambiguous: int = 0

    @property
    def has_masked_rows(self) -> bool:
        """Whether a row was judged, or could not be judged, by what a mask leaves."""
        return any(row.basis in (RowBasis.MASKED, RowBasis.NOTHING) for row in self.answer.evidence)

    def as_dict(self) -> dict[str, Any]:
        return {
            "customers": self.customers,
            "cut": self.is_cut,
            "ambiguous_values": self.ambiguous,
            **self.answer.as_dict(),
            "examples": [one.as_dict() for one in self.examples],
        }


def ours_part(
    rows: Sequence[SampleRow],
    base: ComparableBase[Template],
    full_hits: Mapping[int, FullHit],
    *,
    is_cut: bool = False,
    ambiguous: int = 0,
) -> OursPart:
    """Answer for the rows against one base."""
    answer = answer_for(rows, base, full_hits)
    by_number = {row.number: row for row in rows}
    chosen = _chosen(answer)
    examples = tuple(_example(by_number[one.number], one, base) for one in chosen if one.number in by_number)
    return OursPart(answer, base.customers, examples, is_cut, ambiguous)


def _chosen(answer: OursAnswer) -> list[RowEvidence]:
    """Return the strongest judged row, the median and the weakest: not only what convinces."""
    judged = sorted(
        (row for row in answer.evidence if row.template is not None or row.count),
        key=lambda row: (-row.score, row.number),
    )
    if len(judged) <= EXAMPLES:
        return judged
    return [judged[0], judged[len(judged) // 2], judged[-1]]


def _example(row: SampleRow, evidence: RowEvidence, base: ComparableBase[Template]) -> ExampleRow:
    template = next((one for one in base.templates if one.name == evidence.template), None)
    pair = None if template is None else template.view(row)
    with_anchor = None
    if template is not None and pair is not None:
        with_anchor = float(base.customers * base.anchor_shares(template, [pair[0]])[0])
    return ExampleRow(
        number=row.number,
        line=row.line,
        shown=tuple(_shown_values(row)),
        basis=evidence.basis.value,
        template=evidence.template,
        customers=base.customers,
        with_anchor=with_anchor,
        by_chance=evidence.chance if pair is not None else None,
        found=evidence.count,
        score=evidence.score,
    )


def _shown_values(row: SampleRow) -> Iterator[tuple[Attribute, str]]:
    for value in row.values:
        yield value.attribute, shown_value(value)


def shown_value(value: VisibleValue) -> str:
    """Return what an example shows of a value: never all of it, however much of it was visible.

    Of a name the first character, of an e-mail address the first and last of the local part, of a date the
    year; of numbers what `matching.masks` leaves, or less.
    """
    first, last = _SHOWN[value.attribute]
    if value.attribute is Attribute.BIRTH_DATE:
        return f"{value.head[:4]}-**-**" if value.head else "****-**-**"
    head, tail = value.head, value.tail
    if not value.is_masked:  # everything is in the head
        tail = head[max(first, len(head) - last) :] if last else ""
    head = head[:first]
    if value.attribute is Attribute.NAME:
        return f"{head}**"
    shown = f"{head}{_HIDDEN}{tail[-last:] if last else ''}"
    return f"{shown}@{_HIDDEN}" if value.attribute is Attribute.EMAIL else shown
