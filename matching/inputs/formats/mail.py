"""Mail as text: headers, and the bodies that are text, decoded. A line's number is that of the file.

Each part is decoded from its transfer encoding and its charset: the declared one if it can decode the body's
beginning, else by score. HTML becomes lines as in `html`. In a body in base64, all lines have the number of
its first line. Attachments are documents of their own (`containers/mail`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from matching.inputs.containers.mail import (
    MailHeader,
    MailPart,
    MailParts,
    decoded_chunks,
    decoded_words,
    text_codec,
)
from matching.inputs.formats.blocks import BLOCK, PLAIN, RECORD_BYTES, Block, LineShape
from matching.inputs.formats.html import complete_end, render_lines
from matching.inputs.formats.no_text import size_without_text
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File
from text.charset import decode_page

_BORDER_LINES = 5  # that stand for one border of a page at most
_LINE_CHARACTERS = 1 << 18  # a longer line is divided where no identifier goes on
#: Lines of a message's first form that are kept, and characters of another form that wait for the comparison.
_SEEN_LINES = 20_000
_HELD_CHARACTERS = 1 << 19
_TELLING = re.compile(r"@|\d(?:\W{0,2}\d){4}")  # what may belong to an identifier
_WORD = re.compile(r"\w+")
_CUT = re.compile(r"[\s,;:<>=\"']")
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_ENCRYPTED = re.compile(
    rb"-----BEGIN PGP MESSAGE-----.{0,4000000}?(?:-----END PGP MESSAGE-----|\Z)", re.DOTALL
)
_LINE_END = re.compile(r"\r\n?|\n")
_Lines = tuple[list[str], list[int]]


class MailText:
    """The text of a message or a mailbox."""

    format = "mail"
    charset = "utf-8"  # of the blocks
    runner_ups: tuple[str, ...] = ()
    shape: LineShape = PLAIN

    def __init__(self, file: File, budget: InputBudget) -> None:
        self.broken = 0
        self.no_text = 0
        #: Whether there may be attachments; False once all has been read and there was none.
        self.attachments = True
        self._seen: set[str] = set()  # lines of the first form of a message, without white space
        self._words: set[str] = set()
        self._seen_in = 0
        self._parts = MailParts(file, budget)
        self._lines: list[bytes] = []
        self._numbers: list[int] = []
        self._bytes = 0

    @property
    def size(self) -> int:
        return self._parts.place

    def blocks(self, after: int) -> Iterator[Block]:
        """Yield blocks that end with a part, or in a body that is longer than a block."""
        offset = 0
        for block in self._blocks():
            end = max(offset + 1, self._parts.place)
            if offset >= after:
                yield Block(block[0], block[1][0], offset, end, PLAIN, block[1])
            offset = end

    def _blocks(self) -> Iterator[tuple[bytes, list[int]]]:
        error, attachments = None, False
        parts = iter(self._parts)
        while error is None:
            try:
                part = next(parts, None)
            except Exception as refused:  # noqa: BLE001 - it is raised again behind the lines before it
                error = refused
                break
            if part is None:
                break
            self._add(_header_lines(part.header))
            self._add(([""], [part.first_line]))
            attachments = attachments or part.header.attached
            if part.header.kind in _SMIME:  # encrypted, or signed in a form that is no text
                self.no_text += sum(len(line) for _, line in part.body)
            if not part.header.attached:
                for found in self._new_lines(part):
                    self._add(found)
                    if self._bytes >= 2 * BLOCK:
                        yield self._take()
            self._add(([""], [part.first_line]))
            if self._bytes >= BLOCK:
                yield self._take()
        if self._lines:
            yield self._take()
        self.attachments = attachments
        if error is not None:
            raise error

    def _add(self, found: _Lines) -> None:
        for line, number in zip(*found, strict=True):
            data = line.encode("utf-8", "replace")
            self._lines.append(data)
            self._numbers.append(number)
            self._bytes += len(data) + 1

    def _take(self) -> tuple[bytes, list[int]]:
        text, numbers = b"".join(line + b"\n" for line in self._lines), self._numbers
        self._lines, self._numbers, self._bytes = [], [], 0
        return text, numbers

    def _new_lines(self, part: MailPart) -> Iterator[_Lines]:
        """Yield the body, unless the message's first form has all its words and lines with identifiers."""
        if not part.alternative:
            yield from self._body_lines(part)
            return
        if part.alternative != self._seen_in:
            self._seen_in, self._seen, self._words = part.alternative, set(), set()
        first = not self._seen
        held: list[_Lines] | None = []
        size = 0
        for found in self._body_lines(part):
            if held is None or first:
                yield found
            else:
                held.append(found)
                size += sum(map(len, found[0]))
            if first and len(self._seen) < _SEEN_LINES:
                self._seen.update(map(_plain_line, found[0]))
                self._words.update(*map(_WORD.findall, found[0]))
            elif held and (size > _HELD_CHARACTERS or self._says_more(found[0])):
                yield from held
                held = None

    def _says_more(self, lines: list[str]) -> bool:
        return any(
            not self._words.issuperset(_WORD.findall(line))
            or (_TELLING.search(line) is not None and _plain_line(line) not in self._seen)
            for line in lines
        )

    def _body_lines(self, part: MailPart) -> Iterator[_Lines]:
        found = self._decoded_lines(part)
        if part.header.flowed:
            return _unwrapped(found, without_blank=part.header.without_blank)
        return _rendered(found) if part.header.kind == "text/html" else found

    def _decoded_lines(self, part: MailPart) -> Iterator[_Lines]:
        decoder = _BodyDecoder(part.header.charset)
        rest, rest_number = "", 0
        for chunk in decoded_chunks(part):
            text = rest + decoder.decode(chunk.data)
            self.no_text += _encrypted_size(chunk.data) or size_without_text(chunk.data, decoder.charset)
            *lines, rest_after = (
                _LINE_END.split(text) if not text.endswith("\r") else [*_LINE_END.split(text[:-1]), ""]
            )
            if chunk.numbers is None:
                numbers = [chunk.first] * len(lines)
            else:
                numbers = chunk.numbers if not rest else [rest_number, *chunk.numbers[1:]]
                numbers = (numbers + numbers[-1:] * len(lines))[: len(lines)]
            if numbers and rest:
                numbers[0] = rest_number
            if lines:
                yield _divided(lines, numbers)
            if not rest or lines:
                rest_number = chunk.numbers[-1] if chunk.numbers else chunk.first
            rest = rest_after
            if len(rest) > _LINE_CHARACTERS:
                *pieces, rest = _pieces(rest)
                yield pieces, [rest_number] * len(pieces)
        rest += decoder.finish()
        self.broken += decoder.broken
        if rest:
            yield _divided([rest], [rest_number])


