"""A town's customers and strangers, for tests. All people are invented."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.ours_bases import SURNAMES, Ints, People, SimulatedBase, World, draw_people

TOWN = World("a town", 50_000, in_one_region=0.6, names_by_region=True, skewed_endings=True)


@cache
def town_base() -> SimulatedBase:
    return SimulatedBase(draw_people(TOWN, TOWN.customers, np.random.default_rng(1)))


def customers(count: int, seed: int = 7) -> People:
    people = town_base().people
    return people.at(np.random.default_rng(seed).choice(len(people), count, replace=False))


def strangers(count: int, seed: int = 8) -> People:
    """People of the same regions, with the same names and the same taste in numbers, who are no customers."""
    return draw_people(TOWN, count, np.random.default_rng(seed))


def namesakes(people: People, name: str, count: int) -> People:
    return people.at(np.flatnonzero(people.surname == SURNAMES.index(name))[:count])


def shuffled(people: People, seed: int = 9) -> People:
    return people.at(np.random.default_rng(seed).permutation(len(people)))


def shifted(column: Ints) -> Ints:
    """Move each value of a column to the next row."""
    return np.roll(column, 1)
