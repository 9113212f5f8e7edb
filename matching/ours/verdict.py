"""From figures to a verdict.

The table is gone through from top to bottom; the first line that fits gives the verdict.

| share of rows that is ours | shuffle test | verdict |
|---|---|---|
| low > 0.4, middle > 0.7 | p <= 0.001 | ours |
| low > 0.15 | p <= 0.001 | partly ours |
| clearly less than by one field alone (low > 0.15, p <= 0.001) | | pairing broken |
| low > 0.15 | p > 0.05, with enough arrangements | the tests disagree: scores without pairs |
| low > 0.15 | otherwise | too little |
| evidence below 2 | p <= 0.001 | the tests disagree: pairs without scores |
| some rows surely (evidence > ln 50, p <= 0.01), high <= 0.3 | | shared clients only |
| no sure rows, high <= 0.3 | | not ours |
| anything else | | too little |

Whole values take the place of the shuffle test where they alone give the lower bound, in three rows or more.
"""

from dataclasses import dataclass
from math import ceil, log

from matching.ours.answer import Disagreement, OursVerdict
from matching.ours.share import Floats, ShareInterval, share_of
from matching.ours.shuffle import ShuffleTest

#: Two companies in one market may share so many clients. A lower bound above it is more than that.
SHARED_LIMIT = 0.15
#: "Ours" lets a tenth of the rows be out of date and a tenth be unlucky; a half-invented sample stays below.
OURS_LOW = 0.4
OURS_MIDDLE = 0.7
SHARED_HIGH = 2 * SHARED_LIMIT
NOT_OURS_HIGH = 0.3
PAIRED_P = 0.001
UNPAIRED_P = 0.05
PRESENT_P = 0.01
PRESENT_EVIDENCE = log(50)
NO_EVIDENCE = 2.0
#: Rows that the shuffle test needs at least: 7! = 5,040 arrangements.
FEWEST_ROWS = 7
_FACTORS = [1.25**step for step in range(1, 22)]  # up to 108 times the rows


@dataclass(frozen=True, slots=True)
class Figures:
    """What the verdict is made from."""

    share: ShareInterval
    shuffle: ShuffleTest
    paired_by_whole_values: bool
    broken: bool  # single fields match, and pairs don't

    @property
    def paired(self) -> bool:
        return self.shuffle.p <= PAIRED_P or self.paired_by_whole_values

    @property
    def testable(self) -> bool:
        """The shuffle test has enough arrangements to say anything."""
        return self.shuffle.possible * PAIRED_P >= 1

    @property
    def present(self) -> bool:
        """Some rows are ours, however few."""
        sure = self.paired_by_whole_values or not self.testable or self.shuffle.p <= PRESENT_P
        return sure and self.share.evidence > PRESENT_EVIDENCE


def decide(figures: Figures) -> tuple[OursVerdict, Disagreement | None]:
    """Return the first line of the table that fits."""
    share, shuffle = figures.share, figures.shuffle
    strong = share.low > SHARED_LIMIT
    if strong and figures.paired:
        most = share.low > OURS_LOW and share.middle > OURS_MIDDLE
        return (OursVerdict.OURS if most else OursVerdict.PARTLY_OURS), None
    if figures.broken:
        return OursVerdict.PAIRING_BROKEN, None
    if strong and figures.testable and shuffle.p > UNPAIRED_P:
        return OursVerdict.TESTS_DISAGREE, Disagreement.SCORES_WITHOUT_PAIRS
    if strong:
        return OursVerdict.TOO_LITTLE, None
    if shuffle.p <= PAIRED_P and share.evidence < NO_EVIDENCE:
        return OursVerdict.TESTS_DISAGREE, Disagreement.PAIRS_WITHOUT_SCORES
    return _weak_verdict(share, present=figures.present), None


def _weak_verdict(share: ShareInterval, *, present: bool) -> OursVerdict:
    if present and share.high <= SHARED_HIGH:
        return OursVerdict.SHARED_CLIENTS_ONLY
    if not present and share.high <= NOT_OURS_HIGH:
        return OursVerdict.NOT_OURS
    return OursVerdict.TOO_LITTLE


def rows_to_settle(scores: Floats, shuffle: ShuffleTest) -> int | None:
    """Return how many more distinct rows, scored as these, would give another verdict than "too little".

    None: rows such as these would not, up to a hundred times as many.
    """
    for factor in _FACTORS if len(scores) else ():
        share = share_of(scores, repeated=factor)
        present = share.evidence > PRESENT_EVIDENCE
        settled = _settled_pairs(shuffle, factor) if share.low > SHARED_LIMIT else True
        if settled and (
            share.low > SHARED_LIMIT or _weak_verdict(share, present=present) is not OursVerdict.TOO_LITTLE
        ):
            return max(ceil(len(scores) * (factor - 1)), FEWEST_ROWS - len(scores))
    return None


def _settled_pairs(shuffle: ShuffleTest, factor: float) -> bool:
    """p falls as a power of the rows; where it can't be small yet, because rows are few, it will be."""
    if shuffle.possible * PAIRED_P < 1:
        return True
    return bool(shuffle.p**factor <= PAIRED_P)
