"""HTML as text: a row of a table is a line with tabs between its cells; elsewhere lines stay lines.

Before each line, the tags between it and the line before say how strong the border between them is: how many
blocks of the page end or begin there. So `records` can tell a field from a card, without a tree.

Nothing is parsed into a tree. Tags that separate text become tabs and line ends. Other tags are removed,
except those with attributes, whose text stays: `href="mailto:..."` may be the only place of an address.
Entities are decoded. What stands in `<...>` and is no tag of HTML, such as an address, stays as it is.

A text is HTML if it begins like a page, or if most of its lines begin with a tag of HTML, half of them end
with one, and hardly a tag is another. One cell or one link in a text of another kind makes no page of it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from matching.inputs.formats.blocks import BLOCK, RECORD_BYTES, Block
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.delimited import DelimitedShape, Dialect

_ROW = re.compile(rb"<tr(?=[\s/>])[^<>]{0,2000}>|</tr\s*>|</table\s*>", re.IGNORECASE)
_CELL = re.compile(rb"<t[dh](?=[\s/>])[^<>]{0,2000}>", re.IGNORECASE)
_BREAK = re.compile(
    rb"(</?(?:br|p|div|li|dd|dt|h[1-6]|hr|pre|ul|ol|dl|table|section|article)(?=[\s/>])[^<>]{0,2000}>)",
    re.IGNORECASE,
)
#: Tags that break lines within a block of the page, and so are no border.
_NO_BORDER = re.compile(rb"</?(?:br|dd|dt)\b", re.IGNORECASE)
#: Tags behind which the text may be cut, the best first: no record goes on behind them.
_CUTS = tuple(
    re.compile(rb"</(?:" + names + rb")\s*>", re.IGNORECASE)
    for names in (rb"tr|dl|table|section|article", rb"ul|ol|p", rb"div")
)
_TAIL_BYTES = 1 << 16  # in which such a tag is looked for
# Of the tags above, those with an address in an attribute. Their attributes stay as text behind them.
_ADDRESS_INSIDE = re.compile(
    rb"<(tr|t[dh]|br|p|div|li|dd|dt|h[1-6]|hr|pre|ul|ol|dl|table|section|article)"
    rb"(\s[^<>@]{0,2000}@[^<>]{0,2000})>",
    re.IGNORECASE,
)
_NAMES = (
    b"a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink "
    b"blockquote body br button canvas caption center cite code col colgroup data datalist dd del "
    b"details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame "
    b"frameset g h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend "
    b"li link main map mark marquee math menu meta meter nav nobr noframes noscript object ol optgroup "
    b"option output p param path picture pre progress q rp rt ruby s samp script search section select "
    b"slot small source span strike strong style sub summary sup svg symbol table tbody td template "
    b"textarea tfoot th thead time title tr track tt u ul use var video wbr"
).split()
_NAME = rb"(?:%b|(?:o|v|w|x|st1|fb|svg|xml):[A-Za-z]{1,30})(?![^\s/>])" % b"|".join(_NAMES)
# Without an attribute that has a value: `nowrap`, `disabled`. Digits and signs may be an identifier's.
_TAG = re.compile(rb"</?%b[A-Za-z\s/-]{0,200}>" % _NAME, re.IGNORECASE)
# Tags that stand between two words, without being a border of a record.
_APART = re.compile(
    rb"</?(?:address|aside|blockquote|body|button|canvas|caption|center|details|dialog|fieldset|figcaption|figure"
    rb"|footer|form|head|header|html|iframe|img|input|legend|main|menu|nav|noscript|object|optgroup|option|script"
    rb"|select|style|summary|svg|template|textarea|title|video)\s{0,9}/?>",
    re.IGNORECASE,
)
_ATTRIBUTES = re.compile(rb"<(/?%b[^<>]{0,4000})>" % _NAME, re.IGNORECASE)
_CELL_MARK = b"\0"

_BEFORE_PAGE = (
    rb"\s{0,200}"
    rb"(?:HTTP/[12](?:\.\d)? \d{3}[^\n]{0,200}\n(?:[A-Za-z][\w-]{0,60}:[^\n]{0,8000}\n){0,100}\r?\n)?"
    rb"\s{0,200}(?:<\?xml[^<>]{0,200}\?>\s{0,200})?(?:<!--(?:(?!-->).){0,2000}-->\s{0,200}){0,10}"
)
_PAGE = re.compile(_BEFORE_PAGE + rb"(?:<!doctype\s{1,20}html|<html)\b", re.IGNORECASE | re.DOTALL)
_TAG_BEGINNING = re.compile(rb"</?([A-Za-z][^\s/<>@]{0,60})(?=[\s/>])")
_KNOWN = re.compile(_NAME, re.IGNORECASE)
_LINE_BEGINNING = re.compile(rb"(?:</?%b|<!--)" % _NAME, re.IGNORECASE)
_CELL_BEGINNING = re.compile(rb"<t[rdh](?=[\s/>])", re.IGNORECASE)  # what need not be closed
_LINES_SHARE = 0.6  # of the lines must begin with a tag; half of them must end with one
_TAGS_SHARE = 0.8  # of the tags must be HTML's


class HtmlReader:
    """Blocks of the text of a page."""

    def __init__(self, shape: DelimitedShape) -> None:
        self.shape = shape

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        rest, line, offset, in_row = b"", 1, 0, False
        while (piece := text.take(BLOCK, overlap=False)) is not None:
            end = text.advance(piece)
            whole = rest + piece.text
            cut = complete_end(whole, final=piece.last or len(whole) > RECORD_BYTES)
            page = render_lines(whole[:cut], line, in_row=in_row)
            in_row = page.in_row
            line += whole.count(b"\n", 0, cut)
            rest = whole[cut:]
            if page.text:
                if offset >= after:
                    place = (page.lines[0], offset, end)
                    yield Block(page.text, *place, self.shape, page.lines, borders=page.borders)
                offset = end


def complete_end(text: bytes, *, final: bool) -> int:
    """Return the place behind the last end of a row or block, else of a line; 0: wait for more text."""
    if final:
        return len(text)
    tail = max(0, len(text) - _TAIL_BYTES)
    for cut in _CUTS:
        ends = [match.end() for match in cut.finditer(text, tail)]
        if ends:
            return ends[-1]
    return text.rfind(b"\n") + 1


class RenderedLines(NamedTuple):
    """Lines of a page.

    `lines`: the source's line of each; `borders`: the strength of the border before each; `in_row`: whether a
    table's row goes on behind the text.
    """

    text: bytes
    lines: list[int]
    borders: list[int]
    in_row: bool


def render_lines(text: bytes, line: int, *, in_row: bool = False) -> RenderedLines:
    """Return the lines of a stretch of a page that begins in the source's line `line`."""
    found: list[bytes] = []
    lines: list[int] = []
    borders: list[int] = []
    border = _Border()
    start = 0
    text = text.replace(_CELL_MARK, b" ")
    if b"@" in text:
        text = _ADDRESS_INSIDE.sub(rb"<\1>\2 ", text)
    for mark in (*_ROW.finditer(text), None):
        stretch = text[start : mark.start() if mark else len(text)]
        for number, shown in _row_line(stretch) if in_row else _text_lines(stretch, border):
            found.append(shown)
            lines.append(line + number)
            borders.append(border.take())
        if mark is None:
            break
        border.add(mark[0])
        line += text.count(b"\n", start, mark.end())
        start = mark.end()
        in_row = mark[0][:3].lower() == b"<tr"
    return RenderedLines(b"".join(one + b"\n" for one in found), lines, borders, in_row)


