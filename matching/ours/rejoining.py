"""Do the rows' parts fit together again, if they are joined across rows?

Where columns were swapped between rows, the right name of a telephone number stands beside another number.
So each row's other values are joined with the name (or whatever a template needs second) of every other row.
If a row is a customer whose name is in one of the other rows, nobody knows in which, its score is the mean of
those of all its joins. The share of such rows follows from these scores as that of whole rows does.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from matching.masked_samples.sample_rows import Attribute, SampleRow
from matching.ours.comparable_base import ComparableBase, Template, VisiblePair
from matching.ours.row_views import DistinctRows, TemplateViews
from matching.ours.share import Floats, ShareInterval, share_of

#: Rows of one template that are joined with one another.
_ROWS = 40
_FEWEST = 7


def rejoined_share(
    distinct: DistinctRows[Template], views: Sequence[TemplateViews[Template]], base: ComparableBase[Template]
) -> ShareInterval | None:
    """Return the share of rows that fit with another row's part; None: too few rows have parts to join."""
    scores = [
        _scores(distinct, view, base)
        for view in views
        if view.attribute is None and len(view.rows) >= _FEWEST
    ]
    return share_of(np.concatenate(scores)) if scores else None


def _scores(
    distinct: DistinctRows[Template], view: TemplateViews[Template], base: ComparableBase[Template]
) -> Floats:
    """Return the score of each row that has a join; rows are chosen by what they show, not by their order."""
    chosen = sorted(range(len(view.pairs)), key=view.pairs.__getitem__)
    chosen = [chosen[place] for place in np.random.default_rng(0).permutation(len(chosen))[:_ROWS]]
    rows = [distinct.rows[view.rows[place]] for place in chosen]
    own = [view.pairs[place] for place in chosen]
    attribute = _second_attribute(view.template, rows[0])
    joined: list[VisiblePair] = []
    owners: list[int] = []
    for place, row in enumerate(rows):
        found = {view.template.view(_with_values_of(row, other, attribute)) for other in rows}
        pairs = sorted(pair for pair in found if pair is not None and pair != own[place])
        joined += pairs
        owners += [place] * len(pairs)
    counts = base.counts(view.template, joined)
    anchors = base.anchor_shares(view.template, [anchor for anchor, _ in joined])
    endings = base.ending_shares(view.template, [ending for _, ending in joined])
    scores = counts / (base.customers * anchors * endings)
    times = np.bincount(owners, minlength=len(rows))
    sums: Floats = np.bincount(owners, weights=scores, minlength=len(rows)).astype(np.float64)
    return sums[times > 0] / times[times > 0]


def _second_attribute(template: Template, row: SampleRow) -> Attribute:
    """Return an attribute without which the template shows nothing: a name rather than a number."""
    attributes = sorted({value.attribute for value in row.values}, key=lambda one: one is not Attribute.NAME)
    return next(one for one in attributes if template.view(_without(row, one)) is None)


def _without(row: SampleRow, attribute: Attribute) -> SampleRow:
    return replace(row, values=tuple(value for value in row.values if value.attribute != attribute))


def _with_values_of(row: SampleRow, other: SampleRow, attribute: Attribute) -> SampleRow:
    values = tuple(value for value in other.values if value.attribute == attribute)
    return replace(row, values=(*_without(row, attribute).values, *values))
