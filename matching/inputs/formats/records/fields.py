"""Which labels are labels, and how a run of labelled lines without separators is divided into records."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise, permutations

from matching.inputs.formats.columns import role_of
from matching.inputs.formats.records.line_shapes import INNER, Kind, Line, holds_identifier

#: Share of a label's values that must be of one type for the label to be one without a known name.
_TYPED_SHARE = 0.7
_TYPED_VALUES = 3  # fewer may be of one type by chance
#: Labels of a message, whose values belong to different people.
_OTHER_PEOPLE = frozenset(
    [
        "an",
        "bcc",
        "cc",
        "committer",
        "de",
        "from",
        "para",
        "recipient",
        "reply-to",
        "sender",
        "to",
        "von",
        "à",
    ]
) | frozenset(["кому", "от", "копия", "发件人", "收件人", "抄送"])
#: Labels of a run whose order is kept; others come last.
_ORDERED_LABELS = 200
_COMPARED_FIELDS = 300  # of a run, by which its order is chosen
_PERMUTED_LABELS = 5  # of which all orders are tried; of more labels only some
_ROTATIONS = 12
_FIRST_ROLES = frozenset({"name", "family_name", "given_name", "username", "account"})
_FIRST_LABELS = frozenset(
    [
        "#",
        "client",
        "contact",
        "customer",
        "dn",
        "entry",
        "id",
        "no",
        "nr",
        "person",
        "record",
        "result",
        "uid",
        "user",
    ]
)
_BEST_ORDERS = 24
_WORDS = re.compile(r"[ _.]")
#: A value that is itself a record, on one line.
_STRUCTURE = re.compile(r"[A-Za-z_.:]{0,40} ?(?:\{.*\}|\[.*\]|\(.*\))")
#: Values of a list in a record, at most; longer ones show several people.
LIST_VALUES = 4
#: Names of elements that say the type of a value. The label stands before them.
TYPE_LABELS = frozenset(
    ["array", "cdata", "data", "date", "dd", "integer", "number", "real", "string", "td", "text", "value"]
)
#: Kinds of values by which a label, or a line without one, is recognised.
IDENTIFIER_TYPES = frozenset({"email", "phone", "number"})


def with_labels(shapes: Sequence[Line]) -> list[Line]:
    """Return the lines; a value has the label that stands alone on the line before.

    A label without a value is a field that is empty, or, where nothing shows that it is a label, words.
    """
    found = [*shapes]
    _mark_words_as_labels(found)
    count = Counter(shape.label for shape in found if shape.kind is Kind.LABEL)
    for index, shape in enumerate(found):
        if shape.kind is not Kind.LABEL:
            continue
        value = found[index + 1] if index + 1 < len(found) else None
        if not (shape.marked or count[shape.label] > 1 or role_of(shape.label) is not None):
            found[index] = shape._replace(kind=Kind.WORDS, label="")
        elif value is not None and _takes_label(value):
            found[index + 1] = value._replace(
                kind=Kind.FIELD,
                label=shape.label,
                number=shape.number,
                leader=value.leader or shape.leader,
                marked=shape.marked,
            )
            _label_list(found, index + 1)
        else:
            found[index] = shape._replace(kind=Kind.FIELD, value="")
    return found


def _label_list(found: list[Line], first: int) -> None:
    """Give the values of a list the label of the first one: `emails:`, `- a@...`, `- b@...`.

    Two lists in a row stay as they are: they may be the columns of a table.
    """
    end = _end_of_list(found, first)
    if end - first > LIST_VALUES or _is_list(found, end) or _is_list(found, first - 2, before=True):
        return
    head = found[first]
    for index in range(first + 1, end):
        number = str(index - first + 1)
        found[index] = found[index]._replace(
            kind=Kind.FIELD, label=head.label, number=number, marked=head.marked
        )


def _end_of_list(found: Sequence[Line], first: int) -> int:
    """Return the index behind the values that stand below one another like the first one."""
    end = first + 1
    while end < len(found) and found[end].kind is Kind.VALUE and found[end].leader:
        if found[end].indent != found[first].indent:
            break
        end += 1
    return end


def _is_list(found: Sequence[Line], index: int, *, before: bool = False) -> bool:
    """Whether a label with several values begins at `index`, or ends there."""
    if before:
        return index > 0 and bool(found[index].leader) and bool(found[index - 1].leader)
    return (
        index + 1 < len(found)
        and found[index].kind is Kind.LABEL
        and found[index + 1].kind is Kind.VALUE
        and bool(found[index + 1].leader)
        and _end_of_list(found, index + 1) > index + 2
    )


def _takes_label(value: Line) -> bool:
    named = value.kind is Kind.FIELD and value.marked and value.label in TYPE_LABELS
    return named or value.kind in (Kind.VALUE, Kind.WORDS)


def _mark_words_as_labels(shapes: list[Line]) -> None:
    """Make labels of words that come again as a line, each time before a value of the same type."""
    lines: Counter[str] = Counter()
    types: dict[str, Counter[str]] = defaultdict(Counter)
    for shape, following in zip(shapes, [*shapes[1:], None], strict=True):
        if shape.kind is Kind.WORDS:
            lines[shape.value] += 1
            if following is not None and following.kind is Kind.VALUE:
                types[shape.value][following.type] += 1
    labels = {
        text
        for text, found in types.items()
        if lines[text] > 1 and max(found.values()) >= _TYPED_SHARE * lines[text]
    }
    if len({types[text].most_common(1)[0][0] for text in labels}) < 2:
        return  # words before values of one type only may be names
    for index, shape in enumerate(shapes):
        if shape.kind is Kind.WORDS and shape.value in labels:
            shapes[index] = shape._replace(kind=Kind.LABEL, label=shape.value.casefold())


class KnownLabels:
    """The labels of a text that are labels: by their name, or because their values are of one type."""

    def __init__(self, shapes: Sequence[Line], typed: Mapping[str, str] | None = None) -> None:
        """`typed`: labels that another part of the document shows to be some, with their type."""
        count: Counter[str] = Counter()
        types: dict[str, Counter[str]] = defaultdict(Counter)
        for shape in shapes:
            if shape.kind is Kind.FIELD:
                count[shape.label] += 1
                if shape.type:
                    types[shape.label][shape.type] += 1
        # A key that comes once may be a person's name.
        self._again = {label for label, found in count.items() if found > 1}
        self.typed = dict(typed or {})
        for label, found in types.items():
            type_, most = found.most_common(1)[0]
            if count[label] >= _TYPED_VALUES and most >= _TYPED_SHARE * count[label]:
                self.typed[label] = type_

    def __contains__(self, shape: Line) -> bool:
        if shape.label in _OTHER_PEOPLE:
            return False
        if role_of(shape.label) is not None or (shape.marked and shape.label in self._again):
            return True
        return shape.type != "" and self.typed.get(shape.label) == shape.type

    def takes(self, shape: Line) -> bool:
        """Whether a field may be in a record with others.

        In a chat the names of people stand where labels stand, and what they say differs.
        """
        if shape in self or not holds_identifier(shape) or _STRUCTURE.fullmatch(shape.value):
            return True
        words = _WORDS.split(shape.label)  # `E-mail Display As`, `billing_phone`
        return not {role_of(words[0]), role_of(words[-1])}.isdisjoint(("email", "phone"))


def told_type(field: Line) -> str:
    """Return what a field tells by its label or value; "" for digits alone, which may count anything."""
    return role_of(field.label) or ("" if field.value.isdecimal() and field.value[0] != "0" else field.type)


def divide_fields(fields: Sequence[Line]) -> list[int]:
    """Return for each of the labelled lines the index of its record's first one.

    1. If only some lines have a number or a bullet before them, or stand further left, if numbers begin anew,
       or if a tree is drawn, that divides the lines, and so does a label that the record has already.
    2. Else the labels have an order, and a record ends where it begins anew. Of all orders the one is taken
       that gives the fewest records. Where several do, lines are divided wherever one of them divides them.
    3. A label that begins a record elsewhere begins one everywhere. A label that comes later than in the
       first record, and last in its own, may belong to the record before or behind it, and so is alone.
    """
    if not fields:
        return []
    labels = [field.label for field in fields]
    leads = _leading(fields)
    alone: Collection[str] = ()
    if leads:
        starts = _starts_by_leads(fields, leads)
    elif len(set(labels)) == len(labels):
        starts = [0]
    else:
        starts = _starts_by_order(fields)
        first_record = set(labels[: starts[1]] if len(starts) > 1 else labels)
        alone = _doubtful(labels, starts, first_record)
    starts = _divide_shapes(fields, starts)
    rows: list[int] = []
    for start, end in zip(starts, [*starts[1:], len(fields)], strict=True):
        doubtful = next((index for index in range(start, end) if labels[index] in alone), -1)
        rows += [doubtful if labels[index] in alone else start for index in range(start, end)]
        _divide_by_number(fields, rows, range(start, end))
    return rows


def _divide_shapes(fields: Sequence[Line], starts: Sequence[int]) -> list[int]:
    """Divide records that have two fields of a person twice, with other labels: another list begins there."""
    found: list[int] = []
    for start, end in zip(starts, [*starts[1:], len(fields)], strict=True):
        found.append(start)
        labels: dict[str, str] = {}  # by role
        again: list[int] = []
        for index in range(start, end):
            role = told_type(fields[index])
            if (
                role in labels
                and labels[role] != fields[index].label
                and role_of(fields[index - 1].label) != role
            ):
                again.append(index)
            if role:
                labels.setdefault(role, fields[index].label)
        if len(again) > 1:
            found.append(again[0])
    return found


def _divide_by_number(fields: Sequence[Line], rows: list[int], record: range) -> None:
    """Divide a record in which several labels have several numbers: these may count people.

    A number inside of the labels (`user.2.email`) always does.
    """
    numbers: dict[str, set[str]] = defaultdict(set)
    inner: set[str] = set()
    for index in record:
        label, number = fields[index].label, fields[index].number
        numbers[label].add(number)
        if INNER in label[1:]:
            inner.add(number)
    if len(inner) > 1 or sum(len(found) > 1 for found in numbers.values()) > 1:
        first: dict[str, int] = {}
        for index in record:
            rows[index] = first.setdefault(fields[index].number, index)


def _leading(fields: Sequence[Line]) -> frozenset[int]:
    """Return the fields that a number or a bullet before them shows to be the first of their record."""
    numbers = [int(field.leader) if field.leader.isdecimal() else None for field in fields]
    if all(number is not None for number in numbers):
        return frozenset(
            index
            for index, (one, two) in enumerate(pairwise(numbers), 1)
            if one is not None and two is not None and two <= one
        )
    with_leader = [index for index, field in enumerate(fields) if field.leader]
    if with_leader:  # leaders further right are those of a list inside of a record
        leftmost = min(fields[index].indent for index in with_leader)
        with_leader = [index for index in with_leader if fields[index].indent == leftmost]
    if with_leader and len(with_leader) < len(fields):
        if with_leader[0] == 0 and _count_records(fields, with_leader):
            return frozenset(with_leader)
        # Another list begins where leaders begin or end.
        return frozenset(
            index
            for index, (one, two) in enumerate(pairwise(fields), 1)
            if bool(one.leader) != bool(two.leader)
        )
    outermost = [index for index, field in enumerate(fields) if field.indent <= fields[0].indent]
    if len(outermost) < len(fields) and not any(
        fields[index].indent < fields[0].indent for index in outermost
    ):
        return frozenset(outermost)
    return frozenset(index for index, field in enumerate(fields[:-1], 1) if field.last)


def _count_records(fields: Sequence[Line], with_leader: Sequence[int]) -> bool:
    """Whether leaders stand before records, not before fields: numbers go on, and bullets are apart."""
    numbers = [int(fields[index].leader) for index in with_leader if fields[index].leader.isdecimal()]
    if len(numbers) == len(with_leader):
        return all(two > one for one, two in pairwise(numbers))
    apart = sum(two - one > 1 for one, two in pairwise(with_leader))
    return apart >= _TYPED_SHARE * (len(with_leader) - 1)


def _starts_by_leads(fields: Sequence[Line], leads: Collection[int]) -> list[int]:
    """Return the fields that begin a record: those of `leads`, and each label that its record has already."""
    starts: list[int] = []
    seen: set[str] = set()
    counted = all(fields[index].leader.isdecimal() for index in leads)
    for index, field in enumerate(fields):
        again = field.label in seen and not _goes_on(fields[index - 1], field)
        if again and counted and _comes_twice(fields[index - 1], field):
            again = False  # each record has a number, so that the second address is the same person's
        if not index or again or index in leads:
            starts.append(index)
            seen = set()
        seen.add(field.label)
    return starts


def _starts_by_order(fields: Sequence[Line]) -> list[int]:
    """Return the fields that begin a record by any of the orders of labels that give the fewest records."""
    labels = [field.label for field in fields]
    goes_on = [bool(index) and _goes_on(fields[index - 1], field) for index, field in enumerate(fields)]
    for index in _second_values(fields):
        goes_on[index] = True
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    stream = [numbers[label] for label in labels]
    some, some_go_on = stream[:_COMPARED_FIELDS], goes_on[:_COMPARED_FIELDS]
    counted = [(len(_starts(some, order, some_go_on)), order) for order in _orders(stream, len(numbers))]
    fewest = min(count for count, _ in counted)
    best = [order for count, order in counted if count == fewest]
    if _begins_records(labels[0]):
        best = [order for order in best if order[0] == 0] or best
    found: set[int] = set()
    for order in best[:_BEST_ORDERS]:
        starts = _starts(stream, order, goes_on)
        first_record = {*stream[: starts[1] if len(starts) > 1 else None]}
        later = {stream[start] for start in starts} - first_record
        found |= {*starts, *(index for index, number in enumerate(stream) if number in later)}
    return sorted(found)


def _second_values(fields: Sequence[Line]) -> list[int]:
    """Return the second one of two addresses or numbers in a row, if each record begins with a name.

    Between two names every label then comes once, except for such pairs.
    """
    first = fields[0].label
    if not _begins_records(first):
        return []
    pairs: list[int] = []
    seen: set[str] = set()
    for index, field in enumerate(fields):
        if field.label == first:
            seen = set()
        elif index and _comes_twice(fields[index - 1], field):
            pairs.append(index)
        elif field.label in seen:
            return []
        seen.add(field.label)
    return pairs


def _comes_twice(before: Line, field: Line) -> bool:
    return before.label == field.label and role_of(field.label) in ("email", "phone")


def _begins_records(label: str) -> bool:
    """Whether it is usual that a record begins with this label."""
    return label in _FIRST_LABELS or role_of(label) in _FIRST_ROLES


def _orders(stream: Sequence[int], count: int) -> Iterator[Sequence[int]]:
    """Yield the place of each label in the orders that are tried: all of a few labels, else all rotations."""
    if count <= _PERMUTED_LABELS:
        yield from permutations(range(count))
        return
    learned = _learned_order(stream)
    for first in range(min(count, _ROTATIONS)):
        yield [(place - first) % count for place in learned]


def _learned_order(stream: Sequence[int]) -> list[int]:
    """Return each label's place: a new label comes behind the one before it."""
    order: list[int] = []
    for before, label in zip([-1, *stream], stream, strict=False):
        if label == len(order):  # numbers are given in the order of the first occurrences
            order.insert(
                order.index(before) + 1 if before >= 0 and len(order) < _ORDERED_LABELS else label, label
            )
    places = [0] * len(order)
    for place, label in enumerate(order):
        places[label] = place
    return places


