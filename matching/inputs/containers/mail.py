"""Messages (eml, emlx, mht) and mailboxes (mbox): parts, and attachments as members.

A mailbox can have gigabytes, and its parts are nested as a stranger likes. So the parts come as a stream of
lines, with bounds for their depth and for the size of a header; only the fields of a part's header are read
by Python's email package. `formats/mail` makes a text of the parts that are text.

1. A message begins with its header. In a mailbox a line `From ... 11:20:04 2026` stands before it.
2. A part ends at a line with the boundary of one of the parts around it, or where the next message begins.
3. Behind the header of a part that is a message stands that message's header. What stands before the first
   and behind the last part of a message is a part too, without a header.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from functools import lru_cache

from matching.errors import InputTooDeep, InputTruncated
from matching.inputs.containers.member import Member
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File

#: Bytes that show whether a file is mail.
HEAD = 1 << 16
#: Parts within one another. The boundary of a deeper one is an ordinary line.
DEPTH = 40
#: Bytes of one header. What goes beyond them belongs to the body.
HEADER_BYTES = 1 << 20
_FIELD_BYTES = 1 << 12  # of one field that says what a part is
_READ_BYTES = 1 << 18
_LINE_BYTES = 1 << 20  # a longer line is divided
_CHUNK_BYTES = 1 << 18  # of a body that are decoded at once
_BOUNDARY_BYTES = 200  # RFC 2046 allows 70

_FROM_LINE = re.compile(rb"From [^\n]{0,400}?\d:\d\d[^\n]{0,60}\r?\n?\Z")
# A date as mail programs write it; an address alone, which counts only where the first line has that form.
_DATED_FROM_LINE = re.compile(
    rb"From \S{1,200} {1,4}(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {1,4}[A-Z][a-z]{2} .{1,8}\d:\d\d"
)
_BARE_FROM_LINE = re.compile(rb"From \S{1,200}[ \t]{0,20}\r?\n?\Z")
_FIELD = re.compile(rb"[!-9;-~]{1,100}[ \t]{0,9}:")
_SENDERS = {b"from", b"sender", b"return-path", b"received", b"delivered-to"}
_KNOWN = _SENDERS | {
    b"to", b"cc", b"bcc", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"reply-to",
    b"in-reply-to", b"references", b"user-agent", b"x-mailer", b"content-transfer-encoding",
}  # fmt: skip
_MARK = b"\xef\xbb\xbf"
_EMLX = re.compile(rb"\d{1,12}[ \t]{0,20}\r?\n")
_DESCRIBING = re.compile(rb"(?i)content-(?:type|disposition|transfer-encoding):")
_MESSAGES = ("message/rfc822", "message/global")


def is_mail(head: bytes) -> bool:
    """Whether these bytes begin with a message's header, or with the line before one in a mailbox."""
    lines = head.removeprefix(_MARK).lstrip(b"\r\n").split(b"\n")
    if len(lines) > 1 and _FROM_LINE.match(lines[0] + b"\n") and _FIELD.match(lines[1].removeprefix(b">")):
        return True
    if len(lines) > 1 and _BARE_FROM_LINE.match(lines[0] + b"\n"):
        lines = lines[1:]
    if _EMLX.fullmatch(lines[0] + b"\n"):
        lines = lines[1:]
    names: list[bytes] = []
    for line in lines:
        if not line.strip():
            break
        if (field := _FIELD.match(line)) is not None:
            names.append(field[0].rstrip(b" \t:").lower())
        elif not names or line[:1] not in (b" ", b"\t"):
            return False
    else:
        if len(head) < HEAD:  # a long header, for example with thousands of addressees, has no end here
            return False
    known = _KNOWN.intersection(names)
    return len(known) >= 2 and bool(known & _SENDERS) and names.count(b"from") < 2


@dataclass(frozen=True, slots=True)
class MailHeader:
    """A part's header: its lines, each with its number, and what it says about the part."""

    lines: list[tuple[int, bytes]]
    kind: str  # "text/plain"
    charset: str  # "" where it names none
    encoding: str  # of the transfer: "base64", "quoted-printable", ...
    boundary: bytes  # b"" where the part is not divided
    file_name: str  # "" where it has none
    attached: bool  # it is a file of its own
    flowed: bool  # a line that ends with a blank goes on in the next one (RFC 3676)
    without_blank: bool  # that blank is no part of the text (DelSp=yes)


