"""Documents of office programs, with the structure that Word, PowerPoint and LibreOffice write."""

from __future__ import annotations

import random
from xml.sax.saxutils import escape

import pytest

from tests.matching.inputs.archives import zipped
from tests.matching.inputs.customers import NAMES, Row, as_csv, as_xlsx, customers
from tests.matching.inputs.reading import Read, lines, outcomes, read

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text", "draw")
)


def _paragraph(text: str) -> str:
    return (
        '<w:p w:rsidR="00A1"><w:pPr><w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs></w:pPr>'
        f'<w:r><w:rPr><w:b/></w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'
    )


def docx(body: str, more: dict[str, bytes] | None = None) -> bytes:
    """Return a document as Word writes it, around the elements of a body."""
    document = f'{_HEAD}<w:document xmlns:w="{_W}"><w:body>{body}<w:sectPr/></w:body></w:document>'
    return zipped(
        {
            "[Content_Types].xml": f'{_HEAD}<Types xmlns="x"/>'.encode(),
            "_rels/.rels": f'{_HEAD}<Relationships xmlns="x"/>'.encode(),
            "word/document.xml": document.encode(),
            "word/styles.xml": f'{_HEAD}<w:styles xmlns:w="{_W}"/>'.encode(),
            "word/theme/theme1.xml": f'{_HEAD}<a:theme xmlns:a="{_A}"/>'.encode(),
            "docProps/core.xml": f"{_HEAD}<core/>".encode(),
            "docProps/thumbnail.jpeg": b"\xff\xd8\xff\xe0" + bytes(80),
            **(more or {}),
        }
    )


def _word_table(rows: list[Row]) -> str:
    cells = ("".join(f"<w:tc><w:tcPr/>{_paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl><w:tblPr/>" + "".join(f"<w:tr><w:trPr/>{row}</w:tr>" for row in cells) + "</w:tbl>"


def _slides(rows: list[Row]) -> bytes:
    cells = (
        "".join(
            f"<a:tc><a:txBody><a:p><a:r><a:t>{escape(cell)}</a:t></a:r></a:p></a:txBody></a:tc>"
            for cell in row
        )
        for row in rows
    )
    table = "<a:tbl>" + "".join(f"<a:tr>{row}</a:tr>" for row in cells) + "</a:tbl>"
    slide = f'{_HEAD}<p:sld xmlns:p="{_P}" xmlns:a="{_A}"><p:cSld>{table}</p:cSld></p:sld>'
    layout = f'{_HEAD}<p:sldLayout xmlns:p="{_P}" xmlns:a="{_A}"><a:t>Click to edit</a:t></p:sldLayout>'
    return zipped(
        {
            "[Content_Types].xml": b"<Types/>",
            "ppt/presentation.xml": b"<presentation/>",
            "ppt/slides/slide1.xml": slide.encode(),
            "ppt/slideLayouts/slideLayout1.xml": layout.encode(),
        }
    )


def open_document(
    kind: str, body: str, more: dict[str, bytes] | None = None, *, prefix: str = "table"
) -> bytes:
    """Return a document as LibreOffice writes it. `prefix`: of the elements of tables."""
    content = (
        f"{_HEAD}<office:document-content {_ODF}><office:body>{body}</office:body></office:document-content>"
    )
    for before in ("<", "</", " ", "xmlns:"):
        after = "=" if before == "xmlns:" else ":"
        content = content.replace(f"{before}table{after}", f"{before}{prefix}{after}")
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}".encode(),
            "content.xml": content.encode(),
            "styles.xml": f"{_HEAD}<office:document-styles {_ODF}/>".encode(),
            "meta.xml": f"{_HEAD}<office:document-meta {_ODF}/>".encode(),
            "META-INF/manifest.xml": b"<manifest/>",
            "Thumbnails/thumbnail.png": b"\x89PNG\r\n\x1a\n" + bytes(80),
            **(more or {}),
        }
    )


def _open_table(rows: list[Row]) -> str:
    cells = (
        "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
            for cell in row
        )
        for row in rows
    )
    return "".join(
        [
            "<table:table table:name='t'>",
            *(f"<table:table-row>{row}</table:table-row>" for row in cells),
            "</table:table>",
        ]
    )


