"""SQLite databases: the rows of ordinary tables, read from the pages of the file.

SQLite itself is not used. It runs what a schema says (views, triggers, virtual tables, defaults), and it
opens paths, while an archive's member is a file without a name. The format of the file is small and does not
change ("Database File Format", sqlite.org/fileformat2.html; numbers in comments are its sections).

1. The schema (page 1) names the tables with their root pages and how they were created (2.6).
2. A table is a tree of pages. Each page is read once in all: a page that two trees share is damage (1.6).
3. A row is a record of values, of which the end may stand on further pages (2.1).

What is damaged is left out, the other pages are read, and the error is raised behind them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from matching.errors import InputDamaged, InputRefused, InputTooLarge, InputTruncated
from matching.inputs.limits import InputBudget
from matching.inputs.streams import File

MAGIC = b"SQLite format 3\0"
#: Bytes of one row, at most; the rest of it is not read.
ROW_BYTES = 1 << 24
#: Tables of a database, at most.
TABLES_LIMIT = 10_000
_SCHEMA_BYTES = 1 << 16  # of one CREATE TABLE that are read
_SCHEMAS_BYTES = 1 << 26  # of all of them
_PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_COLUMNS_LIMIT = 32_767  # SQLite's own, as it is compiled at most
_DEPTH = 24
_LEAF_TABLE, _INNER_TABLE, _LEAF_INDEX, _INNER_INDEX = 13, 5, 10, 2
_ENCODINGS = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}
_INTEGER_SIZES = (0, 1, 2, 3, 4, 6, 8)
_FLOAT = struct.Struct(">d")
_CELL_PLACES = struct.Struct(">H")


@dataclass(frozen=True, slots=True)
class SqliteTable:
    """`columns`: in the order in which a row has them; `row_id`: index of the one that is the rowid."""

    name: str
    root: int
    columns: tuple[str, ...]
    row_id: int | None


class SqliteFile:
    """An open database."""

    def __init__(self, file: File, budget: InputBudget) -> None:
        """Raises InputDamaged or InputTruncated where the header is wrong."""
        header = file.read_exactly(0, 100)
        size = int.from_bytes(header[16:18], "big")
        self._page_size = 65_536 if size == 1 else size
        self._usable = self._page_size - header[20]
        self._encoding = _ENCODINGS.get(header[59], "utf-8")
        if self._page_size not in [1 << bits for bits in range(9, 17)] or self._usable < 480:
            raise InputDamaged("its header states an impossible size of its pages")
        self._file, self._budget = file, budget
        self._pages = file.size // self._page_size
        self._seen = bytearray(self._pages // 8 + 1)
        self._error: InputRefused | None = None
        self.size = 0  # bytes of pages read

    def tables(self) -> Iterator[SqliteTable]:
        """Yield the ordinary tables of the schema; raises behind them what keeps others from being read."""
        found: list[tuple[str, int, str]] = []
        size = 0
        for _, cells in self._rows(1):
            kind, name, _, place, created = (cells + [""] * 5)[:5]
            # Views, triggers and virtual tables have no page.
            if kind == "table" and _PAGE_NUMBER.fullmatch(place) and not name.startswith("sqlite_"):
                size += len(created)
                if len(found) >= TABLES_LIMIT or size > _SCHEMAS_BYTES:
                    self._keep(InputTooLarge(f"it has more than {len(found)} tables; the rest was not read"))
                    break
                found.append((name, int(place), created[:_SCHEMA_BYTES]))
        error, self._error = self._error, None
        for name, root, created in found:
            columns, row_id = created_columns(created, by_key=self._is_index(root))
            yield SqliteTable(name, root, tuple(columns), row_id)
        if error is not None:
            raise error

    def rows(self, table: SqliteTable) -> Iterator[tuple[int, list[str]]]:
        """Yield number and cells of each row; raises behind them what kept others from being read.

        The number is the rowid, or, where that is no usual number, the count of rows so far.
        """
        for count, (row_id, cells) in enumerate(self._rows(table.root), 1):
            if table.row_id is not None and row_id is not None and len(cells) > table.row_id:
                cells[table.row_id] = cells[table.row_id] or str(row_id)
            yield (row_id if row_id is not None and 0 < row_id < 1 << 53 else count), cells
        error, self._error = self._error, None
        if error is not None:
            raise error

    # --- pages

    def _keep(self, error: InputRefused) -> None:
        self._error = self._error or error

    def _page(self, number: int) -> bytes | None:
        """Return a page that was not read yet; None, and an error is kept, for any other."""
        if not 0 < number <= self._pages:
            missing = number == self._pages + 1 or 0 < number < 1 << 31
            self._keep(
                InputTruncated("it ends before a page that its tables name")
                if missing
                else InputDamaged("a table names a page that cannot exist")
            )
            return None
        bit = 1 << (number & 7)
        if self._seen[number >> 3] & bit:
            self._keep(InputDamaged("two places name the same page"))
            return None
        self._seen[number >> 3] |= bit
        self.size += self._page_size
        return self._file.read_at((number - 1) * self._page_size, self._page_size)

    def _is_index(self, root: int) -> bool:
        """Whether the root belongs to a table WITHOUT ROWID."""
        kind = self._file.read_at((root - 1) * self._page_size, 1) if 0 < root <= self._pages else b""
        return kind in (bytes([_LEAF_INDEX]), bytes([_INNER_INDEX]))

    def _rows(self, root: int) -> Iterator[tuple[int | None, list[str]]]:
        """Yield rowid and cells of each row of a tree, in its order (1.6)."""
        stack: list[Iterator[int | tuple[int | None, list[str]]]] = [iter((root,))]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif not isinstance(found, int):
                yield found
            elif len(stack) > _DEPTH:
                self._keep(InputDamaged(f"a table's pages are deeper than {_DEPTH} within one another"))
            elif (page := self._page(found)) is not None:
                self._budget.check_time()
                stack.append(self._page_content(found, page))

    def _page_content(self, number: int, page: bytes) -> Iterator[int | tuple[int | None, list[str]]]:
        """Yield the pages below, and the rows, in their order."""
        start = 100 if number == 1 else 0
        kind = page[start]
        inner = kind in (_INNER_TABLE, _INNER_INDEX)
        if kind not in (_LEAF_TABLE, _INNER_TABLE, _LEAF_INDEX, _INNER_INDEX):
            self._keep(InputDamaged("a page of a table has an unknown kind"))
            return
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        first = start + (12 if inner else 8)
        places = [at for (at,) in _CELL_PLACES.iter_unpack(page[first : first + 2 * count][: len(page) & ~1])]
        left = self._page_size  # bytes that its cells can have; a hostile page's cells share theirs
        for at in dict.fromkeys(places):
            try:
                if inner:
                    yield int.from_bytes(page[at : at + 4], "big")
                    at += 4
                if kind == _INNER_TABLE:
                    continue
                size, at = _varint(page, at)
                row_id: int | None = None
                if kind == _LEAF_TABLE:
                    row_id, at = _varint(page, at)
                    row_id -= (row_id >> 63) << 64
                local, payload = self._payload(page, at, size, index=kind != _LEAF_TABLE)
                left -= local
                if left < 0:
                    self._keep(InputDamaged("the rows of a page share their bytes"))
                    return
                yield row_id, self._cells(payload)
            except (IndexError, struct.error):
                self._keep(InputDamaged("a row is damaged"))
        if inner:
            yield int.from_bytes(page[start + 8 : start + 12], "big")

    def _payload(self, page: bytes, at: int, size: int, *, index: bool) -> tuple[int, bytes]:
        """Return a row's bytes, and how many of them stand on its own page (1.6, 1.7)."""
        most = (self._usable - 12) * 64 // 255 - 23 if index else self._usable - 35
        local = size
        if size > most:
            least = (self._usable - 12) * 32 // 255 - 23
            local = least + (size - least) % (self._usable - 4)
            local = local if local <= most else least
        if at + local > len(page):
            raise IndexError
        if local == size:
            return local, page[at : at + local]
        parts = [page[at : at + local]]
        wanted = min(size, ROW_BYTES) - local
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        while wanted > 0 and following:
            more = self._page(following)
            if more is None:
                break
            parts.append(more[4 : self._usable][:wanted])
            wanted -= len(parts[-1])
            following = int.from_bytes(more[:4], "big")
            self._budget.check_time()
        if size > ROW_BYTES:
            self._keep(
                InputTooLarge(f"it has rows of more than {ROW_BYTES} bytes; the rest of them was not read")
            )
        elif wanted > 0:
            self._keep(InputDamaged("the end of a row is missing"))
        return local, b"".join(parts)

    # --- values

    def _cells(self, payload: bytes) -> list[str]:
        """Return the values of a record as text (2.1)."""
        end, at = _varint(payload, 0)
        kinds: list[int] = []
        while at < min(end, len(payload)) and len(kinds) < _COLUMNS_LIMIT:
            kind, at = _varint(payload, at)
            kinds.append(kind)
        cells = []
        at = end
        for kind in kinds:
            size = (
                (kind - 12) >> 1
                if kind >= 12
                else _INTEGER_SIZES[kind]
                if kind < 7
                else 8
                if kind == 7
                else 0
            )
            value = payload[at : at + size]
            at += size
            if kind >= 13 and kind & 1:
                cells.append(value.decode(self._encoding, "replace"))
            elif kind >= 12:
                cells.append(_text_of_blob(value))
            elif kind == 0:
                cells.append("")
            elif kind == 7:
                cells.append(_float_text(_FLOAT.unpack(value)[0]))
            else:
                cells.append(
                    str(kind - 8) if kind in (8, 9) else str(int.from_bytes(value, "big", signed=True))
                )
        return cells


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and the place behind it."""
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


_BINARY = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")


def _text_of_blob(value: bytes) -> str:
    """Return a blob that is text; "" for any other."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return ""
    return "" if _BINARY.search(text) else text


