"""Bytes of a window as pieces of UTF-8 that end at a line end.

1. The charset is decided by score on a sample. ASCII decides nothing; the first piece with other characters
   does, and as long as the score is doubtful, each later one does again. So does a piece that the charset
   cannot decode, because lists are pasted together from several files. Where UTF-16 begins or ends, a piece
   ends.
2. A piece is cut behind its last line end *before* it is decoded: in none of the charsets is the byte 0x0A a
   part of another character (UTF-16 and UTF-32 are searched by their units). So a piece can be decoded by
   itself, and text that is UTF-8 already is checked and stays as it is.
3. Lines of UTF-8 and lines in another charset may be mixed in a piece: each is decoded by itself.
4. Where the decision is doubtful, `runner_ups` names the other charsets that the text may be in.
5. A line longer than a piece is cut behind the last of `_SEPARATORS` in its last 64 KB, where no identifier
   goes on. Where there is none, it is cut at the piece's end, and the next piece repeats its last `OVERLAP`
   bytes. The border between the two is in the middle of those: a match that ends before it belongs to the
   first piece, one that ends behind it to the second. So each match has its surroundings and counts once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from matching.errors import InputDamaged
from matching.inputs.containers.compressed import Frame, FramedWindow
from matching.inputs.formats.blocks import line_ends
from matching.inputs.formats.charset_changes import charset_change
from matching.inputs.formats.no_text import is_blank, is_marked, is_noise, size_without_text
from matching.inputs.limits import InputBudget
from matching.inputs.streams import FileWindow, Window
from matching.scanning.candidates import Places
from text.charset import decode_page
from text.runner_up_charsets import is_doubtful, runner_up_charsets

#: Bytes that decide on charset and format.
SAMPLE = 1 << 16
#: Bytes that the next piece repeats of a line that was cut at no separator. Half of them are more than any
#: identifier or term has.
OVERLAP = 1 << 12
_SEPARATORS = re.compile(rb"[,;:<>=\"'\t]")  # below 0x40: no second byte of any charset
_SEPARATOR_BYTES = 1 << 16  # in which a separator is looked for
_SKIP_BYTES = 1 << 20  # skipped at a time
#: One in so many characters beyond ASCII may be broken before the charset is doubted.
_BROKEN_ONE_IN = 10
#: Consecutive doubtful decisions for the same charset that count as a sure one.
_SAME_DECISIONS = 3
_UNIT_SIZES = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
#: Bytes of a text in which runner-ups are looked for.
_RUNNER_UP_BYTES = 4 << 20
#: Score of a charset from which lines that are not UTF-8 are read in it.
_MIXED_SCORE = 0.25
#: Score below which a charset in which some characters cannot be decoded is less likely than a runner-up.
_POOR_SCORE = 0.3
_UTF_8_LINE = re.compile(
    rb"(?:\A|\n)[^\n\x80-\xff]*+(?:(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})"
    rb"[^\n\x80-\xff]*+)++(?=\n|\Z)"
)


@dataclass(frozen=True)
class DecodedPiece:
    """A stretch of text. `size`: bytes of the source that it comes from."""

    text: bytes
    line: int
    position: int
    size: int
    last: bool  # nothing follows
    repeats: int = 0  # bytes at the beginning of `text` that belong to the piece before
    held: int = 0  # bytes at its end that belong to the next piece
    inside: bool = False  # it begins inside of a line of the piece before
    changes: bool = False  # another charset follows, so that the last record does not go on behind the piece
    no_text: int = 0  # bytes of the source that are no text

    @property
    def end(self) -> int:
        return self.position + self.size

    @cached_property
    def breaks(self) -> Places:
        """The places of the text's line ends."""
        return line_ends(self.text)


@dataclass(frozen=True, slots=True)
class DecodingState:
    """Where the reading of a text is, and what was decided up to there."""

    position: int
    line: int
    charset: str
    decided: bool
    same_decisions: int
    runner_ups: tuple[str, ...]
    charset_start: int
    repeating: bool
    inside: bool


