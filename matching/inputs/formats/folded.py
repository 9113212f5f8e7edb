"""LDIF and vCards: a value goes on in the next line if that begins with a blank, and `mail::` is base64.

Folded lines become one, so that an address is whole; the block keeps the number of the first. A value in
base64 that is text is decoded in its place.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from matching.inputs.formats.blocks import BLOCK, Block, LineShape, count_newlines
from matching.inputs.formats.decoding import DecodedPiece, DecodedText
from matching.inputs.formats.records.grouping import RecordShape

_LDIF = re.compile(
    rb"(?:[ \t\r]*\n|#[^\n]{0,2000}\n|version:[ ]*\d+[ \t\r]*\n){0,200}dn::?[ ]?\S", re.IGNORECASE
)
_ENTRY = re.compile(r"^dn::? ?\S", re.MULTILINE | re.IGNORECASE)
_CARDS = re.compile(rb"\s{0,200}BEGIN:V(?:CARD|CALENDAR)\b", re.IGNORECASE)
_FOLD = re.compile(rb"\r?\n[ \t]")
_ENCODED = re.compile(rb"^([A-Za-z][\w;.-]{0,60})::[ ]?([A-Za-z0-9+/]{4,87384}={0,2})(?=\r?$)", re.MULTILINE)
_ENDS = re.compile(rb"\n(?:END:V[^\n]{0,20})?\r?\n", re.IGNORECASE)
#: Bytes of one value; a longer one is divided where it is folded.
_VALUE_BYTES = 1 << 16
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def is_folded(sample: bytes) -> bool:
    """Whether a text is LDIF, or consists of vCards."""
    return _LDIF.match(sample) is not None or _CARDS.match(sample) is not None


class FoldedReader:
    """Blocks of whole records in whole lines."""

    def __init__(self, shape: LineShape, record_shape: RecordShape) -> None:
        self.shape = shape
        self._record_shape = record_shape

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        text.seek(after)
        while (piece := text.take(BLOCK)) is not None:
            left = _open_lines(piece)
            end = text.advance(piece, lines_left=left)
            kept = piece.text
            for _ in range(left):
                kept = kept[: kept.rfind(b"\n", 0, len(kept) - 1) + 1]
            found, indexes = unfold(kept)
            lines = [piece.line + index for index in indexes]
            repeats = len(unfold(piece.text[: piece.repeats])[0])
            own = kept[: len(kept) - piece.held]
            held = len(found) - len(unfold(own)[0]) if piece.held else 0
            place = (piece.line, piece.position, end)
            yield Block(
                found,
                *place,
                self.shape,
                lines,
                repeats,
                held,
                None,
                piece.inside,
                record_shape=self._record_shape,
            )


def _open_lines(piece: DecodedPiece) -> int:
    """Return the number of lines behind the last record's end; 0 where they are all or none."""
    if piece.last or piece.changes or not piece.text.endswith(b"\n"):
        return 0
    end = max((match.end() for match in _ENDS.finditer(piece.text, len(piece.text) // 2)), default=0)
    return count_newlines(piece.text[end:]) if end else 0


def unfold(text: bytes) -> tuple[bytes, list[int]]:
    """Return the text in whole lines, decoded, and the index of the line on which each begins."""
    lines: list[bytes] = []
    indexes: list[int] = []
    size = 0
    for index, line in enumerate(text.split(b"\n")):
        goes_on = line.startswith((b" ", b"\t")) and lines and size + len(line) <= _VALUE_BYTES
        if goes_on and lines[-1].strip():
            lines[-1] = lines[-1].removesuffix(b"\r")
            lines.append(line[1:])
            indexes.append(-1)
            size += len(line)
        else:
            lines.append(line)
            indexes.append(index)
            size = len(line)
    whole = b"".join(
        line if number == 0 or indexes[number] < 0 else b"\n" + line for number, line in enumerate(lines)
    )
    begins = [index for index in indexes if index >= 0]
    return _ENCODED.sub(_decoded, whole), begins if not text.endswith(b"\n") else begins[:-1]


def decode_values(text: str) -> str:
    """Return a listing's text with the values of its LDIF in base64 as text, each on its line."""
    if "::" not in text or _ENTRY.search(text) is None:
        return text
    data = text.encode("utf-8", "surrogatepass")
    return _ENCODED.sub(_decoded, data).decode("utf-8", "surrogatepass")


def _decoded(match: re.Match[bytes]) -> bytes:
    try:
        value = binascii.a2b_base64(match[2], strict_mode=True).decode()
    except (ValueError, binascii.Error):
        return match[0]
    if _CONTROL.search(value):
        return match[0]
    return match[1] + b": " + " ".join(value.split()).encode()