@dataclass(slots=True)
class MailPart:
    """A part. Its body can be read once, until the next part is asked for."""

    message: int  # number of the message in the mailbox, from 1
    number: int  # of the part in the file, from 1; parts without a header are not counted
    header: MailHeader
    body: Iterator[tuple[int, bytes]]  # lines with their numbers
    first_line: int  # of the body
    alternative: int  # number of the part around it whose parts say the same in several forms; 0: none


class MailParts:
    """The parts of a file."""

    def __init__(self, file: File, budget: InputBudget) -> None:
        self.place = 0  # bytes of the file that were read
        self.line = 0  # number of the line that was read last
        self._lines = _lines(file, budget)
        self._pushed: bytes | None = None
        self._boundaries: list[bytes] = []
        self._around: list[tuple[str, int]] = []  # kind and number of the part that each belongs to
        self._mailbox = self._bare = False
        self._blank = False  # the line before was empty
        self._deeper = False
        self._ended = False
        self._delimiter = ""  # what ended the last part: "open", "close", "message"

    def __iter__(self) -> Iterator[MailPart]:
        """Yield parts; raises at the end if the last message is not complete, or parts were too deep."""
        number, message = 0, 1
        self._begin()
        with_header = True
        while not self._ended:
            number += with_header
            header = self._read_header() if with_header else _NO_HEADER
            if header.boundary:
                if len(self._boundaries) < DEPTH:
                    self._boundaries.append(header.boundary)
                    self._around.append((header.kind, number))
                else:
                    self._deeper = True
            if (
                header.kind in _MESSAGES and not header.attached and not self._delimiter
            ):  # the header of the message in it follows
                yield MailPart(message, number, header, iter(()), self.line + 1, 0)
                continue
            body = iter(()) if self._delimiter else self._until_delimiter()
            yield MailPart(message, number, header, body, self.line + 1, self._alternative())
            for _ in body:
                pass
            with_header = self._delimiter != "close"
            message += self._delimiter == "message"
            self._delimiter = ""
        if self._boundaries:
            raise InputTruncated("the last message ends inside of a part")
        if self._deeper:
            raise InputTooDeep(f"it has parts deeper than {DEPTH} within one another, which were not decoded")

    def _begin(self) -> None:
        """Take what may stand before the first header."""
        while (line := self._next_line()) is not None:
            line = line.removeprefix(_MARK) if self.line == 1 else line
            if _FROM_LINE.match(line) or _BARE_FROM_LINE.match(line):
                self._mailbox, self._bare = True, _FROM_LINE.match(line) is None
            elif line.strip() and not (self.line == 1 and _EMLX.fullmatch(line)):
                self._push_back(line)
                return
            if self._mailbox:
                return

    def _next_line(self) -> bytes | None:
        if (pushed := self._pushed) is not None:
            self._pushed = None
        else:
            pushed = next(self._lines, None)
            if pushed is None:
                self._ended = True
                return None
            self.place += len(pushed)
        self.line += 1
        return pushed

    def _push_back(self, line: bytes) -> None:
        self._pushed = line
        self.line -= 1

    def _until_delimiter(self) -> Iterator[tuple[int, bytes]]:
        """Yield lines up to a boundary or to the next message, which is taken."""
        while (line := self._next_line()) is not None:
            if line.startswith(b"--") and self._boundaries and self._is_boundary(line):
                self._blank = False
                return
            if self._mailbox and line.startswith(b"From ") and self._is_from_line(line):
                self._leave(0)
                self._delimiter, self._blank = "message", False
                return
            self._blank = not line.strip()
            yield self.line, line

    def _is_from_line(self, line: bytes) -> bool:
        if self._blank and (_FROM_LINE.match(line) or (self._bare and _BARE_FROM_LINE.match(line))):
            return True
        return _DATED_FROM_LINE.match(line) is not None

    def _is_boundary(self, line: bytes) -> bool:
        found = line[2:].rstrip()
        for depth in range(len(self._boundaries) - 1, -1, -1):
            if found == self._boundaries[depth]:
                self._leave(depth + 1)
                self._delimiter = "open"
                return True
            if found == self._boundaries[depth] + b"--":
                self._leave(depth)
                self._delimiter = "close"
                return True
        return False

    def _alternative(self) -> int:
        found = (number for kind, number in reversed(self._around) if kind == "multipart/alternative")
        return next(found, 0)

    def _leave(self, depth: int) -> None:
        del self._boundaries[depth:], self._around[depth:]

    def _read_header(self) -> MailHeader:
        """Read up to an empty line, which is taken, or to what is no header any more."""
        found: list[tuple[int, bytes]] = []
        size = 0
        for number, line in self._until_delimiter():
            size += len(line)
            if not line.strip():
                break
            if not (_FIELD.match(line) or (found and line[:1] in (b" ", b"\t"))) or size > HEADER_BYTES:
                if line.startswith((b">From ", b"From ")) and not found:
                    continue
                self._push_back(line)
                break
            found.append((number, line))
        if not found and self._around and self._around[-1][0] == "multipart/digest":
            return _MESSAGE_HEADER
        return _header_of(found)


