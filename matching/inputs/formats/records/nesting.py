"""Which lines lie in one another: elements of XML, brackets of printed structures, BEGIN and END of vCards.

Nothing is parsed into values. A container that does not end within the text is none, because a text may be
cut anywhere. A container is a record by itself unless it is a part of the one around it (`_is_part`). In
doubt it is not a part: two people in one row may look like proof, one person in two rows only makes the
evidence weaker.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from matching.inputs.formats.columns import role_of
from matching.inputs.formats.records.line_shapes import NAME_ATTRIBUTE, Kind, Line, normal_label

_DEPTH_LIMIT = 64  # deeper containers are not told apart
_TAG = re.compile(r"<(/?)([^\W\d][\w:.-]{0,60})((?:\s[^<>]{0,500})?)(?:>|$)")
_PROPERTY = re.compile(r"(BEGIN|END):([A-Za-z]{1,30})", re.IGNORECASE)
_EMPTY_TAGS = frozenset(["area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"])
_OPENED_BY = {")": "(", "}": "{", "]": "["}
_ANY_MARK = re.compile(r"</[^\W\d]|^[ \t]*BEGIN:|[({\[][ \t\r]*$", re.MULTILINE | re.IGNORECASE)
#: Roles of containers that hold one field of a person, such as an address with its type.
_PART_ROLES = frozenset({"email", "phone"})
#: Fields that a person has once; two containers that both show one of them are two people.
_PERSONAL = frozenset({"email", "phone", "resident_id", "card", "iban", "name", "passport"})


@dataclass(slots=True)
class Container:
    """A container of lines. `parent`: its index, -1 for none."""

    name: str
    sign: str  # what opens it: a bracket, "<" or "BEGIN"
    parent: int
    depth: int
    first: int  # line
    last: int = -1  # -1: it does not end
    lines: list[int] = field(default_factory=list)  # those that lie in no container within it
    children: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Nesting:
    """`record_of`: the record container of each line, -1 for none; `borders`: lines that open or end one."""

    containers: list[Container]
    record_of: list[int]
    borders: set[int]
    repeated: set[int]  # containers with a sibling of the same name
    opened: list[int]  # lines of the containers that do not end, the outermost first


def find_nesting(lines: Sequence[str], shapes: Sequence[Line]) -> Nesting | None:
    """Return what lies in what; None: the text has no containers."""
    if not any(map(_ANY_MARK.search, lines)):
        return None
    found = _Finder(shapes)
    for index, line in enumerate(lines):
        found.take(index, line.strip())
    return found.finish(len(lines))


class _Finder:
    def __init__(self, shapes: Sequence[Line]) -> None:
        self._shapes = shapes
        self._containers: list[Container] = []
        self._stack: list[int] = []
        self._borders: set[int] = set()
        self._within: list[int] = []  # of each line

    def take(self, index: int, text: str) -> None:
        """Take the next line."""
        opens: list[tuple[str, str]] = []
        closes: list[tuple[str, str]] = []
        if "<" in text:
            closes, opens = _net_tags(text)
        elif match := _PROPERTY.fullmatch(text):
            (opens if match[1].upper() == "BEGIN" else closes).append((match[2].lower(), "BEGIN"))
        elif text:
            closers = text[: len(text) - len(text.lstrip(")}]"))]
            closes = [("", _OPENED_BY[sign]) for sign in closers]
            if text[-1] in "({[":
                opens = [(self._bracket_name(index, text), text[-1])]
        content = self._shapes[index].kind in (Kind.FIELD, Kind.VALUE) and not (
            opens and opens[0][1] in "({["
        )
        if (opens or closes) and not content:
            self._borders.add(index)
        if content and not opens:
            self._within.append(self._stack[-1] if self._stack else -1)
        for name, sign in closes:
            self._close(index, name, sign)
        for name, sign in opens:
            self._open(index, name, sign)
        if not (content and not opens):
            self._within.append(self._stack[-1] if self._stack else -1)

    def _bracket_name(self, index: int, text: str) -> str:
        """Return the label of the bracket: on its line, or on the line before if it stands alone."""
        own = self._shapes[index]
        if own.label:
            return own.label
        before = self._shapes[index - 1] if index else own
        return before.label if before.kind in (Kind.FIELD, Kind.LABEL) and before.marked else ""

    def _open(self, index: int, name: str, sign: str) -> None:
        if len(self._stack) >= _DEPTH_LIMIT:
            return
        parent = self._stack[-1] if self._stack else -1
        self._containers.append(Container(name, sign, parent, len(self._stack), index))
        self._stack.append(len(self._containers) - 1)

    def _close(self, index: int, name: str, sign: str) -> None:
        for place in range(len(self._stack) - 1, -1, -1):
            container = self._containers[self._stack[place]]
            if container.sign == sign and (sign in "({[" or container.name == name):
                container.last = index
                del self._stack[place:]
                return

    def finish(self, count: int) -> Nesting:
        containers = self._containers
        real = [self._ended(number) for number in range(len(containers))]
        for number, container in enumerate(containers):
            container.parent = self._ended(container.parent)
            if real[number] == number and container.parent >= 0:
                containers[container.parent].children.append(number)
        within = [self._ended(number) for number in self._within]
        for line, number in enumerate(within):
            if number >= 0 and line not in self._borders and self._shapes[line].kind is not Kind.BLANK:
                containers[number].lines.append(line)
        ended = [number for number in range(len(containers)) if real[number] == number]
        names = Counter((containers[one].parent, self._kind(one)) for one in ended)
        repeated = {one for one in ended if names[containers[one].parent, self._kind(one)] > 1}
        # An element is one of many as well where each of its kind is the only one in its own parent.
        kinds = Counter(map(self._kind, ended))
        common = {one for one in ended if kinds[self._kind(one)] > 1}
        shown: dict[int, set[str]] = {}
        around: dict[int, Counter[str]] = defaultdict(Counter)  # how often each field is shown in a container
        for number in reversed(ended):  # children come first
            container = containers[number]
            role = role_of(container.name) if container.name else None
            direct = self._direct(container)
            shown[number] = direct.union(*(shown[child] for child in container.children))
            shown[number] |= {role} & _PART_ROLES if role else set()
            around[number].update(direct)
            around[container.parent].update(shown[number])
        roots: dict[int, int] = {-1: -1}
        for number in ended:  # parents come first
            container = containers[number]
            again = any(around[container.parent][one] > 1 for one in shown[number])
            part = container.parent >= 0 and self._is_part(container, number in repeated, common, again=again)
            roots[number] = roots[container.parent] if part else number
        record_of = [roots.get(number, -1) for number in within]
        opened = [containers[number].first for number in self._stack]
        return Nesting(containers, record_of, self._borders, repeated | common, opened)

    def _kind(self, number: int) -> tuple[int, str, str]:
        container = self._containers[number]
        return container.depth, container.sign, container.name

    def _ended(self, number: int) -> int:
        """Return the innermost container from this one outwards that ends."""
        while number >= 0 and self._containers[number].last < 0:
            number = self._containers[number].parent
        return number

    def _is_part(self, container: Container, repeated: bool, common: set[int], *, again: bool) -> bool:
        """Return whether what a container holds belongs to the record around it.

        `repeated`: it has a sibling of its name; `again`: what is around it shows one of its fields as well.
        """
        labelled = any(self._shapes[line].kind is Kind.FIELD for line in container.lines)
        if not container.children and not labelled:
            return True  # a value on lines of its own
        if container.parent not in common:
            return False  # nothing shows that what is around it is one record
        return role_of(container.name) in _PART_ROLES or not (repeated or again)

    def _direct(self, container: Container) -> set[str]:
        """Return the fields of a person that its own lines show."""
        fields = (self._shapes[line] for line in container.lines)
        found = {role_of(shape.label) or shape.type for shape in fields if shape.kind is Kind.FIELD}
        return found & _PERSONAL


def _net_tags(text: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the elements that a line closes, and those that it opens."""
    opens: list[str] = []
    closes: list[str] = []
    for slash, name, attributes in _TAG.findall(text):
        name = name.lower()
        if slash and name in opens:
            del opens[len(opens) - 1 - opens[::-1].index(name) :]
        elif slash:
            closes.append(name)
        elif not attributes.endswith("/") and name not in _EMPTY_TAGS:
            opens.append(name)
    return [(name, "<") for name in closes], [(name, "<") for name in opens]


def label_of_container(container: Container, line: str) -> str:
    """Return the label of a value that stands on a line of its own in an element that begins on `line`."""
    named = NAME_ATTRIBUTE.search(line)
    return normal_label(named[1] if named else container.name)[0]
