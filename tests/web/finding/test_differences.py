"""Two versions of a text side by side: what is marked, what is left out, and what the worst text costs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.clean import lines
from tests.alerts.hostile import CORPUS
from web.finding.differences import TEXT_CHARS, DifferenceRow, text_differences

#: A line of a few letters, so that lines often agree.
LINE = st.text(alphabet="ab 数据.", max_size=6)
TEXT = st.lists(LINE, max_size=12).map("\n".join)


def marked(row: DifferenceRow) -> tuple[str, str]:
    """Return both sides of a row, with what differs in brackets."""
    sides = (
        "".join(f"[{piece.text}]" if piece.changed else piece.text for piece in side or ())
        for side in (row.before, row.after)
    )
    before, after = sides
    return before, after


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        ("出售趣店学生数据", "出售趣店会员数据", [("出售趣店[学生]数据", "出售趣店[会员]数据")]),
        (
            "all rows verified",
            "all rows verified twice",
            [("all rows verified", "all rows verified[ twice]")],
        ),
        ("価格は5万円です", "価格は3万円です", [("価格は[5]万円です", "価格は[3]万円です")]),
        ("price 0.5 BTC", "price 0.25 BTC", [("price 0.[5] BTC", "price 0.[25] BTC")]),
        ("138****5678 张*三", "138****5679 张*三", [("138****[5678] 张*三", "138****[5679] 张*三")]),
        ("a\nb", "a\nb\nc", [("a", "a"), ("b", "b"), ("", "[c]")]),
        ("a\nb\nc", "a\nc", [("a", "a"), ("[b]", ""), ("c", "c")]),
        ("", "new", [("", "[new]")]),
        ("gone", "", [("[gone]", "")]),
    ],
)
def test_words_that_differ_are_marked(before: str, after: str, rows: list[tuple[str, str]]) -> None:
    assert [marked(row) for row in text_differences(before, after)] == rows


def test_equal_lines_far_from_a_change_are_counted() -> None:
    before = "\n".join(str(number) for number in range(30))
    rows = text_differences(before, before.replace("\n15\n", "\nfifteen\n"))

    assert [row.skipped for row in rows] == [13, 0, 0, 0, 0, 0, 12]
    assert [row.changed for row in rows] == [False, False, False, True, False, False, False]


@given(TEXT, TEXT)
def test_both_sides_are_the_whole_texts(before: str, after: str) -> None:
    """Nothing is lost or put in another place, and what is not marked stands on both sides."""
    rows = text_differences(before, after)

    for side, text in (("before", before), ("after", after)):
        expected = lines(text, TEXT_CHARS).split("\n")
        for row in rows:
            shown = getattr(row, side)
            if row.skipped:
                del expected[: row.skipped]
            elif shown is not None:
                assert "".join(piece.text for piece in shown) == expected.pop(0)
        assert expected == []
    kept = [
        "".join(piece.text for row in rows for piece in getattr(row, side) or () if not piece.changed)
        for side in ("before", "after")
    ]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n" * 20_000, "a\n" * 10_000),
        ("ab" * 10_000, "ba" * 10_000),
        ("a\nb\n" * 5_000, "b\na\n" * 5_000),
        ("很" * 20_000, "好" * 20_000),
        ("a b " * 5_000, "a a b " * 3_300),
        ("\n".join(map(str, range(4_000))), "\n".join(map(str, range(7, 9_000, 2)))),
        (("a b c d e f " * 8 + "\n") * 200, ("a b c e d f " * 8 + "\n") * 200),
        (CORPUS["very long"], CORPUS["very long word"]),
    ],
    ids=lambda text: text[:4].encode("unicode_escape").decode(),
)
def test_the_worst_text_costs_little(before: str, after: str) -> None:
    """A text that is made to be slow is shown as replaced."""
    began = time.process_time()
    rows = text_differences(before, after)

    assert time.process_time() - began < 1
    assert len(rows) <= 2_000


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_hostile_text_is_harmless(name: str) -> None:
    """No control character, no direction override and no address that can be opened is left."""
    rows = text_differences("mark", CORPUS[name])
    shown = "\n".join(piece.text for row in rows for piece in row.after or ())

    assert not any(sign in shown for sign in "\x00\x1b\x9b\u202e\u2066\u200f\x07\x7f\ud800")
    assert "https://" not in shown