def _float_text(number: float) -> str:
    return str(int(number)) if number == number // 1 and abs(number) < 1e15 else repr(number)


# --- the schema

_TOKEN = re.compile(
    r"'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"|`(?:[^`]|``)*+`|\[[^\]]*+\]|--[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/"
    r"|[(),]|[^\s'\"`\[(),/-]++|\S"
)
_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})


def created_columns(created: str, *, by_key: bool) -> tuple[list[str], int | None]:
    """Return the columns that rows have, by CREATE TABLE, and the index of the one that is the rowid.

    `by_key`: the table is WITHOUT ROWID, so that its rows begin with the primary key (2.4). Columns that are
    computed when they are asked for stand in no row.
    """
    definitions = _definitions(created)
    columns: list[str] = []
    key: list[str] = []
    types: dict[str, str] = {}
    for tokens in definitions:
        upper = [token.upper() for token in tokens]
        if upper[0] in _CONSTRAINTS:
            if "PRIMARY" in upper and "(" in tokens:
                inside = tokens[tokens.index("(", upper.index("PRIMARY")) + 1 :]
                key = [_unquoted(token) for token in inside[: inside.index(")") if ")" in inside else None]]
                key = [token for token in key if token not in (",", "ASC", "DESC")]
            continue
        if "AS" in upper and "STORED" not in upper:
            continue
        columns.append(_unquoted(tokens[0]))
        types[columns[-1].lower()] = upper[1] if len(upper) > 1 else ""
        if "PRIMARY" in upper:
            key = [columns[-1]] if upper[upper.index("PRIMARY") :][2:3] != ["DESC"] or by_key else []
    names = {name.lower(): name for name in columns}
    first = [names[one.lower()] for one in dict.fromkeys(key) if one.lower() in names]
    if by_key:
        return [*first, *(name for name in columns if name not in first)], None
    is_row_id = len(first) == 1 and types.get(first[0].lower()) == "INTEGER"
    return columns, columns.index(first[0]) if is_row_id else None


def _definitions(created: str) -> list[list[str]]:
    """Return the tokens between the outer commas. Within inner parentheses, only those of a key are kept."""
    definitions: list[list[str]] = [[]]
    depth = 0
    for token in _TOKEN.findall(created):
        if token.startswith(("--", "/*")):
            continue
        if token == ")":  # noqa: S105 - a token of SQL
            depth -= 1
            if depth == 0:
                break
        if depth == 1 and token == ",":  # noqa: S105
            definitions.append([])
        elif depth == 1 or (depth > 1 and definitions[-1] and definitions[-1][0].upper() in _CONSTRAINTS):
            definitions[-1].append(token)
        if token == "(":  # noqa: S105
            depth += 1
    return [one for one in definitions if one]


def _unquoted(token: str) -> str:
    if token[:1] in "'\"`" and len(token) > 1:
        return token[1:-1].replace(token[0] * 2, token[0])
    return token[1:-1] if token[:1] == "[" else token
