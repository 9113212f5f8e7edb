"""`python -m benchmarks.ours_pictures` draws what the tests of "Is it ours?" can tell, into docs/ours-*.svg.

All of it is simulated against the base of a million customers of `benchmarks.ours_bases`, the hardest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.line_chart import Line, LineChart
from benchmarks.ours import SEED, coverage, mixed_sample, own_verdicts
from benchmarks.ours_bases import WORLDS, SimulatedBase, World, draw_people
from matching.ours import OursVerdict
from matching.ours.share import share_of

DOCS = Path(__file__).parents[1] / "docs"
ROWS = (5, 6, 7, 8, 10, 15, 20, 30, 50, 100, 200)
MASKS = {
    "phone 3+4": "p",
    "phone 3+4, family name": "pn",
    "phone 3+4, 张*三": "pl",
    "resident ID 6+4": "i",
    "ID 6+4, family name": "in",
}
SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
KINDS = {
    "strangers, 20 rows": (0.0, 20),
    "10% ours, 200 rows": (0.1, 200),
    "50% ours, 20 rows": (0.5, 20),
    "97% ours, 10 rows": (0.97, 10),
}


def power(world: World, base: SimulatedBase, samples: int, rng: np.random.Generator) -> LineChart:
    def share_ours(columns: str, rows: int) -> float:
        verdicts = own_verdicts(world, base, samples, rng, rows=rows, columns=columns)
        return verdicts[OursVerdict.OURS] / samples

    lines = [
        Line(name, [(rows, share_ours(columns, rows)) for rows in ROWS]) for name, columns in MASKS.items()
    ]
    return LineChart(
        'How many rows does "ours" need?',
        "rows of the sample, 97% of them ours",
        'samples answered with "ours"',
        (5, 10, 20, 50, 100, 200),
        (0, 0.25, 0.5, 0.75, 1),
        lines,
        log_across=True,
        percent=True,
    )


def coverage_chart(world: World, base: SimulatedBase, samples: int, rng: np.random.Generator) -> LineChart:
    lines = [
        Line(
            f"{rows} rows",
            [(share, coverage(world, base, samples, rng, share=share, rows=rows)) for share in SHARES],
        )
        for rows in (20, 100, 400)
    ]
    return LineChart(
        "How often does the interval hold the truth?",
        "true share of rows that is ours",
        "intervals that hold it (90% is right)",
        (0, 0.2, 0.4, 0.6, 0.8, 1),
        (0.7, 0.8, 0.9, 1),
        lines,
        percent=True,
    )


def lower_bounds(world: World, base: SimulatedBase, samples: int, rng: np.random.Generator) -> LineChart:
    def line(name: str, share: float, rows: int) -> Line:
        people = mixed_sample(world, base, rows * samples, share, rng)
        scores = base.scores(people, "pn").reshape(samples, rows)
        lows = np.array([share_of(each).low for each in scores])
        steps = np.linspace(0, 1, 101)
        return Line(name, [(float(step), float((lows > step).mean())) for step in steps])

    return LineChart(
        "What the lower bound tells apart",
        "lower bound of the share, as a limit",
        "samples whose lower bound is above it",
        (0, 0.15, 0.4, 0.6, 0.8, 1),
        (0, 0.25, 0.5, 0.75, 1),
        [line(name, *kind) for name, kind in KINDS.items()],
        percent=True,
    )


def main(names: Sequence[str] = ("power", "coverage", "bounds")) -> None:
    world = WORLDS[-1]
    rng = np.random.default_rng(SEED)
    base = SimulatedBase(draw_people(world, world.customers, rng))
    makers = {"power": (power, 100), "coverage": (coverage_chart, 1_500), "bounds": (lower_bounds, 2_000)}
    for name in names:
        make, samples = makers[name]
        make(world, base, samples, rng).write(DOCS / f"ours-{name}.svg")


if __name__ == "__main__":
    main()
