"""Helpers for reading documents in tests."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from matching.inputs import Block, Document, InputOutcome, Limits, documents


class Read(NamedTuple):
    """A document that was read."""

    name: str
    format: str
    charset: str
    blocks: list[Block]
    ending: InputOutcome

    @property
    def text(self) -> bytes:
        return b"".join(block.text[block.repeats : len(block.text) - block.held] for block in self.blocks)

    def cells(self, *columns: int) -> list[tuple[str, ...]]:
        return [row.cells for block in self.blocks for row in block.shape.cells(block, columns)]


def read(source: bytes | Path, limits: Limits | None = None, *, after: int = 0) -> list[Read]:
    """Read all documents of a stream of these bytes, or of a file or folder."""
    given = io.BytesIO(source) if isinstance(source, bytes) else source
    return [_read(document, after) for document in documents("dump", given, limits)]


def one(source: bytes | Path, limits: Limits | None = None, *, after: int = 0) -> Read:
    (document,) = read(source, limits, after=after)
    return document


def outcomes(found: list[Read]) -> dict[str, str]:
    """Map each document's name to its outcome."""
    return {document.name: document.ending.outcome for document in found}


def _read(document: Document, after: int) -> Read:
    blocks = list(document.blocks(after))
    assert document.ending is not None
    return Read(document.name, document.format, document.charset, blocks, document.ending)


def lines(block: Block) -> Iterator[tuple[bytes, int]]:
    """Yield each line with its number in the source."""
    found = block.text.split(b"\n")
    for place, line in enumerate(found[:-1] if not found[-1] else found):
        yield line, block.line(place)
