"""The documentation as the tests read it: each page's headings, links, code blocks and places.

A *place* is where a reader finds a name: a heading that has it in backticks, or a table row whose first
cell does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})(.*)$")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)|(?:src|href)=\"([^\"]+)\"")


@dataclass(frozen=True)
class Block:
    """A fenced code block: its info string ("toml fragment"), its text, its first line's number."""

    info: str
    text: str
    line: int


@dataclass
class Section:
    """A heading and what stands below it, as far as the next heading of the same level or above."""

    title: str
    level: int
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join([self.title, *self.lines])

    @property
    def names(self) -> list[str]:
        """What the heading has in backticks."""
        return _CODE.findall(self.title)

    @property
    def places(self) -> set[str]:
        """The names in this heading, in those below it, and in the first cells of the tables below it."""
        headings = (line for line in (f"# {self.title}", *self.lines) if _HEADING.match(line))
        cells = (line.split("|")[1] for line in self.lines if line.startswith("|"))
        return {name for text in (*headings, *cells) for name in _CODE.findall(text)}


@dataclass(frozen=True)
class Page:
    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def _parts(self) -> tuple[list[str], list[Block]]:
        """The lines outside of code blocks, and the blocks."""
        prose: list[str] = []
        blocks: list[Block] = []
        lines = iter(enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1))
        for number, line in lines:
            if fence := _FENCE.match(line):
                body = []
                for _, inner in lines:
                    if inner.strip().startswith(fence[2]):
                        break
                    body.append(inner.removeprefix(fence[1]))
                blocks.append(Block(fence[3].strip(), "\n".join(body) + "\n", number))
            else:
                prose.append(line)
        return prose, blocks

    @property
    def prose(self) -> str:
        return "\n".join(self._parts[0])

    @property
    def blocks(self) -> list[Block]:
        return self._parts[1]

    @cached_property
    def sections(self) -> list[Section]:
        found: list[Section] = []
        open_ones: list[Section] = []
        for line in self._parts[0]:
            if heading := _HEADING.match(line):
                section = Section(heading[2], len(heading[1]))
                open_ones = [outer for outer in open_ones if outer.level < section.level]
                for outer in open_ones:
                    outer.lines.append(line)
                found.append(section)
                open_ones.append(section)
            else:
                for section in open_ones:
                    section.lines.append(line)
        return found

    @property
    def links(self) -> list[str]:
        return [first or second for first, second in _LINK.findall(self.prose)]

    @property
    def inline_code(self) -> list[str]:
        return _CODE.findall(self.prose)

    @cached_property
    def anchors(self) -> set[str]:
        """The fragments that GitHub gives its headings."""
        found: set[str] = set()
        for section in self.sections:
            words = re.sub(r"[^\w\- ]", "", _CODE.sub(r"\1", section.title).lower()).replace(" ", "-")
            number = sum(1 for anchor in found if re.fullmatch(re.escape(words) + r"(-\d+)?", anchor))
            found.add(f"{words}-{number}" if number else words)
        return found


def pages(folder: str = "") -> list[Page]:
    """Every page of docs/ (or of one of its folders), in order."""
    return [Page(path) for path in sorted((DOCS / folder).rglob("*.md"))]


def every_page() -> list[Page]:
    """docs/ and the pages that stand at the top of the repository."""
    return [Page(path) for path in sorted(ROOT.glob("*.md"))] + pages()


def sections(folder: str = "") -> Iterator[Section]:
    for page in pages(folder):
        yield from page.sections


def places(folder: str = "") -> set[str]:
    """Every name that has a place."""
    return {name for section in sections(folder) for name in section.places}
