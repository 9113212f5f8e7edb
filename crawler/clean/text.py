"""Text fit to be stored and shown: nothing in it that a terminal or a text renderer would obey.

Order: terminal sequences go first (their letters are no text), then single control characters, then white
space is folded. Zero-width characters and homoglyphs stay: they are evidence, and matching folds them.
"""

from __future__ import annotations

import re

#: Bounds on what one listing may fill; beyond it the evidence store has the page.
MAX_TITLE_CHARS = 1_000
MAX_SELLER_CHARS = 200
MAX_BLOCK_CHARS = 2_000_000

# ECMA-48 control sequences and operating system commands; the latter without its end runs to the line's.
_TERMINAL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]"
)
# Line ends of every kind, so that a "line" of a place such as "body:3" is what a reader calls a line.
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# C0, C1, bidirectional controls, the byte order mark, lone surrogates and tag characters.
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Tabs part the columns of a sample.
_SPACES = re.compile(r"[^\S\n\t]+")
_AROUND_LINES = re.compile(r"[ \t]*\n ?")
_BLANK_LINES = re.compile(r"\n{3,}")


def neutral(text: str) -> str:
    """Return `text` without what a terminal or a text renderer would obey; line ends become `\\n`."""
    if "\x1b" in text or "\x9b" in text:
        text = _TERMINAL.sub("", text)
    return _CONTROL.sub("", _LINE_END.sub("\n", text))


def line(text: str, *, limit: int = MAX_TITLE_CHARS) -> str:
    """Return `text` as one line of at most `limit` characters."""
    # White space can be long: look at more than the limit before it is folded.
    return " ".join(neutral(text[: limit * 8]).split())[:limit].rstrip()


def block(text: str, *, limit: int = MAX_BLOCK_CHARS) -> str:
    """Return `text` with its lines kept, spaces folded, and no more than one empty line at a time."""
    folded = _AROUND_LINES.sub("\n", _SPACES.sub(" ", neutral(text[: limit * 2])))
    return _BLANK_LINES.sub("\n\n", folded).strip()[:limit]


def verbatim(text: str, *, limit: int | None = None) -> str:
    """Return a raw text as it is but for its control characters: indentation is part of a sample."""
    return neutral(text[:limit])
