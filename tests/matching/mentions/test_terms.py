"""Mentions: what names a company, and what only looks like it."""

import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.errors import TermRefused
from matching.mentions.terms import Terms, WatchTerm, check_exclusions, folded_term


def terms(*texts: str, exclude: dict[str, tuple[str, ...]] | None = None) -> Terms:
    """Terms with ids from 1 on, all of one company."""
    return Terms.build(
        [
            WatchTerm(number, 1, text, "name", (exclude or {}).get(text, ()))
            for number, text in enumerate(texts, 1)
        ]
    )


def found(searched: Terms, text: str) -> list[str]:
    """The stretches of the text that are mentions."""
    return [text[mention.start : mention.end] for mention in searched.find(text)]


LENDER = terms("qudian", "qudian.com", "趣店")


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("来源qudian.com数据", ["qudian", "qudian.com"]),
        ("ｑｕｄｉａｎ", ["ｑｕｄｉａｎ"]),
        ("qud1an", ["qud1an"]),
        ("qudian[.]com", ["qudian", "qudian[.]com"]),
        ("出售趣店学生数据", ["趣店"]),
        ("出售趣店學生資料", ["趣店"]),
        ("QuDian leaked", ["QuDian"]),
        ("hxxp://qudian[.]com/", ["qudian", "qudian[.]com"]),
        ("qu\u200ddi\u00adan", ["qu\u200ddi\u00adan"]),
        ("qudiаn", ["qudiаn"]),
        ("q\u0301udian", ["q\u0301udian"]),
        ("www.qudian.com", ["qudian", "qudian.com"]),
        ("ｑｕｄ１ａｎ．ｃ０ｍ", ["ｑｕｄ１ａｎ", "ｑｕｄ１ａｎ．ｃ０ｍ"]),
        ("qud1an[.]c0m", ["qud1an", "qud1an[.]c0m"]),
        ("qudian dot com", ["qudian", "qudian dot com"]),
        ("qudian_users.sql", ["qudian"]),
        ("qudian2024.sql", ["qudian"]),
        ("2024qudian", ["qudian"]),
        ("-qudian-", ["qudian"]),
        ("趣 店", []),
        ("antiqudianism", []),
        ("myqudian", []),
        ("qudianx", []),
        ("qudian2x", []),
        ("бqudian", []),
        ("q.u.d.i.a.n", []),
    ],
)
def test_a_mention_is_found_however_it_is_written(text: str, mentions: list[str]) -> None:
    """Any script, width and disguise; a Latin term stands free, and Han characters are no part of a word."""
    assert found(LENDER, text) == mentions


@pytest.mark.parametrize("text", ["58到家", "看58同城", "58", "(58)", "58.com"])
def test_a_term_of_digits_is_found_as_it_stands(text: str) -> None:
    """A brand may be a number."""
    assert found(terms("58"), text) == ["58"]


@pytest.mark.parametrize("text", ["1580", "a58", "58th", "sb", "ss"])
def test_a_term_of_digits_never_stands_for_letters(text: str) -> None:
    """`58` is not `sb`, and part of no other number or word."""
    assert found(terms("58"), text) == []


@pytest.mark.parametrize("text", ["ego", "e60", "36o", "eg0"])
def test_letters_are_not_read_as_a_term_of_digits(text: str) -> None:
    """The swap goes one way: a digit in the text may stand for a letter of the term, never the reverse."""
    assert found(terms("360"), text) == []


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("a1ipay", ["a1ipay"]),
        ("al1pay", ["al1pay"]),
        ("4l1p4y", ["4l1p4y"]),
        ("@lipay", ["@lipay"]),
        ("alipay!", ["alipay"]),
        ("41194y", []),  # more swaps than letters
        ("aiipay", []),  # letters that only look alike are no swap
        ("a1ipayx", []),
    ],
)
def test_letters_may_be_swapped_for_digits(text: str, mentions: list[str]) -> None:
    """Half of the letters are letters still, else any number would be a name."""
    assert found(terms("alipay"), text) == mentions


@pytest.mark.parametrize(
    ("term", "text"), [("mail", "mall"), ("leet", "1337"), ("abc", "a8c"), ("see", "533")]
)
def test_a_swap_does_not_make_a_word_of_another(term: str, text: str) -> None:
    """i and l are one in the automaton and nowhere else; short terms and mere numbers are not swapped."""
    assert found(terms(term), text) == []


def test_a_term_of_one_han_character_is_found_everywhere() -> None:
    """Chinese has no boundaries; who watches one character gets every one of it."""
    assert found(terms("趣"), "趣店和乐趣") == ["趣", "趣"]


def test_a_mixed_term_has_a_boundary_only_at_its_latin_end() -> None:
    """`趣店app` needs none on its left, and one on its right."""
    assert [found(terms("趣店app"), text) for text in ("用趣店app吧", "趣店apple")] == [["趣店app"], []]


