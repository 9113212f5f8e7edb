"""XLSX: a row of a sheet is a line, its cells have tabs between them; a line's number is that of the row.

Read as a stream by expat: no tree, no formulas (a cell is the value that was last computed), and a document
type, without which there are no entities, is refused. The strings that cells share are kept in a file without
a name, their places in memory; openpyxl and calamine keep all of them, or a whole sheet, in memory.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator, Sequence
from xml.parsers import expat

from matching.errors import InputDamaged, InputRefused, InputTooLarge
from matching.inputs.containers.zips import ZipEntry, content_of, entries
from matching.inputs.formats.blocks import BLOCK, Block, newlines
from matching.inputs.formats.delimited import DelimitedTable, Dialect
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File, Stream

#: Strings that the cells of a workbook share.
STRINGS_LIMIT = 20_000_000
#: Bytes of one string, and of one cell; Excel's own limit is 32,767 characters.
CELL_LIMIT = 1 << 18
#: Excel's own.
COLUMNS_LIMIT = 16_384
_STEP = 1 << 16
_SAMPLE_ROWS = 200
_SHEETS = "xl/worksheets/"
_STRINGS = "xl/sharedstrings.xml"
_BLANKS = str.maketrans("\t\r\n", "   ")


class XlsxWorkbook:
    """The sheets of a file, in the order of its directory."""

    def __init__(self, file: File, budget: InputBudget, regions: Sequence[str]) -> None:
        self.size = 0  # bytes of XML read
        self._file, self._budget, self._regions = file, budget, regions

    def blocks(self) -> Iterator[Block]:
        """Offsets count the rows' bytes."""
        strings = SharedStrings()
        try:
            parts = [(_plain(entry), entry) for entry in entries(self._file)]
            for name, entry in parts:
                if name.lower() == _STRINGS:
                    self._read(entry, _StringsTarget(strings))
            offset = 0
            for name, entry in parts:
                if name.startswith(_SHEETS) and name.endswith(".xml"):
                    for block in self._sheet(entry, strings, offset):
                        offset = block.end
                        yield block
        finally:
            strings.close()

    def _read(self, entry: ZipEntry, target: _StringsTarget) -> None:
        for _ in self._fed(entry, target.parser):
            pass

    def _fed(self, entry: ZipEntry, parser: expat.XMLParserType) -> Iterator[None]:
        """Feed the parser; one turn a step, so that what it made can be taken."""
        stream: Stream = content_of(self._file, entry, self._budget)
        try:
            while data := stream.read(_STEP):
                self.size += len(data)
                parser.Parse(data, False)
                yield
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise InputDamaged(f"its XML is none: {expat.ErrorString(error.code)}") from None
        except (UnicodeError, LookupError, ValueError):
            raise InputDamaged("its XML is in no charset that is known") from None
        yield

    def _sheet(self, entry: ZipEntry, strings: SharedStrings, offset: int) -> Iterator[Block]:
        target = _SheetTarget(strings)
        shape: DelimitedTable | None = None
        error: InputRefused | None = None
        steps = self._fed(entry, target.parser)
        while error is None:
            try:
                ended = next(steps, _END) is _END
            except InputRefused as refused:
                error, ended = refused, True
            if target.lines and (target.bytes >= BLOCK or ended):
                shape = shape or _table(target.lines, self._regions)
                block = target.block(offset, shape)
                self._budget.unpacked(len(block.text))  # a cell far to the right is a long row
                offset = block.end
                yield block
            if ended:
                break
        if error is not None:
            raise error


_END = object()


def _plain(entry: ZipEntry) -> str:
    return entry.name if isinstance(entry.name, str) else entry.name.decode("utf-8", "replace")


def _table(lines: Sequence[str], regions: Sequence[str]) -> DelimitedTable:
    return DelimitedTable(Dialect(b"\t"), [line.split("\t") for line in lines[:_SAMPLE_ROWS]], regions)


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    raise InputDamaged("its XML has a document type, which no spreadsheet program writes")