def _lines(file: File, budget: InputBudget) -> Iterator[bytes]:
    """Yield the file's lines with their ends."""
    place, rest = 0, b""
    while data := file.read_at(place, _READ_BYTES):
        budget.check_time()
        place += len(data)
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line + b"\n"
        if len(rest) > _LINE_BYTES:
            yield rest
            rest = b""
    if rest:
        yield rest


# --- headers


def _header_of(lines: list[tuple[int, bytes]]) -> MailHeader:
    # Only the first field of a kind counts, and only so much of it that parsing stays linear.
    described: dict[bytes, bytes] = {}
    name: bytes | None = None
    for _, line in lines:
        if line[:1] in (b" ", b"\t"):
            if name is not None and len(described[name]) < _FIELD_BYTES:
                described[name] += line
        elif (match := _DESCRIBING.match(line)) is not None and match[0].lower() not in described:
            name = match[0].lower()
            described[name] = line
        else:
            name = None
    fields = b"".join(field[:_FIELD_BYTES].rstrip(b"\r\n") + b"\n" for field in described.values())
    return MailHeader(lines, *_described_part(fields))


@lru_cache(maxsize=256)
def _described_part(fields: bytes) -> tuple[str, str, str, bytes, str, bool, bool, bool]:
    """Return what the fields of a header say about a part, in the order of MailHeader."""
    parsed = BytesHeaderParser(policy=compat32).parsebytes(fields + b"\n")
    kind = parsed.get_content_type()
    boundary = (
        _said(parsed, "boundary").encode("latin-1", "replace") if kind.startswith("multipart/") else b""
    )
    file_name = _said(parsed, "file_name")
    disposition = str(parsed.get("content-disposition", "")).partition(";")[0].strip().lower()
    encoding = str(parsed.get("content-transfer-encoding", "")).partition("(")[0].strip().lower()
    if kind in _MESSAGES:
        # Else its parts are read as parts of this message.
        attached = encoding in ("base64", "quoted-printable")
    else:
        of_text = kind.partition("/")[0] in ("text", "message", "multipart")
        attached = not boundary and (disposition == "attachment" or bool(file_name) or not of_text)
    charset = _said(parsed, "charset")
    flowed = kind == "text/plain" and _said(parsed, "format").lower() == "flowed"
    without = flowed and _said(parsed, "delsp").lower() == "yes"
    return kind, charset, encoding, boundary[:_BOUNDARY_BYTES].rstrip(), file_name, attached, flowed, without


def _said(parsed: Message, what: str) -> str:
    """Return what a header says, "" where it says nothing that can be read."""
    try:
        if what == "boundary":
            found = parsed.get_boundary()
        elif what == "charset":
            found = parsed.get_content_charset()
        elif what in ("format", "delsp"):
            found = str(parsed.get_param(what, ""))
        else:
            found = parsed.get_filename()
    except (ValueError, LookupError, TypeError):
        return ""
    return decoded_words(str(found)) if found else ""


