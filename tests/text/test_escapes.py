r"""Escapes are undone wherever they are written, within bounds, with the way back to the original."""

import random
import time
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text.escapes import AROUND, CERTAIN, END_OF_WORD, POSSIBLE, undo, unescaped

ADDRESS = "anna.beh@mail.example"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("anna%40mail.example", "anna@mail.example"),
        ("anna%2540mail%252Eexample", "anna@mail.example"),
        ("anna%252540mail.example", "anna@mail.example"),
        ("%E8%B6%A3%E5%BA%97 x", "趣店 x"),
        ("%u8da3%u5e97", "趣店"),
        ("%C8%A4%B5%EA", "趣店"),
        ("Kr%E4henfeld", "Krähenfeld"),
        ("a%FE%40b", "aþ@b"),
        ("a%81%40b", "a%81@b"),
        ("anna&#64;mail&period;example", "anna@mail.example"),
        ("anna&#64mail.example", "anna@mail.example"),
        ("anna&#x00040;mail&#x2E;example", "anna@mail.example"),
        ("anna&commat;mail.example", "anna@mail.example"),
        ("&amp;#36259;&#24215;", "趣店"),
        ("V&amp;K", "V&K"),
        (r"anna\u0040mail.example", "anna@mail.example"),
        (r"anna\\\\u0040mail.example", "anna@mail.example"),
        (r"\u8da3\u5e97 \ud83d\ude00", "趣店 \N{GRINNING FACE}"),
        (r"\u{8da3}\U00005e97", "趣店"),
        (r"anna\x40mail.example", "anna@mail.example"),
        (r"\xe8\xb6\xa3\xe5\xba\x97", "趣店"),
        (r"Kr\xe4henfeld", "Krähenfeld"),
        (r"hi\nanna", "hi\nanna"),
        (r"e=\nanna", "e=\nanna"),
        (r"hi\\tanna", "hi\tanna"),
        ("\x1b[1;32manna\x1b[0m", "anna"),
        (r"\033[32manna\e[0m \x1b[1mbeh", "anna beh"),
        ("^[[32manna^[[0m", "anna"),
        ("=E8=B6=A3=\n=E5=BA=97", "趣店"),
        ("anna=40mail=2Eexample", "anna@mail.example"),
        ("href=3Danna", "href=anna"),
        ("anna.b=\r\neh@mail.example", "anna.beh@mail.example"),
        ("Kr=E4henfeld", "Krähenfeld"),
        ("0x616E6E61406D61696C2E6578616D706C65", " anna@mail.example"),
        ("X'616E6E61406D61696C2E6578616D706C65'", " anna@mail.example'"),
        (r"\x616e6e61406d61696c2e6578616d706c65", " anna@mail.example"),
        ("0x616E6E61406D61696C2E6578616D706C65FF00123", " anna@mail.exampleFF00123"),
        ("X'616E6E61406D61696C2E6578616D706C655", " anna@mail.example5"),
        (r"\x616E6E61406D61696C2E6578616D706C655", " anna@mail.example5"),
        (r"anna\.beh\@mail\.example", "anna.beh@mail.example"),
        ("1\ufe0f\u20e32\u20e3", "12"),
        (r"anna\100mail\056example", "anna@mail.example"),
        (r"U&'anna\0040mail\002Eexample'", "U&'anna@mail.example'"),
        ("0171=20392=200001", "0171 392 0001"),
        ("anna(a)mail.example", "anna@mail.example"),
        (r"\350\266\243\\345\\272\\227", "趣店"),
        ("UNHEX('616E6E61406D61696C2E6578616D706C65')", "UNHE anna@mail.example')"),
        ("tel=%2B49+171+3920001", "tel=+49 171 3920001"),
        ("tel=0171+392+0001&x", "tel=0171 392 0001&x"),
        ("anna-at-mail-dot-example", "anna@mail.example"),
        ("anna_at_163_dot_example", "anna@163.example"),
        ("anna @ mail . co . example", "anna@mail.co.example"),
        ("anna[at]mail[.]example", "anna@mail.example"),
        ("anna (AT) mail {dot} example", "anna@mail.example"),
        ("anna&#91;at&#93;mail[.example", "anna@mail.example"),
        ("anna【@】mail（点）example", "anna@mail.example"),
        ("anna at mail dot co dot example", "anna@mail.co.example"),
        ("anna dot beh at mail dot example", "anna.beh@mail.example"),
        ("anna @ mail.example", "anna@mail.example"),
        ("anna%20at%20mail%20dot%20example", "anna@mail.example"),
    ],
)
def test_what_is_written_otherwise_is_undone(written: str, plain: str) -> None:
    """Each kind of escape, also inside another one, gives the characters that it stands for."""
    undone = undo(written, addresses=True)

    assert undone is not None
    assert undone.text == plain


