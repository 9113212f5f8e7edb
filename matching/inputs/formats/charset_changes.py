"""Where a text goes on in UTF-16 or ends to be it, because files were pasted together.

A console's `>>` may append UTF-16 to a log in UTF-8, and a log may go on in UTF-8 behind UTF-16.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Bytes behind a byte order mark that are looked at.
_LOOKED_AT = 512
#: Bytes of a line before its first run of ASCII in UTF-16.
_LINE_BEGIN = 256
_WIDE_BEGIN = re.compile(
    rb"(?P<le_mark>\xff\xfe)|(?P<be_mark>\xfe\xff)"
    rb"|(?P<le>[\t\x20-\x7e]\0(?:[\t\r\n\x20-\x7e]\0){7})|(?P<be>(?:\0[\t\r\n\x20-\x7e]){8})"
)
_NARROW_RUN = re.compile(rb"[\t\r\n\x20-\x7e]{16,}")
# First bytes of characters that hardly occur. In text that is not UTF-16 they are digits, signs and capitals.
_NO_FIRST_BYTE = re.compile(rb"[\t\r\n&-/2-M]")
_UTF_16 = frozenset({"utf-16-le", "utf-16-be"})


class CharsetChange(NamedTuple):
    """The place where another charset begins. `charset` "utf-8": one that is not UTF-16, not yet decided."""

    place: int
    charset: str


def charset_change(raw: bytes, charset: str, start: int = 0) -> CharsetChange | None:
    """Return the first change at `start` or behind it in bytes that begin in `charset`; None: no change."""
    if charset in _UTF_16:
        return _end_of_utf_16(raw, charset, start)
    if charset.startswith("utf-32") or b"\0" not in raw:
        return None
    for found in _WIDE_BEGIN.finditer(raw, start):
        codec = f"utf-16-{(found.lastgroup or '')[:2]}"
        if found.lastgroup in ("le", "be"):
            return _change_at_run(raw, found.start(), codec)
        behind = raw[found.end() : found.end() + _LOOKED_AT]
        first, second = behind[codec == "utf-16-le" :: 2], behind[codec != "utf-16-le" :: 2]
        if first.count(0) > second.count(0):
            return CharsetChange(found.start(), codec)
    return None


def _change_at_run(raw: bytes, run: int, codec: str) -> CharsetChange:
    """Return the change before the first run of ASCII in UTF-16, which is at `run`."""
    begin = raw.rfind(b"\n", max(0, run - _LINE_BEGIN), run) + 1
    least = max(0, begin - _LINE_BEGIN)
    while begin and b"\0" in (
        raw[begin : begin + 1],
        raw[begin - 2 : begin - 1],
    ):  # a line end of UTF-16, perhaps
        line = raw.rfind(b"\n", least, begin - 1) + 1
        if _is_narrow(raw[line : begin - 1]):
            break
        begin = line
    before = raw[begin:run]
    if len(before) > 2 * _LINE_BEGIN or (before.isascii() and b"\0" not in before):
        return CharsetChange(run, codec)
    if len(before) % 2:  # half of another character was taken for the first letter, or a line end left away
        codec = "utf-16-be" if codec == "utf-16-le" else "utf-16-le"
    return CharsetChange(begin, codec)


def _end_of_utf_16(raw: bytes, charset: str, start: int) -> CharsetChange | None:
    newline = "\n".encode(charset)
    for run in _NARROW_RUN.finditer(raw, start):
        if not all(_NO_FIRST_BYTE.search(run[0][half::2]) for half in (0, 1)):
            continue
        place = run.start() + run.start() % 2
        begin = raw.rfind(newline, max(0, place - _LINE_BEGIN), place)
        line = begin + 2 if begin >= 0 and begin % 2 == 0 else 0 if place <= _LINE_BEGIN else place
        return CharsetChange(line if _is_narrow(raw[line:place]) else place, "utf-8")
    return None


def _is_narrow(before: bytes) -> bool:
    """Return whether the begin of a line is UTF-8, perhaps with a mark."""
    try:
        before.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in before
