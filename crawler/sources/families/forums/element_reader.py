"""Reads what the selectors of a forum program find: elements, their texts, and dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from crawler.clean import Clock, PostedTime, moment
from crawler.sources.field_reader import FieldReader
from crawler.sources.kinds.html import select_elements
from crawler.sources.markup import Element, text_of

#: Limit on rows of a list, posts of a page and links of a navigation. Forums show 10 to 100 at once.
MAX_ELEMENTS = 1_000
#: Attributes in which programs write a time for their own scripts, the most reliable one first.
_TIME_ATTRIBUTES = ("data-timestamp", "data-time", "datetime")
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d\d")


def find_elements(node: Element, selector: str) -> list[Element]:
    """Return what a selector finds. An empty selector finds nothing."""
    return select_elements(node, selector)[:MAX_ELEMENTS] if selector else []


def element_texts(node: Element, selector: str) -> list[str]:
    """Return the texts that are not empty. An XPath may find attributes, which are texts already."""
    read = (str(each) if isinstance(each, str) else text_of(each) for each in find_elements(node, selector))
    return [text.strip() for text in read if text.strip()]


def first_text(node: Element, selector: str) -> str:
    return next(iter(element_texts(node, selector)), "")


def read_field(reader: FieldReader, part: str, name: str, selector: str, node: Element) -> str:
    """Return the first text of a field, cleaned according to its name, and count it for `source try`."""
    read = element_texts(node, selector)[:1]
    value = str(reader.clean_value(name, read).get(name, ""))
    reader.findings.note(part, name, selector, read, value or "unreadable")
    return value


def read_posted_at(reader: FieldReader, part: str, selector: str, node: Element) -> PostedTime | None:
    """Return when something was posted, and count it for `source try`.

    A list without dates has no selector.
    """
    if not selector:
        return None
    said = list(_date_candidates(find_elements(node, selector)))
    read = _most_certain_time(said, reader.clock)
    reader.findings.note(part, "posted_at", selector, said, read.at if read else "unreadable")
    return read


def attribute_time(element: Element, clock: Clock) -> PostedTime | None:
    """Return the time in the attributes of an element, or `None`."""
    return _most_certain_time([text for name in _TIME_ATTRIBUTES if (text := element.get(name))], clock)


def _most_certain_time(said: list[str], clock: Clock) -> PostedTime | None:
    """Return the first time that is unambiguous, else the first that can be read."""
    read = [each for each in (moment(text, clock) for text in said) if each is not None]
    return next((each for each in read if not each.uncertain), next(iter(read), None))


def _date_candidates(elements: list[Element]) -> Iterator[str]:
    """Yield texts that may be dates: time attributes, titles with a time, the text, other titles.

    "Yesterday, 10:02 AM" often has its full date in a `title`. A title with only a day says less than the
    text.
    """
    for element in elements:
        if isinstance(element, str):
            yield str(element)
            continue
        # The title of a link is the title of the thread, which may mention another date.
        inside = list(islice(element.iter("time", "abbr", "span"), MAX_ELEMENTS))
        for name in _TIME_ATTRIBUTES:
            yield from (text for each in (element, *inside) if (text := each.get(name)))
        titles = [title for each in inside if (title := each.get("title"))]
        yield from (title for title in titles if _TIME_OF_DAY.search(title))
        if words := text_of(element):
            yield words
        yield from (title for title in titles if not _TIME_OF_DAY.search(title))
