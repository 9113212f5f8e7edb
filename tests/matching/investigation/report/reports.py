"""The words of a rendered report, as a reader meets them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import BytesIO

import pypdf

_ZERO_WIDTH = "\u200b"


class _Words(HTMLParser):
    """Collects what is shown; `tags` has each tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def html_words(page: str) -> str:
    return _squeezed(" ".join(_parsed(page).words))


def html_tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    return _parsed(page).tags


def _parsed(page: str) -> _Words:
    parser = _Words()
    parser.feed(page)
    return parser


def pdf_words(content: bytes) -> str:
    reader = pypdf.PdfReader(BytesIO(content))
    return _squeezed(" ".join(page.extract_text() for page in reader.pages))


def _squeezed(text: str) -> str:
    """Return text without any spaces: a line may end anywhere."""
    return re.sub(r"\s+", "", text.replace(_ZERO_WIDTH, ""))
