"""Records over several lines: which lines of a text belong to one person.

`formats.rows` finds them by the labels and by the types of the values. A masked value has no type, so it is
given one for that: digits in place of the masks of a number, letters in place of others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from matching.inputs.formats.columns import role_of
from matching.inputs.formats.rows import TextRows
from matching.masked_samples.labels import LabelKind, role_of_label

#: A label and its value on one line.
KEY = re.compile(
    r"\s*[^\w\s]{0,4}\s*(?P<label>[^\d\W][^:=|\t@*]{0,40}?)[\"'*]{0,3}\s{0,4}[:=|\t]\s{0,4}(?P<value>.*)$"
)
_RECORD_LINES = 60
_MASK_RUN = re.compile(r"\*+")
_NUMBER = re.compile(r"[\d*](?:[ .()-]{0,2}[\d*]){5,}+")
_AROUND = 8  # characters around a mask in which a digit shows that it belongs to a number
_BETWEEN = " -.()*"
_KNOWN_LABELS = {LabelKind.CARD_TAIL: "card", LabelKind.PHONE_TAIL: "phone"}


def records_of(lines: Sequence[str], rows: TextRows) -> dict[int, list[int]]:
    """Return the lines of each record of several lines, by its first line. `rows`: of the filled lines."""
    members: dict[int, list[int]] = {}
    for index in range(min(len(lines), rows.breaks + 1)):
        if lines[index].strip():
            members.setdefault(rows.row_at(index), []).append(index)
    return {
        indexes[0]: indexes
        for indexes in members.values()
        if 1 < len(indexes) <= _RECORD_LINES and _is_record(lines, rows, indexes)
    }


def _is_record(lines: Sequence[str], rows: TextRows, indexes: Sequence[int]) -> bool:
    """Return whether the lines are fields, or lines without labels of which none is a row of a table."""
    if sum(len(_NUMBER.findall(lines[index])) > 1 for index in indexes) > 1:
        return False  # each line is a person
    fields = sum(rows.pair_at(index) is not None for index in indexes)
    return 2 * fields >= len(indexes) or all(_few_cells(lines[index]) for index in indexes)


def _few_cells(line: str) -> bool:
    return max(map(line.count, "\t|;,")) < 2 and "----" not in line


def filled_line(line: str) -> str:
    """Return a line with something in place of its masks and a known label, so that its shape is seen."""
    filled = _MASK_RUN.sub(_fill, line) if "*" in line else line
    key = KEY.match(filled)
    role = role_of_label(key["label"]) if key else None
    if key is None or role is None or role is LabelKind.OTHER or role_of(key["label"].strip()) is not None:
        return filled
    return f"{filled[: key.start('label')]}{_KNOWN_LABELS.get(role, role)}{filled[key.end('label') :]}"


def _fill(run: re.Match[str]) -> str:
    line, (start, end) = run.string, run.span()
    before = line[max(0, start - _AROUND) : start].rstrip(_BETWEEN)[-1:]
    behind = line[end : end + _AROUND].lstrip(_BETWEEN)[:1]
    if before.isdigit() or behind.isdigit():
        return "0" * (end - start)
    before, behind = line[start - 1 : start], line[end : end + 1]
    return "x" * (end - start) if before.isalpha() or behind == "@" or behind.isalpha() else run[0]
