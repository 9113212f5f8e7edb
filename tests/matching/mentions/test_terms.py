"""Mentions: which texts name a company, and which only look like it."""

import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.errors import TermRefused
from matching.mentions.terms import Terms, WatchTerm, check_exclusions, folded_term


def terms(*texts: str, exclude: dict[str, tuple[str, ...]] | None = None) -> Terms:
    """Return terms with ids from 1 on, all of one company."""
    return Terms.build(
        [
            WatchTerm(number, 1, text, "name", (exclude or {}).get(text, ()))
            for number, text in enumerate(texts, 1)
        ]
    )


def found(searched: Terms, text: str) -> list[str]:
    """Return the parts of the text that are mentions."""
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
        ("antiqudianism", []),
        ("myqudian", []),
        ("qudianx", []),
        ("qudian2x", []),
        ("бqudian", []),
        ("趣 店", ["趣 店"]),
        ("q.u.d.i.a.n", ["q.u.d.i.a.n"]),
    ],
)
def test_a_mention_is_found_however_it_is_written(text: str, mentions: list[str]) -> None:
    """A term is found in any script, width and disguise; a Latin term needs a boundary, and Han is one."""
    assert found(LENDER, text) == mentions


@pytest.mark.parametrize("text", ["58到家", "看58同城", "58", "(58)", "58.com"])
def test_a_term_of_digits_is_found_as_it_stands(text: str) -> None:
    """A term of digits is found between other characters than digits and letters with case."""
    assert found(terms("58"), text) == ["58"]


@pytest.mark.parametrize("text", ["1580", "a58", "58th", "sb", "ss"])
def test_a_term_of_digits_never_stands_for_letters(text: str) -> None:
    """`58` is not found in `sb`, in another number or in a word."""
    assert found(terms("58"), text) == []


@pytest.mark.parametrize("text", ["ego", "e60", "36o", "eg0"])
def test_letters_are_not_read_as_a_term_of_digits(text: str) -> None:
    """A digit in the text may replace a letter of the term, never the reverse."""
    assert found(terms("360"), text) == []


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("a1ipay", ["a1ipay"]),
        ("al1pay", ["al1pay"]),
        ("4l1p4y", ["4l1p4y"]),
        ("@lipay", ["@lipay"]),
        ("alipay!", ["alipay"]),
        ("41194y", []),  # more swapped than unchanged letters
        ("aiipay", []),  # a letter that looks like another is not a swap
        ("a1ipayx", []),
    ],
)
def test_letters_may_be_swapped_for_digits(text: str, mentions: list[str]) -> None:
    """Letters may be swapped for digits if at least half of the letters are unchanged."""
    assert found(terms("alipay"), text) == mentions


@pytest.mark.parametrize(
    ("term", "text"), [("mail", "mall"), ("leet", "1337"), ("abc", "a8c"), ("see", "533")]
)
def test_a_swap_does_not_make_a_word_of_another(term: str, text: str) -> None:
    """i and l are equal only in the automaton; short terms and numbers are not matched by swaps."""
    assert found(terms(term), text) == []


def test_a_term_of_one_han_character_is_found_everywhere() -> None:
    """Chinese has no word boundaries, so a term of one character is found everywhere."""
    assert found(terms("趣"), "趣店和乐趣") == ["趣", "趣"]


def test_a_mixed_term_has_a_boundary_only_at_its_latin_end() -> None:
    """`趣店app` needs a boundary only on its right."""
    assert [found(terms("趣店app"), text) for text in ("用趣店app吧", "趣店apple")] == [["趣店app"], []]


def test_overlapping_terms_are_all_found() -> None:
    """A longer term does not hide a shorter term inside it."""
    assert found(terms("qudian", "qudian.com", "com"), "qudian.com") == ["qudian", "qudian.com", "com"]