def test_overlapping_terms_are_all_found() -> None:
    """A longer term does not hide the shorter one in it."""
    assert found(terms("qudian", "qudian.com", "com"), "qudian.com") == ["qudian", "qudian.com", "com"]


def test_an_exclusion_phrase_takes_the_mention_in_it_away() -> None:
    """国泰 in 国泰民安 is a wish for peace, 国泰 beside it is a company; traditional characters alike."""
    searched = terms("国泰", exclude={"国泰": ("国泰民安",)})

    assert [found(searched, text) for text in ("祝國泰民安", "国泰民安，国泰数据")] == [[], ["国泰"]]


def test_an_exclusion_holds_for_its_own_term_only() -> None:
    """Two companies may watch the same word with different exclusions."""
    searched = Terms.build(
        [WatchTerm(1, 1, "target", "name", ("target audience",)), WatchTerm(2, 2, "target", "name")]
    )

    assert [mention.term_id for mention in searched.find("our target audience")] == [2]


def test_an_exclusion_phrase_may_be_a_term_of_another() -> None:
    """One pattern of the automaton can be both."""
    searched = Terms.build(
        [WatchTerm(1, 1, "发扬", "name", ("发扬光大",)), WatchTerm(2, 2, "发扬光大", "brand")]
    )

    assert [mention.term_id for mention in searched.find("发扬光大")] == [2]


@pytest.mark.parametrize("text", ["", "   ", "\u200d\u00ad", "!!!", "\u0301", "。"])
def test_a_term_without_letters_is_refused_with_a_sentence(text: str) -> None:
    """What folds to nothing would be found nowhere; the sentence says what to write instead."""
    with pytest.raises(TermRefused, match="no letter or digit left after folding"):
        folded_term(text)


def test_a_term_that_is_too_long_is_refused() -> None:
    """The bound is in the message."""
    with pytest.raises(TermRefused, match="200 at most"):
        folded_term("x" * 201)


@pytest.mark.parametrize("phrase", ["民安", "国泰"])
def test_an_exclusion_that_excludes_nothing_is_refused(phrase: str) -> None:
    """It has to be longer than the term and hold it."""
    with pytest.raises(TermRefused, match="excludes nothing"):
        check_exclusions("国泰", [phrase])


def test_no_terms_find_nothing() -> None:
    """An empty watch is a valid one."""
    assert Terms.build([]).find("anything") == []


def test_a_hundred_thousand_terms_are_found_with_their_swaps() -> None:
    """Any of them, plain, in disguise or swapped, and nothing that is none of them."""
    chance = random.Random(7)
    words = sorted(
        {"".join(chance.choices(string.ascii_lowercase, k=chance.randint(6, 12))) for _ in range(100_500)}
    )
    searched = terms(*words[:100_000])
    picked = [word for word in chance.sample(words[:100_000], 300) if re.search("[oleas].*[oleas]", word)]
    text = " ".join(word.replace("o", "0", 1).replace("e", "3", 1) for word in picked)

    mentions = searched.find(text)

    assert {words[mention.term_id - 1] for mention in mentions} >= set(picked)
    assert len(mentions) <= len(picked) * 1.1


def test_a_mention_across_two_windows_is_found_once() -> None:
    """The scan's windows overlap, and the exclusion phrase that begins before one counts in it."""
    filler = "x" * ((1 << 20) - 3)
    searched = terms("qudian", "国泰", exclude={"国泰": ("祝国泰民安",)})

    assert found(searched, filler[1:] + " qudian ") == ["qudian"]
    assert found(searched, filler[2:] + "祝国泰民安") == []


def test_the_number_of_mentions_is_bounded() -> None:
    """A text of nothing but a term costs no more than the bound."""
    assert len(terms("趣").find("趣" * 50_000, limit=100)) == 100


def _reference(term: str, text: str) -> list[int]:
    """Where a Latin term stands in a folded text, written with one regular expression."""
    beside = r"(?<![a-z])(?<![a-z]\d)" if term[0].isalpha() else r"(?<![a-z\d])"
    after = r"(?!\d?[a-z])" if term[-1].isalpha() else r"(?![a-z\d])"
    return [match.start() for match in re.finditer(f"(?={beside}{re.escape(term)}{after})", text)]


@settings(max_examples=300)
@given(
    st.text("ab1", min_size=1, max_size=3),
    st.text(st.sampled_from("ab1 趣._"), max_size=12).filter(
        lambda text: not re.search(r"\d\d|  | \.|_.*dot", text)
    ),
)
def test_boundaries_are_those_of_the_written_rule(term: str, text: str) -> None:
    """The automaton with its checks finds what one regular expression finds."""
    assert [mention.start for mention in terms(term).find(text)] == _reference(term, text)
