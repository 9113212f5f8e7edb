"""Text documents, presentations and spreadsheets of other programs than Excel: docx, pptx, odt, odp, ods.

A paragraph is a line. A row of a table is a line with tabs between its cells. Tables of three columns and
three rows have their own columns; smaller ones are lines of the text, because they may hold one person's
fields each. Read as a stream by expat, without a tree; a document type is refused, because only that can
define entities.

What else the package holds (pictures, embedded files) is left to the caller: `other_entries`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from xml.parsers import expat

from matching.errors import InputDamaged, InputEncrypted, InputRefused, InputTooLarge
from matching.inputs.containers.zips import ZipEntry, content_stream, directory_entries
from matching.inputs.formats.blocks import BLOCK, PLAIN, Block, LineShape
from matching.inputs.formats.delimited import DelimitedShape, Dialect
from matching.inputs.formats.tables import cell_lines
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File, Stream

#: Characters of one paragraph or cell; the rest of it begins another one.
CELL_LIMIT = 1 << 20
#: Cells of a row.
COLUMNS_LIMIT = 16_384
#: Bytes of XML without an event: a tag of that length has to be held whole.
_SILENT_BYTES = 1 << 24
_STEP_BYTES = 1 << 16
_LOOKED_AT = 2_000  # entries among which a package's main part is looked for
_TABLE_COLUMNS = _TABLE_ROWS = 3  # of a table with columns of its own
_SAMPLE_ROWS = 200
_TABS = Dialect(b"\t")

_PARTS = {
    "docx": re.compile(r"word/(?!theme/|fontTable|webSettings|settings|styles|numbering).*\.xml"),
    "pptx": re.compile(r"ppt/(?:slides|notesSlides|comments|diagrams)/[^/]*\.xml"),
    "odf": re.compile(r"(?:.*/)?(?:content|styles)\.xml"),
    "xlsx": re.compile(r"xl/worksheets/[^/]*\.xml|xl/sharedStrings\.xml", re.IGNORECASE),
}
_MAIN = (
    (re.compile(r"word/document\d*\.xml"), "docx"),
    (re.compile(r"ppt/(?:presentation|slides/slide\d+)\.xml"), "pptx"),
)
_LINKS = re.compile(r"(?:word|ppt)/(?:.*/)?_rels/[^/]*\.rels")
#: Parts that say how the rest looks, and hold nothing that somebody wrote.
_FORM = re.compile(
    r"\[Content_Types\]\.xml|(?:.*/)?_rels/[^/]*\.rels|docProps/(?:app|core|custom)\.xml|(?:.*/)?[Tt]humbnails?/?[^/]*"
    r"|mimetype|META-INF/(?:manifest|documentsignatures)\.xml|(?:meta|settings|manifest)\.(?:xml|rdf)|layout-cache"
    r"|Configurations2/.*|customXml/itemProps\d+\.xml"
    r"|(?:word|ppt|xl)/(?:.*/)?(?:theme|styles|settings|fontTable|webSettings|numbering|calcChain|workbook|tableStyles"
    r"|presentation|presProps|viewProps|sharedStrings|slide(?:Layout|Master)\d*|notesMaster\d*|handoutMaster\d*|sheet\d*"
    r"|stylesWithEffects|metadata|table|person)\d*\.xml"
    r"|xl/printerSettings/[^/]*\.bin"
)
_ODF = {"text": "odt", "spreadsheet": "ods", "presentation": "odp", "graphics": "odg"}
_ODF_TYPE = re.compile(rb"application/vnd\.oasis\.opendocument\.([a-z]{4,20})")


def office_format(file: File, budget: InputBudget) -> str | None:
    """Return the format of a package; None: it is another zip."""
    try:
        entries = list(islice(directory_entries(file), _LOOKED_AT))
        names = {entry_name(entry): entry for entry in entries}
        for pattern, format_ in _MAIN:
            if any(pattern.fullmatch(name) for name in names):
                return format_
        if "content.xml" in names and "mimetype" in names:
            stated = _ODF_TYPE.match(content_stream(file, names["mimetype"], budget).read(200))
            return _ODF.get(stated[1].decode(), "odt") if stated else None
        if "content.xml" in names and "META-INF/manifest.xml" in names:
            return "odt"
    except InputRefused:
        return None
    return None


def other_entries(file: File, format_: str) -> Iterator[ZipEntry]:
    """Yield what the package holds besides the parts that are read and those that say how they look."""
    parts = _PARTS.get(format_, _PARTS["odf"])
    for entry in directory_entries(file):
        name = entry_name(entry)
        if not (parts.fullmatch(name) or _FORM.fullmatch(name) or name.endswith("/")):
            yield entry


def entry_name(entry: ZipEntry) -> str:
    return entry.name if isinstance(entry.name, str) else entry.name.decode("utf-8", "replace")


class OfficeDocument:
    """The text and the tables of a package."""

    charset = "utf-8"  # of the blocks
    runner_ups: tuple[str, ...] = ()
    shape: LineShape = PLAIN
    broken = 0
    no_text = 0

    def __init__(self, file: File, format_: str, budget: InputBudget, regions: Sequence[str]) -> None:
        self.format = format_
        self.size = 0  # bytes of XML read
        self._file, self._budget, self._regions = file, budget, regions

    def blocks(self, after: int) -> Iterator[Block]:
        """Yield the blocks of all parts; their offsets count the bytes of the lines."""
        errors: list[InputRefused] = []
        offset = 0
        for items in self._items(errors):
            for lines, shape in items.take(self._regions):
                text = "".join(line + "\n" for line, _ in lines).encode("utf-8", "replace")
                numbers = [number for _, number in lines]
                self._budget.count_output(len(text))
                if offset >= after:
                    yield Block(text, numbers[0], offset, offset + len(text), shape, numbers)
                offset += len(text)
        if errors:
            raise errors[0]

    def _items(self, errors: list[InputRefused]) -> Iterator[_Lines]:
        """Yield what was found so far, after each step; a part's error is kept until the others are read."""
        entries = list(directory_entries(self._file))
        if any(entry_name(entry) == "META-INF/manifest.xml" for entry in entries):
            self._refuse_encrypted(entries)
        parts = _PARTS.get(self.format, _PARTS["odf"])
        for entry in entries:
            name = entry_name(entry)
            linked = self.format in _PARTS and _LINKS.fullmatch(name) is not None
            if not (linked or parts.fullmatch(name)):
                continue
            found = _Lines(sheet=self.format == "ods")
            handler = _LinksHandler(found) if linked else _PartHandler(found)
            try:
                for _ in self._steps(content_stream(self._file, entry, self._budget), handler):
                    if found.bytes >= BLOCK:
                        yield found
            except InputRefused as error:
                errors.append(error)
                if error.reason in ("input_too_large", "input_too_slow"):
                    found.finish()
                    yield found
                    return
            found.finish()
            yield found
            if found.cut:
                errors.append(
                    InputTooLarge(f"it has rows of more than {COLUMNS_LIMIT} cells; the others were not read")
                )

    def _refuse_encrypted(self, entries: Sequence[ZipEntry]) -> None:
        entry = next(entry for entry in entries if entry_name(entry) == "META-INF/manifest.xml")
        start = content_stream(self._file, entry, self._budget).read(_STEP_BYTES)
        if b"encryption-data" in start:
            raise InputEncrypted("it is encrypted; save it without a password first")

    def _steps(self, stream: Stream, handler: _Handler) -> Iterator[None]:
        events, silent = 0, 0
        try:
            while data := stream.read(_STEP_BYTES):
                self.size += len(data)
                handler.parser.Parse(data, False)
                silent = silent + len(data) if handler.events == events else 0
                events = handler.events
                if silent > _SILENT_BYTES:
                    raise InputTooLarge(
                        f"a tag of its XML has more than {_SILENT_BYTES} bytes, which is the limit"
                    )
                yield
            handler.parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise InputDamaged(f"its XML is not well-formed: {expat.ErrorString(error.code)}") from None
        except (UnicodeError, LookupError, ValueError):
            raise InputDamaged("its XML has an unknown charset") from None


