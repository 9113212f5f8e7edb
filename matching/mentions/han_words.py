"""Words of Chinese and Japanese that have the characters of a name, and the text around that tells.

Han text has no spaces, so a name of two characters also stands where two words meet (中|通过), inside longer
words (三星级), and in Japanese, where it is another word (移動). Order of rules; the first two are for names
of two characters:

1. Its last character begins a common word (通过) that is more frequent than the name. It stays the name if a
   common word begins behind it: `中通|快递`. 了, 着, 们 and 的 never count: they follow names.
2. Its first character ends a common word (中国), and its rest begins one, or is 的: `中国|泰国` is not 国泰,
   `完美|的` is not 美的. It stays the name if a common word ends before it.
3. A name that is a common word of Japanese is that word where kana are near.

The words are in three files beside this one, which say where they come from.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from text.folding import fold_few, fold_one

_HERE = Path(__file__).parent
_COMMON = 3.3  # times per MB from which a word may be what the text has
_KANA = re.compile("[\u3041-\u30fa\uff66-\uff9d]")
_PARTICLES = frozenset("了着们的")
_NEAR = 40  # characters around a hit in which kana make the text Japanese
_LONGEST = 3  # characters of a name to which the rules apply


@cache
def exclusion_phrases() -> Mapping[str, Sequence[str]]:
    """Return, by name in simplified characters, longer words that contain it and are not it."""
    lines = [line.split(" ") for line in _lines("han_phrases.txt")]
    return {name: phrases for name, *phrases in lines}


@cache
def _japanese_words() -> frozenset[str]:
    return frozenset(word for line in _lines("japanese_words.txt") for word in line.split(" "))


def _lines(name: str) -> list[str]:
    lines = _HERE.joinpath(name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


@cache
def common_words() -> Mapping[str, float]:
    """Return how often each common word of Chinese is expected per MB of text."""
    words: dict[str, float] = {}
    for line in _lines("common_words.txt"):
        count, *same = line.split(" ")
        words |= dict.fromkeys(same, int(count) / 10)
    return words


def expected_noise(folded: str) -> float | None:
    """Return how often Chinese text has this term as a word, per MB; None: it is no common word."""
    return common_words().get(folded)


def is_han(folded: str) -> bool:
    """Whether it consists of Han characters alone, few enough for the rules."""
    return 2 <= len(folded) <= _LONGEST and all("\u4e00" <= character <= "\u9fff" for character in folded)


def may_be_other_han_word(name: str) -> bool:
    """Return whether `is_other_han_word` can be true of this folded name in any text."""
    return name in _japanese_words() or (
        len(name) == 2 and (name[-1] in _characters_of_words(0) or name[0] in _characters_of_words(1))
    )


@cache
def _characters_of_words(place: int) -> frozenset[str]:
    """Return the first (0) or second (1) characters of the words that rules 1 and 2 look for."""
    return frozenset(word[place] for word in _frequent_words())


def is_other_han_word(name: str, text: str, start: int, end: int) -> bool:
    """Return whether text[start:end], which reads as this folded name, is a part of other words."""
    if len(name) == 2:
        own = common_words().get(name, 0.0)
        if _begins_inside(name, own, text, end) or _ends_inside(name, own, text, start, end):
            return True
    return name in _japanese_words() and _KANA.search(text, max(0, start - _NEAR), end + _NEAR) is not None


def _begins_inside(name: str, own: float, text: str, end: int) -> bool:
    """Whether the name's last character begins another word: rule 1."""
    frequent = _frequent_words()
    beside = fold_one(text[end : end + 1])
    if len(beside) == 1 and frequent.get(name[1] + beside, 0.0) <= own:
        return False
    after = fold_few(text[end : end + 2])
    if not after or after[0] in _PARTICLES:
        return False
    return frequent.get(name[1] + after[0], 0.0) > own and after[:2] not in frequent


def _ends_inside(name: str, own: float, text: str, start: int, end: int) -> bool:
    """Whether the name's first character ends another word: rule 2."""
    frequent = _frequent_words()
    beside = fold_one(text[start - 1 : start])
    if len(beside) == 1 and frequent.get(beside + name[0], 0.0) <= own:
        return False
    before = fold_few(text[max(0, start - 2) : start])
    if not before or frequent.get(before[-1] + name[0], 0.0) <= own or before[-2:] in frequent:
        return False
    return name[1] == "的" or name[1] + fold_few(text[end : end + 2])[:1] in common_words()


@cache
def _frequent_words() -> Mapping[str, float]:
    """Return the common words of two characters that may be what the text has."""
    return {word: each for word, each in common_words().items() if len(word) == 2 and each >= _COMMON}