def test_an_exclusion_phrase_takes_the_mention_in_it_away() -> None:
    """国泰 is a mention beside the phrase 国泰民安, but not inside it, in traditional characters too."""
    searched = terms("国泰", exclude={"国泰": ("国泰民安",)})

    assert [found(searched, text) for text in ("祝國泰民安", "国泰民安，国泰数据")] == [[], ["国泰"]]


def test_an_exclusion_holds_for_its_own_term_only() -> None:
    """Two companies can watch the same word with different exclusions."""
    searched = Terms.build(
        [WatchTerm(1, 1, "target", "name", ("target audience",)), WatchTerm(2, 2, "target", "name")]
    )

    assert [mention.term_id for mention in searched.find("our target audience")] == [2]


def test_an_exclusion_phrase_may_be_a_term_of_another() -> None:
    """One pattern of the automaton can be a term and an exclusion phrase."""
    searched = Terms.build(
        [WatchTerm(1, 1, "发扬", "name", ("发扬光大",)), WatchTerm(2, 2, "发扬光大", "brand")]
    )

    assert [mention.term_id for mention in searched.find("发扬光大")] == [2]


@pytest.mark.parametrize("text", ["", "   ", "\u200d\u00ad", "!!!", "\u0301", "。"])
def test_a_term_without_letters_is_refused_with_a_sentence(text: str) -> None:
    """A term that folds to nothing is refused, because it would never be found; the message names it."""
    with pytest.raises(TermRefused, match=re.escape(repr(text))):
        folded_term(text)


def test_a_term_that_is_too_long_is_refused() -> None:
    """The message has the length found and the limit."""
    with pytest.raises(TermRefused, match=r"\b201\b.*\b200\b"):
        folded_term("x" * 201)


@pytest.mark.parametrize("phrase", ["民安", "国泰"])
def test_an_exclusion_that_excludes_nothing_is_refused(phrase: str) -> None:
    """An exclusion must be longer than the term and contain it; the message names both."""
    with pytest.raises(TermRefused, match=f"{phrase!r}.*'国泰'"):
        check_exclusions("国泰", [phrase])


def test_no_terms_find_nothing() -> None:
    """A set without terms is valid and finds nothing."""
    assert Terms.build([]).find("anything") == []


@pytest.mark.slow
def test_a_hundred_thousand_terms_are_found_with_their_swaps() -> None:
    """Of 100,000 terms the swapped ones are found, and hardly any others."""
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
    """A mention across two windows is found once, and an exclusion phrase across them still excludes."""
    filler = "x" * ((1 << 20) - 3)
    searched = terms("qudian", "国泰", exclude={"国泰": ("祝国泰民安",)})

    assert found(searched, filler[1:] + " qudian ") == ["qudian"]
    assert found(searched, filler[2:] + "祝国泰民安") == []


def test_the_number_of_mentions_is_bounded() -> None:
    """At most `limit` mentions are returned."""
    assert len(terms("趣").find("趣" * 50_000, limit=100)) == 100


def _reference(term: str, text: str) -> list[int]:
    """Return where a Latin term stands in a folded text, according to one regular expression."""
    beside = r"(?<![a-z])(?<![a-z]\d)" if term[0].isalpha() else r"(?<![a-z\d])(?<!\d\.)"
    after = r"(?!\d?[a-z])" if term[-1].isalpha() else r"(?!\.?\d|[a-z])"
    return [match.start() for match in re.finditer(f"(?={beside}{re.escape(term)}{after})", text)]


@settings(max_examples=300)
@given(
    st.text("xy1", min_size=1, max_size=3),
    st.text(st.sampled_from("xy1 趣._"), max_size=12).filter(
        lambda text: not re.search(r"\d\d|  | \.|_.*dot", text)
    ),
)
def test_boundaries_are_those_of_the_written_rule(term: str, text: str) -> None:
    """The automaton with its boundary checks finds the same places as one regular expression."""
    assert [mention.start for mention in terms(term).find(text)] == _reference(term, text)
