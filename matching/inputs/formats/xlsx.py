"""XLSX: a row of a sheet is a line with tabs between its cells; a line's number is that of the row.

Read as a stream by expat: there is no tree, and formulas are not run (a cell is the value that was last
computed). A document type is refused, because only that can define entities. The strings that cells share are
kept in a file without a name and their places in memory; openpyxl and calamine keep all of them, or a whole
sheet, in memory.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator, Sequence
from xml.parsers import expat

from matching.errors import InputDamaged, InputRefused, InputTooLarge
from matching.inputs.containers.zips import ZipEntry, content_stream, directory_entries
from matching.inputs.formats.blocks import BLOCK, Block, count_newlines
from matching.inputs.formats.delimited import DelimitedShape, Dialect
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File, Stream

#: Strings that the cells of a workbook share, at most.
STRINGS_LIMIT = 20_000_000
#: Bytes of one string, and of one cell; Excel's own limit is 32,767 characters.
CELL_LIMIT = 1 << 18
#: Columns of a sheet, which is Excel's own limit.
COLUMNS_LIMIT = 16_384
_STEP_BYTES = 1 << 16
_SAMPLE_ROWS = 200
_SHEETS = "xl/worksheets/"
_STRINGS = "xl/sharedstrings.xml"
_BLANKS = str.maketrans("\t\r\n", "   ")


class XlsxWorkbook:
    """The sheets of a workbook, in the order of the zip's directory."""

    def __init__(self, file: File, budget: InputBudget, regions: Sequence[str]) -> None:
        self.size = 0  # bytes of XML read
        self._cut = False  # cells were not read, or not to their end
        self._file, self._budget, self._regions = file, budget, regions

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of all sheets; their offsets count the bytes of the lines."""
        strings = SharedStrings()
        try:
            parts = [(_entry_name(entry), entry) for entry in directory_entries(self._file)]
            for name, entry in parts:
                if name.lower() == _STRINGS:
                    self._read_all(entry, _StringsHandler(strings))
            offset = 0
            for name, entry in parts:
                if name.startswith(_SHEETS) and name.endswith(".xml"):
                    for block in self._sheet_blocks(entry, strings, offset):
                        offset = block.end
                        yield block
            if self._cut:
                raise InputTooLarge(
                    f"it has cells of more than {CELL_LIMIT} characters, or behind column {COLUMNS_LIMIT}; "
                    "what goes beyond that was not read"
                )
        finally:
            strings.close()

    def _read_all(self, entry: ZipEntry, target: _StringsHandler) -> None:
        for _ in self._parse_steps(entry, target):
            pass

    def _parse_steps(self, entry: ZipEntry, target: _XmlHandler) -> Iterator[None]:
        """Feed the parser; yields after each step, so that its results can be taken."""
        parser = target.parser
        stream: Stream = content_stream(self._file, entry, self._budget)
        try:
            while data := stream.read(_STEP_BYTES):
                self.size += len(data)
                parser.Parse(data, False)
                self._cut = self._cut or target.cut
                yield
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise InputDamaged(f"its XML is not well-formed: {expat.ErrorString(error.code)}") from None
        except (UnicodeError, LookupError, ValueError):
            raise InputDamaged("its XML has an unknown charset") from None
        yield

    def _sheet_blocks(self, entry: ZipEntry, strings: SharedStrings, offset: int) -> Iterator[Block]:
        target = _SheetHandler(strings)
        shape: DelimitedShape | None = None
        error: InputRefused | None = None
        steps = self._parse_steps(entry, target)
        while error is None:
            try:
                ended = next(steps, _END) is _END
            except InputRefused as refused:
                error, ended = refused, True
            if target.lines and (target.bytes >= BLOCK or ended):
                shape = shape or _sheet_shape(target.lines, self._regions)
                block = target.block(offset, shape)
                self._budget.count_output(len(block.text))  # a row with one cell far to the right is long
                offset = block.end
                yield block
            if ended:
                break
        if error is not None:
            raise error


_END = object()


def _entry_name(entry: ZipEntry) -> str:
    return entry.name if isinstance(entry.name, str) else entry.name.decode("utf-8", "replace")


def _sheet_shape(lines: Sequence[str], regions: Sequence[str]) -> DelimitedShape:
    return DelimitedShape(Dialect(b"\t"), [line.split("\t") for line in lines[:_SAMPLE_ROWS]], regions)


def _new_parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    raise InputDamaged(
        "its XML has a document type, which is refused because no spreadsheet program writes one"
    )


class SharedStrings:
    """The strings that cells share: their bytes in a file without a name, their places in memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._places = array("Q", [0])
        self._recent: dict[int, str] = {}

    def add(self, text: str) -> None:
        if len(self._places) > STRINGS_LIMIT:
            raise InputTooLarge(f"its cells share more than {STRINGS_LIMIT} strings, which is the limit")
        data = text.encode("utf-8", "replace")
        self._file.write(data)
        self._places.append(self._places[-1] + len(data))

    def __getitem__(self, number: int) -> str:
        """Return the string; "" for a number without one."""
        if not 0 <= number < len(self._places) - 1:
            return ""
        found = self._recent.get(number)
        if found is None:
            start, end = self._places[number : number + 2]
            self._file.seek(start)
            found = self._file.read(end - start).decode()
            if len(self._recent) > 10_000:
                self._recent.clear()
            self._recent[number] = found
        return found

    def close(self) -> None:
        self._file.close()