class DecodedText:
    """A window's text, piece by piece."""

    def __init__(self, window: Window, budget: InputBudget) -> None:
        """Decides on the charset by a sample; raises what the window raises."""
        self._window = window
        self._budget = budget
        sample = window.peek(SAMPLE)
        self.charset, sure, self._sample_size = _charset_of_beginning(sample)
        self._marked = is_marked(sample)
        sample = sample[: self._sample_size]
        self._runner_ups: tuple[str, ...] = ()
        self._doubt(sample)
        self.broken = 0  # characters that could not be decoded
        self._no_text = 0  # bytes taken that are no text, whatever they were decoded to
        self._blank = True  # nothing but null bytes was taken
        self._next_blank = True  # nothing else is in the next piece
        self.line = 1
        self._decided = sure and not sample.isascii()
        self._same_decisions = 0  # consecutive doubtful ones
        self._unit = _UNIT_SIZES.get(self.charset, 1)
        self._newline = "\n".encode(self.charset) if self._unit > 1 else b"\n"
        self._narrow_newline = b"\n"  # in charsets other than UTF-16 and UTF-32
        self._charset_start = 0  # the position where text in this charset begins, perhaps with a mark
        self._extra_line_end = (
            self._unit == 1 and b"\r" in sample and b"\n" not in sample and len(sample.split(b"\r")) > 2
        )
        if self._extra_line_end:
            self._newline = self._narrow_newline = b"\r"
        self._repeating = False  # the next piece begins with the end of the one before
        self._repeated_size = 0  # bytes of the source that the next piece repeats of the last one
        self._inside = False  # the next piece begins inside of a line

    @property
    def position(self) -> int:
        return self._window.position

    @property
    def runner_ups(self) -> tuple[str, ...]:
        """Other charsets that the text may be in, as far as is known yet; empty behind its first 4 MB."""
        return self._runner_ups if self.position < _RUNNER_UP_BYTES else ()

    @property
    def no_text(self) -> int:
        """Bytes taken that are no text: all of them in RTF, or if nothing but null bytes was taken."""
        return self.position if self._blank or self._marked else self._no_text

    def sample(self) -> bytes:
        """Return the beginning as UTF-8, without a cut last line, for recognising the format."""
        raw = self._window.peek(SAMPLE)[: self._sample_size]
        cut = len(raw) if len(raw) < SAMPLE else self._line_end(raw, len(raw)) or len(raw)
        text = self._without_mark(raw[:cut]).decode(self.charset, "replace").encode("utf-8", "replace")
        return text.replace(self._newline, b"\n") if self._extra_line_end else text

    def use_line_end(self, sign: bytes) -> None:
        """Let lines end with this ASCII character, too. Only for UTF-8, and before anything is taken."""
        self._newline = self._narrow_newline = sign
        self._extra_line_end = True

    def take(self, size: int, *, overlap: bool = True) -> DecodedPiece | None:
        """Return the next piece, of at most `size` bytes of the source, without moving; None at the end.

        `overlap`: whether the next piece may repeat bytes of a line that is cut.
        """
        raw = self._window.peek(size + 1)  # one more shows whether the piece is the last one
        if not raw:
            return None
        self._budget.check_time()
        end = min(len(raw), size)
        same = self._same_charset(raw[:end])
        last, changes = same == len(raw), same < end
        cut, self._repeated_size = same if last or changes else self._line_end(raw, end), 0
        if not cut:
            cut, repeated = self._cut_long_line(raw[:end])
            self._repeated_size = repeated if overlap else 0
        raw = raw if cut == len(raw) else raw[:cut]
        text = self._decode_piece(raw)
        repeats = self._before_border(raw, 0) if self._repeating else 0
        held = len(text) - self._before_border(raw, cut - self._repeated_size) if self._repeated_size else 0
        no_text = size_without_text(raw, self.charset)
        if last and not self.position and not no_text and is_noise(raw):
            no_text = len(raw)
        self._next_blank = is_blank(raw)
        return DecodedPiece(
            text, self.line, self.position, cut, last, repeats, held, self._inside, changes, no_text
        )

    def _same_charset(self, raw: bytes) -> int:
        """Return how many bytes from here on are in one charset, which becomes that of this text."""
        change = charset_change(raw, self.charset)
        if change is not None and not change.place:
            self._use_charset(change.charset)
            self._decided = change.charset in _UNIT_SIZES
            self._charset_start = self.position
            self._repeating = False
            change = charset_change(raw, self.charset, self._unit)
        return change.place if change is not None and change.place else len(raw)

    def _before_border(self, raw: bytes, start: int) -> int:
        """Return the bytes of text before the border in the repeated bytes, which begin at `start`.

        It depends on those bytes alone, so that both pieces have the border at the same place.
        """
        border = min(len(raw), start + OVERLAP // 2)
        while self.charset == "utf-8" and border < len(raw) and 0x80 <= raw[border] < 0xC0:
            border += 1
        text, _ = self._convert(self._without_mark(raw[:border]))
        return len(text)

    def advance(self, piece: DecodedPiece, *, lines_left: int = 0) -> int:
        """Take the piece except its last lines; returns the source's place at which the next one begins."""
        size = piece.size
        if lines_left:
            size = self._without_lines(self._window.peek(size), lines_left)
            self._repeated_size = 0
        self.line += len(piece.breaks) - lines_left
        self._repeating = bool(self._repeated_size)
        self._inside = not lines_left and not piece.text.endswith(b"\n")
        self._no_text += min(piece.no_text, size)
        self._blank = self._blank and self._next_blank
        self._window.skip(size - self._repeated_size)
        return self.position

    def state(self) -> DecodingState:
        """Return the state from which another reader of the same bytes can go on."""
        return DecodingState(
            self.position,
            self.line,
            self.charset,
            self._decided,
            self._same_decisions,
            self._runner_ups,
            self._charset_start,
            self._repeating,
            self._inside,
        )

    def frame(self) -> Frame | None:
        """Return the frame from which reading can go on here; None: the file is not compressed."""
        window = self._window
        return window.frame_before(self.position) if isinstance(window, FramedWindow) else None

    def resume(self, state: DecodingState, frame: Frame | None) -> None:
        """Go on in this state, from this frame. Only for a window on a file, before anything is taken."""
        if isinstance(self._window, FramedWindow):
            self._window.go_to(state.position, frame or Frame())
        elif isinstance(self._window, FileWindow):
            self._window.go_to(state.position)
        self.line, self._runner_ups = state.line, state.runner_ups
        self._decided, self._same_decisions = state.decided, state.same_decisions
        self._charset_start = state.charset_start
        self._repeating, self._inside = state.repeating, state.inside
        self._use_charset(state.charset)

    def _use_charset(self, charset: str) -> None:
        self.charset = charset
        self._unit = _UNIT_SIZES.get(charset, 1)
        self._newline = "\n".encode(charset) if self._unit > 1 else self._narrow_newline

    def seek(self, position: int) -> None:
        """Continue at the `end` of a block; the lines up to there are counted."""
        if self.position >= position:
            return
        before = b""
        while self.position < position:
            raw = self._window.peek(min(_SKIP_BYTES, position - self.position))
            if not raw:
                raise InputDamaged(
                    f"the data ends after {self.position} bytes; reading was to continue at byte {position}"
                )
            same = self._same_charset(raw)
            raw = raw[: same - same % self._unit or same]
            self.line += self._count_lines(raw)
            self._no_text += size_without_text(raw, self.charset)
            self._blank = self._blank and is_blank(raw)
            self._window.skip(len(raw))
            self._budget.check_time()
            before = raw[-self._unit :]
        # A block ends behind a line end or a separator; if not, there was none and the next block repeats.
        separated = before == self._newline or (self._unit == 1 and _SEPARATORS.match(before))
        self._repeating = bool(before) and not separated
        self._inside = bool(before) and before not in (self._newline, b"\n")

    def _count_lines(self, raw: bytes) -> int:
        if self._unit == 1:
            data = np.frombuffer(raw, np.uint8)
            ends = data == self._newline[0]
            return int(np.count_nonzero(ends | (data == 0x0A) if self._extra_line_end else ends))
        whole = len(raw) // self._unit * self._unit
        units = np.frombuffer(raw[:whole], np.uint16 if self._unit == 2 else np.uint32)
        return int(np.count_nonzero(units == np.frombuffer(self._newline, units.dtype)[0]))

    def _line_end(self, raw: bytes, end: int) -> int:
        """Return the place behind the last line end before `end`; 0 where there is none."""
        return self._newline_before(raw, end) + self._unit

    def _newline_before(self, raw: bytes, end: int) -> int:
        """Return the place of the last newline before `end`; minus one unit where there is none."""
        while (place := raw.rfind(self._newline, 0, end)) >= 0:
            if place % self._unit == 0:
                return place
            end = place + self._unit - 1  # half of two units; another may begin one byte before
        return -self._unit

    def _without_lines(self, raw: bytes, lines: int) -> int:
        """Return the size without the last `lines` lines."""
        end = len(raw)
        for _ in range(lines + 1):
            end = self._newline_before(raw, end)
        return end + self._unit

    def _cut_long_line(self, raw: bytes) -> tuple[int, int]:
        """Return the place at which to cut a long line, and the bytes that the next piece repeats."""
        if self._unit == 1:
            tail = max(0, len(raw) - _SEPARATOR_BYTES)
            found = [match.end() for match in _SEPARATORS.finditer(raw, tail)]
            if found:
                return found[-1], 0
        cut = len(raw) // self._unit * self._unit
        if cut < 2 * OVERLAP:
            return cut, 0
        if self.charset != "utf-8":
            return cut, OVERLAP
        cut -= _cut_character_size(raw)
        start = cut - OVERLAP
        return cut, OVERLAP + _cut_character_size(raw[start - 4 : start])

    def _decode_piece(self, raw: bytes) -> bytes:
        text, broken = self._as_utf8(self._without_mark(raw))
        self.broken += broken
        return text.replace(self._newline, b"\n") if self._extra_line_end else text

    def _as_utf8(self, raw: bytes) -> tuple[bytes, int]:
        if self.charset == "utf-8" and (raw.isascii() or _is_utf8(raw)):
            return raw, 0
        if self._unit == 1 and (mixed := self._mixed_lines(raw)) is not None:
            return mixed
        if self._unit == 1 and not self._decided:
            self._decide_charset(raw)
        text, broken = self._convert(raw)
        if self._unit == 1 and broken * _BROKEN_ONE_IN > len(raw) - len(
            raw.translate(None, _BYTES_BEYOND_ASCII)
        ):
            self._decide_charset(raw)
            text, broken = self._convert(raw)
        return text, broken

    def _mixed_lines(self, raw: bytes) -> tuple[bytes, int] | None:
        """Return the text of lines that are partly in UTF-8, and the number of broken characters.

        None: all of them are in one charset.
        """
        if self._repeating or self._repeated_size or not _UTF_8_LINE.search(raw):
            return None
        lines = raw.split(b"\n")
        others = [at for at, line in enumerate(lines) if not line.isascii() and not _is_mostly_utf8(line)]
        is_other = set(others)
        known = [line for at, line in enumerate(lines) if at not in is_other and not line.isascii()]
        if not others or not known:
            return None
        utf_8 = decode_page(b"\n".join(known)[:SAMPLE])
        found = decode_page(b"\n".join([lines[at] for at in others])[:SAMPLE])
        is_known = self._decided and self.charset != "utf-8" and not found.confident
        charset = self.charset if is_known else found.charset
        if utf_8.charset != "utf-8" or not utf_8.confident or not _has_lines(charset):
            return None
        if charset == "utf-8" or found.score < _MIXED_SCORE:
            return None
        for at in others:
            lines[at] = lines[at].decode(charset, "replace").encode("utf-8", "replace")
        whole = b"\n".join(lines).decode("utf-8", "replace")
        return whole.encode("utf-8", "replace"), whole.count("\ufffd")

    def _doubt(self, sample: bytes) -> None:
        """Look for runner-ups if the charset of a sample is doubtful."""
        if sample.isascii() or self.charset in _UNIT_SIZES:
            return
        found = decode_page(sample)
        self._runner_ups = runner_up_charsets(sample, self.charset) if is_doubtful(found) else ()
        if self._runner_ups and found.score < _POOR_SCORE and "\ufffd" in found.text:
            self.charset, *others = self._runner_ups
            self._runner_ups = tuple(others)

    def _convert(self, raw: bytes) -> tuple[bytes, int]:
        try:
            return raw.decode(self.charset).encode(), 0
        except UnicodeError:
            text = raw.decode(self.charset, "replace")
            return text.encode("utf-8", "replace"), text.count("\ufffd")

    def _decide_charset(self, raw: bytes) -> None:
        """Decide on the charset by the text around the first byte beyond ASCII.

        UTF-16 and UTF-32 are not possible here: their line ends would have been cut wrongly before.
        """
        beyond = _BEYOND_ASCII.search(raw)
        at = max(0, raw.rfind(b"\n", 0, beyond.start()) + 1) if beyond else 0
        found, sure = _charset_of_sample(raw[at : at + SAMPLE])
        if found not in _UNIT_SIZES:
            self._same_decisions = self._same_decisions + 1 if found == self.charset else 0
            self.charset, self._decided = found, sure or self._same_decisions >= _SAME_DECISIONS
            self._doubt(raw[at : at + SAMPLE])

    def _without_mark(self, raw: bytes) -> bytes:
        """Return the bytes without the mark at the beginning of the text, or of the part in this charset."""
        if self.position != self._charset_start:
            return raw
        mark = "\ufeff".encode(self.charset) if self.charset in _CHARSETS_WITH_MARK else b""
        return raw[len(mark) :] if mark and raw.startswith(mark) else raw


_BYTES_BEYOND_ASCII = bytes(range(0x80, 0x100))
_CHARSETS_WITH_MARK = {"utf-8", *_UNIT_SIZES}


def _charset_of_sample(sample: bytes) -> tuple[str, bool]:
    """Return the charset, and whether it is sure. UTF-8 replaces charsets with other line ends (EBCDIC)."""
    found = decode_page(sample)
    known = found.charset in _UNIT_SIZES or _has_lines(found.charset)
    return (found.charset, found.confident) if known else ("utf-8", False)


def _has_lines(charset: str) -> bool:
    """Return whether a line ends with the same byte as in ASCII."""
    return charset not in _UNIT_SIZES and "\n".encode(charset) == b"\n"


def _charset_of_beginning(sample: bytes) -> tuple[str, bool, int]:
    """Return the charset, whether it is sure, and how many bytes of the sample are in it."""
    found, sure = _charset_of_sample(sample)
    marked = sample.startswith((b"\xff\xfe", b"\xfe\xff")) or found.startswith("utf-32")
    change = None if marked else charset_change(sample, "utf-8")
    if change is not None and change.place:
        # Null bytes behind it may have made the whole look like UTF-16. If some are before it, it is UTF-16.
        if found not in _UNIT_SIZES or b"\0" not in sample[: change.place]:
            return *_charset_of_sample(sample[: change.place]), change.place
    elif change is not None:
        found, sure = change.charset, True
    back = charset_change(sample, found, 2) if found in _UNIT_SIZES else None
    return found, sure, back.place if back is not None and back.place else len(sample)


def _cut_character_size(raw: bytes) -> int:
    """Return the number of bytes at the end that are the beginning of a UTF-8 character."""
    for back, byte in enumerate(raw[:-5:-1], 1):
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if size > back else 0
        if byte < 0x80:
            break
    return 0


def _is_mostly_utf8(line: bytes) -> bool:
    """Return whether a line is UTF-8, perhaps with a few broken characters."""
    if _is_utf8(line):
        return True
    text = line.decode("utf-8", "replace")
    return 2 * text.count("\ufffd") <= sum(one > "\x7f" for one in text)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
