"""The score of each distinct row: what its mask leaves visible, and what its whole values say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from matching.ours.answer import NonMemberBaseline, RowEvidence
from matching.ours.comparable_base import ComparableBase, Template
from matching.ours.full_hits import FULL_SCORES, FullHit, RowBasis
from matching.ours.row_views import DistinctRows, TemplateViews
from matching.ours.share import Floats
from matching.ours.shuffle import ShuffledRows

#: A row that so many customers look like by chance says nothing, but would add up the null's small errors.
USABLE_CHANCE = 30.0


@dataclass(frozen=True, slots=True)
class _MaskedScore:
    template: str
    count: int
    chance: float
    needs_several: bool  # attributes


def usable_views(views: Sequence[TemplateViews[Template]]) -> list[TemplateViews[Template]]:
    """Leave out rows that their template does not tell from others."""
    parts = (view.at(np.flatnonzero(view.chances <= USABLE_CHANCE)) for view in views)
    return [part for part in parts if len(part.rows)]


def score_rows(
    distinct: DistinctRows[Template],
    views: Sequence[TemplateViews[Template]],
    base: ComparableBase[Template],
    full_hits: Mapping[int, FullHit],
) -> tuple[RowEvidence, ...]:
    """Return the evidence of each distinct row, in the sample's order; `views`: the usable ones, judged."""
    masked: dict[int, _MaskedScore] = {}
    for view in views:
        several = view.attribute is None
        counts = base.counts(view.template, view.pairs).tolist()
        for row, count, chance in zip(view.rows.tolist(), counts, view.chances.tolist(), strict=True):
            masked[row] = _MaskedScore(view.template.name, count, chance, several)
    return tuple(
        _evidence(row.number, repeats, masked.get(place), full_hits.get(row.number))
        for place, (row, repeats) in enumerate(zip(distinct.rows, distinct.repeats, strict=True))
    )


def _evidence(number: int, repeats: int, masked: _MaskedScore | None, full: FullHit | None) -> RowEvidence:
    basis = full.basis() if full else None
    if basis is RowBasis.FULL_SINGLE and masked and masked.needs_several and not masked.count:
        basis = RowBasis.FULL_CONTRADICTED  # by what the mask beside it shows
    if basis is None:
        basis = RowBasis.MASKED if masked else RowBasis.NOTHING
    template, count, chance = (masked.template, masked.count, masked.chance) if masked else (None, 0, 0.0)
    score = FULL_SCORES.get(basis, count / chance if chance else 1.0)
    return RowEvidence(number, repeats, basis, template, count, chance, score)


def usable_scores(evidence: Sequence[RowEvidence]) -> Floats:
    return np.array([row.score for row in evidence if row.basis is not RowBasis.NOTHING], np.float64)


def single_scores(views: Sequence[TemplateViews[Template]], base: ComparableBase[Template]) -> Floats:
    """Return the scores of rows by one attribute alone."""
    scores = [base.counts(view.template, view.pairs) / view.chances for view in views]
    return np.concatenate(scores) if scores else np.empty(0)


def baseline(evidence: Sequence[RowEvidence]) -> NonMemberBaseline:
    masked = [row for row in evidence if row.basis is RowBasis.MASKED]
    whole = [row for row in evidence if row.basis not in (RowBasis.MASKED, RowBasis.NOTHING)]
    return NonMemberBaseline(
        observed=sum(row.count > 0 for row in masked) + sum(row.score > 1 for row in whole),
        non_members=sum(-np.expm1(-row.chance) for row in masked),
        members=float(len(masked) + len(whole)),
    )


def shuffled_rows(
    views: Sequence[TemplateViews[Template]], base: ComparableBase[Template]
) -> list[ShuffledRows]:
    def lookup_of(template: Template) -> Callable[[Sequence[tuple[str, str]]], np.ndarray]:
        return lambda pairs: base.counts(template, pairs)

    return [ShuffledRows(lookup_of(view.template), view.pairs, view.anchors, view.endings) for view in views]
