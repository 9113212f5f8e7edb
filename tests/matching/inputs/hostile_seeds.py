"""Inputs that are mutated, in groups: one for each kind of reader."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import sqlite3
import zipfile
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from xml.sax.saxutils import escape

from backports import zstd

from tests.escapes import DISGUISES, ESCAPES
from tests.matching.inputs.archives import cab, nested, rar4, rar5, seven, special, tarred, zipped
from tests.matching.inputs.customers import TABLES, Row, as_combo, as_csv, as_xlsx, customers
from tests.matching.inputs.record_shapes import SHAPES

_ROWS = customers(24)
_TABLE = as_csv(_ROWS)
_CONTENT_TYPES = "<?xml version='1.0'?><Types xmlns='x'/>"


def _archives() -> list[bytes]:
    members = {"a.csv": _TABLE, "b/c.txt": as_combo(_ROWS), "empty": b""}
    methods = (0, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return [
        *(pack(_TABLE) for pack in (gzip.compress, bz2.compress, lzma.compress, zstd.compress)),
        *(zipped(members, method) for method in methods),
        *(tarred(members, mode) for mode in ("w", "w:gz", "w:xz")),
        tarred({"n" * 150: _TABLE}, form=2) + special("link", b"2"),
        seven(members),
        seven(members, [{"id": 0x4000000000000001}]),
        seven(members, [{"id": 51}]),
        zipped({"x": seven(members), "y": tarred(members, "w:gz"), "z": as_xlsx(_ROWS)}),
        nested(_TABLE, 3),
        gzip.compress(bytes(1 << 22)),
    ]


def _tables() -> list[bytes]:
    charsets = ("utf-16", "gb18030", "big5hkscs")
    by_columns = {name: {str(at): row[at % 4] for at, row in enumerate(_ROWS)} for name in "abc"}
    return [
        *(write(_ROWS) for _, _, write in TABLES),
        *(_TABLE.decode().encode(charset, "replace") for charset in charsets),
        json.dumps(by_columns).encode(),
    ]


def _mail() -> list[bytes]:
    one, boxed = _message("quoted-printable"), _message("base64")
    forwarded = EmailMessage()
    forwarded["From"], forwarded["Subject"] = "b@mail.example", "=?gb2312?B?xPq6ww==?="
    forwarded.set_content("see below\n>From here\n")
    forwarded.add_attachment(boxed)
    forwarded.add_attachment(
        zipped({"a.csv": _TABLE}), maintype="application", subtype="zip", filename="a.zip"
    )
    flowed = b"From: a@mail.example\nSubject: x\nContent-Type: text/plain; format=flowed; delsp=yes\n\n"
    flowed += b"a long line of \nperson1@mail. \nexample\n-- \n> quoted \n> on\n"
    uu = b"From: a@mail.example\nSubject: x\n\nbegin 644 a.txt\n#86)C\n`\nend\nbehind it\n"
    line = b"From a@mail.example Tue Feb  3 11:20:04 2026\n"
    mailbox = b"".join(line + bytes(message) + b"\n" for message in (one, boxed, forwarded))
    return [bytes(one), bytes(boxed), bytes(forwarded), flowed, uu, mailbox]


def _message(encoding: str) -> EmailMessage:
    """Return a message with a body in two forms, and a table attached."""
    message = EmailMessage()
    message["From"], message["Subject"] = "Jörg <a@mail.example>", "Liste für März"
    message.set_content("Grüße\nperson1@mail.example\n", cte=encoding)
    message.add_alternative("<table><tr><td>person1@mail.example</table>", subtype="html", cte="base64")
    message.add_attachment(_TABLE, maintype="text", subtype="csv", filename="a.csv")
    return message


def _databases() -> list[bytes]:
    """Return databases of two tables; one has no rowid, and one row is on several pages."""
    found = []
    for page, encoding in ((512, "UTF-8"), (1024, "UTF-16le")):
        with sqlite3.connect(":memory:") as database:
            database.execute(f"PRAGMA page_size={page}")
            database.execute(f"PRAGMA encoding='{encoding}'")
            database.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, b, c, d, e, f)")
            database.execute("CREATE TABLE k (b, c, d, e, f, id, PRIMARY KEY (c, b)) WITHOUT ROWID")
            database.executemany("INSERT INTO a VALUES (?, ?, ?, ?, ?, ?)", _ROWS)
            database.executemany("INSERT OR IGNORE INTO k VALUES (?, ?, ?, ?, ?, ?)", _ROWS)
            database.execute("INSERT INTO a (b) VALUES (?)", ("word " * 3_000,))
        found.append(database.serialize())
    return found


def _documents() -> list[bytes]:
    """Return documents of office programs; their XML is not packed, so that mutations reach it."""
    office = "http://schemas.openxmlformats.org"
    word, slide = f"{office}/wordprocessingml/2006/main", f"{office}/presentationml/2006/main"
    drawing = f"{office}/drawingml/2006/main"
    rows = _elements("<w:tr>{}</w:tr>", "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>", _ROWS)
    body = f"<w:p><w:r><w:t>List</w:t></w:r></w:p><w:tbl>{rows}</w:tbl>"
    text = f"<w:document xmlns:w='{word}'><w:body>{body}</w:body></w:document>"
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    table = f"<a:tbl>{_elements('<a:tr>{}</a:tr>', cell, _ROWS)}</a:tbl>"
    slides = f"<p:sld xmlns:p='{slide}' xmlns:a='{drawing}'><p:cSld>{table}</p:cSld></p:sld>"
    packages = [
        {"[Content_Types].xml": _CONTENT_TYPES, "word/document.xml": text},
        {"[Content_Types].xml": _CONTENT_TYPES, "ppt/slides/slide1.xml": slides},
        *(_open_document(kind) for kind in ("spreadsheet", "text", "presentation")),
    ]
    return [
        zipped({name: part.encode() for name, part in package.items()}, zipfile.ZIP_STORED)
        for package in packages
    ]


def _open_document(kind: str) -> dict[str, str]:
    names = ("office", "table", "text")
    spaces = "".join(f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = _elements("<table:table-row>{}</table:table-row>", cell, _ROWS)
    content = f"<office:document-content{spaces}><table:table>{rows}</table:table></office:document-content>"
    return {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content}


def _elements(row: str, cell: str, rows: Sequence[Row]) -> str:
    return "".join(row.format("".join(cell.format(escape(one)) for one in cells)) for cells in rows)


def _libarchive() -> list[bytes]:
    return [pack({"a.csv": _TABLE, "b": b"x"}) for pack in (rar5, rar4, cab)]


def _folded() -> list[bytes]:
    """Return LDIF in which each second value is in base64, with folded lines, and vCards."""
    entries = []
    for row in _ROWS:
        mail = f"mail:: {base64.b64encode(row[3].encode()).decode()}"
        folded = "\n ".join(mail[at : at + 20] for at in range(0, len(mail), 20))
        entries.append(
            f"dn: uid={row[0]},dc=bank,\n dc=example\ncn: {row[1]}\n{folded}\nmobile: {row[2]}\n\n"
        )
    return ["".join(entries).encode(), _records("vcard folded")]


def _all_records() -> list[bytes]:
    return list(map(_records, list(SHAPES)))


def _records(name: str) -> bytes:
    """Return records over several lines in one of the shapes."""
    shape = SHAPES[name]
    records = [
        shape.each.format(e=f"a{k}@mail.example", p=f"+49171392{k:04}", n="A B", k=k) for k in range(20)
    ]
    return (shape.before + "".join(records) + shape.after).encode()


def _escapes() -> list[bytes]:
    """Return texts with an address in each escape and disguise, and a number in each escape."""
    lines = [f"{way(f'anna{k}@mail.example')} to" for k, way in enumerate(DISGUISES.values())]
    lines += [f"{way('bo@mail.example')} {way('+491713920001')}" for way in ESCAPES.values()]
    texts = [lines[at::4] for at in range(4)]
    return [("log: " + "\n".join(part * 3) + "\n").encode() for part in texts]


#: What is mutated, by its kind.
GROUPS: Mapping[str, Callable[[], list[bytes]]] = {
    "tables": _tables,
    "archives": _archives,
    "mail": _mail,
    "databases": _databases,
    "documents": _documents,
    "libarchive": _libarchive,
    "folded": _folded,
    "records": _all_records,
    "escapes": _escapes,
}
