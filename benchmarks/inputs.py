"""Read dumps into blocks of UTF-8, beside what Python has for each format, or beside only unpacking it.

MB/s are megabytes of the text that comes out per second of CPU; x is ours as a multiple of the other's, in
this run. The other one does not give the same: a reader of CSV or JSON gives cells, and unpacking or decoding
gives bytes only. Rows are drawn at random, so that they compress as real ones do.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

import openpyxl
from backports import zstd

from benchmarks.measure import cost, ratio, report
from matching.inputs import documents

ROWS = 60_000
REPEATED = 6  # times that the data of the fast formats is repeated
ROUNDS = 4  # the best one counts: the machine is shared
_NAMES = ("id", "姓名", "手机", "email", "address")
_ROW = re.compile(rb"\(((?:'(?:[^'\\]|\\.|'')*'|[^'()])*)\)")
_HAN = "安柏程戴鄂方葛贺明宁沛佳凯岚恩帆广"

Row = tuple[str, ...]


class Case(NamedTuple):
    """A dump, and another program that reads it."""

    name: str
    data: bytes
    other: str
    read: Callable[[bytes], object]


def main() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "dump"
        report(
            ("dump", "MB in", "MB/s", "against", "MB/s ", "x"),
            [_measure_case(case, path) for case in _cases()],
        )


def _measure_case(case: Case, path: Path) -> tuple[object, ...]:
    path.write_bytes(case.data)
    ours = min(cost(lambda: _read_blocks(path))[1].cpu_s for _ in range(ROUNDS))
    theirs = min(cost(lambda: case.read(case.data))[1].cpu_s for _ in range(ROUNDS))
    size = _read_blocks(path) / 1e6
    return case.name, len(case.data) / 1e6, size / ours, case.other, size / theirs, ratio(theirs, ours)


def _read_blocks(path: Path) -> int:
    return sum(len(block.text) for document in documents("dump", path) for block in document.blocks())


def _cases() -> list[Case]:
    rows = _rows()
    table = _csv(rows)
    chinese, plain, quoted = (
        table.encode(),
        _csv(rows, names=False).encode(),
        _csv(rows, quoted=True).encode(),
    )
    records = [dict(zip(_NAMES, row, strict=True)) for row in rows]
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    pretty = json.dumps(records, indent=2, ensure_ascii=False).encode()
    return [
        Case("CSV, ASCII", plain * REPEATED * 4, "csv.reader", _by_csv),
        Case("CSV, Chinese", chinese * REPEATED, "csv.reader", _by_csv),
        Case("CSV, all quoted", quoted * REPEATED, "csv.reader", _by_csv),
        Case("CSV in GBK", table.encode("gb18030") * REPEATED, "decode, encode", _recoding("gb18030")),
        Case("CSV in UTF-16", table.encode("utf-16") * 2, "decode, encode", _recoding("utf-16")),
        Case("CSV in gzip", gzip.compress(chinese), "gzip", gzip.decompress),
        Case("CSV in xz", lzma.compress(chinese, preset=1), "lzma", lzma.decompress),
        Case("CSV in bzip2", bz2.compress(chinese), "bz2", bz2.decompress),
        Case("CSV in zstd", zstd.compress(chinese), "zstd", zstd.decompress),
        Case("JSON lines, escaped", lines, "json.loads", _by_json),
        Case("JSON, indented", pretty, "json.loads", json.loads),
        Case("MySQL dump", _mysql(rows) * 2, "a pattern", _ROW.findall),
        Case("XLSX", _xlsx(rows[: ROWS // 6]), "openpyxl", _by_openpyxl),
    ]  # fmt: skip


def _rows() -> list[Row]:
    chance = Random(4)
    return [
        (
            str(number),
            "".join(chance.choices(_HAN, k=3)),
            f"1700{chance.randrange(10**7):07}",
            f"user{chance.randrange(10**9)}@mail{chance.randrange(50)}.example",
            f"{chance.randrange(999)} Quill Lane; Mere {chance.randrange(10**5)}",
        )
        for number in range(ROWS)
    ]


def _csv(rows: list[Row], *, names: bool = True, quoted: bool = False) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows(row if names else (row[0], "nobody", *row[2:]) for row in rows)
    return out.getvalue()


def _recoding(charset: str) -> Callable[[bytes], bytes]:
    return lambda data: data.decode(charset).encode()


def _by_json(data: bytes) -> list[object]:
    return [json.loads(line) for line in data.splitlines()]


def _by_csv(data: bytes) -> int:
    return sum(1 for _ in csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")))


def _mysql(rows: list[Row]) -> bytes:
    values = [",".join(f"'{cell}'" for cell in row) for row in rows]
    groups = (values[at : at + 5_000] for at in range(0, len(values), 5_000))
    return "".join("INSERT INTO `users` VALUES (" + "),(".join(group) + ");\n" for group in groups).encode()


def _xlsx(rows: list[Row]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _by_openpyxl(data: bytes) -> int:
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    return sum(1 for sheet in book for _ in sheet.iter_rows(values_only=True))