@pytest.mark.parametrize(
    "text",
    [
        "50% of 100%, 20%-30%, %s and %d%%, 5%G",
        "AT&T, R&D, a&b;c &unknown; & more",
        r"C:\data\users\xampp \d+\s* \\server\share",
        "key=value, a=20, size=40 x=4012 ==, base64==\n\nnext",
        "md5=d41d8cd98f00b204e9800998ecf8427e",
        "0xdeadbeefdeadbeef, 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "look at mail.example, meet at five, arrived at noon. A dotted line",
        "f(a) f(a)b (a) mail.example [1] (see below) {a: 1} <b> array[i].name",
        r"\ud83d alone, \u12 short, \x4",
        "price @ 20, @handle, a @ b",
        "1+1=2, 12+34+56, x=1+2 a+b",
        r"sed s/\(a\)/\1\2/ C:\2024\360 \0 \19",
    ],
)
def test_what_only_looks_like_an_escape_stays(text: str) -> None:
    """Ordinary text with the signs of escapes has none."""
    assert undo(text, addresses=True) is None


@pytest.mark.parametrize(
    ("written", "kind"),
    [("%40", CERTAIN), (r"\nanna", END_OF_WORD), ("=3Canna", END_OF_WORD), ("anna=40mail.example", POSSIBLE)],
)
def test_an_escape_says_how_certain_it_is(written: str, kind: int) -> None:
    """What may be right as it is written is told from what cannot be."""
    undone = undo(written, addresses=True)

    assert undone is not None
    assert [edit.kind for edit in undone.edits] == [kind]


def test_an_escape_of_a_possible_one_is_no_more_certain() -> None:
    """An escape inside a possible one is as uncertain as that."""
    undone = undo("0x616E6E61253430622E6578616D706C65")

    assert undone is not None
    assert "anna@b.example" in undone.text
    assert {edit.kind for edit in undone.edits} == {POSSIBLE}


def test_places_lead_back_to_what_is_written() -> None:
    """A name and an address are found at the place of their escapes."""
    text = f"{'x' * 5000} {quote('趣店')}%20{quote(ADDRESS)} {'y' * 5000}"
    undone = undo(text)

    assert undone is not None
    name, address = undone.text.index("趣店"), undone.text.index(ADDRESS)
    spans = [undone.span(name, name + 2), undone.span(address, address + len(ADDRESS))]
    assert [text[slice(*span)] for span in spans] == [quote("趣店"), quote(ADDRESS)]


def test_a_character_of_a_row_has_its_own_place() -> None:
    """One character among many escapes in a row is not the whole row."""
    text = "".join(f"\\u{ord(one):04x}" for one in "出售趣店数据")
    undone = undo(text)

    assert undone is not None
    assert text[slice(*undone.span(2, 4))] == r"\u8da3\u5e97"


def test_a_row_of_escapes_may_have_different_backslashes() -> None:
    """Such a row has one place, and lone surrogates in it are left out."""
    text = r"x \u8da3\\u5e97\\\\u0040 \x40\\x41"
    undone = undo(text)

    assert undone is not None
    assert undone.text == "x 趣店@ @A"
    assert text[slice(*undone.span(2, 3))] == r"\u8da3\\u5e97\\\\u0040"


def test_only_the_neighbourhood_of_an_escape_is_returned() -> None:
    """Two escapes far from each other give two neighbourhoods, and nothing else of a long text."""
    text = f"{'x' * 100_000}%41{'y' * 100_000}%42"
    undone = undo(text)

    assert undone is not None
    assert len(undone.text) < 4 * AROUND
    assert ("xAy" in undone.text, undone.text[-2:]) == (True, "yB")


