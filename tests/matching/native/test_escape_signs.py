"""The library says which signs of escapes a text may have: none too few, and in ordinary text none at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.native.escape_signs import escape_signs, undo_natively
from tests.escapes import DISGUISES, ESCAPES
from tests.text.test_escapes import TEXTS
from text.escapes import ALL_SIGNS, undo

ADDRESS = "anna.beh@mail.example"


@settings(max_examples=2500, deadline=None)
@given(TEXTS, st.booleans())
def test_what_is_undone_with_these_signs_is_all(text: str, addresses: bool) -> None:
    """For any text, no escape is missed by looking for these signs only."""
    everywhere, native = undo(text, addresses=addresses), undo_natively(text, addresses=addresses)

    assert (native.edits if native else None) == (everywhere.edits if everywhere else None)


@pytest.mark.parametrize("escape", [*ESCAPES.values(), *DISGUISES.values()], ids=[*ESCAPES, *DISGUISES])
def test_no_escape_is_missed(escape: object) -> None:
    """Each way to write a value is told by its signs, at the beginning and at the end of a text too."""
    assert callable(escape)
    written = escape(ADDRESS)

    for text in (written, f"数据 {written}", f"{written} x"):
        native, everywhere = undo_natively(text, addresses=True), undo(text, addresses=True)
        assert native is not None
        assert everywhere is not None
        assert native.edits == everywhere.edits


@pytest.mark.parametrize(
    "text",
    [
        "1,anna@mail.example,+49 171 3920013,Berlin\n" * 50,
        "(1,'anna@mail.example','O\\'Neil (x) [1]', 50%, AT&T, 'a=b', 'key = 12'),\n" * 50,
        '{"a": [1, 2], "mail": "anna@mail.example", "x": {"b": "c\\"d"}}\n' * 50,
        "出售趣店数据（一手），联系【我们】。 dotted d dote \n" * 50,
        "2019 2024 a / b, 12 / a, 1 / 2, x - 12, / 12 - 3 – 1\n" * 50,
        "C:\\data\\users 0xdead x'41' a<b x^2 [b] (p) @b",
        "",
    ],
)
def test_ordinary_text_has_no_signs(text: str) -> None:
    """Tables, SQL, JSON and prose are read once, and nothing else is done."""
    assert escape_signs(text.encode()) == 0


@pytest.mark.parametrize(
    "text", ["0171 / 3920002", "(0171) - 3920002", "+49 171 – 3920002", "+49 (171) / 39", "xxxx 012 / 34"]
)
def test_blanks_around_a_separator_are_told(text: str) -> None:
    """Before a number, also at the text's beginning and its end."""
    native, everywhere = undo_natively(text, addresses=True), undo(text, addresses=True)

    assert native is not None
    assert everywhere is not None
    assert native.edits == everywhere.edits


@given(st.binary(max_size=40))
def test_any_bytes_have_known_signs(data: bytes) -> None:
    """What is not UTF-8 is read too, up to its end."""
    assert escape_signs(data) & ~ALL_SIGNS == 0
