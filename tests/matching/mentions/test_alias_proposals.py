"""Aliases that are proposed to the operator."""

import pytest

from matching.mentions.alias_proposals import alias_proposals
from matching.mentions.terms import WatchTerm


def proposed(name: str, *terms: str, declined: tuple[str, ...] = ()) -> list[str]:
    watched = [
        WatchTerm(number, 1, text, "domain" if "." in text else "name") for number, text in enumerate(terms)
    ]
    return [proposal.text for proposal in alias_proposals(name, watched, declined=declined)]


@pytest.mark.parametrize(
    ("name", "terms", "aliases"),
    [
        ("趣店集团股份有限公司", ("趣店", "qudian.example"), ["qudian", "qu dian"]),
        ("Qudian", ("qudian",), ["qu dian"]),
        ("榆岭小贷", ("榆岭小贷",), ["yulingxiaodai", "yu ling xiao dai", "ylxd"]),
        ("重庆银行", ("重庆银行",), ["chongqingyinhang", "chong qing yin hang", "cqyh"]),
        ("Quillmere Credit Ltd.", ("quillmere.example",), ["Quillmere Credit", "quillmere"]),
        ("Norvapay GmbH & Co. KG", (), ["Norvapay"]),
        ("Tavrina Sp. z o.o.", (), ["Tavrina"]),
        ("ООО «Ромашка»", (), ["Ромашка"]),
        ("株式会社榆岭", ("榆岭",), ["yuling", "yu ling"]),
    ],
)
def test_what_is_proposed(name: str, terms: tuple[str, ...], aliases: list[str]) -> None:
    """Names without legal forms, labels of domains, pinyin with syllables and initials."""
    assert proposed(name, *terms) == aliases


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("Example Lender", ("Example Lender", "examplelender.example")),
        ("Banking Group AG", ("Banking",)),
        ("H&M", ("H&M",)),
        ("Canada", ("Canada",)),
        ("Xian", ("Xian",)),
        ("x", ("x.example",)),
        ("Ally", ("ally.example", "Ally")),
        ("!!!", ()),
    ],
)
def test_what_is_not_proposed(name: str, terms: tuple[str, ...]) -> None:
    """What a term finds already, words that are no pinyin, and what is too short."""
    assert proposed(name, *terms) == []


def test_what_was_declined_is_not_proposed_again() -> None:
    """However it is written."""
    assert proposed("Qudian", "qudian", declined=("QU DIAN",)) == []


def test_a_proposal_that_became_a_term_is_not_proposed_again() -> None:
    """And neither is what that term finds."""
    assert proposed("榆岭小贷", "榆岭小贷", "yulingxiaodai", "yu ling xiao dai", "ylxd") == []
