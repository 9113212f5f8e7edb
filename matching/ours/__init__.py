"""Is it ours? The share of a sample's rows that belong to a company's customers, with a verdict.

In the order in which rows pass through:

comparable_base  what the statistics ask of an enrolled base
row_views        distinct rows, and the template that each is judged by
full_hits        what whole values say
scoring          the score of each row
share            the share of rows that is ours
shuffle          the shuffle test, which needs no model
rejoining        parts that fit with those of another row
verdict          from figures to a verdict
answer           the answer
answering        all of it in order
"""

from matching.ours.answer import (
    Disagreement,
    NonMemberBaseline,
    OursAnswer,
    OursVerdict,
    RowEvidence,
    WeakestAssumption,
)
from matching.ours.answering import answer_for
from matching.ours.comparable_base import ComparableBase, ViewingTemplate, VisiblePair
from matching.ours.full_hits import FullHit, RowBasis
from matching.ours.share import ShareInterval
from matching.ours.shuffle import ShuffleTest

__all__ = [
    "ComparableBase",
    "Disagreement",
    "FullHit",
    "NonMemberBaseline",
    "OursAnswer",
    "OursVerdict",
    "RowBasis",
    "RowEvidence",
    "ShareInterval",
    "ShuffleTest",
    "ViewingTemplate",
    "VisiblePair",
    "WeakestAssumption",
    "answer_for",
]
