"""Which format a text has: a sample of its beginning decides, in this order:

1. A page begins like a page; JSON begins like JSON; SQL has a statement that fills a table.
2. HTML without a page's beginning: most lines begin with a tag of HTML. Records over several lines: two have
   the same labels or types of values in the same order.
3. A combo list: most lines are an address or a name, a separator, and the rest.
4. DelimitedReader: the delimiter that occurs the same number of times on most lines.
5. `key: value`: most lines have a key, and keys occur again.
6. Anything else is text.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from matching.identifiers import Field
from matching.inputs.formats import folded, html, sql
from matching.inputs.formats.blocks import PLAIN, Block, LineShape
from matching.inputs.formats.columns import is_known_name
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.delimited import DelimitedReader, DelimitedShape, Dialect
from matching.inputs.formats.json_columns import JsonColumnsReader, may_be_columns
from matching.inputs.formats.json_levels import record_level
from matching.inputs.formats.json_records import JsonLinesReader, JsonRecordsReader, JsonShape, sample_records
from matching.inputs.formats.plain_lines import KeyValueShape, PairsShape, PlainLinesReader
from matching.inputs.formats.rows import TextRows, key_of

_SAMPLE_LINES = 300
_LINES_SHARE = 0.7  # of the lines must agree
_RECORDS_SHARE = 0.5  # of the lines must be in records of several lines
_KNOWN_KEYS = frozenset({*map(str, Field), "number", "name", "family_name", "given_name", "password"})
_FEW_LINES = 3  # fewer must agree on more columns
DELIMITERS = (b"----", b"\t", b",", b";", b"|", b"^", b"\x01", b"~")

_REFERENCE = re.compile(rb"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")  # no delimiter
_JSON = re.compile(
    rb"\s*(?:\{\s*[\"}]|\[\s*(?:[\"{\[]|\](?!\w))|\[\s*-?\d+[\d.]*\s*,|\"[^\"\n]{1,200}\"\s*:\s*[{\[])"
)
_TOML = re.compile(
    rb"\s*\[{1,2}\s*[A-Za-z_\"'][\w.\"' -]{0,100}\]{1,2}[ \t]*(?:#[^\n]*)?\r?\n\s*[\w.\"'-]+[ \t]*="
)
_JSON_LINE = re.compile(rb"\s*(?:\{\s*\".*\}|\[\s*[\"{\[\d-].*\])\s*,?\s*", re.DOTALL)
_SQL = re.compile(
    rb"^[ \t]{0,99}+(?:(?:INSERT|REPLACE)[ \t]{1,99}+(?:\w{1,20}+[ \t]{1,99}+)?INTO[ \t]{1,99}+\S"
    rb"|COPY[ \t]{1,99}+\S.{0,8000}?FROM[ \t]{1,99}+stdin|CREATE[ \t]{1,99}+TABLE[ \t]{1,99}+\S"
    rb"|--[ \t]{1,99}+(?:MySQL|MariaDB|PostgreSQL)\b.{0,40}dump)",
    re.IGNORECASE | re.MULTILINE,
)
_PAIR = re.compile(r"\s*[^\s:;|,@]{1,100}(@[^\s:;|,@]{1,200})?([:;|])(?!//)\S.{0,300}")
_PARAMETERS = re.compile(r";.*|^item\d+\.", re.DOTALL)  # of a vCard: `EMAIL;TYPE=HOME`, `item1.TEL`
_KEYS_SHARE = 0.2
_CELL_START, _CELL_END = rb"(?:^|[,;\t|^~\x01])", rb"(?:$|[,;\t|^~\x01\r\n])"
# An apostrophe also begins words, so it must close its cell on the same line.
_QUOTED_CELL = {
    b'"': re.compile(_CELL_START + b'"', re.MULTILINE),
    b"'": re.compile(_CELL_START + rb"'[^\n']*'" + _CELL_END, re.MULTILINE),
}


class FormatReader(Protocol):
    """Divides a text into blocks."""

    @property
    def shape(self) -> LineShape: ...

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        """Yield blocks whose offset is at least `after`; raises InputRefused where it cannot go on."""


#: Readers that keep nothing from block to block: the text's state is all that the next block depends on.
INDEPENDENT_READERS = (PlainLinesReader, DelimitedReader, JsonLinesReader, folded.FoldedReader)


class RecognisedFormat(NamedTuple):
    """A format's name and its reader."""

    format: str
    reader: FormatReader