class _Lines:
    """Lines of text and rows of tables, in their order."""

    def __init__(self, *, sheet: bool) -> None:
        self.bytes = 0
        self.cut = False  # a row has more cells than are read
        self._sheet = sheet
        self._done: list[tuple[list[tuple[str, int]], LineShape | None]] = []
        self._text: list[tuple[str, int]] = []
        self._table: list[tuple[str, int]] = []
        self._shape: DelimitedShape | None = None  # of the table that goes on
        self._number = 0

    def add_line(self, text: str) -> None:
        self._number += 1
        self._add(self._text, [text], self._number)

    def add_row(self, cells: list[str], number: int | None) -> None:
        """`number`: of the row in its sheet; None: it counts as a line of the text."""
        self._number += 1
        self._add(self._table, cells, self._number if number is None else number)

    def _add(self, found: list[tuple[str, int]], cells: list[str], number: int) -> None:
        for line in cell_lines(cells):
            found.append((line, number))
            self.bytes += len(line) + 1

    def end_table(self) -> None:
        """Join a small table to the text, or put it behind the text before it."""
        wide = sum(line.count("\t") >= _TABLE_COLUMNS - 1 for line, _ in self._table)
        if self._sheet or self._shape is not None or wide >= _TABLE_ROWS:
            self._flush_text()
            self._flush_table()
        else:
            self._text += self._table
            self._table = []
        self._shape = None

    def finish(self) -> None:
        self.end_table()
        self._flush_text()

    def _flush_text(self) -> None:
        if self._text:
            self._done.append((self._text, PLAIN))
            self._text = []

    def _flush_table(self) -> None:
        if self._table:
            self._done.append((self._table, None))
            self._table = []

    def take(self, regions: Sequence[str]) -> Iterator[tuple[list[tuple[str, int]], LineShape]]:
        """Yield the lines so far, in pieces with one shape each; a table that is not complete goes on."""
        if self.bytes >= BLOCK:
            if self._table:
                self._flush_text()
                self._flush_table()
                self._shape = self._shape or self._table_shape(self._done[-1][0], regions)
                self._done[-1] = (self._done[-1][0], self._shape)
            elif not self._table:
                self._flush_text()
            self.bytes = 0
        done, self._done = self._done, []
        for lines, shape in done:
            yield lines, shape or self._table_shape(lines, regions)

    def _table_shape(self, lines: Sequence[tuple[str, int]], regions: Sequence[str]) -> DelimitedShape:
        return DelimitedShape(_TABS, [line.split("\t") for line, _ in lines[:_SAMPLE_ROWS]], regions)


