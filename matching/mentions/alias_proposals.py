"""Proposals of aliases: other ways to write a company's names that none of its terms finds.

Nothing is added by itself. `spillwatch check` shows the proposals, `spillwatch init` writes them as comments,
and the operator adds them as terms or declines them. In the order of the proposals:

1. the name without its legal form: `Quillmere Credit Ltd` is called Quillmere Credit;
2. the label of a domain: `quillmere` of `quillmere.example`;
3. the pinyin of a Han name, as one word and by syllables, and its initials from three letters on;
4. the syllables of a Latin name that is pinyin: `qu dian` of `qudian`.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from matching.errors import TermRefused
from matching.mentions.terms import Terms, WatchTerm, folded_term

_SHORTEST = 5  # letters of a label or of pinyin in one word: shorter ones are parts of many texts
_INITIALS = 3  # letters
_LONGEST_HAN = 8  # characters of a name whose pinyin anybody writes
_SYLLABLES = range(2, 5)  # of a Latin name that is set apart
#: Legal forms as last words, without dots and commas.
_LEGAL_FORMS = frozenset(
    """ag,se,kg,kgaa,ohg,ug,ev,gmbh,gmbh & co kg,gmbh & co kgaa,inc,incorporated,corp,corporation,company,co
    co ltd,ltd,limited,llc,llp,lp,plc,pte ltd,pty ltd,pvt ltd,private limited,sdn bhd,bhd,tbk,kk,sa,sas,sarl
    sa de cv,spa,srl,sl,slu,ltda,eireli,nv,bv,bvba,a/s,aps,as,asa,oyj,oy,ab,sp z oo,spzoo,sro,doo,dd,zrt,nyrt
    kft,aş,ltd şti,ооо,зао,пао,оао,ао,тов,jsc,pjsc""".replace("\n", ",")
    .replace(", ", ",")
    .replace("    ", "")
    .split(",")
)
_HAN_FORMS = (
    "股份有限公司",
    "有限责任公司",
    "有限公司",
    "集团公司",
    "集团",
    "公司",
    "株式会社",
    "合同会社",
    "주식회사",
)
_FORMS_BEFORE = ("ооо ", "зао ", "пао ", "оао ", "ао ", "pt ", "株式会社", "주식회사", "(주)", "㈜")
_QUOTES = " ,«»„“”\"'"
_HAN = re.compile("[\u4e00-\u9fff]{2,}")


class AliasProposal(NamedTuple):
    """`reason` says where it comes from, as a term's reason would."""

    text: str
    reason: str


def alias_proposals(
    name: str, terms: Iterable[WatchTerm], *, declined: Iterable[str] = ()
) -> list[AliasProposal]:
    """Return the proposals that the company's terms do not find and the operator did not decline."""
    terms = list(terms)
    found = Terms.build(terms)
    seen = {folded_term(text) for text in declined if any(map(str.isalnum, text))}
    proposals = []
    for proposal in _possible_aliases(name, terms):
        try:
            folded = folded_term(proposal.text)
        except TermRefused:
            continue
        if folded in seen or found.find(proposal.text):
            continue
        seen.add(folded)
        proposals.append(proposal)
    return proposals


def _possible_aliases(name: str, terms: list[WatchTerm]) -> Iterator[AliasProposal]:
    names = [name, *(term.text for term in terms if term.kind != "domain")]
    short = [_without_legal_form(each) for each in names]
    for each, shorter in zip(names, short, strict=True):
        if shorter != each:
            yield AliasProposal(shorter, f'"{each}" without its legal form')
    for term in terms:
        label = term.text.split(".", 1)[0]
        if term.kind == "domain" and len(label) >= _SHORTEST and not label.startswith("xn--"):
            yield AliasProposal(label, f"the label of {term.text}")
    for each in short:
        yield from _pinyin_aliases(each)
    for each in [*short, *(term.text.split(".", 1)[0] for term in terms if term.kind == "domain")]:
        apart = _syllables_apart(each)
        if apart is not None:
            yield AliasProposal(apart, f'the syllables of "{each}"')


