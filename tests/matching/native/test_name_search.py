"""The search for names finds the same with the instructions for many bytes at once and without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matching.native.library import Library, load_library
from matching.native.name_search import NameSearch, SpelledName
from setup.native_library import compile_library

pytestmark = pytest.mark.needs("gcc")

NATIVE = Path(__file__).parents[3] / "matching" / "native"
IMAGES = bytes(0 if byte in b" ,.-" else byte for byte in range(256))
HAN = "趣店国泰民安金服一丁"
OTHERS = [
    first + second for first in "甲乙丙丁戊己庚辛" for second in "子丑寅卯辰巳午未"
]  # more than are few
NAMES = st.lists(st.text(HAN, min_size=2, max_size=4), min_size=1, max_size=40, unique=True)
TEXTS = st.lists(
    st.one_of(
        st.text(HAN, min_size=1, max_size=30),
        st.text("海" + HAN, min_size=60, max_size=90),
        st.sampled_from([", ", "，", "。", "a", "qudian", "😀", "é", "海" * 500, " " * 70]),
    ),
    max_size=20,
).map("".join)


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Library:
    target = tmp_path_factory.mktemp("portable") / "plain.shared"
    return load_library(compile_library(NATIVE, target, "-DSW_PORTABLE"))


def _hits(names: list[str], text: str, library: Library | None = None) -> Iterator[tuple[int, int, str, int]]:
    spelled = [SpelledName(name.encode(), (name.encode(),), 1, True, (0, 0)) for name in names]
    search = NameSearch(spelled, images=IMAGES, swaps=bytes(256), library=library)
    buffer = np.frombuffer(text.encode() + bytes(64), np.uint8)
    for hits in search.find(buffer.ctypes.data, len(buffer) - 64):
        for start, end, name, sure in hits.tolist():
            yield start, end, names[name], sure


@settings(max_examples=200, deadline=None)
@given(NAMES, TEXTS)
@example(["趣店"], "海" * 15 + "趣店" + "海" * 10_906 + "趣店")
def test_many_characters_at_once(portable: Library, names: list[str], text: str) -> None:
    """Few names, more names, and a library for any processor: all find each place."""
    found = set(_hits(names, text))
    wanted = set(_hits(names, text, portable))

    assert wanted == found
    assert wanted == {hit for hit in _hits(names + OTHERS, text) if hit[2] in names}
    data = text.encode()
    places = {(at, name) for name in names for at in range(len(data)) if data.startswith(name.encode(), at)}
    assert places == {(start, name) for start, _, name, sure in found if sure}