class _Handler:
    """A parser that counts its events."""

    def __init__(self, found: _Lines) -> None:
        self.found = found
        self.events = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")  # a prefix may be any
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = _refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add_text
        self.parser.CommentHandler = self._count

    def _count(self, _: str) -> None:
        self.events += 1

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def _end(self, name: str) -> None:
        self.events += 1

    def _add_text(self, text: str) -> None:
        self.events += 1


def _refuse_doctype(*_: object) -> None:
    raise InputDamaged("its XML has a document type, which is refused because no office program writes one")


class _LinksHandler(_Handler):
    """Reads where the links of a part lead: an address may stand nowhere else."""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.events += 1
        target = attributes.get("Target", "")
        if attributes.get("TargetMode") == "External" and target:
            self.found.add_line(target[:CELL_LIMIT])


_TEXT, _TABLE, _OFFICE = (
    f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0" for name in ("text", "table", "office")
)
_LINK = "http://www.w3.org/1999/xlink href"
_IN_TEXT = frozenset({"t", "delText", "instrText", "text"})  # of docx and pptx; their other text is none
_PARAGRAPHS = frozenset({"p", "h"})
_ROWS, _CELLS = frozenset({"tr", "table-row"}), frozenset({"tc", "table-cell", "covered-table-cell"})
_BREAKS = frozenset({"br", "cr", "tab", "line-break", "ptab"})


