"""The native fold for names gives what `text.folding.mention_fold`, the specification, gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matching.native.name_fold import native_name_fold
from text.escapes import undo
from text.folding import defanged, mention_fold

pytestmark = pytest.mark.needs("gcc")

ROOT = Path(__file__).parents[3]
#: Characters that the fold treats in different ways, and lengths around the widths that are folded at once.
PIECES = st.sampled_from(
    [
        "a", "B ", "  ", "\n", "\r\n", "\t\t", "`", "\x00", "\x7f", "plain words of text ",
        "A" * 15, "b" * 33,
        "é", "ß", "Œ", "ﬁ", "½", "﷽", "а", "Привет ", "趣店", "點", "移動" * 9, "【", "】", "．",
        "。", "\u3000", "\xa0",
        "\u1100", "\u1112", "\u1161", "\u1175", "\u11a8", "\u11c2", "\u11c3", "\u115f", "한", "가",
        "\u0301", "\u200b", "\xad", "😀", "🇨🇳", "𝐪𝒖", "\U000e0041", "\ud800", "\udc00",
        "(", "]", "<", "\\", ".", " .", " . x", "dot", " dot ", "[.]", "(dot)", "(点)",
        "%41", "&amp;", "\\u0041", "=C3=A9", "\x1b[32m", "^[[0m", "1\u20e3",
        "0x414243444546", "X'414243444546'", "x" * 250, "趣" * 255,
    ]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
@example("\u1100" * 300 + "\u1161\u11a8")
@example("a" * 255 + "\u1112\u1161\u11ab")
@example(" " * 1000)
@example("﷽" * 900)
@example("\u1100" + "x" * 254 + "\u1100\u200b\u1161")
def test_a_text_is_folded_as_by_the_specification(text: str) -> None:
    """Text, bytes, all spans and the answer about dots are those of the specification."""
    wanted, got = mention_fold()(text), native_name_fold()(text)
    size = len(wanted.text)
    spans = [(start, end) for start in range(size) for end in {start + 1, min(start + 5, size)}]

    assert wanted.text == got.text
    assert wanted.data == bytes(got.data)
    assert [wanted.span(*span) for span in spans] == [got.span(*span) for span in spans]
    assert got.may_be_defanged or defanged(wanted) is None
    assert got.may_be_escaped or undo(text) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
@example("\ud83d\udc00 \ud800\ud800 \udc00" + "\u1100\u1161" * 3)
def test_a_long_text_is_folded_where_it_lies(text: str) -> None:
    """Text of a thousand characters is not copied, if it has units of 16 bits."""
    text = text + "趣" * 1000 + text
    wanted, got = mention_fold()(text), native_name_fold()(text)

    assert wanted.text == got.text
    starts = [*range(min(200, len(wanted.text) - 2)), len(wanted.text) - 1]
    assert [wanted.span(at, at + 1) for at in starts] == [got.span(at, at + 1) for at in starts]


def test_every_code_point_is_folded_as_by_the_specification() -> None:
    """The tables are equal, beside ASCII and beside characters of several bytes."""
    for first in range(0, 0x110000, 0x1000):
        points = [chr(point) for point in range(first, first + 0x1000)]
        text = "".join(f"{point}a" for point in points) + "店".join(points)

        assert mention_fold()(text).text == native_name_fold()(text).text, f"from U+{first:04X}"


def _pages() -> Iterator[str]:
    for page in sorted(ROOT.glob("docs/**/*.md")):
        yield page.read_text(encoding="utf-8")


def test_pages_are_folded_as_by_the_specification() -> None:
    """Real prose with tables, code, names in other scripts and addresses."""
    for page in _pages():
        wanted, got = mention_fold()(page), native_name_fold()(page)

        assert wanted.text == got.text
        assert (defanged(wanted) is None) or got.may_be_defanged
        starts = range(0, len(wanted.text) - 7, 61)
        assert [wanted.span(at, at + 7) for at in starts] == [got.span(at, at + 7) for at in starts]


def test_memory_of_a_released_text_is_used_again() -> None:
    """A text that is folded while another one is in use does not change it."""
    fold = native_name_fold()
    first = fold("Qudian 趣店")
    first.release()
    second, third = fold("KEL-BRIDGE"), fold("ANOTHER ONE")

    assert [each.text for each in (second, third)] == ["kel-bridge", "another one"]