_NO_HEADER = MailHeader([], "text/plain", "", "", b"", "", False, False, False)
_MESSAGE_HEADER = MailHeader([], "message/rfc822", "", "", b"", "", False, False, False)

_WORD = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{0,20})?\?([bBqQ])\?([^?\s]{0,8000})\?=")
_WORDS = re.compile(rf"{_WORD.pattern}(?:\s{{1,80}}(?=\=\?))?")


def decoded_words(text: str) -> str:
    """Return a header's field with its encoded words (RFC 2047) decoded, each by itself."""
    return _WORDS.sub(_decoded_word, text) if "=?" in text else text


def _decoded_word(match: re.Match[str]) -> str:
    written = match[3].encode("latin-1", "replace")
    data = _from_base64(written) if match[2] in "bB" else binascii.a2b_qp(written, header=True)
    return data.decode(charset if (charset := text_codec(match[1])) else "utf-8", "replace")


#: Codecs of Python that are no charset of a text, or take quadratic time.
_NO_CHARSETS = frozenset(
    {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
)


def text_codec(charset: str) -> str:
    """Return the name of Python's codec for a charset, "" where it has none."""
    try:
        found = codecs.lookup(charset)
    except (LookupError, ValueError):
        return ""
    name = found.name.replace("-", "_")
    return found.name if getattr(found, "_is_text_encoding", True) and name not in _NO_CHARSETS else ""


# --- bodies


@dataclass(frozen=True, slots=True)
class MailChunk:
    """Decoded bytes. `numbers`: of the lines that begin in it; None: all come from `first`."""

    data: bytes
    numbers: list[int] | None
    first: int


def decoded_chunks(part: MailPart) -> Iterator[MailChunk]:
    """Yield the body as it was before it was made fit for the transport."""
    encoding = part.header.encoding
    if encoding == "base64":
        return _base64_chunks(part)
    if encoding == "quoted-printable":
        return _quoted_chunks(part)
    if encoding in ("x-uuencode", "uuencode", "x-uue"):
        return _uu_chunks(part)
    return _line_chunks(part) if part.header.attached else _lines_with_files(part)


def _line_chunks(part: MailPart) -> Iterator[MailChunk]:
    found: list[bytes] = []
    size = first = 0
    for number, line in part.body:
        first = first if found else number
        found.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield MailChunk(b"".join(found), list(range(first, first + len(found))), first)
            found, size = [], 0
    if found:
        yield MailChunk(b"".join(found), list(range(first, first + len(found))), first)


def _lines_with_files(part: MailPart) -> Iterator[MailChunk]:
    """Yield the lines; files that stand between them in uuencode or yEnc, as before MIME, are decoded."""
    found: list[bytes] = []
    size = first = 0
    content: Callable[[bytes], bytes | None] | None = None  # of a line, within a file

    def chunk() -> MailChunk:
        numbers = list(range(first, first + len(found))) if content is None else None
        return MailChunk(b"".join(found), numbers, first)

    for number, line in part.body:
        if content is not None and (decoded := content(line)) is not None:
            first = first if found else number
            found.append(decoded)
            size += len(decoded)
            if size >= _CHUNK_BYTES and not decoded.endswith(b"\r"):
                yield chunk()
                found, size = [], 0
            continue
        if content is not None and found:
            yield chunk()
            found, size = [], 0
        content = None
        first = first if found else number
        found.append(line)
        size += len(line)
        behind = _content_behind(line)
        if behind is not None or size >= _CHUNK_BYTES:
            yield chunk()
            found, size = [], 0
        content = behind
    if found:
        yield chunk()


def _content_behind(line: bytes) -> Callable[[bytes], bytes | None] | None:
    """Return what decodes the lines behind one that begins a file; None: it begins none."""
    if line.startswith(b"=ybegin "):
        return _y_content
    return _uu_content if _UU_BEGIN.fullmatch(line) else None


_Y_ESCAPE = re.compile(rb"=(.)", re.DOTALL)
_Y_BYTES = bytes((byte - 42) % 256 for byte in range(256))


def _y_content(line: bytes) -> bytes | None:
    """Return what a line of yEnc holds; None: it ends the file."""
    if line.startswith(b"=yend"):
        return None
    if line.startswith(b"=ypart "):
        return b""
    written = _Y_ESCAPE.sub(lambda match: bytes([(match[1][0] - 64) % 256]), line.rstrip(b"\r\n"))
    return written.translate(_Y_BYTES)


_UU_BEGIN = re.compile(rb"begin [0-7]{3,4} [^\r\n]{1,200}\r?\n")


def _uu_content(line: bytes) -> bytes | None:
    """Return what a line of uuencode holds; None: it is none."""
    written = line.rstrip(b"\r\n")
    if not written:
        return None
    try:
        decoded = binascii.a2b_uu(written)
    except binascii.Error:
        return None
    # Blanks at its end may be lost, and some programs write a check sign there.
    return decoded if -4 < len(written) - 1 - (len(decoded) + 2) // 3 * 4 < 2 else None


def _uu_chunks(part: MailPart) -> Iterator[MailChunk]:
    for number, line in part.body:
        yield MailChunk(_uu_line(line), None, number)


def _uu_line(line: bytes) -> bytes:
    if line.startswith((b"begin ", b"end")):
        return b""
    try:
        return binascii.a2b_uu(line.rstrip(b"\r\n"))
    except binascii.Error:
        return line


def _quoted_chunks(part: MailPart) -> Iterator[MailChunk]:
    """A line that ends with `=` goes on in the next one; the number is that of the first."""
    found: list[bytes] = []
    numbers: list[int] = []
    size, soft = 0, False
    for number, line in part.body:
        if not soft:
            if size >= _CHUNK_BYTES:
                yield MailChunk(binascii.a2b_qp(b"".join(found)), numbers, numbers[0])
                found, numbers, size = [], [], 0
            numbers.append(number)
        written = line.rstrip(b" \t\r\n")
        soft = written.endswith(b"=") and size < 4 * _CHUNK_BYTES
        found.append(written + b"\n" if line.endswith(b"\n") else written)
        size += len(line)
    if found:
        yield MailChunk(binascii.a2b_qp(b"".join(found)), numbers, numbers[0])


_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)


