"""Is it ours? How often the answer is right on simulated bases, whose truth is known.

The bases are drawn from worlds (`benchmarks.ours_bases`): people spread evenly; 80% in one region; family
names that differ by region; skewed number endings and birthdays; all of it with 5,000 customers and with a
million.

- null score: the mean score of rows of people who are in no base; 1.00 is right. Endings are not drawn but
  weighed by what the world gives them, so that the figure has next to no sampling error.
- false alarms: samples of 20 rows of such people, half of them of the base's own world and half spread over
  all its regions, in four combinations of columns, of which the answer is "ours" or "partly ours".
- ours: samples of 10 rows of phone and family name, 97% of them customers, of which the answer is "ours".
- covers 10%: samples of 100 rows of which each is a customer with probability 0.1; how often 0.1 lies in the
  interval, which should be 90%.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.measure import report
from benchmarks.ours_bases import (
    WORLDS,
    People,
    SimulatedBase,
    World,
    codes_of,
    draw_people,
    ending_weights,
    sample_rows,
)
from matching.ours import OursVerdict, answer_for
from matching.ours.share import share_of

SEED = 13
OURS = (OursVerdict.OURS, OursVerdict.PARTLY_OURS)
NULL_COLUMNS = ("pn", "in", "pl", "pin")
OWN_SHARE = 0.97
#: Bases of a world over which the null score is averaged: a small base is a matter of luck.
_SMALL_BASES = 20
_STRANGERS = 300_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many samples are drawn per world."""

    null: int = 10_000
    power: int = 2_000
    coverage: int = 4_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What one world gave."""

    world: str
    null_score: float
    false_alarms: int
    null_samples: int
    ours: float
    covered: float


def mixed_sample(
    world: World, base: SimulatedBase, rows: int, share: float, rng: np.random.Generator
) -> People:
    """Draw rows of which each is a customer with the probability `share`, and otherwise a stranger."""
    own = rng.random(rows) < share
    customers = base.people.at(rng.integers(0, len(base.people), int(own.sum())))
    strangers = draw_people(world, rows - len(customers), rng)
    return People.together(customers, strangers).at(rng.permutation(rows))


def null_score(world: World, rng: np.random.Generator) -> float:
    """Return the mean score of strangers by phone and family name, over bases of this world."""
    bases = _SMALL_BASES if world.customers < 50_000 else 1
    return float(np.mean([_null_score(world, rng, _STRANGERS // bases) for _ in range(bases)]))


def _null_score(world: World, rng: np.random.Generator, count: int) -> float:
    """Return sum over the base's customers of (true share of their ending / assumed share), by anchor."""
    base = SimulatedBase(draw_people(world, world.customers, rng))
    anchors, endings = codes_of(base.people, "pn")
    index = base.index(base.templates[1])
    true_share = ending_weights() if world.skewed_endings else np.full(10_000, 1e-4)
    kinds, places = np.unique(anchors, return_inverse=True)
    weights = true_share[endings] / index.ending_share[endings]
    sums = np.bincount(places, weights=weights).astype(np.float64)
    scores = sums / (base.customers * index.anchor_shares(kinds))
    strangers, _ = codes_of(draw_people(world, count, rng), "pn")
    where = np.minimum(np.searchsorted(kinds, strangers), len(kinds) - 1)
    return float(np.where(kinds[where] == strangers, scores[where], 0.0).mean())


def null_verdicts(
    world: World, base: SimulatedBase, samples: int, rng: np.random.Generator, *, rows: int = 20
) -> Counter[OursVerdict]:
    verdicts: Counter[OursVerdict] = Counter()
    for number in range(samples):
        strangers = draw_people(world, rows, rng, national=number % 2 == 1)
        columns = NULL_COLUMNS[number // 2 % len(NULL_COLUMNS)]
        verdicts[answer_for(sample_rows(strangers, columns), base).verdict] += 1
    return verdicts


def own_verdicts(
    world: World,
    base: SimulatedBase,
    samples: int,
    rng: np.random.Generator,
    *,
    rows: int = 10,
    share: float = OWN_SHARE,
    columns: str = "pn",
) -> Counter[OursVerdict]:
    return Counter(
        answer_for(sample_rows(mixed_sample(world, base, rows, share, rng), columns), base).verdict
        for _ in range(samples)
    )


def coverage(
    world: World,
    base: SimulatedBase,
    samples: int,
    rng: np.random.Generator,
    *,
    share: float = 0.1,
    rows: int = 100,
) -> float:
    """Return how often the true share lies in the interval."""
    people = mixed_sample(world, base, rows * samples, share, rng)
    scores = base.scores(people, "pn").reshape(samples, rows)
    found = [share_of(each) for each in scores]
    return sum(each.low <= share <= each.high for each in found) / samples


def figures_of(world: World, sizes: Sizes) -> Figures:
    rng = np.random.default_rng(SEED)
    base = SimulatedBase(draw_people(world, world.customers, rng))
    verdicts = null_verdicts(world, base, sizes.null, rng)
    own = own_verdicts(world, base, sizes.power, rng)
    return Figures(
        world.name,
        null_score(world, rng),
        sum(verdicts[verdict] for verdict in OURS),
        verdicts.total(),
        own[OursVerdict.OURS] / own.total(),
        coverage(world, base, sizes.coverage, rng),
    )


def main(worlds: Sequence[World] = WORLDS, sizes: Sizes | None = None) -> None:
    rows = []
    for world in worlds:
        figures = figures_of(world, sizes or Sizes())
        alarms = f"{figures.false_alarms} of {figures.null_samples:,}"
        rows.append(
            (
                figures.world,
                f"{figures.null_score:.3f}",
                alarms,
                f"{figures.ours:.1%}",
                f"{figures.covered:.1%}",
            )
        )
    report(("base", "null score", "false alarms", "ours", "covers 10%"), rows)


if __name__ == "__main__":
    main()
