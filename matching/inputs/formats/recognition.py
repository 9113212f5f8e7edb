"""Which format a text is in: its content decides, on a sample of its beginning. Order:

1. HTML has a table, or begins like a page; JSON begins like JSON; SQL has a statement that fills a table.
2. A combo list: most lines are an address or a name, one sign, and the rest.
3. Delimited: of the delimiters the one that most lines have the same number of.
4. `key: value`: most lines have a key, and keys come again.
5. Else text.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from matching.inputs.formats import html, sql
from matching.inputs.formats.blocks import Block, LineShape
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.delimited import Delimited, DelimitedTable, Dialect
from matching.inputs.formats.json_levels import level_of
from matching.inputs.formats.json_records import JsonLines, JsonShape, Records, sample_records
from matching.inputs.formats.plain_lines import KeyValue, Pairs, PlainLines
from matching.inputs.formats.rows import key_of

_LINES = 300  # of the sample that are looked at
_MOST = 0.7  # of the lines must agree
_SHORT = 3  # lines; fewer must agree on more columns
DELIMITERS = (b"----", b"\t", b",", b";", b"|", b"^", b"\x01", b"~")

_HTML = re.compile(rb"\s*(?:<!doctype html|<html|<table|<tr)\b", re.IGNORECASE)
_TABLE = re.compile(rb"<tr\b.{0,500}?<t[dh]\b", re.IGNORECASE | re.DOTALL)
_JSON = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\"{\[\]]|\[\s*-?\d+[\d.]*\s*,|\"[^\"\n]{1,200}\"\s*:\s*[{\[])")
_JSON_LINE = re.compile(rb"\s*(?:\{\s*\".*\}|\[\s*[\"{\[\d-].*\])\s*,?\s*", re.DOTALL)
_SQL = re.compile(
    rb"^[ \t]{0,99}+(?:(?:INSERT|REPLACE)[ \t]{1,99}+(?:\w{1,20}+[ \t]{1,99}+)?INTO[ \t]{1,99}+\S"
    rb"|COPY[ \t]{1,99}+\S.{0,8000}?FROM[ \t]{1,99}+stdin|CREATE[ \t]{1,99}+TABLE[ \t]{1,99}+\S"
    rb"|--[ \t]{1,99}+(?:MySQL|MariaDB|PostgreSQL)\b.{0,40}dump)",
    re.IGNORECASE | re.MULTILINE,
)
_PAIR = re.compile(r"\s*[^\s:;|,@]{1,100}(@[^\s:;|,@]{1,200})?([:;|])(?!//)\S.{0,300}")
_STARTS, _ENDS = rb"(?:^|[,;\t|^~\x01])", rb"(?:$|[,;\t|^~\x01\r\n])"
# An apostrophe begins words too, so that it has to close its cell on the same line.
_QUOTED = {
    b'"': re.compile(_STARTS + b'"', re.MULTILINE),
    b"'": re.compile(_STARTS + rb"'[^\n']*'" + _ENDS, re.MULTILINE),
}


class FormatReader(Protocol):
    """Makes blocks of a text."""

    @property
    def shape(self) -> LineShape: ...

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        """Those whose offset is `after` or more; raises InputRefused where it cannot go on."""


class RecognisedFormat(NamedTuple):
    format: str
    reader: FormatReader


def recognised(sample: bytes, regions: Sequence[str]) -> RecognisedFormat:
    """`sample`: UTF-8 that ends at a line end, if lines are shorter than it."""
    for recognise in _ORDER:
        if (found := recognise(sample, regions)) is not None:
            return found
    return RecognisedFormat("text", PlainLines())


def _html(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    if not _HTML.match(sample) and not (b"<" in sample[:200] and _TABLE.search(sample)):
        return None
    return RecognisedFormat("html", html.Html(html.table_of(sample, regions)))


def _json(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    if not _JSON.match(sample):
        return None
    lines = [line for line in sample.split(b"\n")[:_LINES] if line.strip()]
    alone = sum(_JSON_LINE.fullmatch(line) is not None for line in lines)
    level = level_of(sample, regions)
    separate = alone > 1 and alone >= _MOST * len(lines) and not sample.lstrip().startswith((b"[{", b"[["))
    if separate and not level.depth:
        return RecognisedFormat("jsonl", JsonLines(JsonShape(lines, regions)))
    shape = JsonShape(sample_records(sample, level.depth, regions), regions, keyed=level.keyed)
    return RecognisedFormat("json", Records(shape, level.depth, regions))


def _sql(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    return (
        RecognisedFormat("sql", sql.SqlReader(sql.quoting_of(sample), regions))
        if _SQL.search(sample)
        else None
    )


def _combo(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    lines = _lines(sample)
    pairs = [match for line in lines if (match := _PAIR.fullmatch(line))]
    if len(pairs) < _MOST * len(lines) or not lines:
        return None
    sign, count = Counter(match[2] for match in pairs).most_common(1)[0]
    addresses = sum(match[1] is not None for match in pairs)
    firsts = {match[0].partition(sign)[0] for match in pairs}
    alone = sign == ":" and len(lines) > _SHORT and len(firsts) > 0.9 * len(pairs)
    if count < _MOST * len(lines) or not (addresses >= _MOST * len(lines) or alone):
        return None
    if sign != ":" and sum(line.count(sign) > 1 for line in lines) > len(lines) // 2:
        return None  # a table whose first column is of addresses
    rows = [line.split(sign, 1) for line in lines if sign in line]
    return RecognisedFormat("combo", PlainLines(Pairs(sign.encode(), rows, regions), records=False))


def _delimited(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    best: tuple[float, int, Dialect, list[list[str]]] | None = None
    for delimiter in DELIMITERS:
        if delimiter not in sample:
            continue
        dialect = Dialect(delimiter, *_quoting(sample, delimiter))
        rows = [row for row in _rows(sample, dialect) if any(row)]
        widths = Counter(map(len, rows))
        if not widths:
            continue
        width, count = widths.most_common(1)[0]
        share = count / len(rows)
        enough = width >= 2 if len(rows) >= _SHORT else width >= 3
        if enough and share >= _MOST and (best is None or (round(share, 1), width) > best[:2]):
            best = (round(share, 1), width, dialect, rows)
    if best is None:
        return None
    _, _, dialect, rows = best
    name = "combo" if dialect.delimiter == b"----" else "tsv" if dialect.delimiter == b"\t" else "csv"
    return RecognisedFormat(name, Delimited(DelimitedTable(dialect, rows, regions)))


def _quoting(sample: bytes, delimiter: bytes) -> tuple[bytes | None, bool]:
    """The quote, and whether a backslash escapes it."""
    if len(delimiter) > 1:
        return None, False
    quote = next((quote for quote, pattern in _QUOTED.items() if pattern.search(sample)), None)
    if quote is None:
        return None, False
    return quote, b"\\" + quote in sample and not re.search(rb"[^\s,;|]" + quote * 2 + rb"[^\s,;|]", sample)


def _rows(sample: bytes, dialect: Dialect) -> list[list[str]]:
    lines = sample.decode("utf-8", "replace").split("\n")
    if dialect.quote is None:
        return [dialect.split(line) for line in lines[:_LINES] if line.strip()]
    try:
        rows = list(dialect.reader([line + "\n" for line in lines[:_LINES]]))
    except csv.Error:
        return [dialect.split(line) for line in lines[:_LINES] if line.strip()]
    return rows[:-1] if len(lines) > _LINES and len(rows) > 1 else rows


def _keyvalue(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    lines = _lines(sample)
    keys = Counter(key for line in lines if (key := key_of(line)) is not None)
    again = sum(count for count in keys.values() if count > 1)
    if sum(keys.values()) < _MOST * len(lines) or (again < _MOST * sum(keys.values()) and len(lines) > 12):
        return None
    return RecognisedFormat("keyvalue", PlainLines(KeyValue(lines, regions))) if keys else None


def _lines(sample: bytes) -> list[str]:
    lines = sample.decode("utf-8", "replace").split("\n")[:_LINES]
    return [line.rstrip("\r") for line in lines if line.strip()]


_ORDER: tuple[Callable[[bytes, Sequence[str]], RecognisedFormat | None], ...] = (
    _html, _json, _sql, _combo, _delimited, _keyvalue,
)  # fmt: skip
