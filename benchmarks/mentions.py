"""Find mentions: our automaton beside one `re` alternation and pyahocorasick, with 100 to 100,000 terms.

"automaton" is the search alone: the text is folded and encoded already, and both automata find the same,
which is checked (`re` finds no overlapping matches). "end to end" starts from the text as it was crawled:
both sides fold it with our table, search, check boundaries and give offsets. Beside pyahocorasick the table's
Python form (numpy) folds; ours folds and searches with the native library and also finds defanged dots,
letter-digit swaps and other spellings. The second table compares folding and masking with pyahocorasick's
search of 100 terms in the same text, which is folded already. The last one compares masking with its
specification in Python, also in text that is full of identifiers, numbers or escapes.

MB/s are megabytes of UTF-8 per second of CPU; x is ours as a multiple of the other's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from unittest.mock import patch

import ahocorasick
from daachorse import DoubleArrayAhoCorasick

from benchmarks.measure import cost, ratio, report
from matching.masks import mask_text
from matching.mentions.terms import Terms, WatchTerm
from matching.native.library import LibraryMissing
from matching.native.name_fold import NativeFolded, folded_text
from text.folding import mention_fold

ALTERNATION_CHARACTERS = {
    100: 1_000_000,
    10_000: 40_000,
    100_000: 4_000,
}  # by number of terms: `re` tries them one by one, so it gets shorter texts
COUNTS = tuple(ALTERNATION_CHARACTERS)
TEXT_MB = 10
MASKED_CHARACTERS = 300_000
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
    report(
        ("text", "masked in Python MB/s", "mask MB/s", "x Python"),
        [_mask_row(text) for text in (*texts, *_identifier_texts(chance))],
    )


def _fold_and_mask_row(text: BenchmarkText, terms: list[str]) -> tuple[str, float, float, float, str, str]:
    """Measure what else is done with every text: folding, and masking before it is stored."""
    folded = mention_fold()(text.text).text
    theirs = _build_pyahocorasick(sorted({mention_fold()(term).text for term in terms}))
    them = _speed(lambda text: list(theirs.iter(text)), folded, text.megabytes)
    fold, mask = _speed(_fold, text.text), _speed(mask_text, text.text[:1_000_000])
    return text.name, them, fold, mask, ratio(fold, them), ratio(mask, them)


def _mask_row(text: BenchmarkText) -> tuple[str, float, float, str]:
    part = text.text[:MASKED_CHARACTERS]
    with patch("matching.masks.places_to_mask", side_effect=LibraryMissing):
        plain = _speed(mask_text, part)
        masked = mask_text(part)
    if mask_text(part) != masked:
        raise SystemExit("the library masks something else than the specification")
    native = _speed(mask_text, part)
    return text.name, plain, native, ratio(native, plain)


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


def _identifier_texts(chance: Random) -> Iterator[BenchmarkText]:
    """Yield a dump of addresses and telephone numbers, the log of a server, and lines of JSON in escapes."""
    lines = range(MASKED_CHARACTERS // 60)
    yield BenchmarkText("dump", "".join(_dump_line(chance) for _ in lines))
    yield BenchmarkText("log", "".join(_log_line(chance) for _ in lines))
    yield BenchmarkText("escapes", "".join(_escaped_line(chance) for _ in lines))


def _user(chance: Random) -> str:
    return f"{chance.choice(_SYLLABLES)}{chance.choice(_SYLLABLES)}.{chance.randrange(10_000)}"


def _dump_line(chance: Random) -> str:
    phones = f"+49171{chance.randrange(10**7):07d},1{chance.randrange(3, 9)}{chance.randrange(10**9):09d}"
    born = f"19{chance.randrange(50, 99)}-0{chance.randrange(1, 9)}-1{chance.randrange(10)}"
    return f"{chance.randrange(10**6)},{_user(chance)}@mail.example,{phones},{chance.choice(_WORDS)},{born}\n"


def _log_line(chance: Random) -> str:
    time = f"2026-03-1{chance.randrange(10)} 1{chance.randrange(10)}:{chance.randrange(10, 60)}:09,123"
    address = f"10.{chance.randrange(256)}.{chance.randrange(256)}.7:{chance.randrange(10_000, 60_000)}"
    tag, size = f"{chance.randrange(16**16):016x}", chance.randrange(10**9)
    return f"{time} INFO request {size} from {address} took {chance.random() * 100:.3f} ms, etag {tag}\n"


def _escaped_line(chance: Random) -> str:
    user, phone = _user(chance), f"%2B49171{chance.randrange(10**7):07d}"
    return f'{{"m":"{user}\\u0040mail.example","t":"\\u8da3","u":"/?e={user}%40mail.example&p={phone}"}}\n'


def _chinese_text(chance: Random, terms: list[str]) -> str:
    words = ["".join(chance.choices(_HAN, k=20)) + "，" for _ in range(int(TEXT_MB * 1e6 / 63 / 10))] * 10
    for place in range(0, len(words), 200):
        words[place] = chance.choice(terms[:100])
    return "".join(words)


if __name__ == "__main__":
    main()