class _Border:
    """The tags since the last line."""

    def __init__(self) -> None:
        self._ends = self._begins = 0

    def add(self, tag: bytes) -> None:
        if tag.startswith(b"</"):
            self._ends += 1
        else:
            self._begins += 2 if tag[1:2] in b"hH" else 1  # what follows a heading belongs together

    def take(self) -> int:
        """Return the strength of the border before the next line, and begin anew."""
        strength = max(self._ends, self._begins)
        self._ends = self._begins = 0
        return strength


def _row_line(stretch: bytes) -> Iterator[tuple[int, bytes]]:
    before, *cells = _CELL.sub(_CELL_MARK, stretch).split(_CELL_MARK)
    shown = b"\t".join([b" ".join(_visible_text(cell).split()) for cell in cells or [before]])
    if shown.strip():
        yield 0, shown


def _text_lines(stretch: bytes, border: _Border) -> Iterator[tuple[int, bytes]]:
    """Yield the lines between rows, each when `border` holds the tags before it."""
    for number, line in enumerate(stretch.split(b"\n")) if b"<" in stretch or stretch.strip() else ():
        for part in _BREAK.split(line):
            if part.startswith(b"<") and _BREAK.fullmatch(part):
                if not _NO_BORDER.match(part):
                    border.add(part)
            elif shown := b" ".join(_visible_text(part).split()):
                yield number, shown


def _visible_text(part: bytes) -> bytes:
    if b"<" in part:
        part = _ATTRIBUTES.sub(rb" \1 ", _TAG.sub(b"", _APART.sub(b" ", _BREAK.sub(b" ", part))))
    if b"&" in part:
        part = html.unescape(part.decode("utf-8", "replace")).encode("utf-8", "replace")
    return part


def is_page(sample: bytes) -> bool:
    """Whether the text begins like a page, whatever else is in it."""
    return _PAGE.match(sample) is not None


def is_mostly_tags(sample: bytes) -> bool:
    """Whether most lines begin with a tag of HTML, half end with one, and hardly a tag is XML's."""
    lines = [line for line in (line.strip() for line in sample.split(b"\n")) if line]
    if not lines or not lines[0].startswith(b"<"):
        lines = lines[1:]  # a heading above a table
    with_tag = sum(_LINE_BEGINNING.match(line) is not None for line in lines)
    ended = sum(line.endswith(b">") or _CELL_BEGINNING.match(line) is not None for line in lines)
    if not lines or with_tag < _LINES_SHARE * len(lines) or ended < 0.5 * len(lines):
        return False
    names = _TAG_BEGINNING.findall(sample)
    known = sum(_KNOWN.fullmatch(name) is not None for name in names)
    return known >= _TAGS_SHARE * len(names)


def table_shape(sample: bytes, regions: Sequence[str]) -> DelimitedShape:
    """Return the shape that the rows with cells show."""
    text = render_lines(sample, 1).text.decode("utf-8", "replace")
    rows = [line.split("\t") for line in text.split("\n") if "\t" in line]
    return DelimitedShape(Dialect(b"\t"), rows[:200], regions)
