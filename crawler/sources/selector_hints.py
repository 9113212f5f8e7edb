"""What else a page shows where a selector of a source file found nothing: sentences for `source try`.

Each sentence names the selector, says how much it finds on the whole page, and proposes a selector whose
matches the page really has. Proposals come from the page's own classes and from what its texts read as.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from crawler.clean import Clock, claimed_count, moment, price
from crawler.sources.adapter import Page, PageRole
from crawler.sources.definition import (
    FeedSource,
    HtmlSource,
    JsonSource,
    PasteHtmlSource,
    PasteJsonSource,
    SourceDefinition,
)
from crawler.sources.errors import PageRefused
from crawler.sources.field_reader import FIELDS
from crawler.sources.field_reader import Node as Json
from crawler.sources.kinds.html import select_elements
from crawler.sources.kinds.json import load_json, select_json
from crawler.sources.markup import Element, text_of, tree
from text.charset import decode_page

#: Rows that are compared, elements of a page that are looked at, and sentences.
MAX_ROWS = 50
MAX_ELEMENTS = 20_000
MAX_HINTS = 12
#: Fields of a list that are read in its rows.
LIST_FIELDS = ("link", "key", "state")
#: A list has at least as many rows.
FEWEST_ROWS = 3
#: A field's text is short; a longer one is a text that contains it.
MAX_FIELD_CHARS = 80
MAX_SHOWN_CHARS = 40

_NEXT_WORDS = re.compile(
    r"^\W*(?:next(?: page)?|older(?: posts| entries)?|more|weiter|nächste(?: seite)?|suivante?|siguiente|"
    r"próxima|seguente|successiva|następna|sonraki|вперед|вперёд|далее|следующая(?: страница)?|下一页|下页)"
    r"\W*$|^[»›>→]$",
    re.IGNORECASE,
)
_CLASS = re.compile(r"-?[A-Za-z_][\w-]*")
#: Classes that say how a row looks and not what it is.
_LOOKS = re.compile(r"(?:odd|even|row\d|bg\d|trow\d|first|last|active|hover|unread|read|sticky|col-.*)", re.I)


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A selector, in how many of the places it finds something, and the first text that it finds."""

    selector: str
    found: int
    text: str


@dataclass(frozen=True, slots=True)
class _Missing:
    """A selector of the source file that found nothing."""

    part: str
    field: str
    selector: str

    def __str__(self) -> str:
        return f"{self.part}.{self.field} ({self.selector})"


def selector_hints(definition: SourceDefinition, page: Page, *, clock: Clock, nowhere: str = "") -> list[str]:
    """Return a sentence for each selector that finds nothing on a page, the most important first.

    `nowhere`: what `next` finds, if that leads nowhere. The sentences are not masked.
    """
    try:
        return list(islice(_hints(definition, page, clock, nowhere), MAX_HINTS))
    except PageRefused:
        return []


def _hints(definition: SourceDefinition, page: Page, clock: Clock, nowhere: str) -> Iterator[str]:
    text = decode_page(page.body, declared=page.charset).text
    if isinstance(definition, JsonSource | PasteJsonSource):
        if page.role is not PageRole.RAW and (document := load_json(text)) is not None:
            yield from _json_hints(definition, page, document)
    elif isinstance(definition, HtmlSource | PasteHtmlSource) and page.role is PageRole.LIST:
        yield from _list_hints(definition, tree(text), clock, nowhere)
    elif isinstance(definition, HtmlSource | FeedSource) and page.role is PageRole.ITEM and definition.item:
        root = tree(text)
        for each in _missing("item", definition.item, FIELDS, [root], select_elements):
            yield _field_hint(each, [root], root, clock)


def _missing(
    part: str,
    options: object,
    names: Sequence[str],
    places: Sequence[Json],
    find: Callable[[Json, str], object],
) -> Iterator[_Missing]:
    """Yield the selectors among these fields that find nothing in any of the places."""
    for name in names:
        field = getattr(options, name, None)
        if field is not None and not any(find(place, field.select) for place in places):
            yield _Missing(part, name, field.select)


# --- HTML


def _list_hints(
    definition: HtmlSource | PasteHtmlSource, root: Element, clock: Clock, nowhere: str
) -> Iterator[str]:
    rows = [each for each in select_elements(root, definition.list.rows) if not isinstance(each, str)]
    if not rows:
        if definition.list.empty is None or not select_elements(root, definition.list.empty):
            yield _rows_hint(definition, root)
        return
    some = rows[:MAX_ROWS]
    for part, fields, names in (("list", definition.list, LIST_FIELDS), ("row", definition.row, FIELDS)):
        for each in _missing(part, fields, names, some, select_elements):
            yield _field_hint(each, some, root, clock)
    onward = definition.list.next
    if onward is not None and nowhere:
        shown = " ".join(nowhere.split())[:MAX_SHOWN_CHARS]
        yield f'list.next ({onward.select}) finds "{shown}", which leads nowhere.{_next_proposal(root)}'
    elif onward is not None and not select_elements(root, onward.select):
        said = f"list.next ({onward.select}) finds nothing: this is taken for the last page."
        yield f"{said}{_next_proposal(root)}"


