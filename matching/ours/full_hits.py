"""What the whole values of a row say, where a row has some: they were looked up as fingerprints.

The scores are rounded down from what the product measures elsewhere, so that none of them decides alone:

- one whole value meets a customer by chance in N / S of cases (`matching.comparing.chance`: a telephone
  number meets one of a million customers once in 4,270 times), and two of one customer never do. Numbers
  change hands, however, so one value alone counts for less than its chance says;
- a customer's whole value is missing in the base when it changed after enrolment: 3% per year of mobile
  numbers, which the simulations assume, too.
"""

from dataclasses import dataclass
from enum import StrEnum


class RowBasis(StrEnum):
    """What a row's score rests on."""

    MASKED = "masked"  # only what a mask leaves visible
    FULL_PAIR = "full_pair"  # two whole values of one customer
    FULL_SINGLE = "full_single"  # one whole value, and nothing that contradicts it
    FULL_CONTRADICTED = "full_contradicted"  # one whole value of a customer, beside one that is not theirs
    FULL_MIXED = "full_mixed"  # whole values of different customers
    FULL_MISS = "full_miss"  # no whole value is a customer's
    NOTHING = "nothing"  # the row shows nothing that a template covers


@dataclass(frozen=True, slots=True)
class FullHit:
    """The whole values of one row, counted by field."""

    checked: int  # whole values in fields that are enrolled
    found: int  # of them, those that are any customer's
    agreeing: int  # the largest number of them that one customer has

    def basis(self) -> RowBasis | None:
        """Return what these values say; None where the row has no whole value to look up."""
        if not self.checked:
            return None
        if not self.found:
            return RowBasis.FULL_MISS
        if self.agreeing > 1:
            return RowBasis.FULL_PAIR
        if self.found > 1:
            return RowBasis.FULL_MIXED
        return RowBasis.FULL_SINGLE if self.checked == 1 else RowBasis.FULL_CONTRADICTED


#: Row scores: how many times more often a row of ours shows this than a row of nobody's.
FULL_SCORES = {
    RowBasis.FULL_PAIR: 1e6,
    RowBasis.FULL_SINGLE: 1e3,
    RowBasis.FULL_CONTRADICTED: 3.0,
    RowBasis.FULL_MIXED: 0.03,
    RowBasis.FULL_MISS: 0.03,
}
#: Bases that tie parts of one person together by themselves: a whole number is an anchor and its ending.
PAIRED = (RowBasis.FULL_PAIR, RowBasis.FULL_SINGLE)
