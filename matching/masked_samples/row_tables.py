"""Rows of one shape, one below another: the column decides what a value is that its own shape leaves open.

A value without a sure shape takes the kind of most of its column. Names are read where a column holds hardly
anything else; a whole name only where no other column has names, because places look like names too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from matching.masked_samples.labels import LabelKind
from matching.masked_samples.line_values import FoundValue, Piece
from matching.masked_samples.names import NameReading
from matching.masked_samples.numbers import reading_as
from matching.masked_samples.sample_rows import Attribute, VisibleValue

_NAME_SHARE = 0.6  # of a column's filled cells that are names, for it to be one of names
_DISTINCT_SHARE = 0.5  # of whole names: a column of few words repeated is none
_FEW_ROWS = 2


@dataclass(slots=True, repr=False)
class RawRow:
    """A record of a text. `columns`: the pieces of each of its cells."""

    line: int
    start: int
    end: int
    columns: list[list[Piece]]
    labelled: bool = False  # its values have labels, or its columns names
    values: list[VisibleValue] = field(default_factory=list)
    order: list[tuple[int, VisibleValue]] = field(default_factory=list)


def resolve_table(rows: Sequence[RawRow], region: str) -> int:
    """Set the values of the rows, in the order of their places, and return how many were left open."""
    ambiguous = 0
    width = max((len(row.columns) for row in rows), default=0)
    kinds = [_kind_of_column(_column(rows, at)) for at in range(width)]
    names = _name_columns(rows, width)
    for row in rows:
        for at, pieces in enumerate(row.columns):
            for piece in pieces:
                if piece.found is not None:
                    value = _value_of(piece.found, kinds[at], region)
                    if value is not None:
                        row.order.append((at, value))
                    elif piece.found.readings:
                        ambiguous += 1
                for value in piece.extra:
                    row.order.append((at, value))
        found = _names_of(row, names)
        row.order += found
        row.labelled = row.labelled or _labels_of(row) > 1
        row.order.sort(key=lambda one: one[0])
        row.values = [value for _, value in row.order]
    return ambiguous


def _column(rows: Sequence[RawRow], at: int) -> list[list[Piece]]:
    return [row.columns[at] for row in rows if at < len(row.columns)]


def _kind_of_column(cells: Sequence[Sequence[Piece]]) -> Attribute | None:
    """Return what most of the values of a column are."""
    kinds: Counter[Attribute] = Counter()
    filled = 0
    for pieces in cells:
        found = [piece.found for piece in pieces if piece.found is not None]
        filled += bool(found)
        kinds.update({one.value.attribute for one in found if one.value is not None})
    if kinds:
        kind, count = kinds.most_common(1)[0]
        if count >= _FEW_ROWS and 2 * count > filled:
            return kind
        undecided = [
            piece.found for pieces in cells for piece in pieces if piece.found and not piece.found.value
        ]
        return kind if len(kinds) == 1 and all(kind in found.readings for found in undecided) else None
    possible = [set(piece.found.readings) for pieces in cells for piece in pieces if piece.found]
    common = set.intersection(*possible) if possible else set()
    everywhere = set.union(*possible) if possible else set()
    # Each of them can be this, and none of them anything else.
    return next(iter(common)) if len(common) == 1 == len(everywhere) and len(possible) > _FEW_ROWS else None


def _value_of(found: FoundValue, kind: Attribute | None, region: str) -> VisibleValue | None:
    if found.number is None or kind is None or found.labelled:
        return found.value
    if found.value is not None and found.value.attribute is kind:
        return found.value
    read = reading_as(kind, found.number, region) if kind in _OF_NUMBERS else None
    return read or found.value


_OF_NUMBERS = frozenset(
    {Attribute.PHONE, Attribute.RESIDENT_ID, Attribute.NATIONAL_ID, Attribute.CARD, Attribute.IBAN}
)


def _labels_of(row: RawRow) -> int:
    """Return how many values of a row have a label."""
    return sum(
        piece.labelled or (piece.found is not None and piece.found.labelled)
        for pieces in row.columns
        for piece in pieces
    )


# --- names


def _name_columns(rows: Sequence[RawRow], width: int) -> dict[int, bool]:
    """Return the columns that hold names, and whether whole ones count in them."""
    masked: dict[int, bool] = {}
    whole: list[int] = []
    for at in range(width):
        cells = [pieces for pieces in _column(rows, at) if pieces]
        names = [piece.name for pieces in cells for piece in pieces if piece.name is not None]
        if any(piece.labelled for pieces in cells for piece in pieces):
            continue
        cut = sum(name.value.is_masked for name in names)
        likely = sum(name.sure or _is_likely(name) for name in names)
        if likely < max(_FEW_ROWS, _NAME_SHARE * len(cells)):
            continue
        if cut:
            masked[at] = True
        else:
            distinct = {name.value.head for name in names if name.sure}
            alone = all(len(pieces) == 1 for pieces in cells)
            if alone and len(distinct) >= _DISTINCT_SHARE * len(names):
                whole.append(at)
    labelled = any(piece.labelled for row in rows for pieces in row.columns for piece in pieces if piece.name)
    if masked or labelled:
        return masked
    return {whole[0]: True} if len(whole) == 1 or (whole and whole[0] == 0) else {}


def _is_likely(name: NameReading) -> bool:
    """Return whether a name is cut and more than one cut word, which may be anything: p***d."""
    value = name.value
    return value.is_masked and (not value.head.isascii() or " " in value.head)


def _names_of(row: RawRow, names: dict[int, bool]) -> list[tuple[int, VisibleValue]]:
    """Return the names of a row with their columns."""
    parts: dict[LabelKind, tuple[int, NameReading]] = {}
    found: list[tuple[int, VisibleValue]] = []
    unlabelled: list[tuple[int, VisibleValue]] = []
    for at, pieces in enumerate(row.columns):
        for piece in pieces:
            if piece.name is None:
                continue
            if piece.labelled and piece.part in (LabelKind.FAMILY_NAME, LabelKind.GIVEN_NAME):
                parts.setdefault(piece.part, (at, piece.name))
            elif piece.labelled:
                found.append((at, piece.name.value))
            elif (at in names and (piece.name.sure or _is_likely(piece.name))) or (
                piece.name.sure and piece.name.value.is_masked
            ):
                unlabelled.append((at, piece.name.value))
    if parts and not found:
        found = [_joined(parts)]
    return found or unlabelled


def _joined(parts: dict[LabelKind, tuple[int, NameReading]]) -> tuple[int, VisibleValue]:
    """Return a name of which family name and given name stand in two columns."""
    at = min(place for place, _ in parts.values())
    values = {role: reading.value for role, (_, reading) in parts.items()}
    family, given = values.get(LabelKind.FAMILY_NAME), values.get(LabelKind.GIVEN_NAME)
    if family is None or given is None:
        return at, family or given or next(iter(values.values()))
    hidden = None if family.hidden is None or given.hidden is None else family.hidden + given.hidden
    if family.head and not family.head.isascii() and "\u3400" <= family.head[0] <= "\ud7af":
        if hidden == 0:
            return at, VisibleValue(Attribute.NAME, family.head + given.head)
        return at, VisibleValue(Attribute.NAME, family.head, given.tail, hidden)
    return at, VisibleValue(Attribute.NAME, f"{given.head} {family.head}".strip(), hidden=hidden)
