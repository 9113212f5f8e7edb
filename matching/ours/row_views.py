"""Which template each row is judged by, and which rows are one.

1. Rows of which the same is visible count once.
2. Each template looks at each row. A row's chance under a template is the number of customers that a row of
   nobody's would meet there: N x share of the anchor x share of the ending.
3. Rows that look the same under a template where strangers do not look the same, and different under none,
   are one row, too: the same people again, under masks of another style. The one with the smallest chance
   stays.
4. Each row is judged by the template with its smallest chance. That is chosen before any hit is looked up:
   choosing among hits would count luck as evidence.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from matching.masked_samples.sample_rows import Attribute, SampleRow
from matching.ours.comparable_base import ComparableBase, Template, VisiblePair

#: Rows that look the same are one where fewer strangers than this would look like one of them.
_STRANGERS = 0.05


@dataclass(frozen=True, slots=True)
class TemplateViews(Generic[Template]):
    """What one template shows of those rows of which it shows anything."""

    template: Template
    rows: NDArray[np.int64]  # positions
    pairs: list[VisiblePair]
    anchors: NDArray[np.float64]  # customers with each row's anchor
    endings: NDArray[np.float64]  # share of customers with each row's ending
    attribute: Attribute | None  # where the template needs one attribute only

    def at(self, places: NDArray[np.int64]) -> "TemplateViews[Template]":
        pairs = [self.pairs[place] for place in places]
        return replace(
            self,
            rows=self.rows[places],
            pairs=pairs,
            anchors=self.anchors[places],
            endings=self.endings[places],
        )

    @property
    def chances(self) -> NDArray[np.float64]:
        """Customers that a row of nobody's meets."""
        return self.anchors * self.endings


@dataclass(frozen=True, slots=True)
class DistinctRows(Generic[Template]):
    """The distinct rows of a sample, how often each is there, and what the templates show of them."""

    rows: list[SampleRow]
    repeats: list[int]
    views: list[TemplateViews[Template]]

    def judged_views(self) -> list[TemplateViews[Template]]:
        """Return each row in the one template that it is judged by."""
        return smallest_chances(self.views, len(self.rows))

    def most_shown_views(self) -> list[TemplateViews[Template]]:
        """Return each row once: as many as possible under one template, then of the rest, and so on."""
        waiting = np.ones(len(self.rows), np.bool_)
        shown = []
        for view in sorted(self.views, key=lambda view: (-len(view.rows), float(view.chances.mean()))):
            shown.append(view.at(np.flatnonzero(waiting[view.rows])))
            waiting[view.rows] = False
        return [view for view in shown if len(view.rows)]

    def single_views(self) -> dict[Attribute, list[TemplateViews[Template]]]:
        """Return for each attribute the rows in those templates that need nothing else."""
        attributes = sorted({view.attribute for view in self.views if view.attribute is not None})
        return {
            attribute: smallest_chances(
                [view for view in self.views if view.attribute == attribute], len(self.rows)
            )
            for attribute in attributes
        }


def smallest_chances(views: Sequence[TemplateViews[Template]], count: int) -> list[TemplateViews[Template]]:
    """Return each of `count` rows in the view where its chance is smallest; no row that none shows."""
    smallest, chosen = np.full(count, np.inf), np.full(count, -1)
    for number, view in enumerate(views):
        better = view.chances < smallest[view.rows]
        smallest[view.rows[better]] = view.chances[better]
        chosen[view.rows[better]] = number
    parts = (view.at(np.flatnonzero(chosen[view.rows] == number)) for number, view in enumerate(views))
    return [part for part in parts if len(part.rows)]


def distinct_rows(rows: Iterable[SampleRow], base: ComparableBase[Template]) -> DistinctRows[Template]:
    equal: dict[object, list[SampleRow]] = {}
    for row in rows:
        equal.setdefault(frozenset(row.values), []).append(row)
    firsts = [same[0] for same in equal.values()]
    repeats = [len(same) for same in equal.values()]
    views = list(_views(firsts, base))
    return _merged(DistinctRows(firsts, repeats, views), base.customers)


def _views(rows: Sequence[SampleRow], base: ComparableBase[Template]) -> Iterator[TemplateViews[Template]]:
    for template in base.templates:
        shown = [(place, pair) for place, row in enumerate(rows) if (pair := template.view(row)) is not None]
        if not shown:
            continue
        pairs = [pair for _, pair in shown]
        anchors = base.customers * base.anchor_shares(template, [anchor for anchor, _ in pairs])
        endings = base.ending_shares(template, [ending for _, ending in pairs])
        places = np.array([place for place, _ in shown], np.int64)
        attribute = _needed_attribute(template, rows[shown[0][0]])
        yield TemplateViews(template, places, pairs, anchors, endings, attribute)


def _needed_attribute(template: Template, row: SampleRow) -> Attribute | None:
    """Return the attribute that the template shows of this row without any other; None: it needs several."""
    for attribute in dict.fromkeys(value.attribute for value in row.values):
        own = tuple(value for value in row.values if value.attribute == attribute)
        if template.view(replace(row, values=own)) is not None:
            return attribute
    return None


def _merged(distinct: DistinctRows[Template], customers: int) -> DistinctRows[Template]:
    """Keep one of those rows that look the same where strangers don't."""
    count = len(distinct.rows)
    smallest = np.full(count, np.inf)
    for view in distinct.views:
        np.minimum.at(smallest, view.rows, view.chances)
    kept = _representatives(distinct, customers, smallest)
    places = np.flatnonzero(kept == np.arange(count))
    numbers = np.full(count, -1)
    numbers[places] = np.arange(len(places))
    repeats = np.bincount(kept, weights=distinct.repeats, minlength=count)[places]
    views = (view.at(np.flatnonzero(numbers[view.rows] >= 0)) for view in distinct.views)
    return DistinctRows(
        [distinct.rows[place] for place in places],
        [int(number) for number in repeats],
        [replace(view, rows=numbers[view.rows]) for view in views if len(view.rows)],
    )


def _shown_pairs(distinct: DistinctRows[Template]) -> list[dict[int, VisiblePair]]:
    """Return for each row what each template shows of it, by the template's number."""
    shown: list[dict[int, VisiblePair]] = [{} for _ in distinct.rows]
    for number, view in enumerate(distinct.views):
        for row, pair in zip(view.rows.tolist(), view.pairs, strict=True):
            shown[row][number] = pair
    return shown


def _contradict(one: dict[int, VisiblePair], other: dict[int, VisiblePair]) -> bool:
    """Return whether a template shows different people: the same number, but another name."""
    return any(other.get(number, pair) != pair for number, pair in one.items())


def _representatives(
    distinct: DistinctRows[Template], customers: int, smallest: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return for each row the one that stands for it: of rows that are one, that with the smallest chance."""
    stands_for = list(range(len(smallest)))

    def representative(row: int) -> int:
        while stands_for[row] != row:
            stands_for[row] = row = stands_for[stands_for[row]]
        return row

    shown = _shown_pairs(distinct)
    for view in distinct.views:
        seen: dict[VisiblePair, int] = {}
        for place in np.flatnonzero(view.chances * len(smallest) < _STRANGERS * customers).tolist():
            row = int(view.rows[place])
            one, other = representative(row), representative(seen.setdefault(view.pairs[place], row))
            if one != other and not _contradict(shown[one], shown[other]):
                first = (smallest[one], one) < (smallest[other], other)
                kept, dropped = (one, other) if first else (other, one)
                stands_for[dropped] = kept
    return np.array([representative(row) for row in range(len(smallest))], np.int64)
