"""The benchmark of "Is it ours?", in small: the answers hold on each kind of base."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import ours
from benchmarks.ours_bases import WORLDS, SimulatedBase, World, draw_people
from matching.ours import OursVerdict

SMALL = [replace(world, customers=min(world.customers, 50_000)) for world in WORLDS[:5]]


@pytest.mark.slow
@pytest.mark.parametrize("world", SMALL, ids=lambda world: world.name)
def test_the_answers_hold_on_each_base(world: World) -> None:
    """Strangers are never called ours, customers nearly always, and the mean null score is about 1."""
    rng = np.random.default_rng(ours.SEED)
    base = SimulatedBase(draw_people(world, world.customers, rng))

    strangers = ours.null_verdicts(world, base, 80, rng)
    own = ours.own_verdicts(world, base, 40, rng)

    assert sum(strangers[verdict] for verdict in ours.OURS) == 0
    assert own[OursVerdict.OURS] >= 38
    assert ours.null_score(world, rng) == pytest.approx(1, abs=0.07)
    assert ours.coverage(world, base, 300, rng) == pytest.approx(0.9, abs=0.06)
