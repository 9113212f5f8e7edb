"""Two hundred invented customers, and the same list written in each format that is read.

Addresses end in .example, numbers are of the 170 range with a middle of zeros, names come from a fixed set.
"""

from __future__ import annotations

import csv
import html
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from typing import Literal
from xml.sax.saxutils import escape

NAMES = ("id", "姓名", "手机", "email", "address", "remark")
PHONE, EMAIL = 3, 4  # the columns' numbers

_SURNAMES = "安柏程戴鄂方葛贺"
_GIVEN = ("明", "宁沛", "佳", "凯岚", "恩帆", "广")
_REMARKS = ("", "ok", "vip, since 2019", 'the "old" one', "it's paid", "c:\\temp", "two\nlines", "tab\there")

Row = tuple[str, ...]


def customers(count: int = 200) -> list[Row]:
    """Return rows whose remarks hold every character that a format has to escape."""
    return [
        (
            str(number),
            _SURNAMES[number % 8] + _GIVEN[number % 6],
            f"1700000{number:04}",
            f"person{number}@mail.example",
            f"{number} Quill Lane; Mere | East",
            _REMARKS[number % 8],
        )
        for number in range(1, count + 1)
    ]


def plain(cell: str) -> str:
    """Return a cell as it is read back: line ends and tabs inside of it are spaces."""
    return cell.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")


def as_csv(rows: list[Row], delimiter: str = ",", end: str = "\r\n", *, all_quoted: bool = False) -> bytes:
    out = io.StringIO()
    quoting: Literal[0, 1] = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([NAMES, *rows])
    return out.getvalue().encode()


def as_escaped_csv(rows: list[Row]) -> bytes:
    """Escape quotes by a backslash, as MySQL's `INTO OUTFILE` does."""
    out = io.StringIO()
    csv.writer(out, doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL).writerows([NAMES, *rows])
    return out.getvalue().encode()


def as_dashes(rows: list[Row]) -> bytes:
    return "".join("----".join(map(plain, row)) + "\n" for row in rows).encode()