class _Recognised(NamedTuple):
    sample: bytes
    regions: tuple[str, ...]
    found: RecognisedFormat


#: The last text whose reader keeps nothing. The stretches of a file follow one another, and finding out
#: what the columns hold takes 50 ms, a tenth of the time of matching a stretch.
_last: _Recognised | None = None


def recognise_format(sample: bytes, regions: Sequence[str]) -> RecognisedFormat:
    """`sample`: UTF-8 that ends at a line end, unless a line is longer than the sample."""
    global _last
    last = _last
    if last is not None and last.sample == sample and last.regions == tuple(regions):
        return last.found
    recognised = (found for recognise in _RECOGNISERS if (found := recognise(sample, regions)) is not None)
    found = next(recognised, RecognisedFormat("text", PlainLinesReader()))
    if isinstance(found.reader, INDEPENDENT_READERS):
        _last = _Recognised(sample, tuple(regions), found)
    return found


def _recognise_page(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    return _html(sample, regions) if html.is_page(sample) else None


def _recognise_tags(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    return _html(sample, regions) if html.is_mostly_tags(sample) else None


def _html(sample: bytes, regions: Sequence[str]) -> RecognisedFormat:
    return RecognisedFormat("html", html.HtmlReader(html.table_shape(sample, regions)))


def _recognise_json(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    if not _JSON.match(sample) or _TOML.match(sample):
        return None
    lines = [line for line in sample.split(b"\n")[:_SAMPLE_LINES] if line.strip()]
    alone = sum(_JSON_LINE.fullmatch(line) is not None for line in lines)
    level = record_level(sample, regions)
    separate = (
        alone > 1 and alone >= _LINES_SHARE * len(lines) and not sample.lstrip().startswith((b"[{", b"[["))
    )
    if separate and not level.depth:
        return RecognisedFormat("jsonl", JsonLinesReader(JsonShape(lines, regions)))
    shape = JsonShape(sample_records(sample, level.depth, regions), regions, keyed=level.keyed)
    reader = JsonRecordsReader(shape, level.depth, regions)
    if may_be_columns(sample):
        return RecognisedFormat("json", JsonColumnsReader(reader, regions))
    return RecognisedFormat("json", reader)


def _recognise_sql(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    return (
        RecognisedFormat("sql", sql.SqlReader(sql.quoting_of(sample), regions))
        if _SQL.search(sample)
        else None
    )


def _recognise_folded(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    if not folded.is_folded(sample):
        return None
    lines = _sample_lines(folded.unfold(sample)[0], empty=True)
    record_shape = TextRows("\n".join(lines)).record_shape
    return RecognisedFormat("keyvalue", folded.FoldedReader(KeyValueShape(lines, regions), record_shape))


def _recognise_records(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    """Recognise records of several lines by two of them that have two labels or types of values in common."""
    lines = _sample_lines(sample, empty=True)
    rows = TextRows("\n".join(lines))
    records = rows.records()
    held = sum(map(len, records))
    filled = sum(bool(line.strip()) for line in lines)
    if held < _RECORDS_SHARE * filled or not _are_alike(records):
        return None
    labelled = any(rows.pair_at(index) for index in range(len(lines)))
    name = "keyvalue" if _recognise_keyvalue(sample, regions) else "records"
    shape: LineShape = KeyValueShape(lines, regions) if labelled else PLAIN
    return RecognisedFormat(name, PlainLinesReader(shape, record_shape=rows.record_shape))


def _are_alike(records: Sequence[Sequence[str]]) -> bool:
    """Whether two records tell the same two things, one of which is a known one.

    `records`: what each line tells. In a table of two columns all lines tell the same.
    """
    seen: Counter[tuple[str, str]] = Counter()
    for record in records[:_SAMPLE_LINES]:
        keys = list(dict.fromkeys(key for key in record if key))
        seen.update(pair for pair in pairwise(keys) if any(key in _KNOWN_KEYS for key in pair))
    return bool(seen) and max(seen.values()) > 1


def _recognise_combo(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    lines = _sample_lines(sample)
    pairs = [match for line in lines if (match := _PAIR.fullmatch(line))]
    if len(pairs) < _LINES_SHARE * len(lines) or not lines:
        return None
    sign, count = Counter(match[2] for match in pairs).most_common(1)[0]
    addresses = sum(match[1] is not None for match in pairs)
    firsts = {match[0].partition(sign)[0] for match in pairs}
    alone = sign == ":" and len(lines) > _FEW_LINES and len(firsts) > 0.9 * len(pairs)
    if not addresses and _are_keys(firsts):
        return None  # one person's fields, such as a vCard
    if count < _LINES_SHARE * len(lines) or not (addresses >= _LINES_SHARE * len(lines) or alone):
        return None
    if sign != ":" and sum(line.count(sign) > 1 for line in lines) > len(lines) // 2:
        return None  # a table whose first column holds addresses
    rows = [line.split(sign, 1) for line in lines if sign in line]
    return RecognisedFormat(
        "combo", PlainLinesReader(PairsShape(sign.encode(), rows, regions), records=False)
    )


def _are_keys(firsts: Collection[str]) -> bool:
    """Whether two of them, and one in five, are names that columns have: user names are not."""
    known = sum(is_known_name(_PARAMETERS.sub("", first).strip()) for first in firsts)
    return known > 1 and known >= _KEYS_SHARE * len(firsts)


def _recognise_delimited(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    best: tuple[float, int, Dialect, list[list[str]]] | None = None
    for delimiter in DELIMITERS:
        if delimiter not in sample:
            continue
        dialect = Dialect(delimiter, *_sample_quoting(sample, delimiter))
        counted = _REFERENCE.sub(b"&", sample) if delimiter == b";" else sample
        rows = [row for row in _sample_rows(counted, dialect) if any(row)]
        widths = Counter(map(len, rows))
        if not widths:
            continue
        width, count = widths.most_common(1)[0]
        share = count / len(rows)
        enough = width >= 2 if len(rows) >= _FEW_LINES else width >= 3
        if enough and share >= _LINES_SHARE and (best is None or (round(share, 1), width) > best[:2]):
            best = (round(share, 1), width, dialect, rows)
    if best is None:
        return None
    _, _, dialect, rows = best
    name = "combo" if dialect.delimiter == b"----" else "tsv" if dialect.delimiter == b"\t" else "csv"
    return RecognisedFormat(name, DelimitedReader(DelimitedShape(dialect, rows, regions)))


def _sample_quoting(sample: bytes, delimiter: bytes) -> tuple[bytes | None, bool]:
    """Return the quote, None without quotes, and whether a backslash escapes it."""
    if len(delimiter) > 1:
        return None, False
    quote = next((quote for quote, pattern in _QUOTED_CELL.items() if pattern.search(sample)), None)
    if quote is None:
        return None, False
    return quote, b"\\" + quote in sample and not re.search(rb"[^\s,;|]" + quote * 2 + rb"[^\s,;|]", sample)


def _sample_rows(sample: bytes, dialect: Dialect) -> list[list[str]]:
    lines = sample.decode("utf-8", "replace").split("\n")
    if dialect.quote is None:
        return [dialect.split(line) for line in lines[:_SAMPLE_LINES] if line.strip()]
    try:
        rows = list(dialect.reader([line + "\n" for line in lines[:_SAMPLE_LINES]]))
    except csv.Error:
        return [dialect.split(line) for line in lines[:_SAMPLE_LINES] if line.strip()]
    return rows[:-1] if len(lines) > _SAMPLE_LINES and len(rows) > 1 else rows


def _recognise_keyvalue(sample: bytes, regions: Sequence[str]) -> RecognisedFormat | None:
    lines = _sample_lines(sample)
    keys = Counter(key for line in lines if (key := key_of(line)) is not None)
    again = sum(count for count in keys.values() if count > 1)
    if sum(keys.values()) < _LINES_SHARE * len(lines) or (
        again < _LINES_SHARE * sum(keys.values()) and len(lines) > 12
    ):
        return None
    return RecognisedFormat("keyvalue", PlainLinesReader(KeyValueShape(lines, regions))) if keys else None


def _sample_lines(sample: bytes, *, empty: bool = False) -> list[str]:
    """Return the first lines. `empty`: with those that are empty."""
    lines = sample.decode("utf-8", "replace").split("\n")[:_SAMPLE_LINES]
    return [line.rstrip("\r").replace("\r", " ") for line in lines if empty or line.strip()]


_RECOGNISERS: tuple[Callable[[bytes, Sequence[str]], RecognisedFormat | None], ...] = (
    _recognise_page,
    _recognise_json,
    _recognise_sql,
    _recognise_tags,
    _recognise_folded,
    _recognise_records,
    _recognise_combo,
    _recognise_delimited,
    _recognise_keyvalue,
)
