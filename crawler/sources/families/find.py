"""What a selector of a family's table finds: elements, their texts, and the moment that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from crawler.clean import Clock, PostedTime, moment
from crawler.sources.fields import FieldReader
from crawler.sources.html import select
from crawler.sources.markup import Element, text_of

#: Rows of a list, posts of a page, links of a navigation: forums show 10 to 100 at once.
MAX_FOUND = 1_000
#: What programs write a moment into, for their own scripts; the first that is there is the surest.
_MACHINE = ("data-timestamp", "data-time", "datetime")
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d\d")


def found(node: Element, selector: str) -> list[Element]:
    """Return what a selector finds; an empty one finds nothing."""
    return select(node, selector)[:MAX_FOUND] if selector else []


def texts(node: Element, selector: str) -> list[str]:
    """Return the texts that are not empty; an XPath may find attributes, which are texts already."""
    read = (str(each) if isinstance(each, str) else text_of(each) for each in found(node, selector))
    return [text.strip() for text in read if text.strip()]


def first(node: Element, selector: str) -> str:
    return next(iter(texts(node, selector)), "")


def field(reader: FieldReader, part: str, name: str, selector: str, node: Element) -> str:
    """Return a field's first text, cleaned as its name says, and take note of it for `source try`."""
    read = texts(node, selector)[:1]
    value = str(reader.cleaned(name, read).get(name, ""))
    reader.findings.note(part, name, selector, read, value or "unreadable")
    return value


def when(reader: FieldReader, part: str, selector: str, node: Element) -> PostedTime | None:
    """Return when something was posted, with its note; a list that has no dates has no selector."""
    if not selector:
        return None
    said = list(_dated(found(node, selector)))
    read = _surest(said, reader.clock)
    reader.findings.note(part, "posted_at", selector, said, read.at if read else "unreadable")
    return read


def instant(element: Element, clock: Clock) -> PostedTime | None:
    """Return the moment in an element's own attributes, or `None` where it has none."""
    return _surest([text for name in _MACHINE if (text := element.get(name))], clock)


def _surest(said: list[str], clock: Clock) -> PostedTime | None:
    """The first that can be read in one way only, else the first that can be read."""
    read = [each for each in (moment(text, clock) for text in said) if each is not None]
    return next((each for each in read if not each.uncertain), next(iter(read), None))


def _dated(elements: list[Element]) -> Iterator[str]:
    """Yield what may be a date: attributes for machines, titles with a time, the words, other titles.

    "Yesterday, 10:02 AM" often has its full date in a `title`; a title that is only the day has less.
    """
    for element in elements:
        if isinstance(element, str):
            yield str(element)
            continue
        # A link's title is the thread's, which may name another date.
        inside = list(islice(element.iter("time", "abbr", "span"), MAX_FOUND))
        for name in _MACHINE:
            yield from (text for each in (element, *inside) if (text := each.get(name)))
        titles = [title for each in inside if (title := each.get("title"))]
        yield from (title for title in titles if _TIME_OF_DAY.search(title))
        if words := text_of(element):
            yield words
        yield from (title for title in titles if not _TIME_OF_DAY.search(title))
