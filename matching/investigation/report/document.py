"""What a report is made of. Every string is plain text: the renderers decide how to write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How a statement is coloured. The words say the same, so nobody depends on the colour."""

    PLAIN = "plain"
    CALM = "calm"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Code:
    """A digest, a command or another text that is read letter by letter."""

    text: str


Cell = str | Code


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """The answer in a sentence, and what it rests on."""

    title: str
    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class BulletList:
    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class FactList:
    """Names with their values, one below the other."""

    facts: Sequence[tuple[str, Cell]]


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table. `numeric`: the columns that are aligned at their end."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class PictureBlock:
    """A picture with a sentence that says what it shows, and the table of its figures.

    `draw` returns the SVG; its argument is a style sheet for one that stands alone.
    """

    caption: str
    summary: str
    draw: Callable[[str], str]
    table: TableBlock


Block = Heading | Paragraph | Statement | BulletList | FactList | TableBlock | PictureBlock


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """A whole report about one company. `language`: a tag such as `zh-CN`."""

    language: str
    title: str
    subtitle: str
    blocks: Sequence[Block]
    footer: str
