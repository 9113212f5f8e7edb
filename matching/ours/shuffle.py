"""The shuffle test: do the parts of a row belong together, or would any others hit as often?

The anchor of a row (prefix, family name) is joined with the ending of another row (the last four digits),
and all such joins are looked up. If the rows are nobody's in particular, the true joins hit as often as any
others, whatever the regions, names and endings of the sample are. So no knowledge of any population enters.

1. Rows of one template are cut into blocks, so that the look-ups stay bounded. One block where rows are few.
2. The joins within each block are looked up, all with all. A join that hits weighs more, the fewer hits of
   its kind chance gives: log of (1 + row score) / 2. The weights decide how soon the test notices something.
   Whether it is right does not depend on them, for the arrangements are weighed alike.
3. p is the share of arrangements that weigh at least as much as the rows as offered. All arrangements are
   counted where there are few, otherwise arrangements are drawn (p counts the rows as offered, too: Phipson
   and Smyth, SAGMB 2010). Drawing ends early where the answer is plain (Besag and Clifford, Biometrika 1991).

The draws are seeded by what the rows show, in sorted order: the same rows give the same answer in any order.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import permutations
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

from matching.ours.comparable_base import VisiblePair

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
#: Looks up the customers of each pair; one per template.
Lookup = Callable[[Sequence[VisiblePair]], Counts]
Draws = np.random.Generator

#: At most so many joins are looked up in one sample.
LOOKUPS = 20_000
_SMALLEST_BLOCK = 8
#: All arrangements are counted up to this number, and drawn beyond.
_COUNTED = factorial(7)
_DRAWS = 1_999
_FIRST_DRAWS = 199
_PLAIN = 20  # so many arrangements that hit as often, in the first draws, and no more are drawn
_ROUNDING = 1e-9
MOST_ARRANGEMENTS = 10**9  # arrangements are not counted beyond


@dataclass(frozen=True, slots=True)
class ShuffleTest:
    """Rows that hit as offered, beside rows that hit when the endings are swapped between rows."""

    rows: int  # that have another row to swap with
    as_offered: int
    shuffled_mean: float
    p: float
    possible: int  # arrangements that differ, at most 1,000,000,000; p cannot be smaller than 1 / possible

    def as_dict(self) -> dict[str, float]:
        return {
            "rows": self.rows,
            "as_offered": self.as_offered,
            "shuffled_mean": self.shuffled_mean,
            "p": self.p,
            "possible": self.possible,
        }


@dataclass(frozen=True, slots=True)
class ShuffledRows:
    """Distinct rows of one template."""

    lookup: Lookup
    pairs: Sequence[VisiblePair]
    anchors: Floats  # customers that each row's anchor meets
    endings: Floats  # share of customers with each row's ending

    def at(self, places: Sequence[int] | NDArray[np.int64]) -> "ShuffledRows":
        pairs = [self.pairs[place] for place in places]
        return ShuffledRows(self.lookup, pairs, self.anchors[places], self.endings[places])

    def in_order(self) -> "ShuffledRows":
        return self.at(sorted(range(len(self.pairs)), key=self.pairs.__getitem__))


@dataclass(frozen=True, slots=True)
class _Joins:
    """Each anchor of a block (down) with each ending (across)."""

    hits: NDArray[np.bool_]
    weights: Floats

    def __len__(self) -> int:
        return len(self.hits)


def shuffle_test(groups: Sequence[ShuffledRows]) -> ShuffleTest:
    """Test the rows of all templates together; endings are swapped between rows of one template only."""
    ordered = [group.in_order() for group in groups if len(group.pairs) > 1]
    draws = _seeded(ordered)
    blocks = [block for group in ordered for block in _blocks(group, draws, LOOKUPS // len(ordered))]
    joins = [_join(block) for block in blocks]
    few = prod(factorial(len(each)) for each in joins) <= _COUNTED
    return ShuffleTest(
        rows=sum(len(each) for each in joins),
        as_offered=sum(int(np.trace(each.hits)) for each in joins),
        shuffled_mean=sum(float(each.hits.sum()) / len(each) for each in joins),
        p=_counted_p(joins) if few else _drawn_p(joins, draws),
        possible=min(prod(arrangements(block.pairs) for block in blocks), MOST_ARRANGEMENTS),
    )


def arrangements(pairs: Sequence[VisiblePair]) -> int:
    """Return how many arrangements of these rows differ, at most 1,000,000,000.

    Swapping equal anchors, or equal endings, changes nothing.
    """
    equal = (Counter(parts).values() for parts in zip(*pairs, strict=True))
    return min(
        MOST_ARRANGEMENTS, factorial(len(pairs)) // max(prod(map(factorial, times)) for times in equal)
    )


def _seeded(groups: Sequence[ShuffledRows]) -> Draws:
    digest = blake2b(digest_size=8)
    for group in groups:
        digest.update(repr(group.pairs).encode())
    return np.random.default_rng(int.from_bytes(digest.digest(), "big"))


def _blocks(group: ShuffledRows, draws: Draws, lookups: int) -> list[ShuffledRows]:
    """Cut rows into blocks of about equal size, by chance; rows beyond the look-ups are left out."""
    count = len(group.pairs)
    size = min(count, max(_SMALLEST_BLOCK, lookups // count))
    order = draws.permutation(count)[: max(size, lookups // size)]
    return [group.at(part) for part in np.array_split(order, -(-len(order) // size))]


def _join(block: ShuffledRows) -> _Joins:
    joined = [(anchor, ending) for anchor, _ in block.pairs for _, ending in block.pairs]
    counts = block.lookup(joined).reshape(len(block.pairs), len(block.pairs))
    weights: Floats = np.log((1 + counts / np.outer(block.anchors, block.endings)) / 2)
    return _Joins(counts > 0, weights)


def _counted_p(blocks: Sequence[_Joins]) -> float:
    """Return the share of all arrangements that weigh at least as much."""
    sums = np.zeros(1)
    for joins in blocks:
        orders = np.array(list(permutations(range(len(joins)))))
        sums = np.add.outer(sums, _arranged(joins, orders)).ravel()
    return float(np.mean(sums >= _as_offered(blocks)))


def _drawn_p(blocks: Sequence[_Joins], draws: Draws) -> float:
    least = _as_offered(blocks)
    reached = drawn = 0
    for more in (_FIRST_DRAWS, _DRAWS - _FIRST_DRAWS):
        sums = sum(_arranged(joins, _orders(len(joins), draws, more)) for joins in blocks)
        reached += int(np.count_nonzero(sums >= least))
        drawn += more
        if reached >= _PLAIN:
            break
    return (1 + reached) / (1 + drawn)


def _as_offered(blocks: Sequence[_Joins]) -> float:
    """Return the weight of the rows as offered, less what sums in another order differ by."""
    return sum(float(np.trace(joins.weights)) for joins in blocks) - _ROUNDING


def _orders(size: int, draws: Draws, count: int) -> Counts:
    return draws.permuted(np.broadcast_to(np.arange(size), (count, size)), axis=1)


def _arranged(joins: _Joins, orders: Counts) -> Floats:
    sums: Floats = joins.weights[np.arange(len(joins)), orders].sum(axis=1)
    return sums
