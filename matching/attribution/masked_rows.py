"""Masked rows in all lists: how many customers of each look like a row, and how seldom a stranger does.

Each row is judged by one template, the same in all lists: the one that tells it best from others in the
largest base. That is chosen before anything is looked up (`matching.ours.row_views`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from matching.attribution.attribution import MaskedRows
from matching.masked_samples.sample_rows import SampleRow
from matching.ours.comparable_base import ComparableBase, Template
from matching.ours.row_views import distinct_rows


def masked_rows(
    rows: Sequence[SampleRow], bases: Sequence[ComparableBase[Template] | None]
) -> MaskedRows | None:
    """Look the rows up in the bases of the lists; None for a list without masks. Returns None without any.

    `rows`: those without a whole value that was found; they are counted by their whole values.
    """
    present = [base for base in bases if base is not None]
    if not present or not rows:
        return None
    largest = max(present, key=lambda base: base.customers)
    distinct = distinct_rows(rows, largest)
    views = distinct.judged_views()
    held = [np.zeros((0, len(bases)), np.int64)]
    chances = [np.zeros(0)]
    cohorts: list[list[NDArray[np.uint8]]] = [[np.zeros(0, np.uint8)] for _ in bases]
    for view in views:
        counts = np.zeros((len(view.pairs), len(bases)), np.int64)
        for place, base in enumerate(bases):
            template = _same_template(base, view.template.name)
            if base is None or template is None:
                continue
            counts[:, place] = base.counts(template, view.pairs)
            alone = [view.pairs[at] for at in np.flatnonzero(counts[:, place] == 1).tolist()]
            cohorts[place] += base.cohorts(template, alone) if alone else []
        held.append(counts)
        chances.append(view.chances / max(1, largest.customers))
    return MaskedRows(
        np.concatenate(held), np.concatenate(chances), [np.concatenate(parts) for parts in cohorts]
    )


def _same_template(base: ComparableBase[Template] | None, name: str) -> Template | None:
    return next((one for one in base.templates if one.name == name), None) if base is not None else None
