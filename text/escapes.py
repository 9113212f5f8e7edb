r"""Escapes and disguises: other ways to write a character, undone, with the way back to the original places.

| written | is | read as |
|---|---|---|
| `%40`, `%E8%B6%A3`, `%u8da3` | percent-encoding: UTF-8, GB 2312, windows-1251 or Latin-1 | certain |
| `&#64;`, `&#x40;`, `&commat;` | character references of HTML | certain |
| `\u0040`, `\U00000040`, `\u{40}`, `\x40` | escapes of JSON and programs, surrogate pairs too | certain |
| `\n`, `\r`, `\t` before a letter or digit | a line end or a tabulator | an end of a word |
| ESC`[32m`, `\033[32m`, `^[[32m` | a colour of a terminal | certain |
| `=E8=B6=A3` | quoted-printable: UTF-8 | certain |
| `=3C`, `=20`, ... before a letter | quoted-printable: a sign | an end of a word |
| `=40`, `=2E`, `=E4`, `=` at a line's end | quoted-printable inside of a word | possible |
| `\350\266\243`, `\0040` | octal: UTF-8; hexadecimal with leading zeros | possible |
| `0x616E6E61...`, `X'616E...'`, `\x616e...` | a text of six bytes or more in hexadecimal | possible |
| `\@`, `\_`, `\.` before a letter or digit | Markdown's escapes | possible |
| `[at]`, `(dot)`, `{@}`, ` at ` with ` dot ` | an address that no program is to recognise | possible |
| `+49+171+3920001`, `=0171+3920001` | a number in a form's data | possible |
| `0171 / 3920001`, `+49 171 - 3920001` | a number with blanks around a separator | possible |
| `u003canna@...` | an escape that lost its backslash | possible |
| a digit and U+20E3 | a keycap | certain |

*Certain*: the written form means nothing else. *An end of a word*: it may be a part of a name (`C:\new`), but
not of an address. *Possible*: the text as it is written may be right as well, so both are looked at.

An escape may be escaped again (`%2540`, `&amp;#64;`): three times at most. No escape is longer than what is
written, so what is undone is shorter than the original, and the time is linear in the length of the original.

`undo` returns only the neighbourhoods of escapes, so that a text with one of them costs as much as any other.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from html import unescape
from itertools import chain, groupby, takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: How an escape is to be read; see above.
CERTAIN, END_OF_WORD, POSSIBLE = range(3)
AROUND = 400  # characters on each side of an escape that are its neighbourhood
#: Characters beside an identifier that decide whether it is one: it is none in the middle of a hash.
BESIDE = 64
_CYRILLIC_BYTES = 4
_HEXADECIMAL_BYTES = 6  # of a text in hexadecimal, at least: fewer are a number
_GAP = "\n \n"  # stands between two neighbourhoods, and belongs to no identifier or name
_ROUNDS = 4  # one more than the number of times that an escape may be escaped again


# The signs of escapes; matching/native/escapes.c has the same, except the last.
_SIGNS = [1 << number for number in range(15)]
PERCENT, REFERENCE, BACKSLASH, EQUALS, COLOUR, CARET, KEYCAP, HEXADECIMAL, QUOTED = _SIGNS[:9]
BRACKETS, SPELT_OUT, LONE_AT, PLUS, SPACED, BARE = _SIGNS[9:]
ALL_SIGNS = sum(_SIGNS)


class Edit(NamedTuple):
    """`original[start:end]` is another way to write `image`. `even`: each character of it takes as many."""

    start: int
    end: int
    image: str
    kind: int = CERTAIN
    even: bool = False


#: Where a part of the undone text comes from: its place there, start and end in the original, and how many
#: characters of the original one of its characters takes (0: all for all).
_Segment = tuple[int, int, int, int]


class Undone:
    """The neighbourhoods of a text's escapes, undone. `span` leads from places in `text` to the original."""

    def __init__(self, original: str, edits: list[Edit]) -> None:
        """`edits`: in their order, none of them inside of another one."""
        self.edits = edits
        self._segments: list[_Segment] = []
        self._images: list[tuple[int, int]] = []  # places in `text`
        segments, images = self._segments, self._images
        pieces: list[str] = []
        at = length = 0
        for start, end, image, _, even in edits:
            if start - at > 2 * AROUND or not pieces:
                low = max(at, start - AROUND)
                if pieces:
                    high = at + AROUND
                    pieces += (original[at:high], _GAP)
                    segments += ((length, at, high, 1), (length + AROUND, high, low, 0))
                    length += AROUND + len(_GAP)
                at = low
            if start > at:
                pieces.append(original[at:start])
                segments.append((length, at, start, 1))
                length += start - at
            begin = length
            if image:
                pieces.append(image)
                length += len(image)
                segments.append((begin, start, end, (end - start) // len(image) if even else 0))
            images.append((begin, length))
            at = end
        high = min(len(original), at + AROUND)
        if high > at:
            pieces.append(original[at:high])
            self._segments.append((length, at, high, 1))
        self.text = "".join(pieces)
        self._ats = [segment[0] for segment in self._segments]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the half-open span in the original of the undone characters start..end (end > start)."""
        return self._place(start)[0], self._place(end - 1)[1]

    def _place(self, index: int) -> tuple[int, int]:
        at, start, end, step = self._segments[bisect_right(self._ats, index) - 1]
        if not step:
            return start, end
        first = start + (index - at) * step
        return first, first + step

    def spans(self, starts: Places, ends: Places) -> tuple[Places, Places]:
        """Return `span` of each."""
        at, first, last, step = self._segment_arrays
        low = np.searchsorted(at, starts, "right") - 1
        high = np.searchsorted(at, ends - 1, "right") - 1
        begins = first[low] + (starts - at[low]) * step[low]
        closes = np.where(step[high] > 0, first[high] + (ends - at[high]) * step[high], last[high])
        return begins, closes

    def touches(self, starts: Places, ends: Places, *, beside: int = 0) -> Flags:
        """Return for each span of the undone text whether an escape is in it or beside it: it is news.

        `beside`: characters that may stand between them, for what depends on the word that it stands in.
        """
        return _meet(self._image_arrays, starts - beside, ends + beside)

    def disputes(self, starts: Places, ends: Places, kind: int = END_OF_WORD) -> Flags:
        """Return for each span of the original whether it is not what it seems.

        An escape of this kind (CERTAIN or END_OF_WORD) or a more certain one is in it or beside it.
        """
        return _meet(self._certain_arrays if kind == CERTAIN else self._disputing_arrays, starts, ends)

    @cached_property
    def _segment_arrays(self) -> Places:
        return _columns(self._segments, 4)

    @cached_property
    def _image_arrays(self) -> Places:
        return _columns(self._images, 2)

    @cached_property
    def _certain_arrays(self) -> Places:
        return self._written(CERTAIN)

    @cached_property
    def _disputing_arrays(self) -> Places:
        return self._written(END_OF_WORD)

    def _written(self, kind: int) -> Places:
        """Return where the escapes of this kind or a more certain one begin and end."""
        # Colours have no letter that could be a part of something: what only touches one is what it seems.
        spans = [
            (edit.start, edit.end) if edit.image else (edit.start + 1, edit.end - 1)
            for edit in self.edits
            if edit.kind <= kind
        ]
        return _columns(spans, 2)


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> Places:
    return np.fromiter(chain.from_iterable(rows), np.int64, width * len(rows)).reshape(-1, width).T.copy()


def _meet(spans: Places, starts: Places, ends: Places) -> Flags:
    """Return which of starts..ends have one of the ordered `spans` in them or beside them."""
    firsts, lasts = spans
    if not len(firsts):
        return np.zeros(len(starts), np.bool_)
    at = np.searchsorted(lasts, starts)
    met: Flags = (at < len(firsts)) & (firsts[np.minimum(at, len(firsts) - 1)] <= ends)
    return met


def undo(
    text: str, *, addresses: bool = False, signs_of: Callable[[str], int] | None = None
) -> Undone | None:
    """Return the neighbourhoods of all escapes with the escapes undone; None if the text has no escape.

    `addresses`: also what disguises an address from programs, which no name of a company needs; `signs_of`:
    returns the bits of the signs that a text may have, faster than looking for each of them.
    """
    edits = _find_edits(text, addresses=addresses, signs=signs_of(text) if signs_of else ALL_SIGNS)
    if not edits:
        return None
    undone = Undone(text, edits)
    for _ in range(_ROUNDS - 1):
        # A line end that an escape stands for is no soft one.
        signs = signs_of(undone.text) if signs_of else ALL_SIGNS
        found = _find_edits(undone.text, addresses=addresses, signs=signs)
        further = [edit for edit in found if edit.image or edit.kind != POSSIBLE]
        if not further:
            break
        edits = _joined(edits, undone, further)
        undone = Undone(text, edits)
    return undone


_SIGN = re.compile("[%&\\\\=\x1b^]")


def unescaped(value: str) -> str:
    """Return a short value with its certain escapes undone: a cell, for example."""
    if not _SIGN.search(value):
        return value
    for _ in range(_ROUNDS):
        edits = [edit for edit in _find_edits(value, addresses=False) if edit.kind == CERTAIN]
        if not edits:
            break
        pieces, at = [], 0
        for edit in edits:
            pieces += [value[at : edit.start], edit.image]
            at = edit.end
        value = "".join([*pieces, value[at:]])
    return value


def _joined(edits: list[Edit], undone: Undone, further: list[Edit]) -> list[Edit]:
    """Return the edits of the original that undo what `edits` left, too."""
    joined: list[Edit] = []
    old = 0
    at = 0  # what stands before it in the original is done
    for edit in _in_original(undone, further):
        if edit.start < at:
            continue
        kind = edit.kind
        while old < len(edits) and edits[old].end <= edit.start:
            joined += _part(edits[old], at, edits[old].end)
            old += 1
        while old < len(edits) and edits[old].start < edit.end:
            kind = max(kind, edits[old].kind)
            joined += _part(edits[old], at, edit.start)
            if edits[old].end > edit.end:
                break
            old += 1
        joined.append(edit._replace(kind=kind))
        at = edit.end
    for edit in edits[old:]:
        joined += _part(edit, at, edit.end)
    return joined


def _in_original(undone: Undone, edits: list[Edit]) -> Iterator[Edit]:
    """Yield edits of the undone text as edits of the original."""
    for edit in edits:
        start, end = undone.span(edit.start, edit.end)
        if end - start == edit.end - edit.start or not edit.even:
            yield Edit(start, end, edit.image, edit.kind, edit.even and end - start == edit.end - edit.start)
            continue
        step = (edit.end - edit.start) // len(edit.image)
        for place, character in zip(range(edit.start, edit.end, step), edit.image, strict=True):
            yield Edit(*undone.span(place, place + step), character, edit.kind)


def _part(edit: Edit, start: int, end: int) -> Iterator[Edit]:
    """Yield the part of an edit that lies in start..end, if there is one."""
    if start <= edit.start and edit.end <= end:
        yield edit
    elif edit.even and max(start, edit.start) < min(end, edit.end):
        step = (edit.end - edit.start) // len(edit.image)
        first, last = max(0, start - edit.start) // step, (min(end, edit.end) - edit.start) // step
        if first < last:
            place = edit.start + first * step
            yield Edit(place, edit.start + last * step, edit.image[first:last], edit.kind, even=True)


def _find_edits(text: str, *, addresses: bool, signs: int = ALL_SIGNS) -> list[Edit]:
    found: list[Edit] = []
    for bit, guards, pattern, read in _ESCAPES:
        if signs & bit and any(guard in text for guard in guards):
            found += _read_all(pattern.finditer(text), read)
    if addresses:
        found += _find_addresses(text, signs)
    if len(found) < 2:
        return found
    found.sort()
    kept, at = [], 0
    for edit in found:
        if edit.start >= at:
            kept.append(edit)
            at = edit.end
    return kept


# --- reading what was found

_Read = Callable[[re.Match[str]], Iterator[Edit]]
_new_edit = tuple.__new__  # twice as fast as calling Edit


def _read_all(matches: Iterator[re.Match[str]], read: _Read) -> Iterator[Edit]:
    """Yield the edits of all matches. What is written alike is read once: most escapes are of a few kinds."""
    known: dict[tuple[str, str | None], list[Edit]] = {}
    for match in matches:
        key, place = (match[0], match.lastgroup), match.start()
        edits = known.get(key)
        if edits is None:
            edits = [Edit(edit[0] - place, edit[1] - place, *edit[2:]) for edit in read(match)]
            known[key] = edits
        for start, end, image, kind, even in edits:
            yield _new_edit(Edit, (start + place, end + place, image, kind, even))


def _spread(match: re.Match[str], text: str, sizes: list[int] | int) -> Iterator[Edit]:
    """Yield edits for a row of escapes; `sizes`: how many characters of the original each character takes."""
    start = match.start()
    if isinstance(sizes, int):
        yield Edit(start, start + sizes * len(text), text, even=True)
        return
    at = 0
    for size, run in groupby(sizes):
        count = sum(1 for _ in run)
        yield Edit(start, start + size * count, text[at : at + count], even=True)
        start += size * count
        at += count


def _utf8_sizes(text: str, size: int) -> list[int] | int:
    """Return what each character takes where each of its bytes takes `size` characters."""
    if text.isascii():
        return size
    return [size * len(character.encode("utf-8", "surrogatepass")) for character in text]


def _read_percent(match: re.Match[str]) -> Iterator[Edit]:
    written = match[0]
    if written[1] in "uU":
        yield from _read_units(match, bytes.fromhex(written.replace("%u", "").replace("%U", "")), 6)
        return
    yield from _read_bytes(match, bytes.fromhex(written.replace("%", "")), 3, others=_other_charsets)


def _read_bytes(
    match: re.Match[str], data: bytes, size: int, *, others: Callable[[bytes], str]
) -> Iterator[Edit]:
    """Yield edits for a row of bytes of `size` characters each; `others` reads them where they are not UTF-8.

    Bytes that nobody can read stay as they are written.
    """
    try:
        yield from _spread(match, (text := data.decode()), _utf8_sizes(text, size))
    except UnicodeDecodeError:
        if text := others(data):
            sizes = [1] * len(text) if len(text) == len(data) else [len(one.encode("gb2312")) for one in text]
            yield from _spread(match, text, [size * each for each in sizes])
            return
        text = data.decode(errors="surrogateescape")
        sizes = [1 if _is_surrogate(one) else len(one.encode()) for one in text]
        for edit in _spread(match, text, [size * each for each in sizes]):
            yield from _without_surrogates(edit)


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _without_surrogates(edit: Edit) -> Iterator[Edit]:
    step, place = (edit.end - edit.start) // len(edit.image), edit.start
    for is_lone, run in groupby(edit.image, _is_surrogate):
        image = "".join(run)
        if not is_lone:
            yield edit._replace(start=place, end=place + step * len(image), image=image)
        place += step * len(image)


def _other_charsets(data: bytes) -> str:
    """Read bytes that are not UTF-8: GB 2312, windows-1251 or Latin-1.

    Four bytes or more that are small letters in windows-1251 would be rare characters in GB 2312, and nobody
    writes so many letters of Latin-1 in a row.
    """
    if len(data) >= _CYRILLIC_BYTES and data[0] >= 0xC0 and min(data[1:]) >= 0xE0:
        return data.decode("cp1251")
    try:
        text = data.decode("gb2312")
    except UnicodeDecodeError:
        return _latin1(data)
    han = sum("\u4e00" <= one <= "\u9fff" for one in text)
    return text if han and all(one < "\x80" or "\u3000" <= one <= "\uffef" for one in text) else _latin1(data)


def _latin1(data: bytes) -> str:
    text = data.decode("latin-1")
    return text if all(one < "\x80" or one.isalpha() for one in text) else ""


def _read_units(match: re.Match[str], units: bytes, size: int) -> Iterator[Edit]:
    """Yield edits for a row of UTF-16 units of `size` characters each; lone surrogates are not undone."""
    text = units.decode("utf-16-be", "surrogatepass")
    if 2 * len(text) == len(units) and not any(map(_is_surrogate, text)):
        yield from _spread(match, text, size)
        return
    for edit in _spread(match, text, [size * (1 + (one > "\uffff")) for one in text]):
        yield from _without_surrogates(edit)


_BACKSLASHES = re.compile(r"\\+")


def _evenly(
    match: re.Match[str], data: bytes, width: int, read: Callable[[re.Match[str], bytes, int], Iterator[Edit]]
) -> Iterator[Edit]:
    """Yield what `read` makes of a row of escapes of `width` bytes each.

    Where they have different numbers of backslashes, the row has one place.
    """
    written, count = match[0], len(data) // width
    size = len(written) // count
    backslashes, rest = divmod(written.count("\\"), count)
    is_even = not rest and all(written[at::size] == "\\" * count for at in range(backslashes))
    edits = read(match, data, size)
    if is_even and len(written) == size * count:
        yield from edits
    elif image := "".join(edit.image for edit in edits):
        yield Edit(*match.span(), image)


def _read_backslash(match: re.Match[str]) -> Iterator[Edit]:
    written, kind = match[0], match.lastgroup
    if kind == "units":
        digits = _BACKSLASHES.sub("", written).replace("u", "")
        yield from _evenly(match, bytes.fromhex(digits), 2, _read_units)
    elif kind == "bytes":
        data = bytes.fromhex(_BACKSLASHES.sub("", written).replace("x", ""))
        yield from _evenly(match, data, 1, partial(_read_bytes, others=_other_charsets))
    elif kind == "octal":
        data = bytes(int(each, 8) for each in _BACKSLASHES.split(written)[1:])
        for edit in _evenly(match, data, 1, partial(_read_bytes, others=lambda _: "")):
            yield edit._replace(kind=POSSIBLE)
    elif kind == "hexadecimal":
        begin = written.index("x")
        edits = _read_hexadecimal(match, begin + 1, match.end() - match.start())
        if not edits:
            # Only the first byte was escaped.
            end = match.start() + begin + 3
            byte = chr(int(written[begin + 1 : begin + 3], 16))
            edits = [Edit(match.start(), end, byte)] if byte < "\x80" else []
        yield from edits
    elif kind == "point":
        number = int(match["braced"] or match["wide"], 16)
        if number < 0xD800 or 0xE000 <= number <= 0x10FFFF:
            yield Edit(*match.span(), chr(number))
    elif kind == "padded":
        yield Edit(*match.span(), chr(int(written[-4:], 16)), POSSIBLE)
    elif kind == "colour":
        yield Edit(*match.span(), "")
    elif kind == "sign":
        yield Edit(*match.span(), written[-1], POSSIBLE)
    else:
        yield Edit(*match.span(), "\t" if written[-1] == "t" else "\n", END_OF_WORD)


def _read_reference(match: re.Match[str]) -> Iterator[Edit]:
    image = unescape(match[0])
    if image != match[0] and len(image) < len(match[0]):
        yield Edit(*match.span(), image)


def _read_colour(match: re.Match[str]) -> Iterator[Edit]:
    yield Edit(*match.span(), "")


def _read_keycap(match: re.Match[str]) -> Iterator[Edit]:
    yield Edit(*match.span(), match[0][0])


def _read_quoted(match: re.Match[str]) -> Iterator[Edit]:
    written, kind = match[0], match.lastgroup
    if kind == "utf8":
        yield from _read_bytes(match, bytes.fromhex(written.replace("=", "")), 3, others=lambda _: "")
    elif kind == "soft":
        yield Edit(*match.span(), "", POSSIBLE)
    else:
        certainty = END_OF_WORD if kind == "sign" else POSSIBLE
        image = _latin1(bytes.fromhex(written[1:]))
        if image:
            yield Edit(*match.span(), image, certainty)


def _read_hexadecimal(match: re.Match[str], first: int, last: int) -> list[Edit]:
    """Return edits for the text whose bytes stand in hexadecimal in match[0][first:last].

    Bytes that are no text end it: whatever is appended hides nothing.
    """
    decoded = bytes.fromhex(match[0][first:last]).decode(errors="surrogateescape")
    text = "".join(takewhile(lambda one: one.isprintable() or one in "\t\r\n", decoded))
    if len(text.encode()) < _HEXADECIMAL_BYTES:
        return []
    start, edits = match.start() + first, [Edit(match.start(), match.start() + first, " ", POSSIBLE)]
    for size, run in groupby(text, lambda one: 2 * len(one.encode())):
        image = "".join(run)
        edits.append(Edit(start, start + size * len(image), image, POSSIBLE, even=True))
        start += size * len(image)
    return edits


def _read_literal(match: re.Match[str]) -> Iterator[Edit]:
    start, end = match.span("digits")
    yield from _read_hexadecimal(match, start - match.start(), end - match.start())


# --- the table

_COLOUR = r"\[[0-9;?]{0,20}[A-Za-z]"
# Signs that separate words: white space, quotes, brackets and the like.
_QUOTED_SIGNS = "09|0A|0D|20|22|27|28|29|2C|2F|3A|3B|3C|3D|3E|5B|5D|7B|7C|7D"
# Each pattern begins with its sign, which `re` finds quickly, and is tried only where the sign occurs. Each
# quantifier is bounded or possessive, so that hostile text costs no more than other text.
_ESCAPES: tuple[tuple[int, tuple[str, ...], re.Pattern[str], _Read], ...] = (
    (
        PERCENT,
        ("%",),
        re.compile(r"%(?:[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*+|[uU][0-9A-Fa-f]{4}(?:%[uU][0-9A-Fa-f]{4})*+)"),
        _read_percent,
    ),
    (
        REFERENCE,
        ("&",),
        re.compile(r"&(?:#[0-9]{1,8}(?![0-9]);?|#[xX][0-9A-Fa-f]{1,8};|[A-Za-z][A-Za-z0-9]{1,31};)"),
        _read_reference,
    ),
    (
        BACKSLASH,
        ("\\",),
        re.compile(
            rf"\\{{1,8}}+(?:(?P<colour>(?:0?33|e){_COLOUR})"
            r"|(?P<padded>00[2-7][0-9A-Fa-f])"
            r"|(?P<octal>[0-3][0-7]{2}(?:\\{1,8}+[0-3][0-7]{2})*+)"
            r"|(?P<units>u[0-9A-Fa-f]{4}(?:\\{1,8}+u[0-9A-Fa-f]{4})*+)"
            r"|(?P<hexadecimal>x(?:[0-9A-Fa-f]{2}){6,}+)"
            r"|(?P<bytes>x[0-9A-Fa-f]{2}(?:\\{1,8}+x[0-9A-Fa-f]{2})*+)"
            r"|(?P<point>[ux]\{(?P<braced>[0-9A-Fa-f]{1,6})\}|U(?P<wide>[0-9A-Fa-f]{8}))"
            r"|(?P<end>[nrt](?=[A-Za-z0-9_]))"
            r"|(?P<sign>[@._+-](?=[A-Za-z0-9])))"
        ),
        _read_backslash,
    ),
    (
        EQUALS,
        ("=",),
        re.compile(
            r"=(?:(?P<utf8>[C-F][0-9A-F](?:=[89AB][0-9A-F]){1,3}+(?:=[C-F][0-9A-F](?:=[89AB][0-9A-F]){1,3}+)*+)"
            r"|(?P<at>40(?<=[\w.+-]=40)(?=[A-Za-z0-9-]{1,63}(?:\.|=2E)[A-Za-z0-9]))"
            r"|(?P<inside>(?:2B|2D|2E|5F)(?<=[A-Za-z0-9]=..)(?=[A-Za-z0-9])|2B(?=[0-9])|20(?<=[0-9]=..)(?=[0-9]))"
            r"|(?P<letter>[C-F][0-9A-F](?<=[A-Za-z]=..)(?=[a-z]))"
            rf"|(?P<sign>(?:{_QUOTED_SIGNS})(?=[A-Za-z_]))"
            r"|(?P<soft>(?<=[\w@.+() -]=)[ \t]{0,4}\r?\n(?=[\w@.+=(-])))"
        ),
        _read_quoted,
    ),
    (COLOUR, ("\x1b",), re.compile("\x1b" + _COLOUR), _read_colour),
    (CARET, ("^[[",), re.compile(r"\^\[" + _COLOUR), _read_colour),
    (KEYCAP, ("\u20e3",), re.compile("[0-9]\ufe0f?\u20e3"), _read_keycap),
    (
        HEXADECIMAL,
        ("0x",),
        re.compile(r"0(?<![A-Za-z0-9]0)x(?P<digits>(?:[0-9A-Fa-f]{2}){6,}+)"),
        _read_literal,
    ),
    (
        QUOTED,
        ("X'", "x'", "X('", "x('"),
        re.compile(r"[Xx](?:(?<![A-Za-z0-9].)'|(?<=[Hh][Ee].)\(')(?P<digits>(?:[0-9A-Fa-f]{2}){6,}+)"),
        _read_literal,
    ),
)

_AT = "@|[aA][tT]|ät|arroba|chiocciola|собака|艾特"
_DOT = "[.]|[dD][oO][tT]|punkt|punto|ponto|point|точка|点|點"
_OPENED, _CLOSED = r"[\[({<【（]", r"[\])}>】）]"
_BRACKETED = re.compile(
    rf"{_OPENED} ?(?:(?P<at>{_AT})|(?P<dot>{_DOT})) ?{_CLOSED} ?(?=[A-Za-z0-9])|[\[(]\.(?=[A-Za-z0-9])"
    rf"|{_OPENED}(?<=[A-Za-z0-9].)(?P<a>a){_CLOSED}(?=(?:[A-Za-z0-9-]{{1,63}}\.){{1,8}}[A-Za-z]{{2}})"
)
_SPELT_OUT = re.compile(
    r"(?P<gap>[ _-])(?<=[A-Za-z0-9_].)(?:(?:dot|DOT|Dot)(?P=gap)(?=[A-Za-z0-9])"
    r"|(?P<at>(?:at|AT|At)(?P=gap)(?=(?:[A-Za-z]|[0-9][A-Za-z0-9])[A-Za-z0-9.-]{0,62}?(?P=gap)"
    r"(?:dot|DOT|Dot)(?P=gap)[A-Za-z])))"
)
_LONE_AT = re.compile(r" (?<=[A-Za-z0-9_] )@ (?=(?:[A-Za-z0-9-]{1,63}(?: \. |\.)){1,8}[A-Za-z]{2})")
_LONE_DOTS = re.compile(r"(?<= @ )[A-Za-z0-9-]{1,63}(?: \. [A-Za-z0-9-]{2,63}){1,8}")
_PLUSES = re.compile(
    r"(?:\+(?<![0-9A-Za-z]\+)[0-9]{1,4}|(?<==)[0-9]{2,6})(?:\+[0-9]{2,8}){1,5}(?![0-9+])", re.ASCII
)
# Only behind what is dialled: an area code, or a country's code.
_SPACED = (re.compile(r" / (?<=[0-9)] / )(?=[0-9]{2})"), re.compile(r" [-–] (?<=[0-9)] . )(?=[0-9]{2})"))
_DIALLED = re.compile(r"(?<![\w.,:/-])(?:\+[0-9][0-9 ()]{0,8}[0-9][0-9)]|\(?0[1-9][0-9]{1,4}\)?)\Z", re.ASCII)
_BEFORE_NUMBER = 14
_BARE = re.compile(r"u00(?<![\\A-Za-z0-9]u00)(?:3[cCdDeE]|2[267]|[aA]0)(?=[A-Za-z0-9])")


def _find_addresses(text: str, signs: int) -> Iterator[Edit]:
    """Yield what stands for the @ and the dots of an address that no program is to recognise."""
    if signs & BRACKETS and any(sign in text for sign in "])}>】）"):
        for found in _BRACKETED.finditer(text):
            start = found.start() - (text[found.start() - 1 : found.start()] == " ")
            yield Edit(start, found.end(), "@" if found["at"] or found["a"] else ".", POSSIBLE)
    if signs & SPELT_OUT:
        for found in _find_spelt_out(text):
            yield Edit(*found.span(), "@" if found["at"] else ".", POSSIBLE)
    if signs & LONE_AT and " @ " in text:
        for found in _LONE_AT.finditer(text):
            yield Edit(*found.span(), "@", POSSIBLE)
        for found in _LONE_DOTS.finditer(text):
            yield from _replaced(found, " . ", ".")
    if signs & SPACED:
        for pattern in _SPACED:
            for found in pattern.finditer(text):
                start = found.start()
                if _DIALLED.search(text[max(0, start - _BEFORE_NUMBER) : start]):
                    yield Edit(start, found.end(), "/" if "/" in found[0] else "-", POSSIBLE)
    if signs & BARE and "u00" in text:
        for found in _BARE.finditer(text):
            yield Edit(*found.span(), chr(int(found[0][1:], 16)), POSSIBLE)
    if signs & PLUS and "+" in text:
        for found in _PLUSES.finditer(text):
            yield from _replaced(found, "+", " ")


def _find_spelt_out(text: str) -> Iterator[re.Match[str]]:
    """Yield what stands for an @ or a dot in words, looking only around each `dot`."""
    places = sorted(place.start() for word in _DOTS for place in word.finditer(text))
    done = 0
    for place in places:
        for found in _SPELT_OUT.finditer(text, max(done, place - _BEFORE_DOT), place + _BEHIND_DOT):
            done = found.end()
            yield found
        done = max(done, place)


_DOTS = [re.compile(word) for word in ("dot", "DOT", "Dot")]
_BEFORE_DOT = 70  # characters in which ` at ` and a label stand
_BEHIND_DOT = 6


def _replaced(found: re.Match[str], sign: str, image: str) -> Iterator[Edit]:
    """Yield an edit for each `sign` behind the first character."""
    at = found[0].find(sign, 1)
    while at >= 0:
        yield Edit(found.start() + at, found.start() + at + len(sign), image, POSSIBLE)
        at = found[0].find(sign, at + len(sign))
