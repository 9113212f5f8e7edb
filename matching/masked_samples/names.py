"""Names of which a part is hidden: 张*三, 欧阳**, 张某某, 김*수, J*** D**, И*** П***, J. D."""

import re
import unicodedata
from typing import NamedTuple

from matching.masked_samples.han_names import HAN, HANGUL, family_name, is_han
from matching.masked_samples.sample_rows import Attribute, VisibleValue

NAME_LENGTH = 60  # characters
#: Words before a name that are no part of it.
_TITLES = frozenset(
    re.findall(
        r"\S+",
        """
        dott dr frau herr madam miss mlle mme monsieur mr mrs ms mx prof sir sr sra srta г-жа г-н
        buyer client cliente contact customer dear from holder kunde member owner patient seller user
        victim клиент นาย นาง นางสาว anh chị ông bà bapak ibu pak bu
        """,
    )
)
_SIGNS = r"(?:\*{1,4}|[Xx]{1,3}|×{1,3}|[〇○]{1,3}|_{1,3}|\?{1,3}|O{2,3})"
_HAN_MASKED = re.compile(
    rf"(?P<head>[{HAN}{HANGUL}]{{0,4}}) ?(?P<mask>{_SIGNS}) ?(?P<tail>[{HAN}{HANGUL}]{{0,2}})"
    r"(?P<title>先生|女士|小姐|太太|様|さん|씨|님)?"
)
_NO_NAME_ENDS = frozenset("年月日时分秒元万亿岁次号楼室路街区县市省人条个级楼")  # **日 is a date
_UNNAMED = re.compile(
    rf"(?P<head>[{HAN}]{{1,2}}?)(?P<mask>某{{1,2}}|某[\u3400-\u9fff]|先生|女士|小姐|太太|师傅|老师|總|总|さん|様)"
)
_HAN_WHOLE = re.compile(rf"[{HAN}]{{2,4}}|[{HANGUL}]{{2,4}}|[{HAN}]{{1,2}} [{HAN}]{{1,2}}")
_HONORIFIC = re.compile(r"(?:先生|女士|小姐|太太|様|さん|씨|님)$")
_PLACEHOLDER = re.compile(r"(\w)\1+", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_][^\s,]{0,39}(?:(?:[ ]{1,2}|, ?)[^\s,]{1,40}){0,5}")
_WORD = re.compile(
    r"(?P<head>[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff\u0e30-\u0e4e\u064b-\u065f'’-])*)?"
    r"(?P<mask>\*+|_{2,}|\?{2,}|\.(?!.))?"
    r"(?P<tail>(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff\u0e30-\u0e4e'’-])*)\.?"
)
_SOME_HAN = re.compile(f"[{HAN}{HANGUL}]")
_INITIALS = re.compile(r"(?<![^\W\d_])([^\W\d_])\.(?=[^\W\d_](?![^\W\d_]))")  # J.D.
_NO_NAME = re.compile(r"[*_?#@\d〇○×!%&=+/\\]")
_PARTICLES = frozenset(
    [
        "al",
        "bin",
        "binti",
        "da",
        "das",
        "de",
        "del",
        "della",
        "den",
        "der",
        "di",
        "do",
        "dos",
        "e",
        "el",
        "ibn",
    ]
) | frozenset(["la", "le", "of", "van", "von", "y"])
_ACCENTS = re.compile(r"[\u0300-\u036f]")


class NameReading(NamedTuple):
    """A name, and whether its shape alone shows that it is one."""

    value: VisibleValue
    sure: bool


def read_name(text: str, *, whole: bool = False) -> NameReading | None:
    """Return what a text shows of a name; None: it is none. `whole`: also names with nothing hidden."""
    text = unicodedata.normalize("NFKC", text.strip(" \t\"'“”‘’()[]<>【】《》|,;:-"))
    if not text or len(text) > NAME_LENGTH or "@" in text:
        return None
    found = _read_han(text) or _read_words(text)
    if found is not None or not whole:
        return found
    return _read_whole(text)


