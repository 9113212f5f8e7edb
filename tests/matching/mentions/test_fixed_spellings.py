"""Names with other words for `&`, in quotation marks, with dots in acronyms, and in the letters of ASCII."""

from __future__ import annotations

import pytest

from matching.mentions.terms import Terms, WatchTerm
from tests.matching.mentions.test_spellings import found


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("ПАО «Квиль Банк»", 'клиенты ПАО "Квиль Банк" 2025', 'ПАО "Квиль Банк"'),
        ("ПАО «Квиль Банк»", "клиенты ПАО Квиль Банк", "ПАО Квиль Банк"),
        ('ООО "Квиль"', "база ООО «Квиль»", "ООО «Квиль»"),
        ("Банк Квильмор", "выгрузка банка: банк «Квильмор», свежая", "банк «Квильмор»"),
        ("Quillmere Credit Union", 'the "Quillmere" Credit Union dump', '"Quillmere" Credit Union'),
        ("Quillmere Credit Union", "Quillmere “Credit Union” dump", "Quillmere “Credit Union”"),
        ("Quillmere (UK) Ltd", "Quillmere UK Ltd.", "Quillmere UK Ltd"),
        ("Quillmere Co., Ltd.", "quillmere co ltd users", "quillmere co ltd"),
        ("Quillmere Co Ltd", "Quillmere Co., Ltd. users", "Quillmere Co., Ltd"),
        ("Quillmere Inc", "Quillmere, Inc. users", "Quillmere, Inc"),
        ("Quillmere SA", "Quillmere S.A. users", "Quillmere S.A"),
        ("QMB", "all of Q.M.B. is here", "Q.M.B"),
        ("QMB Leasing", "Q.M.B. Leasing", "Q.M.B. Leasing"),
        ("Mühlquist Kredit", "MUEHLQUIST KREDIT kunden", "MUEHLQUIST KREDIT"),
        ("Mu\u0308hlquist Kredit", "Muehlquist Kredit", "Muehlquist Kredit"),
        ("Sørvik", "soervik.zip", "soervik"),
        ("QuillMarsh", "the quill-marsh base", "quill-marsh"),
        ("QuillMarsh", "Quill_Marsh.csv", "Quill_Marsh"),
        ("Quill und Söhne", "Quill & Söhne", "Quill & Söhne"),
        ("Quill & Søn", "Quill og Søn", "Quill og Søn"),
        ("Quill/Orin", "Quill / Orin", "Quill / Orin"),
        ("בנק קוויל", "בנק־קוויל", "בנק־קוויל"),
        ("Đông Quil", "DONG QUIL", "DONG QUIL"),
        ("Þorquil", "thorquil", "thorquil"),
    ],
)
def test_a_name_is_found_in_its_fixed_spellings(term: str, text: str, mention: str) -> None:
    """One spelling of a name is enough."""
    assert found(term, text) == [mention]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("OCBC", "the ocb_c, ocb.c and ocb-c functions"),
        ("LinkedIn", "objects linked in the library; linked in"),
        ("All In", 'it hides "all" in the list'),
        ("M&S", "mens, m en s, mes"),
        ("AT&T", "atent, foarte atent"),
        ("B&Q", "BenQ X-Touch"),
        ("EE", "e.e. cummings"),
        ("Müller", "Mullerey, Muellers"),
        ("Quill Bank", "the quill, bank and river"),
    ],
)
def test_what_only_reads_like_a_fixed_spelling_is_no_name(term: str, text: str) -> None:
    """Fixed spellings have no further spellings of their own, and need letters enough."""
    assert found(term, text) == []


@pytest.mark.parametrize(
    ("term", "text", "mention"),
    [
        ("Quillmere", "QuiIlmere users", "QuiIlmere"),
        ("Quillmere", "QUlLLMERE", "QUlLLMERE"),
        ("Quillmere", "Qui1Imere", "Qui1Imere"),
        ("Quirrel Credit Union", "QUlRREL CREDlT UNlON", "QUlRREL CREDlT UNlON"),
        ("Illumora", "lllumora", "lllumora"),
        ("Lendora", "Iendora.zip", "Iendora"),
        ("Quillmere", "qui£lmere and QU€", "qui£lmere"),
        ("Quellmere", "QU€LLM€R€ base", "QU€LLM€R€"),
        ("Stavora", "§tavora", "§tavora"),
        ("Quillmere", "Quillꓟere", "Quillꓟere"),
        ("Delmora", "∂elmora", "∂elmora"),
    ],
)
def test_letters_that_look_alike_are_read(term: str, text: str, mention: str) -> None:
    """A capital I for an l, a small l for an I, signs of currencies, and letters of Lisu."""
    assert found(term, text) == [mention]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Quirrel", "Qulrrel"),
        ("Quillmere", "QUIILMERE"),
        ("Iola", "lola and lola"),
        ("Elan", "EIAN"),
        ("Quell", "100€ Qu€"),
        ("Euro Quell", "Euro 5€quell"),
    ],
)
def test_letters_that_do_not_look_alike_are_others(term: str, text: str) -> None:
    """An l among small letters is no i, and an I among capitals is no L; prices are no letters."""
    assert found(term, text) == []


def test_exclusions_hold_in_their_fixed_spellings() -> None:
    """What is excluded is excluded in quotation marks, without its umlauts, and with an I for an l."""
    excluded = ("Mühlquist Straße", "Bad Mühlquist")
    for text in ("Muehlquist Strasse 4", 'Bad "Mühlquist"', "MühIquist Straße", "BAD MUEHLQUIST"):
        assert found("Mühlquist", text, exclude=excluded) == []
    assert found("Mühlquist", "Muehlquist Kredit", exclude=excluded) == ["Muehlquist"]


def test_an_excluded_phrase_does_not_exclude_the_name_itself() -> None:
    """An exclusion whose signs are left out is the name: it is excluded only with the signs."""
    term = WatchTerm(1, 1, "Quillmere", "name", ('"Quillmere"',))
    mentions = Terms.build([term]).find("Quillmere")
    assert [mention[:3] for mention in mentions] == [(1, 0, 9)]
