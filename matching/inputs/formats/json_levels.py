r"""Which values of a JSON text are the records: decided on a sample, which may be cut anywhere or damaged.

Records lie in a *collection*, and the answer is how deep that collection lies. A collection is

1. an array that holds objects or arrays, or the values at the top where there are several;
2. an object keyed by ids (`{"1001": {...}, "1002": {...}}`): its values are alike, or its keys are ids;
3. values of one kind only: `{"1001": "a@...", "1002": "b@..."}`, `["a@...", "b@...", ...]`.

Of several the one with the most text counts. Where the elements of a collection are collections of people
themselves (`{"page": 1, "users": [{...}, {...}]}` on each line), the records are those. A record that tells
who it is of by two identifiers stays whole, with up to `_COMPANIONS` people that it holds (`contacts`).

Two people in one row may agree with one customer by chance, so in doubt a text is taken apart further.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import NamedTuple

from matching.identifiers import Field, recognised
from matching.inputs.formats.columns import role_of

TOKEN = re.compile(
    # A string that does not end goes to the end of the text: else each escaped quote in it would be tried.
    rb'"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)(\s*+:)?|[{}\[\],]|[^\s"{}\[\],:]++',
    re.DOTALL,
)
_DEPTH_LIMIT = 64  # what lies deeper is not looked at
_ALIKE = 0.7  # of the elements or keys
_FEW = 5  # values; fewer of one kind may be one person's
_KEYS_IN_COMMON = 2  # `{"$date": ...}` is alike, too
_COMPANIONS = 10  # people in one person's record
_LOOKED_AT = 20  # elements or values
_SCALARS = 60  # of an element
_VALUE_CHARS = 100
_ID = re.compile(rb"\d+|[^@\s]+@\S+|[0-9A-Fa-f-]{8,}|\D{0,10}\d{3,}", re.DOTALL)
#: What a value shows by itself; other fields are known by their names only.
_SHOWN = (Field.EMAIL, Field.PHONE, Field.RESIDENT_ID, Field.CARD, Field.IBAN)


class RecordLevel(NamedTuple):
    """`depth` of the collection, 0: the values at the top are the records. `keyed`: they have keys."""

    depth: int
    keyed: bool = False


def level_of(sample: bytes, regions: Sequence[str]) -> RecordLevel:
    """`regions`: of telephone numbers without +."""
    top = _tree(sample, tuple(regions))
    only = top.inner[0] if len(top.inner) == 1 else None
    if only is not None and only.array:
        return _level(only, 1) or RecordLevel(1)
    return _level(top, 0) or RecordLevel(0)


@dataclass(eq=False)
class _Node:
    """An array, an object, or (the outermost one) what stands at the top."""

    array: bool
    start: int
    regions: tuple[str, ...]
    end: int = 0
    inner: list[_Node] = field(default_factory=list)  # arrays and objects in it
    inner_keys: list[bytes] = field(default_factory=list)
    scalars: list[tuple[bytes, bytes]] = field(default_factory=list)  # with their keys

    @property
    def size(self) -> int:
        return self.end - self.start

    @cached_property
    def collection(self) -> bool:
        if self.array and self.inner:
            return True
        return self._of_one_kind if not self.inner else self._keyed_by_ids

    @property
    def _keyed_by_ids(self) -> bool:
        if len(self.inner) < 2 or (len(self.direct_roles) > 1 and len(self.inner) <= _COMPANIONS):
            return False
        ids = sum(_ID.fullmatch(key) is not None for key in self.inner_keys)
        return ids >= _ALIKE * len(self.inner) or _are_alike(self.inner)

    @property
    def _of_one_kind(self) -> bool:
        """Only identifiers of the same field, or nothing that tells two of them apart behind ids."""
        seen = self.scalars[:_LOOKED_AT]
        roles = Counter(role for _, value in seen for role in _roles_of(b"", value, self.regions))
        if len(roles) > 1 or len(seen) < 3:
            return False
        ids = sum(_ID.fullmatch(key) is not None for key, _ in seen)
        return ids >= 0.9 * len(seen) or (len(seen) >= _FEW and roles.total() >= 0.9 * len(seen))

    @cached_property
    def direct_roles(self) -> set[str]:
        """What its own values are."""
        return self._roles(self.scalars)

    @cached_property
    def own_roles(self) -> set[str]:
        """The same with those of the plain objects in it."""
        parts = [] if self.collection else [one for one in self.inner if not (one.inner or one.collection)]
        return self._roles(chain(self.scalars, *(one.scalars for one in parts)))

    def _roles(self, scalars: Iterable[tuple[bytes, bytes]]) -> set[str]:
        found = (_roles_of(key, value, self.regions) for key, value in islice(scalars, _SCALARS))
        return set().union(*found)

    def collections(self, depth: int) -> Iterator[tuple[int, _Node]]:
        """The outermost ones in it, with their depths; `depth` is its own."""
        for node in self.inner:
            if node.collection:
                yield depth + 1, node
            else:
                yield from node.collections(depth + 1)


def _tree(sample: bytes, regions: tuple[str, ...]) -> _Node:
    top = _Node(array=True, start=0, regions=regions, end=len(sample))
    within, key, beyond = [top], b"", 0
    for token in TOKEN.finditer(sample):
        sign, node = token[0], within[-1]
        if token[2] is not None:
            key = token[1]
        elif sign in (b"{", b"["):
            if len(within) > _DEPTH_LIMIT:
                beyond += 1
                continue
            opened = _Node(array=sign == b"[", start=token.start(), regions=regions, end=len(sample))
            node.inner.append(opened)
            node.inner_keys.append(key)
            within.append(opened)
            key = b""
        elif sign in (b"}", b"]"):
            if beyond:
                beyond -= 1
            elif len(within) > 1:
                within.pop().end = token.end()
        elif sign != b"," and not beyond:
            value = token[1] if token[1] is not None else sign
            node.scalars.append((key, value[:_VALUE_CHARS]))
            key = b""
    top.array = len(top.inner) > 1
    return top


def _level(node: _Node, depth: int) -> RecordLevel | None:
    """Of the records in a node; None: it is a record itself, or a part of one."""
    if node.collection:
        return _nested(node.inner, depth + 1) or RecordLevel(depth, keyed=not node.array)
    if len(node.own_roles) > 1:
        return _nested([node], depth)
    inner = (_level(one, depth + 1) for one in sorted(node.inner, key=lambda one: -one.size))
    return next((level for level in inner if level is not None), None)


def _nested(elements: Sequence[_Node], depth: int) -> RecordLevel | None:
    """Of the people in records that are none themselves; `depth` is the elements'."""
    elements = elements[:_LOOKED_AT]
    found: dict[int, list[_Node]] = {}
    for element in elements:
        if element.collection:
            found.setdefault(depth, []).append(element)
            continue
        for below, node in element.collections(depth):
            if any(len(one.own_roles) > 1 for one in node.inner[:_FEW]):
                found.setdefault(below, []).append(node)
    if not found:
        return None
    below, nodes = max(found.items(), key=lambda item: sum(node.size for node in item[1]))
    identified = any(len(one.own_roles) > 1 for one in elements[:_FEW] if not one.collection)
    people = sum(len(node.inner) for node in nodes)
    if below > depth and identified and people <= _COMPANIONS * len(elements):
        return None
    return _level(max(nodes, key=lambda node: node.size), below)


def _are_alike(nodes: Sequence[_Node]) -> bool:
    """Objects with the same keys, most of them."""
    nodes = nodes[:_LOOKED_AT]
    keys = [{*node.inner_keys, *(key for key, _ in node.scalars)} for node in nodes if not node.array]
    counts = Counter(key for one in keys for key in one)
    common = {key for key, count in counts.items() if 2 * count >= len(keys) and count > 1}
    alike = sum(len(one & common) >= max(_KEYS_IN_COMMON, len(one) / 2) for one in keys)
    return alike >= max(2, _ALIKE * len(nodes))


def _roles_of(key: bytes, value: bytes, regions: Sequence[str]) -> set[str]:
    """What a value is, by itself or by its key."""
    text = value.decode("utf-8", "replace")
    if not text.strip() or text in ("null", "true", "false"):
        return set()
    shown = {one.value for one in _SHOWN for region in regions if recognised(one, text, region)}
    named = role_of(key.decode("utf-8", "replace")) if key else None
    return shown or ({named} if named else set())
