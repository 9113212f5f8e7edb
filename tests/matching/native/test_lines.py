"""The native search for line ends: all line feeds of any text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.native.lines import line_ends

pytestmark = pytest.mark.needs("gcc")

#: Lengths around the width that is read at once, and lines that are shorter than expected.
PIECES = st.sampled_from([b"\n", b"\n" * 40, b"\r\n", b"\x0b", b"\x8a", b"a" * 15, b"b" * 16, b"c" * 70])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=60).map(b"".join))
def test_line_ends_are_the_line_feeds(text: bytes) -> None:
    """All line feeds are found in their order, and no other character that may end a line."""
    assert line_ends(text).tolist() == [at for at, byte in enumerate(text) if byte == 0x0A]


@pytest.mark.parametrize("size", [1_000, 4_096, 100_000])
def test_a_text_of_line_feeds_alone_is_read_again_with_room(size: int) -> None:
    """The first pass has room for lines of ordinary length only."""
    assert np.array_equal(line_ends(b"\n" * size), np.arange(size))