def _base64_chunks(part: MailPart) -> Iterator[MailChunk]:
    found: list[bytes] = []
    size, rest = 0, b""
    for _, line in part.body:
        found.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            written = rest + b"".join(found).translate(None, _NOT_BASE64)
            found, size = [], 0
            cut = len(written) - (len(written) - written.rfind(b"=") - 1) % 4
            rest = written[cut:]
            yield MailChunk(_from_base64(written[:cut]), None, part.first_line)
    if written := rest + b"".join(found).translate(None, _NOT_BASE64):
        yield MailChunk(_from_base64(written), None, part.first_line)


def _from_base64(written: bytes) -> bytes:
    """Decode, also what stands behind a filler, and the beginning of a cut end."""
    out = []
    for run in re.split(rb"=+", written.translate(None, _NOT_BASE64)):
        whole = run[: len(run) - 1] if len(run) % 4 == 1 else run
        out.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(out)


# --- attachments


def members(file: File, budget: InputBudget) -> Iterator[Member]:
    """Yield the attachments of all messages. What is wrong with the messages is said by their text."""
    parts = iter(MailParts(file, budget))
    while True:
        try:
            part = next(parts, None)
        except (InputTruncated, InputTooDeep):
            return
        if part is None:
            return
        if part.header.attached:
            name = part.header.file_name or f"part {part.number}"
            own = name if part.message == 1 else f"message {part.message}/{name}"
            yield Member(own, _AttachmentStream(part, budget))


class _AttachmentStream:
    """An attachment's content."""

    def __init__(self, part: MailPart, budget: InputBudget) -> None:
        self._chunks, self._budget = decoded_chunks(part), budget
        self._ahead = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        while not self._ahead:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._budget.count_output(len(chunk.data))
            self._ahead = memoryview(chunk.data)
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return bytes(data)
