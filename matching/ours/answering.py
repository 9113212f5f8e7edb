"""Answer "Is it ours?" for the rows of one sample.

1. Distinct rows, and the template that each is judged by (`row_views`).
2. Their scores, with what their whole values say (`scoring`).
3. The share of rows that is ours (`share`), and the shuffle test (`shuffle`).
4. Where pairs don't hold: do single fields match (`scoring`), or do parts fit with other rows' (`rejoining`)?
5. The verdict (`verdict`), its weakest assumption, and how many more rows would settle it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log, prod
from types import MappingProxyType

import numpy as np

from matching.masked_samples.sample_rows import SampleRow
from matching.ours.answer import OursAnswer, OursVerdict, RowEvidence, WeakestAssumption
from matching.ours.comparable_base import ComparableBase, Template
from matching.ours.full_hits import PAIRED, FullHit, RowBasis
from matching.ours.rejoining import rejoined_share
from matching.ours.row_views import DistinctRows, TemplateViews, distinct_rows
from matching.ours.scoring import (
    baseline,
    score_rows,
    shuffled_rows,
    single_scores,
    usable_scores,
    usable_views,
)
from matching.ours.share import ShareInterval, likelihood_curve, share_of
from matching.ours.shuffle import MOST_ARRANGEMENTS, arrangements, shuffle_test
from matching.ours.verdict import PAIRED_P, SHARED_LIMIT, Figures, decide, rows_to_settle

_NO_FULL_HITS: Mapping[int, FullHit] = MappingProxyType({})
_FEWEST_WHOLE = 3
#: For parts of rows, more evidence is asked for than for whole ones: several parts are tried.
_PARTS_EVIDENCE = log(1000)
#: Histograms of endings are coarse below so many customers.
_COARSE_BASE = 20_000


def answer_for(
    rows: Sequence[SampleRow],
    base: ComparableBase[Template],
    full_hits: Mapping[int, FullHit] = _NO_FULL_HITS,
) -> OursAnswer:
    """Return the answer; `full_hits`: by row number, of rows that have whole values in enrolled fields."""
    distinct = distinct_rows(rows, base)
    views = usable_views(distinct.judged_views())
    evidence = score_rows(distinct, views, base, full_hits)
    scores = usable_scores(evidence)
    share = share_of(scores)
    shuffle = shuffle_test(shuffled_rows(_shuffled_views(distinct, views), base))
    whole = _paired_by_whole_values(evidence)
    singles: dict[str, ShareInterval] = {}
    rejoined = None
    broken = _mixed_whole_values(evidence)
    if not (share.low > SHARED_LIMIT and (whole or shuffle.p <= PAIRED_P)):
        singles, matching = _single_fields(distinct, views, base, share)
        rejoined = rejoined_share(distinct, views, base)
        broken = broken or matching or (rejoined is not None and _exceeds(rejoined, share))
    verdict, disagreement = decide(Figures(share, shuffle, whole, broken))
    return OursAnswer(
        verdict=verdict,
        rows=len(rows),
        distinct_rows=len(distinct.rows),
        usable_rows=len(scores),
        share=share,
        curve=likelihood_curve(scores),
        shuffle=shuffle,
        baseline=baseline(evidence),
        weakest_assumption=_weakest(verdict, share, evidence, views, base.customers),
        more_rows=rows_to_settle(scores, shuffle) if verdict is OursVerdict.TOO_LITTLE else None,
        disagreement=disagreement,
        single_fields=singles,
        rejoined=rejoined,
        evidence=evidence,
    )


def _shuffled_views(
    distinct: DistinctRows[Template], views: list[TemplateViews[Template]]
) -> list[TemplateViews[Template]]:
    """Return the rows under the templates that judge them, or under fewer, where swapping needs more rows."""
    if _possible(views) * PAIRED_P >= 1:
        return views
    return max(views, usable_views(distinct.most_shown_views()), key=_possible)


def _possible(views: Sequence[TemplateViews[Template]]) -> int:
    return min(prod(arrangements(view.pairs) for view in views), MOST_ARRANGEMENTS)


def _paired_by_whole_values(evidence: Sequence[RowEvidence]) -> bool:
    """Whole values alone put the share above what companies share, without any masked row's help."""
    whole = [row.score for row in evidence if row.basis in PAIRED]
    others = [
        min(row.score, 1.0)
        for row in evidence
        if row.basis not in PAIRED and row.basis is not RowBasis.NOTHING
    ]
    return len(whole) >= _FEWEST_WHOLE and share_of(np.array(whole + others)).low > SHARED_LIMIT


def _mixed_whole_values(evidence: Sequence[RowEvidence]) -> bool:
    bases = Counter(row.basis for row in evidence)
    return (
        bases[RowBasis.FULL_MIXED] >= _FEWEST_WHOLE and bases[RowBasis.FULL_MIXED] > bases[RowBasis.FULL_PAIR]
    )


def _exceeds(part: ShareInterval, share: ShareInterval) -> bool:
    """Return whether parts of rows surely match where whole rows don't."""
    return part.evidence > _PARTS_EVIDENCE and part.low > max(SHARED_LIMIT, share.high)


def _single_fields(
    distinct: DistinctRows[Template],
    views: Sequence[TemplateViews[Template]],
    base: ComparableBase[Template],
    share: ShareInterval,
) -> tuple[dict[str, ShareInterval], bool]:
    """Return the share by each attribute alone, and whether one matches where the pairs do not."""
    singles: dict[str, ShareInterval] = {}
    matching = False
    if all(view.attribute is not None for view in views):
        return singles, matching
    for attribute, alone in distinct.single_views().items():
        usable = usable_views(alone)
        singles[attribute.value] = single = share_of(single_scores(usable, base))
        if _exceeds(single, share):
            matching = matching or shuffle_test(shuffled_rows(usable, base)).p <= PAIRED_P
    return singles, matching


def _weakest(
    verdict: OursVerdict,
    share: ShareInterval,
    evidence: Sequence[RowEvidence],
    views: Sequence[TemplateViews[Template]],
    customers: int,
) -> WeakestAssumption:
    if verdict in (OursVerdict.TESTS_DISAGREE, OursVerdict.TOO_LITTLE):
        return WeakestAssumption.NULL_FITS
    if verdict in (OursVerdict.NOT_OURS, OursVerdict.PAIRING_BROKEN):
        return WeakestAssumption.BASE_COMPLETE
    if verdict is OursVerdict.SHARED_CLIENTS_ONLY or share.low < 2 * SHARED_LIMIT:
        return WeakestAssumption.SHARED_CLIENTS_LIMIT
    bases = Counter(row.basis for row in evidence if row.score > 1)
    if bases[RowBasis.FULL_SINGLE] * 2 > bases.total():
        return WeakestAssumption.SINGLE_FIELDS
    anchors = Counter(anchor for view in views for anchor, _ in view.pairs)
    if anchors and max(anchors.values()) * 2 > anchors.total():
        return WeakestAssumption.ROWS_INDEPENDENT
    return WeakestAssumption.COARSE_NULL if customers < _COARSE_BASE else WeakestAssumption.ROWS_TYPICAL
