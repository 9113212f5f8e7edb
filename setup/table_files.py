"""Writes the two files of tables that the program reads: `text/folds.tables` and `plans.tables`.

Computing them takes about five seconds, most of it for the numbering plans.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import phonenumbers
from phonenumbers import SUPPORTED_REGIONS

from matching.identifiers.numbering_plans import CODES
from matching.scanning import plan_tables
from matching.scanning.plan_tables import CompiledPlan
from setup.digit_graphs import PatternUnknown
from setup.fold_images import Pair, mention_images, narrow_images
from setup.phone_automata import PhoneAutomaton, country_automaton, home_automaton
from setup.phone_rows import compiled_plan
from text import fold_tables
from text.fold_tables import Images
from text.installed_tables import Arrays


def write_fold_tables(path: Path = fold_tables.PATH) -> Path:
    """Write the images of both folds: 200 KB."""
    folds = {"mention": packed_images(mention_images()), "narrow": packed_images(narrow_images())}
    arrays = {
        f"{name}_{part}": array for name, images in folds.items() for part, array in images._asdict().items()
    }
    return _write_tables(path, arrays)


def packed_images(pairs: Iterable[Pair]) -> Images:
    points, images = zip(*pairs, strict=True)
    characters = np.frombuffer("".join(images).encode("utf-32-le"), "<u4")
    return Images(np.array(points, np.uint32), np.array([*map(len, images)], np.uint32), characters)


def write_plan_tables(path: Path = plan_tables.PATH) -> Path:
    """Write the tables of all country codes and of all home regions: 3 MB.

    A plan whose rules cannot be compiled (three home regions have such rules) has no table.
    """
    makers = chain(
        ((code, partial(country_automaton, code)) for code in sorted(CODES)),
        ((region, partial(home_automaton, region)) for region in sorted(SUPPORTED_REGIONS)),
    )
    plans = _compiled_plans(dict(makers))
    columns = [np.concatenate(column) for column in zip(*plans.values(), strict=True)]
    arrays = {
        "phonenumbers": np.array(phonenumbers.__version__),
        "names": np.array(list(plans)),
        "ends": np.cumsum([[len(column) for column in plan] for plan in plans.values()], axis=0),
        **dict(zip(CompiledPlan._fields, columns, strict=True)),
    }
    return _write_tables(path, arrays)


def _compiled_plans(makers: Mapping[str, Callable[[], PhoneAutomaton]]) -> dict[str, CompiledPlan]:
    plans: dict[str, CompiledPlan] = {}
    for name, make in makers.items():
        try:
            plans[name] = compiled_plan(make())
        except PatternUnknown:
            continue
    return plans


def _write_tables(path: Path, arrays: Arrays) -> Path:
    draft = path.with_suffix(f".{os.getpid()}.part")  # so that nobody reads half a file
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return draft.replace(path)
