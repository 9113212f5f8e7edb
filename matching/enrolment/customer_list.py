"""Reads a customer list, a CSV file in any dialect.

`enrol` and `reveal` both use it, so that they give each row the same number.
"""

import csv
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from matching.errors import CustomersUnreadable

CELL_LIMIT = 1 << 20  # characters per cell
_SAMPLE = 1 << 18  # bytes from which encoding and delimiter are detected
_DELIMITERS = ",;\t|"
_SEP_LINE = re.compile(r'[\ufeff\r\n]*"?sep=(.)"?[,;\t|]*[\r\n]', re.IGNORECASE)  # for Excel; it is no row
_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True, slots=True)
class CustomerList:
    """An open list. `rows` yields the rows that are not empty, including the header.

    Excel's first line `sep=;` says what parts the columns, and is not among them.
    """

    rows: Iterator[list[str]]
    delimiter: str
    encoding: str
    _stream: TextIO

    def bytes_read(self) -> int:
        """Return the number of bytes read so far, about."""
        return os.lseek(self._stream.fileno(), 0, os.SEEK_CUR)


@contextmanager
def open_customer_list(
    path: Path, *, delimiter: str | None = None, encoding: str | None = None
) -> Iterator[CustomerList]:
    """Open a list; `delimiter` and `encoding` None: detect them.

    Raises CustomersUnreadable, also while rows are read.
    """
    sample = _sample(path)
    encoding = encoding or _detected_encoding(sample, path)
    text = sample.decode(encoding, errors="ignore")
    said = _SEP_LINE.match(text)
    delimiter = delimiter or (said[1] if said else _detected_delimiter(text))
    try:
        with path.open(encoding=encoding, newline="") as stream:
            rows = islice(_csv_rows(stream, delimiter), 1 if said else 0, None)
            yield CustomerList(rows, delimiter, encoding, stream)
    except UnicodeError:
        raise CustomersUnreadable(
            f"{path} has bytes that are not valid {encoding}; name its encoding with --encoding"
        ) from None


def _sample(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_SAMPLE)
    except OSError as error:
        raise CustomersUnreadable(f"{path} cannot be read: {error.strerror}") from None


def _detected_encoding(sample: bytes, path: Path) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding in _ENCODINGS:
        try:
            # Decode whole lines only: the end of the sample may cut a character in two.
            sample[: sample.rfind(b"\n") + 1 or None].decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise CustomersUnreadable(
        f"{path} is neither UTF-8 nor UTF-16 nor GB18030; name its encoding with --encoding"
    )


def _detected_delimiter(sample: str) -> str:
    """Return the delimiter that occurs most often in the first line."""
    first = sample.lstrip("\ufeff\r\n").partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


def _csv_rows(stream: TextIO, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows that are not empty; raise CustomersUnreadable with the line's number."""
    csv.field_size_limit(CELL_LIMIT)
    reader = csv.reader(stream, delimiter=delimiter)
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise CustomersUnreadable(f"line {reader.line_num} of the list is not valid CSV: {error}") from None
