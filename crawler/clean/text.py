"""Text that may be stored and shown: without anything that a terminal or a text renderer would obey.

Order: terminal sequences are removed first (their letters are not text), then single control characters; then
white space is folded. Zero-width characters and look-alike letters stay: they are evidence, and matching
folds them.
"""

from __future__ import annotations

import re

#: Limits of a listing's fields; the evidence store has the complete page.
MAX_TITLE_CHARS = 1_000
MAX_SELLER_CHARS = 200
MAX_BLOCK_CHARS = 2_000_000

# ECMA-48 control sequences and operating system commands; an unterminated command ends with the line.
_TERMINAL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]"
)
# Line ends of every kind, so that line 3 of a place such as "body:3" is the third line for a reader too.
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# C0, C1, bidirectional controls, the byte order mark, lone surrogates and tag characters.
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Tabs separate the columns of a sample.
_SPACES = re.compile(r"[^\S\n\t]+")
_AROUND_LINES = re.compile(r"[ \t]*\n ?")
_BLANK_LINES = re.compile(r"\n{3,}")


def neutral(text: str) -> str:
    """Return `text` without sequences that a terminal or a text renderer would obey, line ends as `\\n`."""
    if is_plain(text):
        return text
    if "\x1b" in text or "\x9b" in text:
        text = _TERMINAL.sub("", text)
    return _CONTROL.sub("", _LINE_END.sub("\n", text))


def is_plain(text: str) -> bool:
    """Return whether blanks, tabs and `\\n` are all white space and all control characters of a text.

    Nothing that `neutral` changes is printable, nor is other white space. Most texts are plain, which takes a
    fraction of the patterns' time to find out.
    """
    return text.replace("\n", "").replace("\t", "").isprintable()


def line(text: str, *, limit: int = MAX_TITLE_CHARS) -> str:
    """Return `text` as one line of at most `limit` characters."""
    # White space can be long: read more than the limit before folding it.
    return " ".join(neutral(text[: limit * 8]).split())[:limit].rstrip()


def block(text: str, *, limit: int = MAX_BLOCK_CHARS) -> str:
    """Return `text` with its lines, with spaces folded and at most one empty line in a row."""
    text = neutral(text[: limit * 2])
    if "  " in text or not is_plain(text):
        text = _SPACES.sub(" ", text)
    if "\n" in text:
        text = _BLANK_LINES.sub("\n\n", _AROUND_LINES.sub("\n", text))
    return text.strip()[:limit]


def verbatim(text: str, *, limit: int | None = None) -> str:
    """Return a raw text without its control characters; indentation is part of a sample and stays."""
    return neutral(text[:limit])
