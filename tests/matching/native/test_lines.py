"""The native search for line ends: what numpy finds, for any text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.native.lines import line_ends

pytestmark = pytest.mark.needs("gcc")

#: Around the widths that are read at once, and lines shorter than there is room for at first.
PIECES = st.sampled_from([b"\n", b"\n" * 40, b"\r\n", b"\x0b", b"\x8a", b"a" * 15, b"b" * 16, b"c" * 70])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=60).map(b"".join))
def test_line_ends_are_the_line_feeds(text: bytes) -> None:
    """All of them, in their order, and nothing else that some call a line end."""
    assert line_ends(text).tolist() == [at for at, byte in enumerate(text) if byte == 0x0A]


@pytest.mark.parametrize("size", [1_000, 4_096, 100_000])
def test_a_text_of_line_feeds_alone_is_read_again_with_room(size: int) -> None:
    """The first reading has room for lines of ordinary length."""
    assert np.array_equal(line_ends(b"\n" * size), np.arange(size))
