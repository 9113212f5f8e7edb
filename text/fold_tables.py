"""The images of the two folds of `text`: out of a file that the installation wrote, else computed.

To compute them takes 0.08 s, which each `match` would begin with.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from text import installed_tables
from text.fold_images import SOURCES, Pair, mention_images, narrow_images, packaged

PATH = Path(__file__).with_name("folds.tables")
_FOLDS: Mapping[str, Callable[[], Iterable[Pair]]] = {"mention": mention_images, "narrow": narrow_images}
_MADE_BY = ("text/fold_images.py", "text/fold_tables.py")


class Images(NamedTuple):
    """What becomes of the code points that do not stay; the characters of all images, one after the other."""

    points: NDArray[np.uint32]
    sizes: NDArray[np.uint32]
    characters: NDArray[np.uint32]

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> "Images":
        points, images = zip(*pairs, strict=True)
        characters = np.frombuffer("".join(images).encode("utf-32-le"), "<u4")
        return cls(np.array(points, np.uint32), np.array([*map(len, images)], np.uint32), characters)


def fold_images(fold: str) -> Images:
    """Of `mention` or `narrow`."""
    arrays = _read()
    if not arrays:
        return Images.of(_FOLDS[fold]())
    return Images(*(arrays[f"{fold}_{part}"] for part in Images._fields))


def write(path: Path = PATH) -> Path:
    """Compute and write both: 200 KB."""
    arrays = {
        f"{name}_{part}": array
        for name, pairs in _FOLDS.items()
        for part, array in Images.of(pairs())._asdict().items()
    }
    return installed_tables.write_tables(path, arrays, made_of=made_of())


@cache
def _read() -> installed_tables.Arrays:
    return installed_tables.read_tables(PATH, made_of=made_of())


def made_of() -> str:
    """Python's Unicode tables, the lists of the two libraries, and the modules that make images of them."""
    unicode = unicodedata.unidata_version.encode()
    return installed_tables.digest_of(
        unicode, *map(packaged, SOURCES), *installed_tables.module_sources(_MADE_BY)
    )
