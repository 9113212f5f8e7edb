"""Folding: look-alikes become equal, and every place leads back to the original."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text.folding import BLOCK, defanged, mention_fold, narrow_fold

TEXT = st.text(st.one_of(st.characters(), st.sampled_from("aＡа趣學\u200d\u00ad ﬁ①.[]")), max_size=200)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ｑｕｄｉａｎ", "qudian"),
        ("QUDIAN", "qudian"),
        ("qu\u200ddi\u00adan", "qudian"),
        ("qudiаn", "qudian"),  # а is Cyrillic
        ("ΝOVA", "vova"),  # Ν (Nu) is one letter with ν, which looks like v
        ("𝓺𝓾𝓭𝓲𝓪𝓷", "qudian"),
        ("q̶u̶d̶i̶a̶n̶", "qudian"),
        ("Straße", "strasse"),
        ("ﬁnance", "finance"),
        ("學生資料", "学生资料"),
        ("趣店。com", "趣店.com"),
        ("a \u3000\n\tb", "a b"),
        ("a\x00b", "ab"),
        ("\ud800x", "\ufffdx"),
        ("한국", "한국"),
        (unicodedata.normalize("NFD", "누리솔은행 한국"), "누리솔은행 한국"),
        ("O’Kestrel, Oʼkestrel, O＇Kestrel", "o'kestrel, o'kestrel, o'kestrel"),
        ("Quil‑Marsh, Quil–Marsh, Quil‐Marsh", "quil-marsh, quil-marsh, quil-marsh"),
        ("ᴛᴀᴠʀɪɴᴀ", "tavrina"),
        ("🅺🅴🅻 🅚🅔🅛 ⒦⒠⒧ 🇰🇪🇱", "kel kel kel kel"),
        ("كتــاب", "كتاب"),
        ("趣🔥店, 趣·店, 趣・店, 趣★店", "趣*店, 趣*店, 趣*店, 趣*店"),
        ("Kelbridge™", "kelbridge*"),
    ],
)
def test_what_reads_alike_folds_alike(written: str, read: str) -> None:
    """Full width, case, invisible characters, homoglyphs, marks and traditional forms make no difference."""
    assert mention_fold()(written).text == read


@pytest.mark.parametrize("text", ["he came, late", "ㅋㅋ ㄱㅏ", "\u1100 \u1161", "\u1161\u1100", "데이터"])
def test_what_only_looks_alike_stays(text: str) -> None:
    """A comma between words stays, and single Hangul letters that make no syllable stay single."""
    assert mention_fold()(text).text == text


def test_an_em_dash_is_no_hyphen() -> None:
    """A dash between two words divides them, as a colon does; the ideographic comma is a comma."""
    assert mention_fold()("he came — late、—").text == "he came : late,:"


def test_a_hangul_syllable_leads_back_to_all_its_letters() -> None:
    """A syllable's span covers its letters, across the border of two blocks too."""
    taken_apart = unicodedata.normalize("NFD", "솔은행")
    text = "x" * (BLOCK - 1) + taken_apart

    folded = mention_fold()(text)

    assert folded.text[BLOCK - 1 :] == "솔은행"
    assert folded.span(BLOCK - 1, BLOCK + 2) == (BLOCK - 1, BLOCK - 1 + len(taken_apart))


@pytest.mark.parametrize("digit", "0123456789")
def test_a_digit_stays_a_digit(digit: str) -> None:
    """The search's second pass undoes letter-digit swaps: folding must not make letters of `360`."""
    assert mention_fold()(digit).text == digit


@settings(max_examples=300)
@given(TEXT)
def test_folding_twice_changes_nothing(text: str) -> None:
    """The folded form of a folded text is the text itself, so that folded terms and texts compare equal."""
    folded = mention_fold()(text).text

    assert mention_fold()(folded).text == folded


@settings(max_examples=300)
@given(TEXT)
def test_case_makes_no_difference_in_any_script(text: str) -> None:
    """Folding the casefolded text gives the same text: a capital and its small letter stay equal."""
    settled = mention_fold()(text).text

    assert mention_fold()(settled.upper()).text == mention_fold()(settled.upper().casefold()).text


@settings(max_examples=300)
@given(TEXT, st.data())
def test_every_span_leads_back_to_the_original(text: str, data: st.DataObject) -> None:
    """Folding the original of a folded span gives a text that holds the span."""
    folded = mention_fold()(text)
    if not folded.text:
        return
    start = data.draw(st.integers(0, len(folded.text) - 1))
    end = data.draw(st.integers(start + 1, len(folded.text)))

    first, last = folded.span(start, end)

    assert folded.text[start:end].strip(" ") in mention_fold()(text[first:last]).text


def test_offsets_hold_across_blocks() -> None:
    """Places stay right when characters are dropped, expanded and squeezed at the borders of blocks."""
    filler = "ﬁ\u200d  趣" * (BLOCK // 5)
    text = filler + "needle" + filler

    folded = mention_fold()(text)
    start = folded.text.index("needle")

    assert text[slice(*folded.span(start, start + 6))] == "needle"


def test_an_empty_text_folds_to_an_empty_text() -> None:
    """Both folds return an empty text."""
    assert [mention_fold()("").text, narrow_fold()("").text] == ["", ""]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("qudian[.]com", "qudian.com"),
        ("qudian [.] com", "qudian.com"),
        ("qudian(dot)com", "qudian.com"),
        ("qudian dot com", "qudian.com"),
        ("qudian【点】com", "qudian.com"),
        ("qudian[.com", "qudian.com"),
        ("qudian.]com", "qudian.com"),
        ("qudian\\.com", "qudian.com"),
        ("qudian .com", "qudian.com"),
        ("mail[.]qudian[.]com", "mail.qudian.com"),
    ],
)
def test_a_defanged_dot_is_a_dot_again(written: str, read: str) -> None:
    """Every way to defang a domain is undone, and the span covers all of the original."""
    view = defanged(mention_fold()(written))

    assert view is not None
    assert (view.text, view.span(0, len(view.text))) == (read, (0, len(written)))


def test_plain_prose_is_not_defanged() -> None:
    """A text without such dots has no defanged form."""
    assert defanged(mention_fold()("A dotted line. And (so) on.")) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [("１３８", "138"), ("١٢٣", "123"), ("a＠b．example", "a@b.example"), ("1\u200b3", "13"), ("1–3", "1-3")],
)
def test_identifiers_are_narrowed(written: str, read: str) -> None:
    """Full-width forms, foreign digits, dashes and invisible characters become what a reader sees."""
    assert narrow_fold()(written).text == read


@settings(max_examples=200)
@given(TEXT)
def test_narrowing_keeps_letters_as_they_are(text: str) -> None:
    """Narrowing keeps ASCII letters and their case, and adds none but those of full-width forms."""
    narrow = narrow_fold()(text).text

    assert [c for c in narrow if c.isascii() and c.isalpha()] == [
        c
        for c in unicodedata.normalize("NFKC", "".join(c for c in text if _is_single(c)))
        if c.isascii() and c.isalpha()
    ]


def _is_single(character: str) -> bool:
    return len(unicodedata.normalize("NFKC", character)) == 1