class SharedStrings:
    """Shared strings: bytes in a file without a name, places in memory."""

    def __init__(self) -> None:
        self._kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._places = array("Q", [0])
        self._recent: dict[int, str] = {}

    def add(self, text: str) -> None:
        if len(self._places) > STRINGS_LIMIT:
            raise InputTooLarge(f"its cells share more than {STRINGS_LIMIT} strings")
        data = text.encode("utf-8", "replace")
        self._kept.write(data)
        self._places.append(self._places[-1] + len(data))

    def __getitem__(self, number: int) -> str:
        """ "" for a number that there is no string of."""
        if not 0 <= number < len(self._places) - 1:
            return ""
        found = self._recent.get(number)
        if found is None:
            start, end = self._places[number : number + 2]
            self._kept.seek(start)
            found = self._kept.read(end - start).decode()
            if len(self._recent) > 10_000:
                self._recent.clear()
            self._recent[number] = found
        return found

    def close(self) -> None:
        self._kept.close()


class _Target:
    """Collects the text of elements."""

    def __init__(self) -> None:
        self.parser = _parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self._text: list[str] = []
        self._length = 0
        self._wanted = False

    def _data(self, text: str) -> None:
        if self._wanted and self._length < CELL_LIMIT:
            self._text.append(text[: CELL_LIMIT - self._length])
            self._length += len(text)

    def _taken(self) -> str:
        text = "".join(self._text)
        self._text, self._length = [], 0
        return text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def _end(self, name: str) -> None:
        raise NotImplementedError


class _StringsTarget(_Target):
    """`<si>` is a string, its text in `<t>`, in several where it is formatted; `<rPh>` is how it is read
    aloud.
    """

    def __init__(self, strings: SharedStrings) -> None:
        super().__init__()
        self._strings = strings
        self._aloud = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._aloud = self._aloud or local == "rPh"
        self._wanted = local == "t" and not self._aloud

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        self._wanted = False
        if local == "rPh":
            self._aloud = False
        elif local == "si":
            self._strings.add(self._taken())


class _SheetTarget(_Target):
    """`<row r>` has `<c r t>`, and each the value `<v>` or, in place, `<is><t>`."""

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

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "row":
            said = attributes.get("r", "")
            self._number = (
                int(said) if said.isascii() and said.isdigit() and len(said) < 10 else self._number + 1
            )
            self._row, self._column = [], 0
        elif local == "c":
            self._column = _column(attributes.get("r", ""), self._column + 1)
            self._kind = attributes.get("t", "")
            self._taken()
        self._wanted = local in ("v", "t")

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        self._wanted = False
        if local == "c":
            self._cell(self._taken())
        elif local == "row" and any(self._row):
            line = "\t".join(self._row)
            self.lines.append(line)
            self._numbers.append(self._number)
            self.bytes += len(line.encode("utf-8", "replace")) + 1

    def _cell(self, text: str) -> None:
        if self._kind == "s":
            text = (
                self._strings[int(text)]
                if text.isascii() and text.strip().isdigit() and len(text) < 12
                else ""
            )
        elif not self._kind:
            text = _number(text)
        if text and self._column <= COLUMNS_LIMIT:
            self._row += [""] * (self._column - len(self._row))
            self._row[self._column - 1] = text.translate(_BLANKS)

    def block(self, offset: int, shape: DelimitedTable) -> Block:
        """What has been collected, which is then forgotten."""
        text = "".join(line + "\n" for line in self.lines).encode("utf-8", "replace")
        numbers, self._numbers = self._numbers, []
        self.lines, self.bytes = [], 0
        assert newlines(text) == len(numbers)
        return Block(text, numbers[0], offset, offset + len(text), shape, numbers)


def _column(place: str, following: int) -> int:
    """Of `BC12` the number of `BC`."""
    number = 0
    for letter in place[:4]:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    return number or following


def _number(text: str) -> str:
    """Telephone numbers as Excel keeps numbers: 1.3800000000000001E10 and 17000000000.0 are whole."""
    if "." not in text and "E" not in text and "e" not in text:
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number == number // 1 and abs(number) < 1e15 else text