def as_json_lines(rows: list[Row], *, ascii_only: bool = True) -> bytes:
    lines = [json.dumps(dict(zip(NAMES, row, strict=True)), ensure_ascii=ascii_only) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def as_json(rows: list[Row], indent: int | None = 2) -> bytes:
    records = [dict(zip(NAMES, row, strict=True)) for row in rows]
    return json.dumps({"RECORDS": records}, indent=indent).encode()


def as_json_array(rows: list[Row]) -> bytes:
    return json.dumps([dict(zip(NAMES, row, strict=True)) for row in rows], ensure_ascii=False).encode()


def _mysql(cell: str) -> str:
    for sign, written in (("\\", "\\\\"), ("'", "\\'"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        cell = cell.replace(sign, written)
    return f"'{cell}'"


def as_mysql(rows: list[Row], per_statement: int = 70) -> bytes:
    created = ",\n".join(f"  `{name}` varchar(200) DEFAULT NULL" for name in NAMES)
    table = f"CREATE TABLE `users` (\n{created},\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\n"
    parts = ["-- MySQL dump 10.13\n\n" + table]
    for at in range(0, len(rows), per_statement):
        values = ",".join(f"({','.join(map(_mysql, row))})" for row in rows[at : at + per_statement])
        parts.append(f"INSERT INTO `users` VALUES {values};\n")
    return "".join(parts).encode()


def as_postgres(rows: list[Row]) -> bytes:
    columns = ", ".join(f'"{name}"' for name in NAMES)
    parts = ["--\n-- PostgreSQL database dump\n--\n\n"]
    for row in rows:
        values = ", ".join("'" + cell.replace("'", "''") + "'" for cell in row)
        parts.append(f'INSERT INTO public."users" ({columns}) VALUES ({values});\n')
    return "".join(parts).encode()


def as_copy(rows: list[Row]) -> bytes:
    def cell(text: str) -> str:
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n") or "\\N"

    lines = "".join("\t".join(map(cell, row)) + "\n" for row in rows)
    columns = ", ".join(NAMES)
    start = f"-- PostgreSQL database dump\n\nCOPY public.users ({columns}) FROM stdin;\n"
    return f"{start}{lines}\\.\n\n".encode()


def as_key_value(rows: list[Row]) -> bytes:
    def record(row: Row) -> str:
        return "\n".join(f"{name}: {plain(cell)}" for name, cell in zip(NAMES, row, strict=True))

    records = map(record, rows)
    return ("\n\n".join(records) + "\n").encode()


def as_html(rows: list[Row]) -> bytes:
    def line(row: Row, tag: str) -> str:
        cells = "\n".join(f"    <{tag} class=c>{html.escape(cell)}</{tag}>" for cell in row)
        return f"  <tr>\n{cells}\n  </tr>\n"

    body = line(NAMES, "th") + "".join(line(row, "td") for row in rows)
    return f"<!DOCTYPE html>\n<html><body><h1>List</h1>\n<table>\n{body}</table></body></html>\n".encode()


def _cell(place: str, text: str, strings: dict[str, int]) -> str:
    if text.isdigit():
        return f'<c r="{place}"><v>{text}</v></c>'
    return f'<c r="{place}" t="s"><v>{strings.setdefault(text, len(strings))}</v></c>' if text else ""


def as_xlsx(rows: list[Row]) -> bytes:
    return workbook_of([NAMES, *rows])


def workbook_of(*sheets: Sequence[Sequence[str]]) -> bytes:
    """Return a workbook as Excel writes it; cells of digits are numbers."""
    strings: dict[str, int] = {}
    space = 'xmlns="urn:synthetic:sheet"'
    parts = {"[Content_Types].xml": "<Types/>", "xl/workbook.xml": f"<workbook {space}/>"}
    for sheet, rows in enumerate(sheets, 1):
        lines = [
            f'<row r="{number}">'
            + "".join(_cell(f"{chr(65 + at)}{number}", cell, strings) for at, cell in enumerate(row))
            + "</row>"
            for number, row in enumerate(rows, 1)
        ]
        data = f"<worksheet {space}><sheetData>{''.join(lines)}</sheetData></worksheet>"
        parts[f"xl/worksheets/sheet{sheet}.xml"] = data
    shared = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
    parts["xl/sharedStrings.xml"] = f"<sst {space}>{shared}</sst>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def as_combo(rows: list[Row]) -> bytes:
    return "".join(f"{row[3]}:pass:{row[0]}\n" for row in rows).encode()


#: Name of the case, format that is recognised, writer of the whole table.
TABLES: list[tuple[str, str, Callable[[list[Row]], bytes]]] = [
    ("csv", "csv", as_csv),
    ("csv, all quoted", "csv", lambda rows: as_csv(rows, all_quoted=True)),
    ("csv, semicolon", "csv", lambda rows: as_csv(rows, ";", "\n")),
    ("csv, bar", "csv", lambda rows: as_csv(rows, "|", "\n")),
    ("csv, caret", "csv", lambda rows: as_csv(rows, "^", "\n")),
    ("csv, escaped", "csv", as_escaped_csv),
    ("tsv", "tsv", lambda rows: as_csv(rows, "\t", "\n")),
    ("dashes", "combo", as_dashes),
    ("jsonl", "jsonl", as_json_lines),
    ("jsonl, utf-8", "jsonl", lambda rows: as_json_lines(rows, ascii_only=False)),
    ("json, indented", "json", as_json),
    ("json, one line", "json", lambda rows: as_json(rows, None)),
    ("json array", "json", as_json_array),
    ("mysql", "sql", as_mysql),
    ("postgres", "sql", as_postgres),
    ("copy", "sql", as_copy),
    ("keyvalue", "keyvalue", as_key_value),
    ("html", "html", as_html),
    ("xlsx", "xlsx", as_xlsx),
]
