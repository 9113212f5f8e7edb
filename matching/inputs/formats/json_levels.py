r"""Which values of a JSON text are the records: decided on a sample, which may be cut anywhere or damaged.

Records lie in a *collection*, and the answer is the depth of that collection. A collection is

1. an array that holds objects or arrays, or the values at the top where there are several;
2. an object keyed by ids (`{"1001": {...}, "1002": {...}}`): its values are alike, or its keys are ids;
3. values of one kind only: `{"1001": "a@...", "1002": "b@..."}`, `["a@...", "b@...", ...]`.

Where there are several, the one with the most text is taken. Where its elements are collections of people
themselves (`{"page": 1, "users": [{...}, {...}]}` on each line), the records are those people. A record with
two identifiers of its own stays whole, with up to `_COMPANIONS` people that it holds (`contacts`).

The two possible mistakes do not cost the same. Two people in one row may agree with one customer by chance,
which looks like proof; a person divided into two rows only makes the evidence weaker. So a doubtful text is
divided further.

The sample usually ends in the middle of a record, so `json.loads` cannot parse it. A tokenizer builds a tree
of arrays and objects instead; those that are still open end with the sample.
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
    # A string without an end extends to the end of the text: else each escaped quote in it would be tried.
    rb'"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)(\s*+:)?|[{}\[\],]|[^\s"{}\[\],:]++',
    re.DOTALL,
)
_DEPTH_LIMIT = 64  # deeper values are ignored
_ALIKE_SHARE = 0.7  # of the elements or keys must be alike
_FEW_VALUES = 5  # fewer of one kind may be one person's
_KEYS_IN_COMMON = 2  # one is not enough: `{"$date": ...}` objects are alike, too
_COMPANIONS = 10  # people in one person's record
_SAMPLE_ELEMENTS = 20  # of a collection
_SAMPLE_SCALARS = 60  # of an element
_VALUE_BYTES = 100
_ID = re.compile(rb"\d+|[^@\s]+@\S+|[0-9A-Fa-f-]{8,}|\D{0,10}\d{3,}", re.DOTALL)
#: Fields that a value shows by itself; the others are known only by the name of their key.
_SELF_EVIDENT_FIELDS = (Field.EMAIL, Field.PHONE, Field.RESIDENT_ID, Field.CARD, Field.IBAN)


class RecordLevel(NamedTuple):
    """`depth` of the collection; 0: the values at the top are the records. `keyed`: they have keys."""

    depth: int
    keyed: bool = False


def record_level(sample: bytes, regions: Sequence[str]) -> RecordLevel:
    """`regions`: of telephone numbers without +."""
    top = _parse_tree(sample, tuple(regions))
    only = top.inner[0] if len(top.inner) == 1 else None
    if only is not None and only.array:
        return _level_within(only, 1) or RecordLevel(1)
    return _level_within(top, 0) or RecordLevel(0)


@dataclass(eq=False)
class _Node:
    """An array, an object, or (the outermost node) the values at the top."""

    array: bool
    start: int
    regions: tuple[str, ...]
    end: int = 0
    inner: list[_Node] = field(default_factory=list)  # arrays and objects in it
    inner_keys: list[bytes] = field(default_factory=list)
    scalars: list[tuple[bytes, bytes]] = field(default_factory=list)  # key and value

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
        # An object with two identifiers of its own is a person; a few objects in it are that person's parts.
        if len(self.inner) < 2 or (len(self.direct_roles) > 1 and len(self.inner) <= _COMPANIONS):
            return False
        ids = sum(_ID.fullmatch(key) is not None for key in self.inner_keys)
        return ids >= _ALIKE_SHARE * len(self.inner) or _are_alike(self.inner)

    @property
    def _of_one_kind(self) -> bool:
        """Whether its values are identifiers of one field, or anything of one kind behind ids.

        Where they are of two fields it is one person's record: `{"mail": "a@...", "phone": "138..."}`.
        """
        seen = self.scalars[:_SAMPLE_ELEMENTS]
        roles = Counter(role for _, value in seen for role in _roles_of(b"", value, self.regions))
        if len(roles) > 1 or len(seen) < 3:
            return False
        ids = sum(_ID.fullmatch(key) is not None for key, _ in seen)
        return ids >= 0.9 * len(seen) or (len(seen) >= _FEW_VALUES and roles.total() >= 0.9 * len(seen))

    @cached_property
    def direct_roles(self) -> set[str]:
        """The roles of its own values."""
        return self._roles(self.scalars)

    @cached_property
    def own_roles(self) -> set[str]:
        """The same with the values of plain objects in it, such as `{"id": 1, "contact": {"mail": ...}}`."""
        parts = [] if self.collection else [one for one in self.inner if not (one.inner or one.collection)]
        return self._roles(chain(self.scalars, *(one.scalars for one in parts)))

    def _roles(self, scalars: Iterable[tuple[bytes, bytes]]) -> set[str]:
        found = (_roles_of(key, value, self.regions) for key, value in islice(scalars, _SAMPLE_SCALARS))
        return set().union(*found)

    def collections(self, depth: int) -> Iterator[tuple[int, _Node]]:
        """Yield the outermost collections in it, with their depths; `depth` is its own."""
        for node in self.inner:
            if node.collection:
                yield depth + 1, node
            else:
                yield from node.collections(depth + 1)


def _parse_tree(sample: bytes, regions: tuple[str, ...]) -> _Node:
    """Build the tree. Brackets that close nothing are ignored."""
    top = _Node(array=True, start=0, regions=regions, end=len(sample))
    open_nodes, key, too_deep = [top], b"", 0
    for token in TOKEN.finditer(sample):
        sign, node = token[0], open_nodes[-1]
        if token[2] is not None:
            key = token[1]
        elif sign in (b"{", b"["):
            if len(open_nodes) > _DEPTH_LIMIT:
                too_deep += 1
                continue
            opened = _Node(array=sign == b"[", start=token.start(), regions=regions, end=len(sample))
            node.inner.append(opened)
            node.inner_keys.append(key)
            open_nodes.append(opened)
            key = b""
        elif sign in (b"}", b"]"):
            if too_deep:
                too_deep -= 1
            elif len(open_nodes) > 1:
                open_nodes.pop().end = token.end()
        elif sign != b"," and not too_deep:
            value = token[1] if token[1] is not None else sign
            node.scalars.append((key, value[:_VALUE_BYTES]))
            key = b""
    top.array = len(top.inner) > 1
    return top


def _level_within(node: _Node, depth: int) -> RecordLevel | None:
    """Return the level of the records in a node; None: the node is itself a record, or a part of one."""
    if node.collection:
        return _level_below(node.inner, depth + 1) or RecordLevel(depth, keyed=not node.array)
    if len(node.own_roles) > 1:
        return _level_below([node], depth)
    # Neither a collection nor a person: a wrapper such as `{"count": 2, "data": {...}}`.
    inner = (_level_within(one, depth + 1) for one in sorted(node.inner, key=lambda one: -one.size))
    return next((level for level in inner if level is not None), None)


def _level_below(elements: Sequence[_Node], depth: int) -> RecordLevel | None:
    """Return the level of people within `elements`, which lie at `depth`; None: the elements are the records.

    Inner collections are grouped by depth, because all records must lie at one depth: the text is divided by
    depth alone. The group with the most text is taken, so that a short list of tags does not decide.
    """
    elements = elements[:_SAMPLE_ELEMENTS]
    groups: dict[int, list[_Node]] = {}
    for element in elements:
        if element.collection:
            groups.setdefault(depth, []).append(element)
            continue
        for below, node in element.collections(depth):
            if any(len(one.own_roles) > 1 for one in node.inner[:_FEW_VALUES]):
                groups.setdefault(below, []).append(node)
    if not groups:
        return None
    below, nodes = max(groups.items(), key=lambda item: sum(node.size for node in item[1]))
    identified = any(len(one.own_roles) > 1 for one in elements[:_FEW_VALUES] if not one.collection)
    people = sum(len(node.inner) for node in nodes)
    if below > depth and identified and people <= _COMPANIONS * len(elements):
        return None  # each element is a person with a few companions
    return _level_within(max(nodes, key=lambda node: node.size), below)


def _are_alike(nodes: Sequence[_Node]) -> bool:
    """Whether most of them are objects that share keys."""
    nodes = nodes[:_SAMPLE_ELEMENTS]
    keys = [{*node.inner_keys, *(key for key, _ in node.scalars)} for node in nodes if not node.array]
    counts = Counter(key for one in keys for key in one)
    common = {key for key, count in counts.items() if 2 * count >= len(keys) and count > 1}
    alike = sum(len(one & common) >= max(_KEYS_IN_COMMON, len(one) / 2) for one in keys)
    return alike >= max(2, _ALIKE_SHARE * len(nodes))


def _roles_of(key: bytes, value: bytes, regions: Sequence[str]) -> set[str]:
    """Return the roles that a value's content shows; where it shows none, the role that its key names."""
    text = value.decode("utf-8", "replace")
    if not text.strip() or text in ("null", "true", "false"):
        return set()
    shown = {one.value for one in _SELF_EVIDENT_FIELDS for region in regions if recognised(one, text, region)}
    named = role_of(key.decode("utf-8", "replace")) if key else None
    return shown or ({named} if named else set())
