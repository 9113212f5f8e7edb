"""Bytes of a window as pieces of UTF-8 that end at a line end.

1. The charset is decided by score on a sample. ASCII decides nothing: the first piece with more than ASCII
   does, and as long as the score is doubtful each one does. A piece that the charset cannot decode decides
   anew, for lists are pasted together from several files. Where UTF-16 begins or ends, a piece ends.
2. A piece is cut behind its last line end *before* it is decoded: in none of the charsets is the byte 0x0A a
   part of another character (UTF-16 and UTF-32 are looked at in their units). So a piece decodes by itself,
   and text that is UTF-8 already is checked and passed on as it is.
3. A line longer than a piece is cut behind the last of `_SEPARATORS` in its last 64 KB, where no identifier
   goes on. Without any, it is cut where it is, and the next piece repeats its last `OVERLAP` bytes. The
   border between the two is in the middle of those: what ends before it is the first piece's, what ends
   behind it the second's, so that each has what surrounds it and is counted once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from matching.errors import InputDamaged
from matching.inputs.formats.blocks import Places, line_ends
from matching.inputs.formats.charset_changes import charset_change
from matching.inputs.limits import InputBudget
from matching.inputs.streams import Window
from text.charset import decode_page

#: Bytes that charset and format are decided on.
SAMPLE = 1 << 16
#: Bytes that the next piece repeats of a line that was cut in the middle of something. Half of it is more
#: than any identifier or term has.
OVERLAP = 1 << 12
_SEPARATORS = re.compile(rb"[,;:<>=\"'\t]")  # below 0x40: no second byte of any charset
_SEPARATED = 1 << 16
_STEP = 1 << 20  # bytes skipped at a time
#: Of characters beyond ASCII one in so many may be broken before the charset is doubted.
_BROKEN_SHARE = 10
#: Doubtful decisions for the same charset, one after the other, that are as good as a sure one.
_ALIKE = 3
_WIDE = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True)
class DecodedPiece:
    """A stretch of text. `size`: the bytes of the source that it came from."""

    text: bytes
    line: int
    position: int
    size: int
    last: bool  # nothing follows
    repeats: int = 0  # bytes at the beginning of `text` that are the piece before's
    held: int = 0  # bytes at its end that are the next one's
    inside: bool = False  # it begins in a line that the piece before began
    changes: bool = False  # what follows is in another charset, so that no more of this record comes

    @property
    def end(self) -> int:
        return self.position + self.size

    @cached_property
    def breaks(self) -> Places:
        """Where the lines of the text end."""
        return line_ends(self.text)


class DecodedText:
    """A window's text, piece by piece."""

    def __init__(self, window: Window, budget: InputBudget) -> None:
        """Looks at a sample; raises what the window raises."""
        self._window = window
        self._budget = budget
        sample = window.peek(SAMPLE)
        self.charset, sure, self._alike_until = _charset_at_the_beginning(sample)
        sample = sample[: self._alike_until]
        self.broken = 0  # characters that could not be decoded
        self.line = 1
        self._decided = sure and not sample.isascii()
        self._alike = 0  # doubtful decisions in a row that were the same
        self._unit = _WIDE.get(self.charset, 1)
        self._newline = "\n".encode(self.charset) if self._unit > 1 else b"\n"
        self._narrow_newline = b"\n"  # where the charset is not a wide one
        self._begins_at = 0  # where what is in this charset begins, perhaps with a mark
        self._other_end = (
            self._unit == 1 and b"\r" in sample and b"\n" not in sample and len(sample.split(b"\r")) > 2
        )
        if self._other_end:
            self._newline = self._narrow_newline = b"\r"
        self._repeating = False  # the next piece begins with what the one before ended with
        self._cut_short = 0  # bytes of the source that the next one repeats of the piece that was taken last
        self._inside = False  # the next piece begins inside of a line

    @property
    def position(self) -> int:
        return self._window.position

    def sample(self) -> bytes:
        """What the format is decided on: the beginning, as UTF-8, without a cut last line."""
        raw = self._window.peek(SAMPLE)[: self._alike_until]
        cut = len(raw) if len(raw) < SAMPLE else self._line_end(raw, len(raw)) or len(raw)
        text = self._unmarked(raw[:cut]).decode(self.charset, "replace").encode("utf-8", "replace")
        return text.replace(self._newline, b"\n") if self._other_end else text

    def end_lines(self, sign: bytes) -> None:
        """Lines end with this sign of ASCII, too. Only before anything was taken, and only of UTF-8."""
        self._newline = self._narrow_newline = sign
        self._other_end = True

    def take(self, size: int, *, overlap: bool = True) -> DecodedPiece | None:
        """The next piece, of at most `size` bytes of the source; it stays there until `advance`. None: the
        end.
        """
        raw = self._window.peek(size + 1)  # one more shows whether it is the last one
        if not raw:
            return None
        self._budget.on_time()
        end = min(len(raw), size)
        same = self._same_charset(raw[:end])
        last, changes = same == len(raw), same < end
        cut, self._cut_short = same if last or changes else self._line_end(raw, end), 0
        if not cut:
            cut, short = self._cut(raw[:end])
            self._cut_short = short if overlap else 0
        raw = raw if cut == len(raw) else raw[:cut]
        text = self._decoded(raw)
        repeats = self._before_border(raw, 0) if self._repeating else 0
        held = len(text) - self._before_border(raw, cut - self._cut_short) if self._cut_short else 0
        return DecodedPiece(text, self.line, self.position, cut, last, repeats, held, self._inside, changes)

    def _same_charset(self, raw: bytes) -> int:
        """Bytes from here on that are in one charset, which becomes that of this text."""
        change = charset_change(raw, self.charset)
        if change is not None and not change.place:
            self.charset, self._decided = change.charset, change.charset in _WIDE
            self._unit = _WIDE.get(self.charset, 1)
            self._newline = "\n".encode(self.charset) if self._unit > 1 else self._narrow_newline
            self._begins_at = self.position
            self._repeating = False
            change = charset_change(raw, self.charset, self._unit)
        return change.place if change is not None and change.place else len(raw)

    def _before_border(self, raw: bytes, start: int) -> int:
        """Bytes of text before the border in what is repeated, which begins at `start`. It depends on nothing
        else, so that both pieces have it at the same place.
        """
        border = min(len(raw), start + OVERLAP // 2)
        while self.charset == "utf-8" and border < len(raw) and 0x80 <= raw[border] < 0xC0:
            border += 1
        text, _ = self._read(self._unmarked(raw[:border]))
        return len(text)

    def advance(self, piece: DecodedPiece, *, lines_left: int = 0) -> int:
        """Take the piece, but for its last lines; returns where in the source the next one begins."""
        size = piece.size
        if lines_left:
            size = self._without_lines(self._window.peek(size), lines_left)
            self._cut_short = 0
        self.line += len(piece.breaks) - lines_left
        self._repeating = bool(self._cut_short)
        self._inside = not lines_left and not piece.text.endswith(b"\n")
        self._window.skip(size - self._cut_short)
        return self.position

    def seek(self, position: int) -> None:
        """Go on at a place that a block carried; the lines up to there are counted."""
        before = b""
        while self.position < position:
            raw = self._window.peek(min(_STEP, position - self.position))
            if not raw:
                raise InputDamaged(f"it ends after {self.position} bytes, before the place to go on at")
            same = self._same_charset(raw)
            raw = raw[: same - same % self._unit or same]
            self.line += self._lines(raw)
            self._window.skip(len(raw))
            self._budget.on_time()
            before = raw[-self._unit :]
        # Whoever cut there cut behind a line end or a separator, or had none of them and repeats.
        separated = before == self._newline or (self._unit == 1 and _SEPARATORS.match(before))
        self._repeating = bool(before) and not separated
        self._inside = bool(before) and before not in (self._newline, b"\n")

    def _lines(self, raw: bytes) -> int:
        if self._unit == 1:
            data = np.frombuffer(raw, np.uint8)
            ends = data == self._newline[0]
            return int(np.count_nonzero(ends | (data == 0x0A) if self._other_end else ends))
        whole = len(raw) // self._unit * self._unit
        units = np.frombuffer(raw[:whole], np.uint16 if self._unit == 2 else np.uint32)
        return int(np.count_nonzero(units == np.frombuffer(self._newline, units.dtype)[0]))

    def _line_end(self, raw: bytes, end: int) -> int:
        """The place behind the last line end before `end`; 0: there is none."""
        return self._newline_before(raw, end) + self._unit

    def _newline_before(self, raw: bytes, end: int) -> int:
        """Where the last newline before `end` begins; -1 unit: there is none."""
        while (place := raw.rfind(self._newline, 0, end)) >= 0:
            if place % self._unit == 0:
                return place
            end = place + self._unit - 1  # half of two units; another may begin one byte before
        return -self._unit

    def _without_lines(self, raw: bytes, lines: int) -> int:
        """The size of what remains without the last `lines` newlines and the lines that they end."""
        end = len(raw)
        for _ in range(lines + 1):
            end = self._newline_before(raw, end)
        return end + self._unit

    def _cut(self, raw: bytes) -> tuple[int, int]:
        """Where to cut a line that is too long, and how much of it the next piece repeats."""
        if self._unit == 1:
            tail = max(0, len(raw) - _SEPARATED)
            found = [match.end() for match in _SEPARATORS.finditer(raw, tail)]
            if found:
                return found[-1], 0
        cut = len(raw) // self._unit * self._unit
        if cut < 2 * OVERLAP:
            return cut, 0
        if self.charset != "utf-8":
            return cut, OVERLAP
        cut -= _half_a_character(raw)
        start = cut - OVERLAP
        return cut, OVERLAP + _half_a_character(raw[start - 4 : start])

    def _decoded(self, raw: bytes) -> bytes:
        text, broken = self._utf8(self._unmarked(raw))
        self.broken += broken
        return text.replace(self._newline, b"\n") if self._other_end else text

    def _utf8(self, raw: bytes) -> tuple[bytes, int]:
        if self.charset == "utf-8" and (raw.isascii() or _is_utf8(raw)):
            return raw, 0
        if self._unit == 1 and not self._decided:
            self._decide(raw)
        text, broken = self._read(raw)
        if self._unit == 1 and broken * _BROKEN_SHARE > len(raw) - len(raw.translate(None, _HIGH)):
            self._decide(raw)
            text, broken = self._read(raw)
        return text, broken

    def _read(self, raw: bytes) -> tuple[bytes, int]:
        try:
            return raw.decode(self.charset).encode(), 0
        except UnicodeError:
            text = raw.decode(self.charset, "replace")
            return text.encode("utf-8", "replace"), text.count("\ufffd")

    def _decide(self, raw: bytes) -> None:
        """By what is around the first byte beyond ASCII. Only charsets whose lines end alike are taken."""
        beyond = _BEYOND_ASCII.search(raw)
        at = max(0, raw.rfind(b"\n", 0, beyond.start()) + 1) if beyond else 0
        found, sure = _charset(raw[at : at + SAMPLE])
        if found not in _WIDE:
            self._alike = self._alike + 1 if found == self.charset else 0
            self.charset, self._decided = found, sure or self._alike >= _ALIKE

    def _unmarked(self, raw: bytes) -> bytes:
        """Without the mark at the beginning of the text, or of the part that is in this charset."""
        if self.position != self._begins_at:
            return raw
        mark = "\ufeff".encode(self.charset) if self.charset in _MARKED else b""
        return raw[len(mark) :] if mark and raw.startswith(mark) else raw


_HIGH = bytes(range(0x80, 0x100))
_MARKED = {"utf-8", *_WIDE}


def _charset(sample: bytes) -> tuple[str, bool]:
    """The charset, and whether that is sure. UTF-8 instead of one whose lines end otherwise (EBCDIC)."""
    found = decode_page(sample)
    known = found.charset in _WIDE or "\n".encode(found.charset) == b"\n"
    return (found.charset, found.confident) if known else ("utf-8", False)


def _charset_at_the_beginning(sample: bytes) -> tuple[str, bool, int]:
    """The charset, whether that is sure, and how many bytes of the sample are in it."""
    found, sure = _charset(sample)
    marked = sample.startswith((b"\xff\xfe", b"\xfe\xff")) or found.startswith("utf-32")
    change = None if marked else charset_change(sample, "utf-8")
    if change is not None and change.place:
        # Null bytes behind it may have made UTF-16 of all. Before it, they show that it is that.
        if found not in _WIDE or b"\0" not in sample[: change.place]:
            return *_charset(sample[: change.place]), change.place
    elif change is not None and not change.place:
        found, sure = change.charset, True
    back = charset_change(sample, found, 2) if found in _WIDE else None
    return found, sure, back.place if back is not None and back.place else len(sample)


def _half_a_character(raw: bytes) -> int:
    """Bytes at the end that are the beginning of a character of UTF-8."""
    for back, byte in enumerate(raw[:-5:-1], 1):
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if size > back else 0
        if byte < 0x80:
            break
    return 0


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
