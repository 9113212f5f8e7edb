"""A report as PDF/A-2b with tags, typeset by typst from `report.typ`.

No font is part of Spillwatch; typst takes those of the machine, FONTS first. It refuses a character that no
font has, so that a report never shows boxes. Where the report's own texts or the company's name are refused,
the error says which package is missing. Where only a text of the sample is refused (a script that no font
here has, a picture sign), its unusual characters are written as their code points, and it is set again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

from matching.errors import ReportFontMissing, ReportLibraryMissing
from matching.investigation.report.document import (
    Block,
    BulletList,
    Cell,
    Code,
    FactList,
    Heading,
    Paragraph,
    PictureBlock,
    ReportDocument,
    Statement,
    TableBlock,
)
from matching.investigation.report.pictures.svg import PRINTED, text_width
from matching.investigation.report.wording import own_characters
from text.printable import printable

#: Families that hold both languages, the best one first; others of the machine follow.
FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN")
_CODE_FONTS = ("DejaVu Sans Mono",)  # typst has it built in
_WIDEST = 240.0  # of a column, in units of a picture; a digest has two lines
_REFUSED = "could not be displayed with font"
# What a font for Chinese holds: Latin with its accents, Greek, Cyrillic, punctuation, kana, Han, wide forms.
_USUAL = (
    (0x20, 0x17F),
    (0x391, 0x3C9),
    (0x410, 0x44F),
    (0x2010, 0x2026),
    (0x3000, 0x30FF),
    (0x4E00, 0x9FA5),
    (0xFF01, 0xFF5E),
)


def pdf_file(document: ReportDocument, made_at: datetime) -> bytes:
    """Return the PDF. Raises ReportLibraryMissing and ReportFontMissing, which say what to install."""
    if find_spec("typst") is None:
        raise ReportLibraryMissing
    own = own_characters(document.language) | frozenset(document.title)
    for rewrite in (printable, partial(_usual_only, own=own), partial(_own_only, own=own)):
        found = _typeset(_Content(document, made_at, rewrite).as_dict(), made_at)
        if found is not None:
            return found
    raise ReportFontMissing


@cache
def system_fonts() -> Any:  # noqa: ANN401  (typst is an extra)
    """Return the fonts of this machine, with those that are part of typst."""
    import typst

    return typst.Fonts()


def _typeset(content: dict[str, Any], made_at: datetime) -> bytes | None:
    """Return the PDF; None: a character of it could not be displayed."""
    import typst

    template = (files("matching.investigation.report") / "report.typ").read_bytes()
    try:
        found = typst.compile(
            template,
            format="pdf",
            pdf_standards=["a-2b"],
            timestamp=int(made_at.timestamp()),
            font_paths=system_fonts(),
            sys_inputs={"document": json.dumps(content)},
        )
    except typst.TypstError as error:
        if _REFUSED in str(error):
            return None
        raise
    if not isinstance(found, bytes):
        raise TypeError(f"typst returned {type(found).__name__}, not the bytes of one PDF")
    return found


# --- what typst is given


class _Content:
    """The document as JSON for `report.typ`; each text went through `rewrite`."""

    def __init__(self, document: ReportDocument, made_at: datetime, rewrite: Callable[[str], str]) -> None:
        self._document = document
        self._made_at = made_at.astimezone(UTC)
        self._rewrite = rewrite

    def as_dict(self) -> dict[str, Any]:
        document, at = self._document, self._made_at
        language, _, region = document.language.partition("-")
        return {
            "title": self._rewrite(document.title),
            "subtitle": self._rewrite(document.subtitle),
            "footer": self._rewrite(document.footer),
            "language": language,
            "region": region or None,
            "date": {"year": at.year, "month": at.month, "day": at.day},
            "fonts": FONTS,
            "code_fonts": [*_CODE_FONTS, *FONTS],
            "blocks": [self._block(block) for block in document.blocks],
        }

    def _block(self, block: Block) -> dict[str, Any]:
        rewrite = self._rewrite
        match block:
            case Heading(text):
                return {"kind": "heading", "text": rewrite(text)}
            case Paragraph(text):
                return {"kind": "paragraph", "text": rewrite(text)}
            case Statement(title, text, tone):
                return {
                    "kind": "statement",
                    "title": rewrite(title),
                    "text": rewrite(text),
                    "tone": tone.value,
                }
            case BulletList(items):
                return {"kind": "bullets", "items": [rewrite(item) for item in items]}
            case FactList(facts):
                pairs = [[rewrite(name), self._cell(value)] for name, value in facts]
                return {"kind": "facts", "facts": pairs}
            case TableBlock():
                return {"kind": "table", "table": self._table(block)}
            case PictureBlock(caption, summary, draw, table):
                return {
                    "kind": "picture",
                    "caption": rewrite(caption),
                    "summary": rewrite(summary),
                    "svg": rewrite(draw(PRINTED)),
                    "table": self._table(table),
                }

    def _table(self, table: TableBlock) -> dict[str, Any]:
        return {
            "caption": self._rewrite(table.caption),
            "heads": [self._rewrite(head) for head in table.heads],
            "rows": [[self._cell(cell) for cell in row] for row in table.rows],
            "numeric": sorted(table.numeric),
            "widths": _widths(table),
        }

    def _cell(self, cell: Cell) -> str | dict[str, str]:
        return {"code": self._rewrite(cell.text)} if isinstance(cell, Code) else self._rewrite(cell)


def _widths(table: TableBlock) -> list[float]:
    """Return what part of the page each column gets: as its texts need, within bounds."""
    needed = []
    for index, head in enumerate(table.heads):
        texts = [head, *(_plain(row[index]) for row in table.rows)]
        needed.append(min(max(max(map(text_width, texts)), 40.0), _WIDEST))
    return needed


def _plain(cell: Cell) -> str:
    return cell.text if isinstance(cell, Code) else cell


# --- characters that no font has


def _usual_only(text: str, *, own: frozenset[str]) -> str:
    """Write what a font for Chinese need not hold as its code point."""
    return "".join(one if one in own or _is_usual(one) else _code_point(one) for one in printable(text))


def _is_usual(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _USUAL)


def _own_only(text: str, *, own: frozenset[str]) -> str:
    """Write everything as its code point that is neither ASCII nor in the report's own texts."""
    return "".join(one if one.isascii() or one in own else _code_point(one) for one in printable(text))


def _code_point(character: str) -> str:
    return f"[U+{ord(character):04X}]"
