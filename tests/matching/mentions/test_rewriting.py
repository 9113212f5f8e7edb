"""What stands inside a name and is no part of it: tags, punycode, encoded words, brackets around letters."""

import pytest

from matching.mentions.rewriting import rewritten
from tests.matching.mentions.test_spellings import found


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("Zelbrant", "zelb<wbr>rant", "zelb<wbr>rant"),
        ("Zelbrant", "zelb<span></span>rant", "zelb<span></span>rant"),
        ("Zelbrant", "zelb<!-- x -->rant", "zelb<!-- x -->rant"),
        ("Zelbrant Finanz", "<b>Zelbrant</b> Finanz", "Zelbrant</b> Finanz"),
        ("Zelbrant Finanz", 'Zelbrant<br/>Finanz <a href="x">', "Zelbrant<br/>Finanz"),
        ("Zelbrant", "[b]Zel[/b]brant", "Zel[/b]brant"),
        ("Grünfelden", "mail@xn--grnfelden-r9a.example", "xn--grnfelden-r9a"),
        ("云雀贷", "https://XN--9kq404mh8f.example/a", "XN--9kq404mh8f"),
        ("Zelbrant", "http://xn--zelbrnt-6fg.example/", "xn--zelbrnt-6fg"),
        (
            "Zelbrant Finanz",
            "subject==?utf-8?B?WmVsYnJhbnQgRmluYW56?= ok",
            "=?utf-8?B?WmVsYnJhbnQgRmluYW56?=",
        ),
        ("晴川小贷", "=?gb2312?B?x+e0qNChtPs=?=", "=?gb2312?B?x+e0qNChtPs=?="),
        ("晴川小贷", r"n=U&'\6674\5ddd\5c0f\8d37'", r"\6674\5ddd\5c0f\8d37"),
        ("Zelbrant", "z|e|l|b|r|a|n|t", "z|e|l|b|r|a|n|t"),
        ("晴川小贷", "晴|川|小|贷", "晴|川|小|贷"),
        ("Zelbrant", "[z][e][l][b][r][a][n][t]", "z][e][l][b][r][a][n][t"),
        ("Zelbrant", "(z)(e)(l)(b)(r)(a)(n)(t)", "z)(e)(l)(b)(r)(a)(n)(t"),
        ("Zelbrant", "of Zelb\xad\nrant", "Zelb\xad\nrant"),
        ("Zelbrant", "> of Zelb-\n> rant", "Zelb-\n> rant"),
        ("Zelbrant", "# of Zelb-\r\n# rant", "Zelb-\r\n# rant"),
    ],
)
def test_a_name_is_found_with_something_in_it(term: str, text: str, mention: str) -> None:
    """A name is found whatever is written between its letters, in its place of the original."""
    assert found(term, text) == [mention]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Ember Trust", "<td>Ember</td><td>Trust</td>"),
        ("Ember Trust", "<p>an ember</p> <p>Trust</p>"),
        ("Abcd", "1|a|b|c|d|e|2"),
        ("Abcd", "f(a)(b)(c)(d)(e)"),
        ("Grünfelden", "xn--grnfeldenx-r9a.example"),
        ("Zelbrant", "zelb- rant, zelb-\n\nrant"),
        ("Range", "a < b and c > range"[:-6]),
        ("Kelb", "=?utf-8?B?broken"),
    ],
)
def test_what_only_has_signs_between_letters_is_no_name(term: str, text: str) -> None:
    """Cells, paragraphs, columns of single letters and other hosts are not joined."""
    assert found(term, text) == []


def test_a_mention_without_anything_rewritten_counts_once() -> None:
    """What is found as it is written is not found a second time in a text with tags."""
    text = "Zelbrant <b>Zelbrant</b> zelb<wbr>rant xn--9kq404mh8f"

    assert found("Zelbrant", text) == ["Zelbrant", "Zelbrant", "zelb<wbr>rant"]


def test_an_exclusion_holds_through_tags() -> None:
    """A phrase that is no mention may have tags in it too."""
    assert found("Brimley", "14 Brimley <b>Road</b>", exclude=("Brimley Road",)) == []


@pytest.mark.parametrize(
    "text",
    [
        "<" * 50_000,
        "<a " * 30_000,
        "=?a?b?" * 20_000,
        "xn--" * 20_000,
        "[b=" * 20_000,
        "U&'" + "\\0041" * 20_000,
        "-\n>" * 20_000,
        "|a" * 40_000,
        "xn--" + "9" * 100_000,
    ],
)
def test_rewriting_keeps_the_length_of_hostile_text(text: str) -> None:
    """Each character stays in its place, whatever was tried."""
    view = rewritten(text)

    assert view is None or len(view) == len(text)