def _read_han(text: str) -> NameReading | None:
    if unnamed := _UNNAMED.fullmatch(text):
        head = unnamed["head"]
        known = family_name(head) == head
        if not known and len(head) == 2:
            return None
        return NameReading(_name(head, hidden=None), known)
    match = _HAN_MASKED.fullmatch(text)
    if match is None or not (match["head"] or match["tail"]):
        return None
    head, tail, mask = match["head"], match["tail"], match["mask"]
    hidden = None if match["title"] else len(mask)
    if mask[0] in "Xx×〇○O_?" and family_name(head) != head and not tail:
        return NameReading(_name(head, hidden=hidden), False) if len(head) == 2 else None
    if not head and tail[-1] in _NO_NAME_ENDS:
        return None
    if not head:
        return NameReading(_name("", tail[-1], hidden), len(mask) < 3 and is_han(tail))
    family = family_name(head)
    if family and (len(head) <= len(family) or len(mask) < 2 or tail):
        behind = head[len(family) :]
        if len(behind) > 1:
            return None
        return NameReading(_name(family, tail[-1:], len(behind) + hidden if hidden else hidden), True)
    if len(head) > 2:
        return None
    # A family name of two characters, such as a Japanese one.
    return NameReading(_name(head, tail[-1:], hidden), len(mask) > 1 and len(head) == 2)


def _name(head: str, tail: str = "", hidden: int | None = 0) -> VisibleValue:
    return VisibleValue(Attribute.NAME, head, tail, hidden)


def _read_words(text: str) -> NameReading | None:
    """Return a name of words, at least one of which is cut: its visible beginnings, folded."""
    if "*" not in text and "." not in text and "_" not in text and "??" not in text:
        return None
    text = _INITIALS.sub(r"\1. ", text)
    if not _WORDS.fullmatch(text) or _SOME_HAN.search(text):
        return None
    family, comma, given = text.partition(",")
    written = f"{given} {family}" if comma else text
    heads: list[str] = []
    hidden = masked = initials = capitals = 0
    for word in written.split():
        if heads and len(word) > 1 and not word.strip("*"):
            masked, hidden = masked + 1, hidden + len(word)
            continue
        match = _WORD.fullmatch(word)
        if match is None or not match["head"]:
            return None
        if match["mask"] is None and _folded(match["head"]) in _TITLES:
            continue
        if match["mask"] == "." and _folded(match["head"]) in _TITLES:
            continue
        heads.append(_folded(match["head"]))
        capitals += not match["head"][0].islower()
        if match["mask"] == ".":
            initials += len(match["head"]) == 1
            if len(match["head"]) > 1:
                return None
        elif match["mask"]:
            masked += 1
            hidden += len(match["mask"]) + len(match["tail"])
        elif match["tail"]:
            return None
    if not heads or len(heads) > 5 or not (masked or initials):
        return None
    if not all(head in _PARTICLES or head for head in heads):
        return None
    sure = len(heads) > 1 and capitals >= len(heads) - 1 and masked > 0
    whole_of_initials = not masked and (len(heads) < 2 or initials == 0)
    if whole_of_initials:
        return None
    return NameReading(_name(" ".join(heads), hidden=None if initials else hidden), sure)


def _read_whole(text: str) -> NameReading | None:
    text = _HONORIFIC.sub("", text).strip()
    joined = text.replace(" ", "")
    if _HAN_WHOLE.fullmatch(text):
        family = family_name(joined)
        return NameReading(_name(joined), bool(family) and 0 < len(joined) - len(family) <= 2)
    if _NO_NAME.search(text) or _SOME_HAN.search(text) or not _WORDS.fullmatch(text):
        return None
    family, comma, given = text.partition(",")
    words = [_folded(word) for word in (f"{given} {family}" if comma else text).split()]
    words = [word for word in words if word and word not in _TITLES]
    if not words or len(words) > 5 or any(map(_PLACEHOLDER.fullmatch, words)):
        return None
    cased = [word for word in text.replace(",", " ").split() if word[0].lower() not in _PARTICLES]
    sure = len(words) > 1 and all(not word[0].islower() for word in cased if _folded(word) not in _PARTICLES)
    return NameReading(_name(" ".join(words)), sure)


def _folded(word: str) -> str:
    """Return a word in lower case, without accents and signs."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    bare = unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))
    return "".join(character for character in bare if unicodedata.category(character)[0] in "LM")
