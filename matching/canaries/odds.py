"""How probable it is that a theft shows a canary: the hypergeometric distribution.

Of a base of `of` rows, `canaries` among them, a thief takes `rows` at random. A thief who picks rows by
region or age does not take at random; canaries of all regions and ages keep the odds near these.
"""

import math


def odds_of_one(canaries: int, rows: int, of: int) -> float:
    """Return the probability that at least one canary is among the rows."""
    if not canaries or not rows:
        return 0.0
    if rows + canaries > of:
        return 1.0
    # The chance that each canary in turn is among the rows that stay behind.
    missed = math.fsum(math.log1p(-rows / (of - place)) for place in range(canaries))
    return -math.expm1(missed)


def canaries_needed(rows: int, of: int, probability: float) -> int:
    """Return a number of canaries with which a theft of `rows` shows one with this probability at least."""
    if rows >= of:
        return 1
    return math.ceil(math.log1p(-probability) / math.log1p(-rows / of))


def rows_for(canaries: int, of: int, probability: float) -> int:
    """Return the number of rows from which on a theft shows a canary with this probability at least."""
    low, high = 1, of
    while low < high:
        middle = (low + high) // 2
        if odds_of_one(canaries, middle, of) >= probability:
            high = middle
        else:
            low = middle + 1
    return low
