"""Reads a customer list: a CSV file in any dialect, or the sheet of a workbook (`xlsx`, `ods`).

`enrol` and `reveal` both use it, so that they give each row the same number.
"""

import csv
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO

from matching.errors import CustomersUnreadable, InputRefused
from matching.inputs import Document, documents
from text.charset import decode_page

CELL_LIMIT = 1 << 20  # characters per cell
_SAMPLE = 1 << 18  # bytes from which the delimiter is detected, and of the lines that show the encoding
_DELIMITERS = ",;\t|^~"
_DELIMITER_LINES = 20
_SEP_LINE = re.compile(r'[\ufeff\r\n]*"?sep=(.)"?[,;\t|]*[\r\n]', re.IGNORECASE)  # for Excel; it is no row
_MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_WORKBOOKS = frozenset({"xlsx", "ods"})
_ZIP = b"PK\x03\x04"
_LEAST_SCORE = 0.5  # of an encoding that is not UTF-8 (`text.charset`)


@dataclass(frozen=True, slots=True)
class CustomerList:
    """An open list. `rows` yields the rows that are not empty, including the header.

    Excel's first line `sep=;` says what parts the columns, and is not among them.
    """

    rows: Iterator[list[str]]
    delimiter: str
    encoding: str
    bytes_read: Callable[[], int]  # so far, about


@contextmanager
def open_customer_list(
    path: Path, *, delimiter: str | None = None, encoding: str | None = None
) -> Iterator[CustomerList]:
    """Open a list; `delimiter` and `encoding` None: detect them.

    Raises CustomersUnreadable, also while rows are read.
    """
    sample = _sample(path)
    if sample.startswith(_ZIP):
        if delimiter or encoding:
            raise CustomersUnreadable(f"{path} is a workbook, which has neither a delimiter nor an encoding")
        yield CustomerList(_workbook_rows(path), "\t", "utf-8", lambda: 0)
        return
    encoding = encoding or _detected_encoding(path, sample)
    text = sample.decode(encoding, errors="ignore")
    said = _SEP_LINE.match(text)
    delimiter = delimiter or (said[1] if said else _detected_delimiter(text))
    try:
        with path.open(encoding=encoding, newline="") as stream:
            rows = islice(_csv_rows(stream, delimiter), 1 if said else 0, None)
            yield CustomerList(rows, delimiter, encoding, partial(_position, stream))
    except UnicodeError:
        raise CustomersUnreadable(
            f"{path} has bytes that are not valid {encoding}; name its encoding with --encoding"
        ) from None


def _position(stream: TextIO) -> int:
    return os.lseek(stream.fileno(), 0, os.SEEK_CUR)


def _workbook_rows(path: Path) -> Iterator[list[str]]:
    """Yield the rows of the one sheet that has some; pictures and other parts of the file are not read."""
    is_workbook = False
    try:
        for document in documents(path.name, path):
            if document.format in _WORKBOOKS:
                is_workbook = True
                yield from _sheet_rows(path, document)
    except InputRefused as refused:
        raise CustomersUnreadable(f"{path} cannot be read: {refused}") from None
    if not is_workbook:
        raise CustomersUnreadable(f"{path} is an archive or a document without a sheet; give the list itself")


def _sheet_rows(path: Path, workbook: Document) -> Iterator[list[str]]:
    before = 0
    for block in workbook.blocks():
        for index, line in enumerate(block.text_lines()):
            number = block.line(index)
            if number <= before:
                raise CustomersUnreadable(
                    f"{path} has several sheets with rows; save the sheet of the customers"
                )
            before = number
            if line.strip("\t"):
                yield line.split("\t")
    ending = workbook.ending
    if ending is None or ending.outcome != "whole":
        raise CustomersUnreadable(f"{path} cannot be read to its end: {ending.sentence if ending else ''}")


def _sample(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_SAMPLE)
    except OSError as error:
        raise CustomersUnreadable(f"{path} cannot be read: {error.strerror}") from None


def _detected_encoding(path: Path, sample: bytes) -> str:
    """Return the encoding of the first lines that are not ASCII, as `match` finds it out.

    Raises CustomersUnreadable where no encoding gives words.
    """
    for mark, charset in _MARKS:
        if sample.startswith(mark):
            return charset
    lines = sample if b"\0" in sample else _lines_beyond_ascii(path)
    with suppress(UnicodeDecodeError):
        if b"\0" not in lines:  # UTF-16 without a mark has them
            lines.decode("utf-8")
            return "utf-8-sig"
    found = decode_page(lines)
    if found.score < _LEAST_SCORE:
        raise CustomersUnreadable(
            f"the encoding of {path} is not clear; name it with --encoding, such as --encoding cp1252"
        )
    return found.charset


def _lines_beyond_ascii(path: Path) -> bytes:
    """Return whole lines with other characters than ASCII, the first ones; none where there are none."""
    with path.open("rb") as stream:
        while lines := stream.readlines(_SAMPLE):
            if not (sample := b"".join(lines)[:_SAMPLE]).isascii():
                # Whole lines only: the end of the sample may cut a character in two.
                return sample[: sample.rfind(b"\n") + 1] or sample
    return b""


def _detected_delimiter(sample: str) -> str:
    """Return the delimiter that gives most of the first rows as many cells as the header, two or more."""
    lines = sample.lstrip("\ufeff\r\n").splitlines(keepends=True)[:_DELIMITER_LINES]

    def quality(delimiter: str) -> tuple[int, int]:
        with suppress(csv.Error):
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
            width = len(rows[0]) if rows else 0
            return (sum(len(row) == width for row in rows) if width > 1 else 0, width)
        return 0, 0

    return max(_DELIMITERS, key=quality)


def _csv_rows(stream: TextIO, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows that are not empty; raise CustomersUnreadable with the line's number."""
    csv.field_size_limit(CELL_LIMIT)
    reader = csv.reader(stream, delimiter=delimiter)
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise CustomersUnreadable(f"line {reader.line_num} of the list is not valid CSV: {error}") from None