def _rows_hint(definition: HtmlSource | PasteHtmlSource, root: Element) -> str:
    wanted = definition.list
    link = wanted.link or wanted.key
    links = []
    if link is not None:
        links = [each for each in select_elements(root, link.select) if not isinstance(each, str)]
    said = f"list.rows ({wanted.rows}) finds nothing on the page."
    if link is not None:
        name = "link" if wanted.link is not None else "key"
        said += f" list.{name} ({link.select}) finds {len(links)} on the whole page."
    found = _row_around(root, links) or _repeated_rows(root)
    return f"{said}{_tried(found)}"


def _row_around(root: Element, links: Sequence[Element]) -> _Proposal | None:
    """Return the largest elements that contain one of the links each."""
    if len(links) < FEWEST_ROWS:
        return None
    inside: defaultdict[Element, int] = defaultdict(int)
    for link in links[:MAX_ROWS]:
        for each in link.iterancestors():
            inside[each] += 1
    rows = []
    for link in links[:MAX_ROWS]:
        around = [each for each in (link, *link.iterancestors()) if inside[each] <= 1]
        rows.append(around[-1])
    names = [
        name for name in _names(rows[len(rows) // 2]) if len(select_elements(root, name)) <= 2 * len(rows)
    ]
    for name in names:
        found = set(select_elements(root, name))
        if sum(row in found for row in rows) >= 0.8 * len(rows):
            return _Proposal(name, len(found), text_of(rows[0]))
    return None


def _repeated_rows(root: Element) -> _Proposal | None:
    """Return the elements of one name, with a link in each, that hold most of the page's text."""
    groups: defaultdict[str, list[Element]] = defaultdict(list)
    for element in islice(root.iter("*"), MAX_ELEMENTS):
        if isinstance(element.tag, str) and next(element.iter("a"), None) is not None:
            for name in _names(element):
                groups[name].append(element)
    best, most = None, 0
    for name, elements in groups.items():
        nested = any(
            each is not elements[0] and elements[0] in each.iterancestors() for each in elements[1:3]
        )
        if len(elements) < FEWEST_ROWS or nested or elements[0].tag in ("a", "body", "html"):
            continue
        shown = sum(min(len(text_of(each)), 200) for each in elements[:MAX_ROWS])
        if shown > most:
            best, most = _Proposal(name, len(elements), text_of(elements[0])), shown
    return best


def _names(element: Element) -> list[str]:
    """Return selectors of an element: its tag with each of its classes; the tag alone for a table's row."""
    classes = [each for each in (element.get("class") or "").split() if _CLASS.fullmatch(each)]
    named = [f"{element.tag}.{each}" for each in classes if not _LOOKS.fullmatch(each)]
    return named + ([str(element.tag)] if element.tag in ("tr", "article", "li") and not named else [])


def _field_hint(each: _Missing, places: Sequence[Element], root: Element, clock: Clock) -> str:
    where = f"{len(places)} rows" if len(places) > 1 else ("the row" if places != [root] else "the page")
    said = f"{each} finds nothing in {where}"
    if places != [root] and (elsewhere := len(select_elements(root, each.selector))):
        said += f", and {elsewhere} on the whole page"
    return f"{said}.{_tried(_field_proposal(each.field, places, clock))}"


def _field_proposal(field: str, places: Sequence[Element], clock: Clock) -> _Proposal | None:
    """Return the selector that gives a field in most places."""
    if field in ("body", "sample") and len(places) == 1:
        return _longest_text(places[0], "pre" if field == "sample" else None)
    reads = _readers(clock).get(field)
    if reads is None:
        return None
    found: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for number, place in enumerate(places):
        for element in islice(place.iter("*"), MAX_ELEMENTS // len(places)):
            if isinstance(element.tag, str) and (text := reads(element)):
                for name in _field_names(element, field):
                    found[name].setdefault(number, text)
    ranked = sorted(found.items(), key=lambda item: (-len(item[1]), _rank(item[0]), len(item[0])))
    if not ranked or 2 * len(ranked[0][1]) < len(places):
        return None
    name, texts = ranked[0]
    return _Proposal(name, len(texts), next(iter(texts.values())))


def _rank(name: str) -> int:
    return next((place for place, tag in enumerate(("h1", "time", "a.", "td.")) if name.startswith(tag)), 9)


def _field_names(element: Element, field: str) -> list[str]:
    names = _names(element)
    return names or ([element.tag] if element.tag in ("h1", "h2", "h3", "time", "a", "strong", "b") else [])


def _readers(clock: Clock) -> dict[str, Callable[[Element], str]]:
    """Return, for each field that can be recognised by its text, what reads it from an element."""

    def short(element: Element) -> str:
        text = " ".join(text_of(element).split())
        return text if len(text) <= MAX_FIELD_CHARS else ""

    def read_as(read: Callable[[str], object]) -> Callable[[Element], str]:
        return lambda element: text if (text := short(element)) and read(text) else ""

    def heading(element: Element) -> str:
        named = element.tag in ("h1", "h2", "h3") or (element.tag == "a" and element.get("href"))
        return short(element) if named else ""

    def link(element: Element) -> str:
        return short(element) if element.tag == "a" and element.get("href") else ""

    return {
        "link": link,
        "key": link,
        "title": heading,
        "price": read_as(price),
        "posted_at": read_as(lambda text: moment(text, clock)),
        "claimed_records": read_as(claimed_count),
        "seller": lambda element: short(element) if _is_person(element) else "",
    }


def _is_person(element: Element) -> bool:
    said = f"{element.get('class') or ''} {element.get('href') or ''} {element.get('itemprop') or ''}".lower()
    return any(word in said for word in ("author", "user", "seller", "vendor", "member", "poster"))


def _longest_text(root: Element, tag: str | None) -> _Proposal | None:
    """Return the innermost named element that holds at least half of the page's text."""
    best, most = None, 0
    for element in islice(root.iter(tag or "*"), MAX_ELEMENTS):
        if not isinstance(element.tag, str) or element.tag in ("html", "body", "head"):
            continue
        own = sum(len((part or "").strip()) for part in (element.text, *(each.tail for each in element)))
        own += sum(len(text_of(each)) for each in element if each.tag in ("p", "br", "b", "i", "span", "pre"))
        names = _names(element) or [str(element.tag)]
        if own > most and (element.get("class") or tag):
            best, most = _Proposal(names[0], 1, text_of(element)), own
    return best


def _next_proposal(root: Element) -> str:
    for element in islice(root.iter("a", "link"), MAX_ELEMENTS):
        address = element.get("href") or ""
        if not address or address.startswith(("#", "javascript:")):
            continue
        if element.get("rel") == "next":
            return _tried(_Proposal(f"{element.tag}[rel=next]", 1, address))
        words = [
            " ".join(text_of(element).split()),
            element.get("title") or "",
            element.get("aria-label") or "",
        ]
        if any(_NEXT_WORDS.match(each) for each in words if each):
            names = [name for name in _names(element) if len(select_elements(root, name)) == 1]
            names += [
                f"{name} a"
                for name in _names(element.getparent())
                if len(select_elements(root, f"{name} a")) == 1
            ]
            label = words[0].replace("'", "")
            return _tried(
                _Proposal(names[0] if names else f"xpath://a[normalize-space()='{label}']", 1, address)
            )
    return ""


# --- JSON


def _json_hints(definition: JsonSource | PasteJsonSource, page: Page, document: Json) -> Iterator[str]:
    if page.role is PageRole.ITEM:
        for each in _missing("item", getattr(definition, "item", None), FIELDS, [document], select_json):
            yield _json_field_hint(each, document)
        return
    rows = select_json(document, definition.list.rows)
    listed = len(rows) == 1 and isinstance(rows[0], list)
    rows = rows[0] if listed else rows
    if not rows and not listed:
        said = f"list.rows ({definition.list.rows}) finds nothing in the document."
        yield f"{said}{_tried(_json_rows(document))}"
        return
    some = rows[:MAX_ROWS]
    for part, fields, names in (("list", definition.list, LIST_FIELDS), ("row", definition.row, FIELDS)):
        for each in _missing(part, fields, names, some, select_json) if some else ():
            yield _json_field_hint(each, some[0])


def _json_rows(document: Json) -> _Proposal | None:
    """Return the path of the longest list of objects."""
    found: list[tuple[int, str]] = []
    queue: list[tuple[str, Json, int]] = [("$", document, 0)]
    for path, value, depth in queue:
        if len(queue) > MAX_ELEMENTS:
            break
        if isinstance(value, list) and value and isinstance(value[0], dict):
            found.append((-len(value), path))
        elif isinstance(value, dict) and depth < 5:
            queue += [
                (f"{path}.{name}", each, depth + 1) for name, each in value.items() if _CLASS.fullmatch(name)
            ]
    if not found:
        return None
    count, path = min(found)
    return _Proposal(path, -count, "")


def _json_field_hint(each: _Missing, row: Json) -> str:
    keys = ", ".join(sorted(row)[:20]) if isinstance(row, dict) else ""
    return f"{each} finds nothing." + (f" The keys of the first one are: {keys}." if keys else "")


def _tried(found: _Proposal | None) -> str:
    if found is None:
        return ""
    text = " ".join(found.text.split())
    shown = f': "{text[:MAX_SHOWN_CHARS]}{"…" if len(text) > MAX_SHOWN_CHARS else ""}"' if text else ""
    return f" The page has {found.selector} ({found.found}){shown}."
