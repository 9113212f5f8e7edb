"""Marks the words and phrases of a search in text from a site, which is made harmless first.

A word is marked where it stands as a whole word, a run of Chinese, Japanese, Korean or Thai characters
wherever it stands, as the search finds them. Text is compared folded, character by character, so that the
marks are at the right places of the text that is shown.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup, escape

from alerts.clean import one_line
from storage.search import INVISIBLE, RUN, WORD, QueryText

MARKS = 50  # in one text
BEFORE = 60  # characters of a snippet before what was found
AFTER = 160


@dataclass(frozen=True)
class Highlights:
    """What is marked: the words of a query."""

    query: QueryText

    @classmethod
    def of(cls, words: str) -> Highlights:
        return cls(QueryText.of(words))

    def line(self, text: str | None, limit: int = 300) -> Markup:
        """Return text as one harmless line with its marks."""
        shown = one_line(text or "", limit)
        return Markup("<bdi>{}</bdi>").format(self._marked(shown))

    def snippet(self, text: str) -> Markup:
        """Return the surroundings of the first place where something was found; "" if it is nowhere."""
        begin, end = self._first_place(text)
        if begin < 0:
            return Markup("")
        low = max(0, begin - BEFORE)
        window = text[low : end + AFTER]
        if low:
            window = window.partition(" ")[2] if " " in window[:BEFORE] else window
        shown = one_line(window, BEFORE + AFTER + 2 * (end - begin))
        return Markup("{}<bdi>{}</bdi>{}").format(
            "… " if low else "", self._marked(shown), " …" if end + AFTER < len(text) else ""
        )

    @cached_property
    def _quick(self) -> re.Pattern[str]:
        """Finds the first place in text that is not folded."""
        words = [rf"(?<![^\W_]){re.escape(word)}(?![^\W_])" for word in sorted(self.query.words)]
        runs = [re.escape(run) for run in self.query.runs]
        return re.compile("|".join([*runs, *words]) or r"(?!)", re.IGNORECASE)

    def _first_place(self, text: str) -> tuple[int, int]:
        if found := self._quick.search(text):
            return found.span()
        if text.isascii():
            return -1, -1
        spans = self._spans(text)
        return spans[0] if spans else (-1, -1)

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Return where something stands in a text, in order and apart."""
        folded, places = _folded(text)
        found: list[tuple[int, int]] = []
        for run in self.query.runs:
            at = folded.find(run)
            while at >= 0 and len(found) < MARKS:
                found.append((at, at + len(run)))
                at = folded.find(run, at + len(run))
        spaced = RUN.sub(lambda run: " " * len(run[0]), folded)
        for word in WORD.finditer(spaced) if self.query.words else ():
            if word[0] in self.query.words:
                found.append(word.span())
            if len(found) >= MARKS:
                break
        spans: list[tuple[int, int]] = []
        for begin, end in sorted(found):
            if spans and places[begin] < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(spans[-1][1], places[end - 1] + 1))
            else:
                spans.append((places[begin], places[end - 1] + 1))
        return spans

    def _marked(self, text: str) -> Markup:
        parts, last = [], 0
        for begin, end in self._spans(text):
            parts += [escape(text[last:begin]), Markup("<mark>{}</mark>").format(text[begin:end])]
            last = end
        return Markup("").join([*parts, escape(text[last:])])


def _folded(text: str) -> tuple[str, range | list[int]]:
    """Return a text folded, and for each of its characters the place of the one that it comes from."""
    if text.isascii():
        return text.lower(), range(len(text))
    folded: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if INVISIBLE.match(character):
            continue
        for each in unicodedata.normalize("NFKC", character).casefold():
            folded.append(each)
            places.append(place)
    return "".join(folded), places
