"""Rows of a text: which lines belong to one record.

1. Each line is read by itself (`line_shapes`), and values get the labels on the lines before them (`fields`).
2. Lines in a container that is a record (`nesting`) are one record.
3. The rest is divided at its separators: empty lines, rules, and the borders that a page has (`borders`).
   Of several kinds the weakest is taken that divides the text into records of the same shape.
4. A block between separators is one record if it is a card: nothing but fields and short lines, nothing that
   shows two people, and another block has the same types of values in the same order.
5. Elsewhere a run of labelled lines is divided by its labels (`fields`), and a run of lines without labels
   only if its shape repeats (`cards`).
6. Any other line is a row by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise, takewhile

from matching.inputs.formats.columns import role_of
from matching.inputs.formats.records.cards import divide_cards
from matching.inputs.formats.records.fields import (
    IDENTIFIER_TYPES,
    LIST_VALUES,
    TYPE_LABELS,
    KnownLabels,
    divide_fields,
    told_type,
    with_labels,
)
from matching.inputs.formats.records.line_shapes import Kind, Line, holds_identifier, read_line
from matching.inputs.formats.records.nesting import Container, Nesting, find_nesting, label_of_container

#: Lines with a value of a record at most; of one in a container, which says where it ends; and characters.
RECORD_LINES = 60
CONTAINER_LINES = 500
RECORD_CHARACTERS = 1 << 16
_STRENGTHS = 6  # kinds of separators that are tried
_SEPARATORS = (Kind.BLANK, Kind.RULE)
#: Lines before the end of a text in which its last record begins, if it is not known to be one yet.
_OPEN_LINES = 100
_RULE_STRENGTH = 1_000  # of a rule; that of empty lines is their number


_Pairs = Counter[tuple[str, str]]
_Blocks = list[tuple[list[int], set[tuple[str, str]]]]  # lines, and the pairs of types of a card


@dataclass(frozen=True, slots=True)
class RecordShape:
    """What a part of a document shows of its records, so that one record in the next part is enough."""

    labels: Mapping[str, str]  # those known by the type of their values, with that type
    strength: int  # of the separators; 0: none
    pairs: _Pairs  # types of identifiers in cards


_NO_SHAPE = RecordShape({}, 0, Counter())


@dataclass(frozen=True, slots=True)
class Grouping:
    """`rows`: the first line of the record of each line; `cut`: records that a bound has divided."""

    rows: list[int]
    cut: int
    shapes: list[Line]
    record_shape: RecordShape
    opened: list[int]  # lines of the containers that do not end within the text
    ends_container: bool  # the last line opens or ends one

    def open_from(self) -> int:
        """Return the first line of the record that may go on behind the text."""
        count = len(self.rows)
        if not count or self.shapes[-1].kind in _SEPARATORS:
            return count
        begin = count if self.ends_container else self.rows.index(self.rows[-1])
        separator = next((at for at in range(count - 1, -1, -1) if self.shapes[at].kind in _SEPARATORS), -1)
        near = [line for line in (*self.opened, separator + 1) if count - line <= _OPEN_LINES]
        return min([begin, *near])


def group_lines(
    lines: Sequence[str], borders: Sequence[int] | None = None, known: RecordShape | None = None
) -> Grouping:
    """Group lines. `borders`: the strength of a page's border before each line; None: it is plain text.

    `known`: the shape of the records in another part of the document.
    """
    shapes = list(map(read_line, lines))
    nesting = find_nesting(lines, shapes)
    if nesting is not None:
        _label_by_containers(lines, shapes, nesting)
    shapes = with_labels(shapes)
    grouper = _Grouper(lines, shapes, nesting, borders, known or _NO_SHAPE)
    grouper.group()
    opened = nesting.opened if nesting is not None else []
    ends_container = nesting is not None and len(lines) - 1 in nesting.borders
    return Grouping(grouper.rows, grouper.cut, shapes, grouper.found, opened, ends_container)


def _label_by_containers(lines: Sequence[str], shapes: list[Line], nesting: Nesting) -> None:
    """Give values that stand alone in an element its label."""
    keys: dict[int, str] = {}  # the last `<key>` in each container
    for container in nesting.containers:
        if container.last < 0 or container.children:
            continue
        if container.sign in "([{" and container.name:
            _label_listed(shapes, container)
        if container.sign != "<":
            continue
        if container.name == "key":
            keys[container.parent] = shapes[container.last].label or shapes[container.last].value.casefold()
        for index in container.lines[:1]:
            if shapes[index].kind is Kind.VALUE:
                key = keys.pop(container.parent, "") if container.name in TYPE_LABELS else ""
                label = key or label_of_container(container, lines[container.first])
                shapes[index] = shapes[index]._replace(kind=Kind.FIELD, label=label, marked=True)


def _label_listed(shapes: list[Line], container: Container) -> None:
    """Give the few values that stand alone in a bracket its label: `phones: [`."""
    lines = container.lines
    if len(lines) <= LIST_VALUES and all(shapes[index].kind is Kind.VALUE for index in lines):
        for number, index in enumerate(lines, 1):
            label, kept = container.name, str(number) if number > 1 else ""
            shapes[index] = shapes[index]._replace(kind=Kind.FIELD, label=label, number=kept, marked=True)


class _Grouper:
    def __init__(
        self,
        lines: Sequence[str],
        shapes: Sequence[Line],
        nesting: Nesting | None,
        borders: Sequence[int] | None,
        shape: RecordShape,
    ) -> None:
        self.rows = list(range(len(lines)))
        self._shape = shape
        self.cut = 0
        self._lines = lines
        self._shapes = shapes
        self._nesting = nesting
        self._borders = borders
        self._known = KnownLabels(shapes, shape.labels)
        self.found = RecordShape(self._known.typed, 0, Counter())

    def group(self) -> None:
        for record, stretch in self._stretches():
            if self._is_one_record(record, stretch):
                self._join(self._fields_of(record, stretch), CONTAINER_LINES)
            else:
                self._group_stretch(stretch)

    def _stretches(self) -> Iterator[tuple[int, list[int]]]:
        """Yield the lines of each record container, and the stretches between containers."""
        if self._nesting is None:
            yield -1, list(range(len(self._lines)))
            return
        of_record: dict[int, list[int]] = {}
        record_of, marks = self._nesting.record_of, self._nesting.borders
        for record, group in groupby(range(len(self._lines)), key=record_of.__getitem__):
            stretch = list(group)
            if record < 0:
                for border, part in groupby(stretch, key=marks.__contains__):
                    if not border:
                        yield -1, list(part)
            else:
                of_record.setdefault(record, []).extend(one for one in stretch if one not in marks)
        yield from of_record.items()

    def _is_one_record(self, record: int, stretch: Sequence[int]) -> bool:
        """Whether a container is one record: it is one of several, and no label says that it is a list."""
        if record < 0 or self._nesting is None:
            return False
        container = self._nesting.containers[record]
        if container.sign == "BEGIN":
            return True
        fields = [self._shapes[one] for one in stretch if self._shapes[one].kind is Kind.FIELD]
        bare = any(self._shapes[one].kind is Kind.VALUE for one in stretch)
        if bare or not fields or not all(map(self._known.takes, fields)):
            return False
        if record not in self._nesting.repeated:
            return not _keys_again([field.label for field in fields])
        return len(_keys_again(_collapsed([key_of_line(field) for field in fields]))) < 2

    def _fields_of(self, record: int, stretch: Sequence[int]) -> Sequence[int]:
        """Return the lines of a container that belong to its record: between BEGIN and END all do."""
        if self._nesting is not None and self._nesting.containers[record].sign == "BEGIN":
            return stretch
        return [one for one in stretch if self._shapes[one].kind is Kind.FIELD]

    # --- between separators

    def _group_stretch(self, stretch: Sequence[int]) -> None:
        for _, quoted in groupby(stretch, key=self._quote_depth):
            part = list(quoted)
            blocks, supported = self._separated(part)
            for block, pairs in blocks:
                if any(supported[pair] > 1 for pair in pairs):
                    self._join(block)
                else:
                    self._group_block(block)

    def _quote_depth(self, index: int) -> int:
        return self._shapes[index].quoted

    def _separated(self, stretch: Sequence[int]) -> tuple[_Blocks, _Pairs]:
        """Return the blocks between separators, and how many cards have each pair of types in order."""
        strengths = sorted({strength for strength, _ in self._parts(stretch) if strength})
        for strength in strengths[:_STRENGTHS]:
            blocks = self._with_pairs(stretch, strength)
            supported = Counter(pair for _, pairs in blocks for pair in pairs)
            if supported and max(supported.values()) > 1:
                if supported.total() > self.found.pairs.total():
                    self.found = replace(self.found, strength=strength, pairs=Counter(supported))
                return blocks, supported
        known = self._shape
        if known.strength and known.strength <= (strengths[0] if strengths else _RULE_STRENGTH):
            # No weaker separator stands within a block.
            return self._with_pairs(stretch, known.strength), known.pairs
        strength = strengths[0] if strengths else 1
        if strengths and self._fields_stand_alone(stretch, strength):
            strength = 2 * _RULE_STRENGTH
        return self._with_pairs(stretch, strength), Counter()

    def _with_pairs(self, stretch: Sequence[int], strength: int) -> _Blocks:
        return [(block, self._card_pairs(block)) for block in self._blocks(stretch, strength)]

    def _fields_stand_alone(self, stretch: Sequence[int], strength: int) -> bool:
        """Whether separators stand between the fields, which therefore must say where a record ends.

        They say so only if the same labels come again and again in the same order, or if each line stands
        alone; then `cards` decides.
        """
        labels: list[str] = []
        blocks = list(self._blocks(stretch, strength))
        above = list(takewhile(self._is_words, blocks))  # a heading, or the first line of each record
        blocks = blocks[max(0, len(above) - 1) :]
        led = bool(above) and len(blocks[0]) == 1
        if above and not (led and sum(map(self._is_words, blocks)) > 1):
            led, blocks = False, blocks[1:]
        if all(
            len(block) == 1 and self._shapes[block[0]].kind in (Kind.WORDS, Kind.VALUE) for block in blocks
        ):
            return True
        for block in blocks:
            if led and self._is_words(block):
                labels.append("")
                continue
            fields = [self._shapes[one] for one in block if self._shapes[one].kind is Kind.FIELD]
            others = [one for one in block if self._shapes[one].kind in (Kind.TEXT, Kind.WORDS, Kind.VALUE)]
            if len(fields) != 1 or others or fields[0] not in self._known:
                return False
            labels.append(fields[0].label)
        period = len(set(labels))
        return (
            period < len(labels)
            and len(labels) % period == 0
            and labels == labels[:period] * (len(labels) // period)
        )

    def _is_words(self, block: Sequence[int]) -> bool:
        return all(self._shapes[index].kind is Kind.WORDS for index in block)

    def _parts(self, stretch: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield each line that is no separator, with the strength of the separators before it."""
        strength = 0
        for index in stretch:
            kind = self._shapes[index].kind
            if kind is Kind.RULE:
                strength = max(strength, _RULE_STRENGTH)
            elif kind is Kind.BLANK:
                strength += 1
            else:
                if self._shapes[index].heading:
                    strength = max(strength, _RULE_STRENGTH)
                if self._borders is not None:
                    strength = max(strength, self._borders[index])
                yield strength, index
                strength = 0

    def _blocks(self, stretch: Sequence[int], limit: int) -> Iterator[list[int]]:
        block: list[int] = []
        for strength, index in self._parts(stretch):
            if strength >= limit and block:
                yield block
                block = []
            block.append(index)
        if block:
            yield block

    def _card_pairs(self, block: Sequence[int]) -> set[tuple[str, str]]:
        """Return the pairs of types of identifiers in their order, if a block may be a card; else nothing."""
        if not 2 <= len(block) <= RECORD_LINES:
            return set()
        keys: list[str] = []
        types: list[str] = []
        for index in block:
            shape = self._shapes[index]
            if shape.kind is Kind.TEXT or (shape.kind is Kind.FIELD and not self._known.takes(shape)):
                return set()
            if shape.kind is Kind.LABEL:
                continue
            keys.append((key_of_line(shape) if shape.kind is Kind.VALUE else _told(shape)) or "words")
            if shape.type in IDENTIFIER_TYPES and shape.type not in types:
                types.append(shape.type)
        while keys and keys[-1] == "words":
            keys.pop()  # behind the last identifier nothing is somebody else's
        if len(types) < 2 or _is_list(_collapsed(keys)):
            return set()
        return {(one, two) for place, one in enumerate(types) for two in types[place + 1 :]}

    # --- without separators

    def _group_block(self, block: Sequence[int]) -> None:
        """Divide a block that is no card as a whole."""
        run: list[int] = []
        bare: list[int] = []
        for index in block:
            shape = self._shapes[index]
            if shape.kind is Kind.FIELD:
                self._group_bare(bare)
                run.append(index)
            elif shape.kind is Kind.LABEL:
                self._group_bare(bare)
            elif (
                run and shape.kind in (Kind.WORDS, Kind.TEXT) and shape.indent > self._shapes[run[-1]].indent
            ):
                continue  # the value goes on
            else:
                self._group_run(run)
                bare.append(index)
        self._group_run(run)
        self._group_bare(bare)

    def _group_run(self, run: list[int]) -> None:
        """Divide labelled lines; those that are no fields of a record stay alone. Empties `run`."""
        taken = [index for index in run if self._known.takes(self._shapes[index])]
        rows = divide_fields([self._shapes[index] for index in taken])
        records = [
            [taken[place] for place in places]
            for _, places in groupby(sorted(range(len(taken)), key=rows.__getitem__), key=rows.__getitem__)
        ]
        pairs = Counter(pair for record in records for pair in pairwise(map(self._label, record)))
        for record in records:
            self._join([index for index in record if self._is_in_record(index, record, pairs)])
        run.clear()

    def _label(self, index: int) -> str:
        return self._shapes[index].label

    def _is_in_record(self, index: int, record: Sequence[int], pairs: _Pairs) -> bool:
        """Whether a field belongs to its record: an unknown label needs a neighbour that recurs."""
        shape = self._shapes[index]
        if shape.marked or role_of(shape.label) is not None or not holds_identifier(shape):
            return True
        return any(shape.label in pair and pairs[pair] > 1 for pair in pairwise(map(self._label, record)))

    def _group_bare(self, bare: list[int]) -> None:
        """Divide lines without labels, if their shape repeats. Empties `bare`."""
        for record in divide_cards([self._shapes[index] for index in bare]):
            self._join(bare[record.start : record.stop])
        bare.clear()

    def _join(self, lines: Sequence[int], limit: int = RECORD_LINES) -> None:
        """Make one row of the lines, or several where a bound is met."""
        start, fields, characters = -1, 0, 0
        for index in lines:
            fields += self._shapes[index].kind in (Kind.FIELD, Kind.VALUE)
            characters += len(self._lines[index])
            if start < 0 or fields > limit or characters > RECORD_CHARACTERS:
                self.cut += start >= 0
                start, fields, characters = index, 1, len(self._lines[index])
            self.rows[index] = start


def key_of_line(shape: Line) -> str:
    """Return what a line tells of a person, whatever its label is called; "" for words."""
    return role_of(shape.label) or (shape.type if shape.type in IDENTIFIER_TYPES else "") or shape.label


def _told(shape: Line) -> str:
    """Return `key_of_line` of a field; digits of an unknown label are no telephone number."""
    return key_of_line(shape) if told_type(shape) else shape.label


def _collapsed(keys: Sequence[str]) -> list[str]:
    return [key for key, _ in groupby(keys)]


def _is_list(keys: Sequence[str]) -> bool:
    """Whether keys that come again show several people.

    One key may come again in the record of one person (two addresses), but not the one that begins it.
    """
    again = _keys_again(keys)
    return len(again) > 1 or (bool(again) and keys[0] in again)


def _keys_again(keys: Sequence[str]) -> set[str]:
    return {key for key, count in Counter(keys).items() if count > 1}