def _plain_line(line: str) -> str:
    return "".join(line.split())


def _header_lines(header: MailHeader) -> _Lines:
    """Return the fields, each as one line."""
    fields: list[bytes] = []
    numbers: list[int] = []
    for number, line in header.lines:
        if fields and line[:1] in (b" ", b"\t"):
            fields[-1] += b" " + line.strip()
        else:
            fields.append(line.strip())
            numbers.append(number)
    if not fields:
        return [], []
    raw = b"\n".join(fields)
    lines = (raw.decode("ascii") if raw.isascii() else decode_page(raw).text).replace("\r", " ").split("\n")
    lines = [decoded_words(line).replace("\n", " ").replace("\r", " ") for line in lines]
    return lines, (numbers + numbers[-1:] * len(lines))[: len(lines)]


def _encrypted_size(data: bytes) -> int:
    return (
        sum(len(match[0]) for match in _ENCRYPTED.finditer(data)) if b"-----BEGIN PGP MESSAGE" in data else 0
    )


def _divided(lines: list[str], numbers: list[int]) -> _Lines:
    """Divide lines that are too long."""
    if all(len(line) <= _LINE_CHARACTERS for line in lines):
        return lines, numbers
    divided = [
        (piece, number) for line, number in zip(lines, numbers, strict=True) for piece in _pieces(line)
    ]
    return [piece for piece, _ in divided], [number for _, number in divided]


