"""The images of the two folds of `folding`, read from the file that the installation wrote.

`setup/fold_images.py` has the rules. The images follow the Unicode release of the Python that installed
Spillwatch, whichever Python reads them: one wheel serves several, and texts and watch terms must be folded by
the same table.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from text.installed_tables import Arrays, read_tables

PATH = Path(__file__).with_name("folds.tables")


class Images(NamedTuple):
    """What becomes of each code point that changes: `sizes[i]` characters in place of `points[i]`.

    `characters` holds those of all images, one after the other.
    """

    points: NDArray[np.uint32]
    sizes: NDArray[np.uint32]
    characters: NDArray[np.uint32]


def fold_images(fold: str) -> Images:
    """Return the images of `mention` or `narrow`. Raises TablesMissing."""
    arrays = _fold_arrays()
    return Images(*(arrays[f"{fold}_{part}"] for part in Images._fields))


@cache
def _fold_arrays() -> Arrays:
    return read_tables(PATH)