def _without_legal_form(name: str) -> str:
    shorter = name
    for form in _FORMS_BEFORE:
        if shorter.casefold().startswith(form):
            shorter = shorter[len(form) :].strip(_QUOTES)
    for _ in range(2):  # `Group Co., Ltd.`, 集团股份有限公司
        shorter = _without_last_form(shorter)
    return shorter if any(map(str.isalnum, shorter)) else name


def _without_last_form(name: str) -> str:
    for form in _HAN_FORMS:
        if name.endswith(form):
            return name.removesuffix(form).rstrip()
    words = name.split()
    for count in range(min(4, len(words) - 1), 0, -1):
        last = " ".join(words[-count:]).casefold().replace(".", "").replace(",", "")
        if last in _LEGAL_FORMS:
            return " ".join(words[:-count]).rstrip(_QUOTES)
    return name


def _pinyin_aliases(name: str) -> Iterator[AliasProposal]:
    if not _HAN.fullmatch(name) or len(name) > _LONGEST_HAN:
        return
    from pypinyin import lazy_pinyin  # half a second, which only Han names are to cost

    syllables = [syllable.lower() for syllable in lazy_pinyin(name)]
    if not all(syllable.isascii() and syllable.isalpha() for syllable in syllables):
        return
    if len("".join(syllables)) >= _SHORTEST:
        yield AliasProposal("".join(syllables), f"the pinyin of {name}")
    yield AliasProposal(" ".join(syllables), f"the pinyin of {name}, by syllables")
    if len(syllables) >= _INITIALS:
        yield AliasProposal("".join(syllable[0] for syllable in syllables), f"the initials of {name}")


def _syllables_apart(name: str) -> str | None:
    """Return a Latin word as the fewest syllables of pinyin; None: it is not pinyin, or it is unclear."""
    word = name.lower()
    if not (word.isascii() and word.isalpha()) or len(word) < _SHORTEST:
        return None
    readings = list(_readings(word, _SYLLABLES.stop))
    fewest = min(map(len, readings), default=0)
    shortest = [reading for reading in readings if len(reading) == fewest]
    return " ".join(shortest[0]) if fewest in _SYLLABLES and len(shortest) == 1 else None


def _readings(word: str, most: int) -> Iterator[list[str]]:
    if not word:
        yield []
    elif most:
        for size in range(1, 7):
            if word[:size] in _pinyin_syllables() and size <= len(word):
                yield from ([word[:size], *rest] for rest in _readings(word[size:], most - 1))


@cache
def _pinyin_syllables() -> frozenset[str]:
    return frozenset(initial + final for initial, finals in _FINALS.items() for final in finals.split())


_FINALS = {
    "": "a ai an ang ao e ei en er o ou",
    "b": "a ai an ang ao ei en eng i ian iao ie in ing o u",
    "p": "a ai an ang ao ei en eng i ian iao ie in ing o ou u",
    "m": "a ai an ang ao e ei en eng i ian iao ie in ing iu o ou u",
    "f": "a an ang ei en eng o ou u",
    "d": "a ai an ang ao e ei en eng i ian iao ie ing iu ong ou u uan ui un uo",
    "t": "a ai an ang ao e eng i ian iao ie ing ong ou u uan ui un uo",
    "n": "a ai an ang ao e ei en eng i ian iang iao ie in ing iu ong ou u uan uo v ve",
    "l": "a ai an ang ao e ei eng i ia ian iang iao ie in ing iu ong ou u uan un uo v ve",
    "g": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "k": "a ai an ang ao e en eng ong ou u ua uai uan uang ui un uo",
    "h": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "j": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "q": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "x": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "zh": "a ai an ang ao e ei en eng i ong ou u ua uai uan uang ui un uo",
    "ch": "a ai an ang ao e en eng i ong ou u ua uai uan uang ui un uo",
    "sh": "a ai an ang ao e ei en eng i ou u ua uai uan uang ui un uo",
    "r": "an ang ao e en eng i ong ou u ua uan ui un uo",
    "z": "a ai an ang ao e ei en eng i ong ou u uan ui un uo",
    "c": "a ai an ang ao e en eng i ong ou u uan ui un uo",
    "s": "a ai an ang ao e en eng i ong ou u uan ui un uo",
    "y": "a an ang ao e i in ing o ong ou u uan ue un",
    "w": "a ai an ang ei en eng o u",
}
