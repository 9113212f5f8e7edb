"""Marking what a search found in crawled text, after the text was made harmless."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from markupsafe import Markup, escape

from alerts.clean import lines, one_line

SNIPPET_CHARS = 240
BEFORE_CHARS = 60  # of a snippet, before the first thing found


def marked_line(text: str | None, words: Sequence[str], limit: int = 300) -> Markup:
    """Return one harmless line with what was found in <mark>."""
    return Markup("<bdi>{}</bdi>").format(_marked(one_line(text or "", limit), words))


def marked_lines(text: str | None, words: Sequence[str], limit: int = 20_000) -> Markup:
    """Return harmless text with line breaks, with what was found in <mark>."""
    return Markup("<bdi>{}</bdi>").format(_marked(lines(text or "", limit), words))


def snippet(text: str, words: Sequence[str]) -> Markup:
    """Return the piece of a text around the first thing found, in one line; its beginning if nothing is."""
    flat = " ".join(text.split())
    found = _pattern(tuple(words)).search(flat) if words else None
    begin = max(0, found.start() - BEFORE_CHARS) if found else 0
    piece = flat[begin : begin + SNIPPET_CHARS]
    shown = f"{'…' if begin else ''}{piece}{'…' if begin + SNIPPET_CHARS < len(flat) else ''}"
    return marked_line(shown, words)


def _marked(text: str, words: Sequence[str]) -> Markup:
    if not words:
        return escape(text)
    pieces, last = [], 0
    for found in _pattern(tuple(words)).finditer(text):
        pieces += [escape(text[last : found.start()]), Markup("<mark>{}</mark>").format(found[0])]
        last = found.end()
    return Markup("").join([*pieces, escape(text[last:])])


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word) for word in words) or r"(?!)", re.IGNORECASE)
