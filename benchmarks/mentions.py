"""Find mentions: our automaton beside one `re` alternation and pyahocorasick, with 100 to 100,000 terms.

"automaton" is the search alone: the text is folded and encoded already, and both automata find the same,
which is checked (`re` finds no overlapping matches). "end to end" starts from the text as it was crawled:
both sides fold it with our table, search, check boundaries and give offsets. Beside pyahocorasick the table's
Python form (numpy) folds; ours folds and searches with the native library and also finds defanged dots,
letter-digit swaps and other spellings. The last table compares folding and masking with pyahocorasick's
search of 100 terms in the same text, which is folded already.

MB/s are megabytes of UTF-8 per second of CPU; x is ours as a multiple of the other's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import ahocorasick
from daachorse import DoubleArrayAhoCorasick

from benchmarks.measure import cost, ratio, report
from matching.masks import mask_text
from matching.mentions.terms import Terms, WatchTerm
from matching.native.name_fold import NativeFolded, folded_text
from text.folding import mention_fold

ALTERNATION_CHARACTERS = {
    100: 1_000_000,
    10_000: 40_000,
    100_000: 4_000,
}  # by number of terms: `re` tries them one by one, so it gets shorter texts
COUNTS = tuple(ALTERNATION_CHARACTERS)
TEXT_MB = 10
ROUNDS = 3  # the best one counts: the machine is shared
_SYLLABLES = [consonant + vowel for consonant in "bcdfghklmnprstvz" for vowel in "aeiou"]
_HAN = [chr(point) for point in range(0x4E00, 0x4E00 + 1500)]
_WORDS = [
    "selling",
    "fresh",
    "database",
    "of",
    "clients",
    "records",
    "sample",
    "price",
    "contact",
    "escrow",
    "vendor",
    "thread",
    "update",
    "leak",
]


@dataclass(frozen=True)
class BenchmarkText:
    name: str
    text: str

    @property
    def megabytes(self) -> float:
        return len(self.text.encode()) / 1e6


def main() -> None:
    chance = Random(20260301)
    terms = _make_terms(chance, max(COUNTS))
    texts = [
        BenchmarkText("English", _english_text(chance, terms)),
        BenchmarkText("Chinese", _chinese_text(chance, terms)),
    ]
    report(
        ("terms", "text", "what", "re MB/s", "pyahocorasick MB/s", "ours MB/s", "x re", "x pyahocorasick"),
        [row for count in COUNTS for text in texts for row in _search_rows(terms[:count], text)],
    )
    report(
        (
            "text",
            "pyahocorasick MB/s",
            "fold MB/s",
            "mask MB/s",
            "fold, x pyahocorasick",
            "mask, x pyahocorasick",
        ),
        [_fold_and_mask_row(text, terms[:100]) for text in texts],
    )


def _fold_and_mask_row(text: BenchmarkText, terms: list[str]) -> tuple[str, float, float, float, str, str]:
    """Measure what else is done with every text: folding, and masking before it is stored."""
    folded = mention_fold()(text.text).text
    theirs = _build_pyahocorasick(sorted({mention_fold()(term).text for term in terms}))
    them = _speed(lambda text: list(theirs.iter(text)), folded, text.megabytes)
    fold, mask = _speed(_fold, text.text), _speed(mask_text, text.text[:1_000_000])
    return text.name, them, fold, mask, ratio(fold, them), ratio(mask, them)


def _fold(text: str) -> None:
    folded = folded_text(text)
    if isinstance(folded, NativeFolded):
        folded.release()


def _search_rows(terms: list[str], text: BenchmarkText) -> list[tuple[object, ...]]:
    folded = mention_fold()(text.text).text
    patterns = sorted({mention_fold()(term).text for term in terms})
    theirs, ours = (
        _build_pyahocorasick(patterns),
        DoubleArrayAhoCorasick([pattern.encode() for pattern in patterns]),
    )
    alternation = re.compile("|".join(map(re.escape, sorted(patterns, key=len, reverse=True))))
    data = folded.encode()
    if sum(1 for _ in theirs.iter(folded)) != len(ours.find_overlapping(data)):
        raise SystemExit("the two automata do not find the same number of matches")
    short = folded[: ALTERNATION_CHARACTERS[len(terms)]]
    compiled = Terms.build([WatchTerm(number, 1, term, "name") for number, term in enumerate(terms)])
    rows: list[tuple[object, ...]] = []
    for what, regular, other, own in (
        ("automaton", alternation.findall, lambda text: list(theirs.iter(text)), ours.find_overlapping),
        ("end to end", None, lambda text: _end_to_end(theirs, text), compiled.find),
    ):
        raw = what == "automaton"
        them = _speed(other, folded if raw else text.text, text.megabytes)
        us = _speed(own, data if raw else text.text, text.megabytes)
        them_re = _speed(regular, short, rounds=1) if regular else None
        shown = "" if them_re is None else ratio(us, them_re)
        rows.append((len(terms), text.name, what, them_re or "", them, us, shown, ratio(us, them)))
    return rows


def _build_pyahocorasick(patterns: list[str]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for pattern in patterns:
        automaton.add_word(pattern, pattern)
    automaton.make_automaton()
    return automaton


_LETTER = re.compile(r"[a-z]")


def _end_to_end(automaton: ahocorasick.Automaton, text: str) -> list[tuple[int, int]]:
    """A usual use of pyahocorasick: fold, search, and check the same boundaries for Latin terms."""
    folded = mention_fold()(text)
    found = []
    for last, pattern in automaton.iter(folded.text):
        start, end = last - len(pattern) + 1, last + 1
        left = _LETTER.match(pattern) and start and _LETTER.match(folded.text, start - 1)
        right = _LETTER.match(pattern[-1]) and _LETTER.match(folded.text, end)
        if not (left or right):
            found.append(folded.span(start, end))
    return found


def _speed(
    work: Callable[[Any], object], text: str | bytes, megabytes: float | None = None, rounds: int = ROUNDS
) -> float:
    """Return MB of UTF-8 per second of CPU."""
    size = megabytes or (len(text.encode()) if isinstance(text, str) else len(text)) / 1e6
    return size / min(cost(lambda: work(text))[1].cpu_s for _ in range(rounds))


def _make_terms(chance: Random, count: int) -> list[str]:
    """Return distinct terms in random order: half Latin names, a quarter domains, a quarter Chinese names."""
    names: dict[str, None] = {}
    while len(names) < count:
        kind = chance.randrange(4)
        if kind < 3:
            word = "".join(chance.choices(_SYLLABLES, k=chance.randint(3, 5)))
            names[word + (".example" if kind == 2 else "")] = None
        else:
            names["".join(chance.choices(_HAN, k=chance.randint(2, 4)))] = None
    return list(names)


def _english_text(chance: Random, terms: list[str]) -> str:
    """Return a market's prose in which one word of two thousand is a term."""
    words = chance.choices(_WORDS, k=int(TEXT_MB * 1e6 / 7.6))
    for place in range(0, len(words), 2000):
        words[place] = chance.choice(terms[:100]).capitalize()
    return " ".join(words)


def _chinese_text(chance: Random, terms: list[str]) -> str:
    words = ["".join(chance.choices(_HAN, k=20)) + "，" for _ in range(int(TEXT_MB * 1e6 / 63 / 10))] * 10
    for place in range(0, len(words), 200):
        words[place] = chance.choice(terms[:100])
    return "".join(words)


if __name__ == "__main__":
    main()
