"""Reads a customer list, a CSV file in any dialect; `enrol` and `reveal` number its rows alike."""

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from matching.errors import CustomersUnreadable

CELL_LIMIT = 1 << 20  # characters of one cell
_SAMPLE = 1 << 18  # bytes that encoding and delimiter are decided on
_DELIMITERS = ",;\t|"
_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True, slots=True)
class CustomerList:
    """An open list. `rows` gives those that hold anything, the header's included."""

    rows: Iterator[list[str]]
    delimiter: str
    encoding: str
    _stream: TextIO

    def read(self) -> int:
        """Bytes read so far, about."""
        return os.lseek(self._stream.fileno(), 0, os.SEEK_CUR)


@contextmanager
def open_list(
    path: Path, *, delimiter: str | None = None, encoding: str | None = None
) -> Iterator[CustomerList]:
    """Raises CustomersUnreadable, also while rows are read. `delimiter` and `encoding` None: found out."""
    sample = _sample(path)
    encoding = encoding or _encoding_of(sample, path)
    delimiter = delimiter or _delimiter_of(sample.decode(encoding, errors="ignore"))
    try:
        with path.open(encoding=encoding, newline="") as stream:
            yield CustomerList(_table(stream, delimiter), delimiter, encoding, stream)
    except UnicodeError:
        raise CustomersUnreadable(
            f"{path} is not in {encoding} throughout; name its encoding with --encoding"
        ) from None


def _sample(customers: Path) -> bytes:
    try:
        with customers.open("rb") as stream:
            return stream.read(_SAMPLE)
    except OSError as error:
        raise CustomersUnreadable(f"{customers} cannot be read: {error.strerror}") from None


def _encoding_of(sample: bytes, customers: Path) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding in _ENCODINGS:
        try:
            sample[: sample.rfind(b"\n") + 1 or None].decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise CustomersUnreadable(
        f"{customers} is neither UTF-8 nor UTF-16 nor GB18030; name its encoding with --encoding"
    )


def _delimiter_of(sample: str) -> str:
    """The one that the first line has most of."""
    first = sample.lstrip("\ufeff\r\n").partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


def _table(stream: TextIO, delimiter: str) -> Iterator[list[str]]:
    """The rows that hold anything; raises CustomersUnreadable with the line's number."""
    csv.field_size_limit(CELL_LIMIT)
    reader = csv.reader(stream, delimiter=delimiter)
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise CustomersUnreadable(f"line {reader.line_num} of the list is no CSV: {error}") from None