class _PartHandler(_Handler):
    """Reads paragraphs and tables. Of tables in one another, the inner ones are text of the outer cell."""

    def __init__(self, found: _Lines) -> None:
        super().__init__(found)
        self._text: list[str] = []
        self._length = 0
        self._wanted = 0  # elements around, the text of which counts
        self._skipped = 0  # elements around that repeat others
        self._tables = 0
        self._row: list[str] = []
        self._row_number = 0
        self._repeated = 1  # rows like this one, columns like this one
        self._columns = 1
        self._value = ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.events += 1
        space, _, local = name.rpartition(" ")
        if local == "Fallback":
            self._skipped += 1
        elif self._skipped:
            return
        elif _holds_text(space, local):
            self._wanted += 1
        elif local in _BREAKS or (local == "s" and space == _TEXT):
            self._append(" ")
        elif local in ("tbl", "table"):
            if not self._tables:
                self._end_paragraph()
                self._row_number = 0
            self._tables += 1
        elif self._tables == 1 and local in _ROWS:
            self._row = []
            self._repeated = _count_of(attributes, f"{_TABLE} number-rows-repeated")
        elif self._tables == 1 and local in _CELLS:
            self._columns = _count_of(attributes, f"{_TABLE} number-columns-repeated")
            self._value = attributes.get(f"{_OFFICE} date-value") or attributes.get(f"{_OFFICE} value", "")
            self._take()
        if (target := attributes.get(_LINK, "")) and ("@" in target or target.startswith("tel:")):
            self._append(f" {target} ")

    def _end(self, name: str) -> None:
        self.events += 1
        space, _, local = name.rpartition(" ")
        if local == "Fallback":
            self._skipped -= 1
            return
        if self._skipped:
            return
        if _holds_text(space, local):
            self._wanted = max(0, self._wanted - 1)
        if local in _PARAGRAPHS or (local == "text" and space != _OFFICE):
            if self._tables:
                self._append(" ")
            else:
                self._end_paragraph()
        elif local in ("tbl", "table"):
            self._tables = max(0, self._tables - 1)
            if not self._tables:
                self.found.end_table()
        elif self._tables == 1 and local in _CELLS:
            self._end_cell()
        elif self._tables == 1 and local in _ROWS:
            self._row_number += 1
            while self._row and not self._row[-1]:
                self._row.pop()
            if self._row:
                self.found.add_row(self._row, self._row_number if space == _TABLE else None)
            self._row_number += self._repeated - 1
            self._row = []

    def _add_text(self, text: str) -> None:
        self.events += 1
        if self._wanted and not self._skipped:
            self._append(text)

    def _append(self, text: str) -> None:
        if self._length + len(text) > CELL_LIMIT and not self._tables:
            self._end_paragraph()
        self._text.append(text)
        self._length += len(text)
        if self._length > 16 * CELL_LIMIT:
            raise InputTooLarge(f"a cell has more than {16 * CELL_LIMIT} characters; the rest was not read")

    def _take(self) -> str:
        text, self._text, self._length = "".join(self._text).strip(), [], 0
        return text

    def _end_paragraph(self) -> None:
        if text := self._take():
            self.found.add_line(text)

    def _end_cell(self) -> None:
        text = _shown_value(" ".join(self._take().split()), self._value)
        self.found.cut = self.found.cut or bool(text and len(self._row) >= COLUMNS_LIMIT)
        if len(self._row) < COLUMNS_LIMIT:
            self._row.append(text)
            self._row += [""] * min(self._columns - 1, COLUMNS_LIMIT - len(self._row))
        self._value = ""


def _holds_text(space: str, local: str) -> bool:
    return local in _PARAGRAPHS if space == _TEXT else local in _IN_TEXT and space != _OFFICE


def _shown_value(text: str, value: str) -> str:
    """Return a cell's text; its value, where the text does not hold the value's digits (`1.7E+10`)."""
    if not value:
        return text
    whole = value[:-2] if value.endswith(".0") else value
    digits = re.sub(r"\D", "", whole[:40])
    return text if digits and digits in re.sub(r"\D", "", text[:200]) else whole


def _count_of(attributes: dict[str, str], name: str) -> int:
    stated = attributes.get(name, "1")
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 8 else 1