def _pieces(line: str) -> list[str]:
    pieces = []
    while len(line) > _LINE_CHARACTERS:
        back = _CUT.search(line[_LINE_CHARACTERS - 4096 : _LINE_CHARACTERS][::-1])
        cut = _LINE_CHARACTERS - back.start() if back else _LINE_CHARACTERS
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]


def _unwrapped(found: Iterator[_Lines], *, without_blank: bool) -> Iterator[_Lines]:
    """Join lines that a mail program has wrapped: they end with a blank. The first one gives the number.

    `without_blank`: it is no part of the text.
    """
    text, number, quoted = "", 0, ""  # of a line that goes on
    for lines, numbers in found:
        joined: list[str] = []
        kept: list[int] = []
        for line, at in zip(lines, numbers, strict=True):
            marks = line[: len(line) - len(line.lstrip(">"))]
            words = line[len(marks) :].removeprefix(" ")
            if text and marks != quoted:
                joined.append(quoted + text)
                kept.append(number)
                text = ""
            if not text:
                number, quoted = at, marks
            text += words
            if not (words.endswith(" ") and words != "-- " and len(text) < _LINE_CHARACTERS):
                joined.append(quoted + text)
                kept.append(number)
                text = ""
            elif without_blank:
                text = text[:-1]
        yield joined, kept
    if text:
        yield [quoted + text], [number]


def _rendered(found: Iterator[_Lines]) -> Iterator[_Lines]:
    """Make lines of HTML; a row of a table may go on in the next ones."""
    rest, in_row = b"", False
    rest_numbers: list[int] = []

    def render(text: bytes, numbers: list[int]) -> _Lines:
        nonlocal in_row
        page = render_lines(text, 0, in_row=in_row)
        in_row = page.in_row
        shown = page.text.decode("utf-8", "replace").split("\n")[:-1]
        lines: list[str] = []
        places: list[int] = []
        # Empty lines stand for the page's borders, by which records are found.
        for line, place, border in zip(shown, page.lines, page.borders, strict=True):
            lines += [*([""] * min(border, _BORDER_LINES)), line]
            places += [numbers[min(place, len(numbers) - 1)]] * (len(lines) - len(places))
        return lines, places

    for lines, numbers in found:
        text = rest + "".join(line + "\n" for line in lines).encode("utf-8", "replace")
        rest_numbers = rest_numbers + numbers
        cut = complete_end(text, final=len(text) > RECORD_BYTES)
        if cut:
            yield render(text[:cut], rest_numbers)
        rest, rest_numbers = text[cut:], rest_numbers[text.count(b"\n", 0, cut) :]
    if rest:
        yield render(rest, rest_numbers or [0])


class _BodyDecoder:
    """A body's charset: the declared one, if it can decode the first bytes beyond ASCII."""

    def __init__(self, declared: str) -> None:
        self.charset = text_codec(declared) if declared else ""
        self.broken = 0
        self._wide = self.charset.startswith(("utf-16", "utf-32", "utf-7", "iso2022", "hz"))
        self._decoder: codecs.IncrementalDecoder | None = None

    def decode(self, data: bytes) -> str:
        if self._decoder is None:
            if data.isascii() and not self._wide:
                return data.decode("ascii")
            if self.charset in ("", "ascii") or not _can_decode(self.charset, data):
                self.charset = decode_page(data).charset
            self._decoder = codecs.getincrementaldecoder(self.charset)("replace")
        text = self._decoder.decode(data)
        self.broken += text.count("\ufffd")
        return text

    def finish(self) -> str:
        return self._decoder.decode(b"", True) if self._decoder is not None else ""


def _can_decode(charset: str, data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder(charset)("strict").decode(data)
    except (UnicodeError, LookupError):
        return False
    return True