def _starts(stream: Sequence[int], places: Sequence[int], goes_on: Sequence[bool]) -> list[int]:
    """Return where the order of labels begins anew."""
    ordered = [places[label] for label in stream]
    return [
        0,
        *(
            index
            for index in range(1, len(ordered))
            if ordered[index] <= ordered[index - 1] and not goes_on[index]
        ),
    ]


def _goes_on(before: Line, field: Line) -> bool:
    """Whether a label comes again for the same person: `Email 1`, `Email 2`."""
    return before.label == field.label and before.number != field.number and role_of(field.label) is not None


def _doubtful(labels: Sequence[str], starts: Sequence[int], first_record: set[str]) -> set[str]:
    """Return the labels of which it is unknown whether they end a record or begin the next."""
    last: Counter[str] = Counter()  # records in which it is among new labels at the end
    within: Counter[str] = Counter()
    for start, end in zip(starts, [*starts[1:], len(labels)], strict=True):
        new_from = end
        while new_from > start and labels[new_from - 1] not in first_record:
            new_from -= 1
        within.update({label for label in labels[start:end] if label not in first_record})
        if new_from > start:
            last.update({*labels[new_from:end]} - {*labels[start:new_from]})
    proven = labels[-1] if labels else ""
    return {
        label
        for label, count in last.items()
        if count == within[label] and not (count > 1 and label == proven)
    }