ROWS = [tuple(NAMES), *customers(200)]
PACKAGES = [
    ("docx", docx(_paragraph("All of them") + _word_table(ROWS) + _paragraph("End"))),
    ("pptx", _slides(ROWS)),
    ("odt", open_document("text", f"<office:text><text:h>All</text:h>{_open_table(ROWS)}</office:text>")),
    (
        "odp",
        open_document(
            "presentation",
            f"<office:presentation><draw:frame>{_open_table(ROWS)}</draw:frame></office:presentation>",
        ),
    ),
    ("ods", open_document("spreadsheet", f"<office:spreadsheet>{_open_table(ROWS)}</office:spreadsheet>")),
]


def _numbered(found: Read) -> list[tuple[int, str]]:
    return [(number, line.decode()) for block in found.blocks for line, number in lines(block)]


@pytest.mark.parametrize(("format_", "source"), PACKAGES, ids=[name for name, _ in PACKAGES])
def test_a_table_has_rows_and_columns(format_: str, source: bytes) -> None:
    """A row of a table is a row, whose columns have their roles and names."""
    (found,) = read(source)

    assert (found.format, found.ending.outcome) == (format_, "whole")
    block = next(block for block in found.blocks if block.shape.columns)
    rows = [row for row in found.cells(1, 2, 3, 4, 5, 6) if row[0].isdigit()]
    assert rows == [tuple(" ".join(cell.split()) for cell in row) for row in customers(200)]
    assert [column.role for column in block.shape.columns][2:4] == ["phone", "email"]
    assert [column.name for column in block.shape.columns] == [*NAMES]


def test_text_around_tables_stays_in_order() -> None:
    """A paragraph is a line; a small table is part of the text; comments, links and deleted text are read."""
    body = (
        _paragraph("First")
        + _word_table([("Name", "Anna"), ("Mail", "a@mail.example")])
        + "<w:p><w:del><w:r><w:delText>gone@mail.example </w:delText></w:r></w:del>"
        + "<w:r><w:t>x</w:t><w:br/><w:t>y</w:t></w:r></w:p>"
        + '<w:p><mc:AlternateContent xmlns:mc="m"><mc:Choice><w:r><w:t>once</w:t></w:r></mc:Choice>'
        + "<mc:Fallback><w:r><w:t>once</w:t></w:r></mc:Fallback></mc:AlternateContent></w:p>"
        + "<w:tbl><w:tr><w:tc>" + _word_table([("inner", "table")]) + _paragraph("outer")
        + "</w:tc></w:tr></w:tbl>"
    )  # fmt: skip
    links = (
        '<Relationships xmlns="r"><Relationship Target="mailto:link@mail.example" TargetMode="External"/>'
        '<Relationship Target="styles.xml"/></Relationships>'
    )
    comments = (
        f'<w:comments xmlns:w="{_W}"><w:comment>{_paragraph("said@mail.example")}</w:comment></w:comments>'
    )

    (found,) = read(
        docx(body, {"word/_rels/document.xml.rels": links.encode(), "word/comments.xml": comments.encode()})
    )

    assert [line for _, line in _numbered(found)] == [
        "First", "Name\tAnna", "Mail\ta@mail.example", "gone@mail.example x y", "once", "inner table outer",
        "mailto:link@mail.example", "said@mail.example",
    ]  # fmt: skip


def test_a_sheet_keeps_numbers_of_rows_and_places_of_cells() -> None:
    """Repeated cells and rows take no room, values are written as whole numbers, and any prefix will do."""
    sheet = (
        "<office:spreadsheet><table:table>"
        "<table:table-row table:number-rows-repeated='4'><table:table-cell/></table:table-row>"
        "<table:table-row><table:table-cell table:number-columns-repeated='2'/>"
        "<table:table-cell office:value-type='float' office:value='17000000001'><text:p>1.7E+10</text:p>"
        "</table:table-cell><table:table-cell office:value-type='float' office:value='1713920001'>"
        "<text:p>01713920001</text:p>"
        "</table:table-cell><table:table-cell office:value-type='date' office:date-value='1990-02-03'>"
        "<text:p>3. Feb</text:p>"
        "</table:table-cell><table:table-cell><text:p>two<text:s/>words</text:p><text:p>b@mail.example</text:p></table:table-cell>"
        "<table:table-cell table:number-columns-repeated='16378'/></table:table-row>"
        "<table:table-row table:number-rows-repeated='1048571'><table:table-cell/></table:table-row>"
        "</table:table></office:spreadsheet>"
    )
    expected = [(5, "\t\t17000000001\t01713920001\t1990-02-03\ttwo words b@mail.example")]

    (found,) = read(open_document("spreadsheet", sheet))
    (other,) = read(open_document("spreadsheet", sheet, prefix="t1"))

    assert _numbered(found) == expected
    assert _numbered(other) == expected