def test_a_cell_is_undone_in_its_certain_escapes() -> None:
    """What may be a part of a name stays in a cell."""
    assert unescaped(r"&#24352;&#19977; C:\new [at] %2541") == r"张三 C:\new [at] A"


PIECES = st.one_of(
    st.sampled_from(
        [
            *("%40", "%25", "%E8%B6%A3", "%C8%A4", "%FF", "%u8da3", "&", "&amp;", "&#64;", "&#x40;", "#64;"),
            *("\\", "\\\\", "\\u0040", "\\ud83d", "\\ude00", "u0041", "\\x40", "\\x", "\\n", "\\t", "\\@"),
            *("=40", "=E8=B6=A3", "=\n", "=3D", "=2E", "=C3=A4", "\x1b[32m", "[0m", "^[[1m", "\\033[1m"),
            *(
                "0x616e6e6140",
                "6d61696c",
                "X'616e6e61406d61'",
                "7\ufe0f\u20e3",
                "[at]",
                "(dot)",
                " at ",
                " dot ",
            ),
            *("anna", "mail.example", "趣店", "\ud83d", "\U0001f600", "\udce8", "é"),
        ]
    ),
    st.text(max_size=4),
)
TEXTS = st.lists(PIECES, max_size=20).map("".join)


@settings(max_examples=1500, deadline=None)
@given(TEXTS, st.booleans())
@pytest.mark.slow
def test_every_place_leads_back(text: str, addresses: bool) -> None:
    """For any text, places are in order and inside of the text, and the undone text is not longer."""
    undone = undo(text, addresses=addresses)
    if undone is None or not undone.text:
        return

    spans = [undone.span(at, at + 1) for at in range(len(undone.text))]
    places = undone.spans(*np.array([(at, at + 1) for at in range(len(undone.text))]).reshape(-1, 2).T)

    assert len(undone.text) <= len(text)
    assert spans == sorted(spans) == list(zip(*(each.tolist() for each in places), strict=True))
    assert all(0 <= start < end <= len(text) for start, end in spans)


BAIT = {
    "percent": "%25" * 40_000,
    "percents": "%2525252525" * 10_000,
    "broken": "%E8%B6" * 20_000,
    "entities": "&amp;" * 20_000,
    "half entities": "&#0000000" * 15_000,
    "backslashes": "\\" * 120_000,
    "units": "\\ud83d" * 20_000,
    "quoted": "=E8=B6=A3=" * 12_000,
    "soft ends": "a=\n" * 40_000,
    "spaces": "a=" + " " * 120_000,
    "hexadecimal": "0x" + "41" * 60_000,
    "brackets": "[at" * 40_000,
    "ats": "a at a " * 20_000 + " dot a",
    "labels": "a @ " + "a." * 60_000,
    "colours": "\x1b[" + "0;" * 60_000,
}


@pytest.mark.parametrize("text", BAIT.values(), ids=BAIT)
@pytest.mark.slow
def test_bait_is_undone_in_linear_time(text: str) -> None:
    """Four times the text takes less than nine times as long; quadratic time would be sixteen times."""

    def seconds(bait: str) -> float:
        best = float("inf")
        for _ in range(3):
            begun = time.process_time()
            undo(bait, addresses=True)
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(text) < 9 * seconds(text[: len(text) // 4]) + 0.1


@pytest.mark.slow
def test_mutated_escapes_never_raise() -> None:
    """Twenty thousand mutants of escapes are undone without an exception."""
    rng = random.Random(10)
    seed = (
        rf"{quote('趣店 ' + ADDRESS)} \u8da3\ud83d\ude00\x40 =E8=B6=A3 &#x40; 0x616E6E61406D6169 [at] \x1b[3m"
    )
    for _ in range(20_000):
        mutant = list(seed)
        for _ in range(rng.randrange(1, 6)):
            mutant[rng.randrange(len(mutant))] = rng.choice(
                "%&\\=#;ux0123456789abcdefABCDEF@[]{}\x1b \n趣\ud83d"
            )
        undone = undo("".join(mutant), addresses=True)
        assert undone is None or len(undone.text) <= len(seed)