class _XmlHandler:
    """Collects the text of elements that are wanted."""

    def __init__(self) -> None:
        self.parser = _new_parser()
        self.parser.StartElementHandler = self._start_element
        self.parser.EndElementHandler = self._end_element
        self.parser.CharacterDataHandler = self._add_text
        self._text: list[str] = []
        self._length = 0
        self._wanted = False
        self.cut = False  # something was not read because of a limit

    def _add_text(self, text: str) -> None:
        if self._wanted:
            self._text.append(text[: max(0, CELL_LIMIT - self._length)])
            self._length += len(text)
            self.cut = self.cut or self._length > CELL_LIMIT

    def _take_text(self) -> str:
        text = "".join(self._text)
        self._text, self._length = [], 0
        return text

    def _start_element(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def _end_element(self, name: str) -> None:
        raise NotImplementedError


class _StringsHandler(_XmlHandler):
    """Reads shared strings: `<si>` is a string, with its text in one `<t>`, in several where it is formatted.

    `<rPh>` holds its pronunciation, which is left out.
    """

    def __init__(self, strings: SharedStrings) -> None:
        super().__init__()
        self._strings = strings
        self._pronunciation = False

    def _start_element(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._pronunciation = self._pronunciation or local == "rPh"
        self._wanted = local == "t" and not self._pronunciation

    def _end_element(self, name: str) -> None:
        local = name.rpartition(":")[2]
        self._wanted = False
        if local == "rPh":
            self._pronunciation = False
        elif local == "si":
            self._strings.add(self._take_text())


class _SheetHandler(_XmlHandler):
    """Reads a sheet: `<row r>` holds cells `<c r t>`, and each has its value in `<v>` or `<is><t>`."""

    def __init__(self, strings: SharedStrings) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.bytes = 0
        self._strings = strings
        self._numbers: list[int] = []
        self._row: list[str] = []
        self._number = 0
        self._column = 0
        self._kind = ""

    def _start_element(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "row":
            stated = attributes.get("r", "")
            self._number = (
                int(stated)
                if stated.isascii() and stated.isdigit() and len(stated) < 10
                else self._number + 1
            )
            self._row, self._column = [], 0
        elif local == "c":
            self._column = _column_number(attributes.get("r", ""), self._column + 1)
            self._kind = attributes.get("t", "")
            self._take_text()
        self._wanted = local in ("v", "t")

    def _end_element(self, name: str) -> None:
        local = name.rpartition(":")[2]
        self._wanted = False
        if local == "c":
            self._add_cell(self._take_text())
        elif local == "row" and any(self._row):
            line = "\t".join(self._row)
            self.lines.append(line)
            self._numbers.append(self._number)
            self.bytes += len(line.encode("utf-8", "replace")) + 1

    def _add_cell(self, text: str) -> None:
        if self._kind == "s":
            text = (
                self._strings[int(text)]
                if text.isascii() and text.strip().isdigit() and len(text) < 12
                else ""
            )
        elif not self._kind:
            text = _whole_number(text)
        self.cut = self.cut or bool(text and self._column > COLUMNS_LIMIT)
        if text and self._column <= COLUMNS_LIMIT:
            self._row += [""] * (self._column - len(self._row))
            self._row[self._column - 1] = text.translate(_BLANKS)

    def block(self, offset: int, shape: DelimitedShape) -> Block:
        """Return the collected lines as a block, and forget them."""
        text = "".join(line + "\n" for line in self.lines).encode("utf-8", "replace")
        numbers, self._numbers = self._numbers, []
        self.lines, self.bytes = [], 0
        assert count_newlines(text) == len(numbers)
        return Block(text, numbers[0], offset, offset + len(text), shape, numbers)


def _column_number(place: str, following: int) -> int:
    """Return the number of the column `BC` of a place `BC12`; `following` where it names none."""
    number = 0
    for letter in place[:4]:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    return number or following


def _whole_number(text: str) -> str:
    """Write numbers without exponent and fraction where they are whole, as telephone numbers are.

    Excel stores them as 1.7E10 or 17000000000.0 after a calculation.
    """
    if "." not in text and "E" not in text and "e" not in text:
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number == number // 1 and abs(number) < 1e15 else text
