"""A report as one HTML file: no script, nothing from elsewhere, and a policy that forbids both.

The style sheet is the only thing that the policy allows, by its hash. Every text is escaped here, whoever
wrote it.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files

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
from text.printable import printable


def html_page(document: ReportDocument, table_of: str) -> str:
    """Return the whole page. `table_of`: what opens the table below a picture."""
    style = _style()
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    body = "\n".join(part for block in document.blocks for part in _block(block, table_of))
    return f"""<!DOCTYPE html>
<html lang="{escape(document.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{_text(document.title)}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{_text(document.title)}</h1>
<p class="subtitle">{_text(document.subtitle)}</p>
{body}
</main>
<footer>{_text(document.footer)}</footer>
</body>
</html>
"""


@cache
def _style() -> str:
    return (files("matching.investigation.report") / "report.css").read_text(encoding="utf-8")


def _block(block: Block, table_of: str) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f"<h2>{_text(text)}</h2>"
        case Paragraph(text):
            yield f"<p>{_text(text)}</p>"
        case Statement(title, text, tone):
            yield f'<div class="statement {tone.value}"><h3>{_text(title)}</h3><p>{_text(text)}</p></div>'
        case BulletList(items):
            yield f"<ul>{''.join(f'<li>{_text(item)}</li>' for item in items)}</ul>"
        case FactList(facts):
            pairs = (f"<dt>{_text(name)}</dt><dd>{_cell(value)}</dd>" for name, value in facts)
            yield f"<dl>{''.join(pairs)}</dl>"
        case TableBlock():
            yield _table(block)
        case PictureBlock(caption, summary, draw, table):
            yield f"<figure><figcaption>{_text(caption)}</figcaption>{draw('')}"
            yield f"<p class='soft'>{_text(summary)}</p>"
            yield f"<details><summary>{_text(table_of)}</summary>{_table(table)}</details></figure>"


def _table(table: TableBlock) -> str:
    kinds = ['class="number" ' if index in table.numeric else "" for index in range(len(table.heads))]
    heads = "".join(
        f'<th {kind}scope="col">{_text(head)}</th>' for kind, head in zip(kinds, table.heads, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td {kind}data-label="{_text(head)}"><span>{_cell(cell)}</span></td>'
            for kind, head, cell in zip(kinds, table.heads, row, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    return (
        f"<table><caption>{_text(table.caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _cell(cell: Cell) -> str:
    return f"<code>{_text(cell.text)}</code>" if isinstance(cell, Code) else _text(cell)


def _text(text: str) -> str:
    """Return text for anywhere in the page: escaped, and without characters that reorder or hide others."""
    return escape(printable(text))