def test_what_else_a_package_holds_is_a_document() -> None:
    """Pictures are named, and embedded files are opened; so are files that somebody put into a workbook."""
    more = {
        "word/media/image1.png": b"\x89PNG\r\n\x1a\n" + bytes(80),
        "word/embeddings/list.xlsx": as_xlsx(customers(5)),
        "list.csv": as_csv(customers(5)),
    }

    found = outcomes(read(docx(_paragraph("x"), more)))

    assert found == {
        "dump": "whole",
        "dump!/word/media/image1.png": "unsupported",
        "dump!/word/embeddings/list.xlsx": "whole",
        "dump!/list.csv": "whole",
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<w:p><w:r><w:t>x@mail.example</w:t></w:r></w:p><w:p>", "damaged"),
        ("<w:t>x@mail.example</w:t>" + "<w:p>" * 50_000 + "</w:p>" * 50_000, "whole"),
        ("<w:t>x@mail.example</w:t><w:p w:a='" + "a" * (17 << 20) + "'/>", "too_large"),
        ("<w:t>x@mail.example</w:t><w:tbl><w:tr>" + "<w:tc/>" * 100_000 + "</w:tr></w:tbl>", "whole"),
        ("<w:tbl><w:tr>" + "<w:tc><w:t>1</w:t></w:tc>" * 17_000 + "</w:tr></w:tbl>", "too_large"),
    ],
)
def test_odd_xml_has_an_outcome(body: str, expected: str) -> None:
    """Whatever the XML is, the outcome says whether it was read to its end."""
    (found,) = read(docx(body))

    assert found.ending.outcome == expected


def test_a_document_type_is_refused() -> None:
    """Entities cannot be defined, so nothing grows by them and no file is read by them."""
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    document = (
        f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "x"><!ENTITY f SYSTEM "file:///etc/hostname">{entities}]>'
        f'<w:document xmlns:w="{_W}"><w:p><w:t>&e9;&f;</w:t></w:p></w:document>'
    )

    (found,) = read(docx("", {"word/document2.xml": document.encode()}))

    assert (found.ending.outcome, found.text) == ("damaged", b"")


def test_an_encrypted_document_is_encrypted() -> None:
    """LibreOffice names the encryption in the manifest."""
    manifest = b"<manifest:manifest><manifest:encryption-data/></manifest:manifest>"

    (found,) = read(open_document("text", "<office:text/>", {"META-INF/manifest.xml": manifest}))

    assert found.ending.outcome == "encrypted"


def test_a_zip_with_such_names_is_still_a_zip() -> None:
    """A zip in which only a name looks like that of a document is opened."""
    found = outcomes(
        read(zipped({"content.xml": b"<a>x@mail.example</a>\n", "a/word/document.xml": b"<a/>\n"}))
    )

    assert found == {"dump!/content.xml": "whole", "dump!/a/word/document.xml": "whole"}


def test_mutated_documents_end() -> None:
    """Whatever is changed in the XML, every document has an ending, and none is a mistake of the program."""
    chance = random.Random(7)
    pieces = [
        "<w:tbl>",
        "</w:tbl>",
        "<w:tr>",
        "<w:tc>",
        "</w:tc>",
        "<w:t>",
        "</w:p>",
        "<w:p>",
        "<mc:Fallback xmlns:mc='m'>",
        "x",
    ]

    for _ in range(100):
        body = "".join(chance.choice(pieces) for _ in range(chance.choice((4, 40))))
        assert "failed" not in outcomes(read(docx(body))).values()
