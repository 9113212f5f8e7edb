"""Making crawled text harmless before it enters a message.

What a seller writes is hostile to the reader's tools: an escape sequence to the terminal, a direction
override to the eye, a line break to a mail header, a URL to a mail program that turns it into one click on
the seller's site.

Storage holds text that is masked already; this module does not deal with identifiers.
"""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# ECMA-48 sequences as a whole (so that no "[31m" stays behind), OSC strings up to their end.
_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)?|[\x1b\x9b]\[?[0-?]{0,50}[ -/]{0,10}[@-~]|\x1b", re.ASCII
)
# Control, format (bidi overrides and isolates, zero-width characters, tags), surrogate, private use,
# unassigned, line and paragraph separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Invisible and without effect on the characters beside them: removed without a replacement.
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_REPLACEMENT_RUNS = re.compile(f"{REPLACEMENT}+")
# Combining marks after the third one on a letter; hundreds of them cover the lines above and below.
_STACKED_MARKS = re.compile(
    "((?:[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]){3})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_SCHEME = re.compile(r"(?i)\b(?:h(tt)p(s?)|(ft)p(s?)|([a-z][a-z0-9+.-]{1,15}))://")
_DOT = re.compile(r"(?<=[\w-])\.(?=[^\W\d_]{2,})")
_BLANKS = re.compile(r"[ \t\u00a0\u3000]{3,}")


def one_line(text: str, limit: int) -> str:
    """Return text for a title or a header: one line, nothing hidden, defanged, at most `limit` characters."""
    return _cut(_visible(" ".join(text[: limit * 4].split())), limit)


def lines(text: str, limit: int) -> str:
    """Return text for an excerpt: line breaks stay, everything else is as in `one_line`."""
    kept = [_visible(line.rstrip()) for line in text[: limit * 4].splitlines()]
    return _cut("\n".join(kept).strip("\n"), limit)


def defanged(text: str) -> str:
    """Return text of which no program makes a link: hxxps://market[.]example/item."""
    return _DOT.sub("[.]", _SCHEME.sub(_broken_scheme, text))


def _broken_scheme(match: re.Match[str]) -> str:
    _, secure, ftp, ftp_secure, other = match.groups()
    if other:
        return f"{other}[:]//"
    return f"fxp{ftp_secure}://" if ftp else f"hxxp{secure}://"


def _visible(text: str) -> str:
    text = _ESCAPES.sub(REPLACEMENT, text.replace("\t", "  ").translate(_ZERO_WIDTH))
    text = "".join(REPLACEMENT if unicodedata.category(c) in _HIDDEN_CATEGORIES else c for c in text)
    text = _STACKED_MARKS.sub(r"\1", _REPLACEMENT_RUNS.sub(REPLACEMENT, text))
    return defanged(_BLANKS.sub("  ", text))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
