"""From selectors to a listing's fields: the part that HTML, JSON and feeds share.

A language (`Language`) knows how to find things in its kind of document. A `FieldReader` cuts text out
of what was found, cleans it as the field's name says, and keeps count of what each selector found (for
`source try` and the health of a source).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from crawler.clean import Clock, block, claimed_count, line, moment, price
from crawler.clean.text import MAX_BLOCK_CHARS, MAX_SELLER_CHARS, verbatim
from crawler.sources.definition import FieldOptions, Fields
from crawler.sources.language import compile_pattern
from crawler.sources.page import FieldFinding

#: Patterns see this much of what a selector found.
MAX_PATTERN_CHARS = 100_000
#: How many matches of one selector are looked at in one place.
MAX_MATCHES = 200
MAX_DATA_CLASSES = 50
#: How much of a first value `source try` is given.
MAX_SHOWN_CHARS = 200

#: A node of a document in some language.
Node: TypeAlias = Any
Values: TypeAlias = dict[str, Any]
#: The options of a field, in the same language.
Selector: TypeAlias = Any

FIELDS = ("title", "body", "seller", "price", "claimed_records", "data_classes", "posted_at", "sample")
#: An item's page without these is another page: a login, an error, a new design.
_REQUIRED_OF_AN_ITEM = frozenset(("title", "body"))
_SEVERAL = frozenset(("data_classes", "links", "attachments", "last_page"))
_LINKS = frozenset(("link", "next", "links", "attachments"))
_BETWEEN_CLASSES = re.compile(r"[,;|/、，；\n\t]+")


class Language(Protocol):
    """How one kind of document is searched."""

    def find(self, node: Node, options: Selector, *, link: bool = False) -> list[str]:
        """Return the texts (or, of a `link`, the targets) that a selector finds below `node`, in order."""


@dataclass(slots=True)
class _Count:
    tried: int = 0
    found: int = 0
    value: str = ""
    read: str = ""


@dataclass(slots=True)
class SelectorCounts:
    """What each selector found on one page."""

    counts: dict[tuple[str, str, str], _Count] = field(default_factory=dict)

    def note(self, part: str, name: str, selector: str, texts: list[str], read: object) -> None:
        count = self.counts.setdefault((part, name, selector), _Count())
        count.tried += 1
        count.found += bool(texts)
        if texts and not count.value:
            count.value, count.read = texts[0][:MAX_SHOWN_CHARS], str(read)[:MAX_SHOWN_CHARS]

    def report(self) -> tuple[FieldFinding, ...]:
        return tuple(
            FieldFinding(part, name, selector, count.tried, count.found, count.value, count.read)
            for (part, name, selector), count in self.counts.items()
        )


@dataclass(frozen=True, slots=True)
class FieldReader:
    """Reads fields in one language, with the source's own clock and currency."""

    language: Language
    clock: Clock
    currency: str | None
    findings: SelectorCounts

    def texts(self, node: Node, options: Selector, *, part: str, name: str) -> list[str]:
        """Return what a field's selector, pattern and `join` make of `node`, uncleaned."""
        texts = self.language.find(node, options, link=name in _LINKS)
        found = cut(texts, options, several=name in _SEVERAL)
        self.findings.note(part, name, str(options.select), found, found[0] if found else "")
        return found

    def fields(self, node: Node, wanted: Fields[Any], *, part: str) -> Values | None:
        """Return the cleaned values of what was found, or `None` where a required field is missing."""
        values: Values = {}
        complete = True
        for name, options in wanted:
            if name in FIELDS and options is not None:
                texts = self.language.find(node, options)
                complete = complete and (bool(texts) or not _required(options, part, name))
                found = cut(texts, options, several=name in _SEVERAL)
                values |= (read := self.cleaned(name, found))
                self.findings.note(part, name, str(options.select), found, read.get(name, "unreadable"))
        return values if complete else None

    def cleaned(self, name: str, texts: list[str]) -> Values:
        """Return `{name: value}`, and nothing where the text is empty or can't be read as this field."""
        if name == "posted_at":
            when = moment(texts[0], self.clock) if texts else None
            return {"posted_at": when.at, "posted_at_uncertain": when.uncertain} if when else {}
        if name == "data_classes":
            value: object = _classes(texts)
        elif name == "price":
            value = price(texts[0], currency=self.currency) if texts else None
        else:
            value = _CLEANERS[name](texts[0]) if texts else None
        return {name: value} if value else {}


_CLEANERS: dict[str, Callable[[str], object]] = {
    "title": line,
    "seller": lambda text: line(text, limit=MAX_SELLER_CHARS),
    "body": block,
    "sample": lambda text: verbatim(text, limit=MAX_BLOCK_CHARS).strip("\n"),
    "claimed_records": claimed_count,
}


def cut(texts: Iterable[str], options: FieldOptions, *, several: bool) -> list[str]:
    """Apply a field's pattern (its first group, else all of it) and `join`; one text unless `several`."""
    if options.pattern is not None:
        pattern = compile_pattern(options.pattern)
        hits = (pattern.search(text[:MAX_PATTERN_CHARS]) for text in texts)
        texts = [hit[min(1, pattern.groups)] or "" for hit in hits if hit]
    texts = [text for text in texts if text.strip()]
    if options.join is not None and texts:
        return [options.join.join(texts)]
    return texts if several else texts[:1]


def _required(options: FieldOptions, part: str, name: str) -> bool:
    if options.required is None:
        return part == "item" and name in _REQUIRED_OF_AN_ITEM
    return options.required


def _classes(texts: list[str]) -> tuple[str, ...]:
    parts = (line(part, limit=80) for text in texts for part in _BETWEEN_CLASSES.split(text))
    return tuple(dict.fromkeys(part for part in parts if part))[:MAX_DATA_CLASSES]
