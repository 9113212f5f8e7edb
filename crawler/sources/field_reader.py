"""From selectors to the fields of a listing: the part that HTML, JSON and feeds share.

A `Language` finds texts in one type of document. A `FieldReader` cuts text out of what was found, cleans it
according to the name of the field, and counts what each selector found (for `source try` and the health of
a source).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from crawler.clean import Clock, block, claimed_count, line, moment, price
from crawler.clean.text import MAX_BLOCK_CHARS, MAX_SELLER_CHARS, verbatim
from crawler.errors import NotThere
from crawler.sources.adapter import FieldFinding
from crawler.sources.definition import FieldOptions, Fields
from crawler.sources.expressions import compile_pattern

#: Patterns search at most this much of a text.
MAX_PATTERN_CHARS = 100_000
#: Maximum matches of one selector in one node.
MAX_MATCHES = 200
MAX_DATA_CLASSES = 50
#: Length to which the first value is cut for `source try`.
MAX_SHOWN_CHARS = 200

#: A node of a document, in any language.
Node: TypeAlias = Any
Values: TypeAlias = dict[str, Any]
#: The options of a field, in the same language as the node.
Selector: TypeAlias = Any

FIELDS = ("title", "body", "seller", "price", "claimed_records", "data_classes", "posted_at", "sample")
#: An item page without these fields is another page: a login, an error, a new design.
_REQUIRED_ITEM_FIELDS = frozenset(("title", "body"))
_FIELDS_OF_SEVERAL_TEXTS = frozenset(("data_classes", "links", "attachments", "last_page"))
_LINK_FIELDS = frozenset(("link", "next", "links", "attachments"))
_DATA_CLASS_SEPARATORS = re.compile(r"[,;|/、，；\n\t]+")


class Language(Protocol):
    """How documents of one type are searched."""

    def find(self, node: Node, options: Selector, *, link: bool = False) -> list[str]:
        """Return the texts (with `link`, the link targets) that a selector finds below `node`, in order."""


@dataclass(slots=True)
class _SelectorCount:
    tried: int = 0
    found: int = 0
    value: str = ""
    read: str = ""


@dataclass(slots=True)
class SelectorCounts:
    """Counts what each selector found on one page."""

    counts: dict[tuple[str, str, str], _SelectorCount] = field(default_factory=dict)

    def note(self, part: str, name: str, selector: str, texts: list[str], read: object) -> None:
        count = self.counts.setdefault((part, name, selector), _SelectorCount())
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
    """Reads fields in one language, with the clock and currency of the source."""

    language: Language
    clock: Clock
    currency: str | None
    findings: SelectorCounts

    def field_texts(self, node: Node, options: Selector, *, part: str, name: str) -> list[str]:
        """Return the texts that the selector, pattern and `join` of a field give for `node`, not cleaned."""
        texts = self.language.find(node, options, link=name in _LINK_FIELDS)
        found = apply_options(texts, options, several=name in _FIELDS_OF_SEVERAL_TEXTS)
        self.findings.note(part, name, str(options.select), found, found[0] if found else "")
        return found

    def check_gone(self, node: Node, options: Selector | None) -> None:
        """Raise `NotThere` if a selector finds what an item page shows when its listing does not exist."""
        if options is not None and apply_options(self.language.find(node, options), options, several=False):
            raise NotThere("The listing's page says that the listing does not exist (`gone` of [item]).")

    def field_values(self, node: Node, wanted: Fields[Any], *, part: str) -> Values | None:
        """Return the cleaned values that were found, or `None` if a required field is missing."""
        values: Values = {}
        complete = True
        for name, options in wanted:
            if name in FIELDS and options is not None:
                texts = self.language.find(node, options)
                complete = complete and (bool(texts) or not _is_required(options, part, name))
                found = apply_options(texts, options, several=name in _FIELDS_OF_SEVERAL_TEXTS)
                values |= (read := self.clean_value(name, found))
                self.findings.note(part, name, str(options.select), found, read.get(name, "unreadable"))
        return values if complete else None

    def clean_value(self, name: str, texts: list[str]) -> Values:
        """Return `{name: value}`, or an empty dict if the text is empty or cannot be read as this field."""
        if name == "posted_at":
            when = moment(texts[0], self.clock) if texts else None
            return {"posted_at": when.at, "posted_at_uncertain": when.uncertain} if when else {}
        if name == "data_classes":
            value: object = _data_classes(texts)
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


def apply_options(texts: Iterable[str], options: FieldOptions, *, several: bool) -> list[str]:
    """Apply the pattern of a field (its first group, or the whole match) and its `join`.

    Without `several`, only the first text is kept.
    """
    if options.pattern is not None:
        pattern = compile_pattern(options.pattern)
        hits = (pattern.search(text[:MAX_PATTERN_CHARS]) for text in texts)
        texts = [hit[min(1, pattern.groups)] or "" for hit in hits if hit]
    texts = [text for text in texts if text.strip()]
    if options.join is not None and texts:
        return [options.join.join(texts)]
    return texts if several else texts[:1]


def _is_required(options: FieldOptions, part: str, name: str) -> bool:
    if options.required is None:
        return part == "item" and name in _REQUIRED_ITEM_FIELDS
    return options.required


def _data_classes(texts: list[str]) -> tuple[str, ...]:
    parts = (line(part, limit=80) for text in texts for part in _DATA_CLASS_SEPARATORS.split(text))
    return tuple(dict.fromkeys(part for part in parts if part))[:MAX_DATA_CLASSES]
