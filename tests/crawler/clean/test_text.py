"""Text that may be stored and shown."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.clean import block, line
from crawler.clean import text as cleaning
from crawler.clean.text import MAX_TITLE_CHARS, neutral, verbatim

#: Words, blanks of all kinds, line ends and what is removed, as they come together.
PIECES = st.sampled_from(
    [
        "word",
        "слово",
        "词",
        " ",
        "  ",
        "\t",
        "\n",
        "\n\n\n",
        "\r\n",
        "\xa0",
        "\u2028",
        "\x00",
        "\u202e",
        "\x1b[1m",
    ]
)
TEXTS = st.text(max_size=200) | st.lists(PIECES, max_size=30).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a \t b\r\n c ", "a b c"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x9b31mred", "red"),
        ("a\u202egnp.exe\u202c", "agnp.exe"),
        ("a\x00b\x07c", "abc"),
        ("a\ud800b", "ab"),
        ("z\u200bw", "z\u200bw"),
    ],
)
def test_a_line_holds_nothing_that_a_terminal_obeys(text: str, expected: str) -> None:
    """Sequences, controls and bidirectional overrides are removed; zero-width characters are evidence and
    stay.
    """
    assert line(text) == expected


def test_a_title_of_a_megabyte_is_cut() -> None:
    """Each field has a limit."""
    assert len(line("x" * 1_000_000)) == MAX_TITLE_CHARS


def test_a_block_keeps_its_lines_and_the_columns_in_them() -> None:
    """Line ends of every kind become one kind, tabs stay, and empty lines don't pile up."""
    assert block("a  b\tc  \r\n\r\n\r\n\r\nd\u2028e") == "a b\tc\n\nd\ne"


def test_a_raw_text_keeps_its_indentation() -> None:
    """A sample's spaces are part of it; only control characters are removed."""
    assert verbatim("a\r\n    b\x00\x1b[2J") == "a\n    b"


def test_nothing_that_cleaning_changes_is_printable_but_a_blank() -> None:
    """So texts of printable characters need none of the patterns."""
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    patterns = (cleaning._CONTROL, cleaning._LINE_END, cleaning._SPACES, re.compile(r"\s"))
    changed = {each for pattern in patterns for found in pattern.findall(every) for each in found}

    assert {each for each in changed if each.isprintable()} == {" "}
    assert not {each for each in "\x1b\x9b" if each.isprintable()}


@given(TEXTS)
def test_what_is_left_out_for_plain_texts_would_change_nothing(text: str) -> None:
    """The patterns alone give the same."""
    without = cleaning._CONTROL.sub("", cleaning._LINE_END.sub("\n", cleaning._TERMINAL.sub("", text)))
    folded = cleaning._AROUND_LINES.sub("\n", cleaning._SPACES.sub(" ", without))

    assert neutral(text) == without
    assert block(text) == cleaning._BLANK_LINES.sub("\n\n", folded).strip()


@given(st.text(max_size=500))
def test_no_control_character_is_left(text: str) -> None:
    """For any input, only tabs and line feeds remain as control characters."""
    for made in (line(text), block(text), verbatim(text)):
        assert not [
            each for each in made if unicodedata.category(each) in ("Cc", "Cs") and each not in "\n\t"
        ]


@given(st.text(max_size=500))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    """Removing one sequence does not create another."""
    once = line(text)

    assert line(once) == once
