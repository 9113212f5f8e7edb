"""Records without labels and separators: a name, an address, a number, and again.

They are divided only where their shape says how: each begins with a number (`_led_by_numbers`) or with words
(`_led_by_words`), or all have exactly the same types of values in the same order (`_periodic`). Anything else
stays divided into lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from matching.inputs.formats.records.fields import IDENTIFIER_TYPES
from matching.inputs.formats.records.line_shapes import Kind, Line

_CARD_LINES = 12
_SHORT_PERIODS = 3  # records of two lines; fewer may stand so by chance
_WORD_LINES = 3  # before the identifiers of a record


def divide_cards(lines: Sequence[Line]) -> list[range]:
    """Return the lines of each record that has several."""
    found: list[range] = []
    place = 0
    for text, group in groupby(lines, key=lambda line: line.kind is Kind.TEXT):
        size = sum(1 for _ in group)
        if not text and size > 3:
            types = [line.type or "words" for line in lines[place : place + size]]
            part = lines[place : place + size]
            records = _led_by_numbers(part, types) or _periodic(types) or _led_by_words(types)
            found += [range(place + one.start, place + one.stop) for one in records]
        place += size
    return found


def _periodic(types: list[str]) -> list[range]:
    """Return records that are all alike and leave nothing over, except words before the first one."""
    lead = next((place for place, type_ in enumerate(types) if type_ != "words"), 0)
    for start in range(max(0, lead - _WORD_LINES), lead + 1):
        rest = types[start:]
        for size in range(2, min(_CARD_LINES, len(rest) // 2) + 1):
            enough = len(rest) >= size * (_SHORT_PERIODS if size == 2 else 2) and len(rest) % size == 0
            again = enough and rest[:size] == rest[size : 2 * size]
            if again and rest == rest[:size] * (len(rest) // size):
                record = rest[:size]
                if not _is_one_person(record) or (start and _has_words_inside(record)):
                    return []
                return [range(place, place + size) for place in range(start, len(types), size)]
    return []


def _led_by_words(types: Sequence[str]) -> list[range]:
    """Return records that each begin with words and hold no other words."""
    if types[0] != "words":
        return []
    starts = [
        place
        for place, type_ in enumerate(types)
        if type_ == "words" and (not place or types[place - 1] != "words")
    ]
    records = [range(start, end) for start, end in zip(starts, [*starts[1:], len(types)], strict=True)]
    if max(map(len, records)) > _CARD_LINES:
        return []
    held = [[type_ for type_ in types[one.start : one.stop] if type_ != "words"] for one in records]
    orders = {(one, two) for values in held for at, one in enumerate(values) for two in values[at + 1 :]}
    words = max(len(one) - len(values) for one, values in zip(records, held, strict=True))
    if words > _WORD_LINES or any((two, one) in orders for one, two in orders if one != two):
        return []
    complete = sum(len(IDENTIFIER_TYPES.intersection(values)) > 1 for values in held)
    return records if complete > 1 and all(held) else []


def _led_by_numbers(lines: Sequence[Line], types: Sequence[str]) -> list[range]:
    """Return records that each begin with a number or a bullet, and have none elsewhere."""
    starts = [place for place, line in enumerate(lines) if line.leader]
    if not starts or starts[0] or len(starts) == len(lines):
        return []
    records = [range(start, end) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    held = [[type_ for type_ in types[one.start : one.stop] if type_ in IDENTIFIER_TYPES] for one in records]
    collapsed = [[type_ for type_, _ in groupby(values)] for values in held]
    single = all(len(values) == len(set(values)) for values in collapsed)
    return records if single and sum(len(values) > 1 for values in collapsed) > 1 else []


def _has_words_inside(types: Sequence[str]) -> bool:
    """Whether words stand between the identifiers of a record, so that they may begin another one."""
    places = [place for place, type_ in enumerate(types) if type_ in IDENTIFIER_TYPES]
    return "words" in types[places[0] : places[-1]]


def _is_one_person(types: Sequence[str]) -> bool:
    """Whether each type of identifier comes once, or several times in a row."""
    collapsed = [type_ for type_, _ in groupby(types) if type_ in IDENTIFIER_TYPES]
    return len(collapsed) > 1 and len(collapsed) == len(set(collapsed))
