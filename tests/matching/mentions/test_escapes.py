r"""Names are found in escapes, at the place where they are written, and exclusions hold there."""

import re
from urllib.parse import quote

import pytest

from matching.mentions.excerpts import excerpt
from matching.mentions.terms import Terms, WatchTerm
from text.escapes import undo


def found(term: str, text: str, kind: str = "name", exclude: tuple[str, ...] = ()) -> list[str]:
    """Return the parts of the text that are mentions of the term."""
    mentions = Terms.build([WatchTerm(1, 1, term, kind, exclude)]).find(text)
    return [text[mention.start : mention.end] for mention in mentions]


@pytest.mark.parametrize(
    ("term", "text", "mentions"),
    [
        ("趣店", f"?q={quote('出售趣店数据')}", [quote("趣店")]),
        ("趣店", "title=&#36259;&#24215; size=2GB", ["&#36259;&#24215;"]),
        ("趣店", r'payload={"name": "\u8da3\u5e97"} status=200', [r"\u8da3\u5e97"]),
        ("趣店", r'"{\"name\": \"\\u8da3\\u5e97\"}"', [r"\\u8da3\\u5e97"]),
        ("趣店", "Text: =E8=B6=A3=E5=BA=97 =E6=95=B0", ["=E8=B6=A3=E5=BA=97"]),
        ("趣店", "Text: =E8=B6=A3=\r\n=E5=BA=97", ["=E8=B6=A3=\r\n=E5=BA=97"]),
        ("趣店", "(1,0xE8B6A3E5BA97E695B0E68DAE)", ["E8B6A3E5BA97"]),
        ("趣店", "(1,UNHEX('E8B6A3E5BA97E695B0E68DAE'))", ["E8B6A3E5BA97"]),
        ("趣店", r"(1,'\350\266\243\345\272\227')", [r"\350\266\243\345\272\227"]),
        ("V&K Telco", "leak: V&amp;K Telco", ["V&amp;K Telco"]),
        ("Brindle Bank", "q=Brindle%20Bank&x", ["Brindle%20Bank"]),
        ("Brindle Bank", "q=brindle+bank&x", ["brindle+bank"]),
        ("Kelbridge", r"hi\nKelbridge\tBank", ["Kelbridge"]),
        ("Kelbridge", "\x1b[1;31mKelbridge\x1b[0m", ["Kelbridge"]),
        ("Kelbridge", "Kel\x1b[1;31mbrid\x1b[0mge", ["Kel\x1b[1;31mbrid\x1b[0mge"]),
        ("Kelbridge", "href=3DKelbridge", ["Kelbridge"]),
        ("Kelbridge", "%2Fkelbridge%2F", ["kelbridge"]),
        (
            "Krähenfeld",
            "Kr=E4henfeld, Kr%C3%A4henfeld, Kr&auml;henfeld",
            ["Kr=E4henfeld", "Kr%C3%A4henfeld", "Kr&auml;henfeld"],
        ),
        ("Tavrina", r"C:\leaks\tavrina\nexus.sql", ["tavrina"]),
        ("Nexus", r"C:\leaks\tavrina\nexus.sql", ["nexus"]),
        ("Exus", r"see C:\leaks\exus.sql", ["exus"]),
        ("Inexus", r"C:\inexus", ["inexus"]),
    ],
)
def test_names_are_found_in_escapes(term: str, text: str, mentions: list[str]) -> None:
    """A name is found in every escape, also where the escape is only beside it, and once."""
    assert found(term, text) == mentions


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("GET /out?u=https%3A%2F%2Fkelbridge.example%2Flogin", ["kelbridge.example"]),
        ("https%253A%252F%252Fvpn.kelbridge.example%252F", ["kelbridge.example"]),
        ("kelbridge%2Eexample", ["kelbridge%2Eexample"]),
        ("my%2Dkelbridge.example", []),
        ("kelbridge.example%2Eevil.test", []),
        (r"https:\/\/kelbridge.example\/login", ["kelbridge.example"]),
    ],
)
def test_hosts_are_found_in_escapes(text: str, mentions: list[str]) -> None:
    """A host is told from look-alikes by what the escapes around it stand for."""
    assert found("kelbridge.example", text, kind="domain") == mentions


@pytest.mark.parametrize(
    ("term", "exclude", "text"),
    [
        ("Brimholt", "Brimholt Road", "14+Brimholt%20Road"),
        ("Brimholt", "Brimholt Road", "14 Brimholt&nbsp;Road"),
        ("国泰", "国泰民安", quote("国泰民安")),
    ],
)
def test_exclusions_hold_in_escapes(term: str, exclude: str, text: str) -> None:
    """What is excluded is excluded in escapes too."""
    assert found(term, text, exclude=(exclude,)) == []


def test_an_exclusion_in_a_row_of_escapes_excludes_nothing_else() -> None:
    """In one row of escapes, a name beside an excluded phrase is found."""
    text = quote("国泰民安,国泰客户")

    assert found("国泰", text, exclude=("国泰民安",)) == [quote("国泰")]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Ee", "%EE%EE \\xee \\u00ee"),
        ("Anna", "joanna%20x Hanna&amp;co"),
        ("Bank", "em%62ank x"),
        ("Nova", r"C:\innova\n"),
        ("Kel", "kel%62ridge"),
    ],
)
def test_escapes_make_no_name_of_other_words(term: str, text: str) -> None:
    """Digits of an escape are no name, and a part of a word is none."""
    assert found(term, text) == []


NUMBERS = [f"170000000{number:02}" for number in range(40)]
ESCAPED = {
    "percent": lambda value: "".join(f"%{ord(one):02x}" for one in value),
    "percent twice": lambda value: "".join(f"%25{ord(one):02x}" for one in value),
    "units": lambda value: "".join(f"\\\\u{ord(one):04x}" for one in value),
    "references": lambda value: "".join(f"&amp;#{ord(one):08};" for one in value),
    "plain": str,
}


@pytest.mark.parametrize("escape", ESCAPED.values(), ids=ESCAPED)
@pytest.mark.parametrize("shift", range(0, 60, 11))
def test_no_excerpt_shows_a_number_that_was_cut(escape: object, shift: int) -> None:
    """What stands at the end of the masked part is not shown, though masking brings it near the mention."""
    assert callable(escape)
    row = " ".join(map(escape, NUMBERS))
    text = f"{row}{' ' * shift} qudian {row}"

    shown = excerpt(text, text.index("qudian"), text.index("qudian") + 6)

    plain = undo(shown, addresses=True)
    assert "qudian" in shown
    assert not any(re.search(r"\d{5}", view) for view in (shown, plain.text if plain else ""))
