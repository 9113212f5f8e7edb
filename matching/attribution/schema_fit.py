"""Whether a leak's columns are those of the company's own export, which it declared at enrolment.

1. Fold the names of both and pair equal ones. Without names, pair columns by their position.
2. Of each pair, compare the style of dates and numbers and the shapes of codes.
3. Leave out what any list may have: common names (`common_names`), common styles, common shapes.
4. Count what is left. One unusual agreement may be chance; two or more of different columns fit.

The order counts only among columns that agree. Names of the leak are not shown unless they are the company's
own: a stranger wrote them, and a list without a header has a person in its first line.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from matching.attribution.common_names import is_common_name
from matching.attribution.leak_tables import LeakTable
from matching.fingerprints.segments.declared_schema import DeclaredColumn, DeclaredSchema, folded_name
from matching.inputs.formats.cell_styles import COMMON_STYLES, CellStyles, is_common_shape
from matching.inputs.formats.columns import COLUMNS_LIMIT

_LEAST_IN_ORDER = 5  # columns that agree, for their order to count


class SchemaVerdict(StrEnum):
    """What the columns say."""

    FITS = "fits"
    FITS_IN_PART = "fits_in_part"
    ONLY_COMMON_NAMES = "only_common_names"
    DOES_NOT_FIT = "does_not_fit"
    NO_COLUMNS = "no_columns"
    NO_SCHEMA = "no_schema"


@dataclass(frozen=True, slots=True)
class ColumnFit:
    """A column of the leak that is paired with a declared one. `name`: the company's own."""

    number: int  # in the leak, from 1
    declared: int  # in the company's export, from 1
    name: str
    unusual_name: bool
    style: str = ""  # in which both agree
    unusual_style: bool = False
    shapes: tuple[str, ...] = ()  # in which both agree
    unusual_shapes: bool = False
    other_style: bool = False  # both have a style or shapes, and they differ

    @property
    def is_unusual(self) -> bool:
        return self.unusual_name or self.unusual_style or self.unusual_shapes

    def as_dict(self) -> dict[str, Any]:
        return {
            "column": self.number,
            "declared_column": self.declared,
            "name": self.name,
            "unusual_name": self.unusual_name,
            "style": self.style,
            "unusual_style": self.unusual_style,
            "shapes": list(self.shapes),
            "unusual_shapes": self.unusual_shapes,
            "other_style": self.other_style,
        }


@dataclass(frozen=True, slots=True)
class SchemaFit:
    """The answer. `columns`: of the leak; `in_order`: agreeing columns that follow the declared order."""

    verdict: SchemaVerdict
    columns: int = 0
    declared: int = 0
    by_position: bool = False  # the leak has no names
    in_order: int = 0
    unknown_unusual: int = 0  # unusual names of the leak that are not declared
    fits: tuple[ColumnFit, ...] = ()

    @property
    def order_counts(self) -> bool:
        """Whether the order says something: many columns agree, and all of them follow it."""
        return not self.by_position and self.in_order == len(self.fits) >= _LEAST_IN_ORDER

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "columns": self.columns,
            "declared_columns": self.declared,
            "by_position": self.by_position,
            "in_order": self.in_order,
            "order_counts": self.order_counts,
            "unknown_unusual": self.unknown_unusual,
            "fits": [fit.as_dict() for fit in self.fits],
            "sentence": self.sentence,
        }

    @property
    def sentence(self) -> str:
        """The answer in words."""
        match self.verdict:
            case SchemaVerdict.NO_SCHEMA:
                return "No columns were declared at enrolment, so the leak's columns are not compared."
            case SchemaVerdict.NO_COLUMNS:
                return "The leak has no table whose columns can be compared."
            case SchemaVerdict.DOES_NOT_FIT:
                return (
                    f"None of its {self.columns} columns agrees with the company's own export in anything "
                    f"but common names, and {self.unknown_unusual} have unusual names of another list."
                )
        how = "are like those at the same place of" if self.by_position else "have names of"
        said = f"{len(self.fits)} of {self.columns} columns {how} the company's own export"
        if self.order_counts:
            said += ", all in its order"
        unusual = [fit for fit in self.fits if fit.is_unusual]
        if not unusual:
            return f"{said}. All of that is common, so it says nothing."
        return f"{said}. Unusual enough to count: {'; '.join(map(_in_words, unusual))}."


def compare_schema(declared: DeclaredSchema | None, table: LeakTable | None) -> SchemaFit:
    """Compare a leak's table with the declared schema; None: there is none."""
    if declared is None:
        return SchemaFit(SchemaVerdict.NO_SCHEMA)
    if table is None or not table.width:
        return SchemaFit(SchemaVerdict.NO_COLUMNS, declared=len(declared.columns))
    names = [folded_name(name) for name in table.names[:COLUMNS_LIMIT]]
    has_names = any(names)
    pairs = _pairs_by_name(names, declared) if has_names else _pairs_by_position(table, declared)
    found = [_compare_column(index, place, declared, table, named=has_names) for index, place in pairs]
    fits = tuple(fit for fit in found if has_names or fit.style or fit.shapes)
    own = {*map(_letters, declared.names)}
    if not has_names and not fits:
        # Any text with commas may look like a table; without names nothing speaks against it either.
        return SchemaFit(SchemaVerdict.NO_COLUMNS, declared=len(declared.columns))
    unknown = [name for name in names if _letters(name) not in own and not is_common_name(name)]
    in_order = _longest_rising([fit.declared for fit in fits])
    return SchemaFit(
        _verdict(fits, len(unknown), in_order=has_names and in_order == len(fits) >= _LEAST_IN_ORDER),
        table.width,
        len(declared.columns),
        not has_names,
        in_order,
        len(unknown),
        fits,
    )


def _pairs_by_name(names: Sequence[str], declared: DeclaredSchema) -> list[tuple[int, int]]:
    """Return pairs of a column of the leak and a declared one; each of them is in one pair."""
    places = {_letters(name): place for place, name in reversed([*enumerate(declared.names)]) if name}
    return [(index, places.pop(name)) for index, name in enumerate(map(_letters, names)) if name in places]


def _letters(name: str) -> str:
    """Return the name without what parts its words: `e_mail` is `email`."""
    return name.replace("_", "")


def _pairs_by_position(table: LeakTable, declared: DeclaredSchema) -> list[tuple[int, int]]:
    """Return all positions, if leak and export have as many columns."""
    return [(at, at) for at in range(table.width)] if table.width == len(declared.columns) else []


def _compare_column(
    index: int, place: int, declared: DeclaredSchema, table: LeakTable, *, named: bool
) -> ColumnFit:
    column, found = declared.columns[place], table.styles(index)
    same_style = bool(found.style) and found.style == column.style
    shapes = found.shapes if _are_of(found.shapes, column) else ()
    return ColumnFit(
        index + 1,
        place + 1,
        column.name,
        unusual_name=named and not is_common_name(column.name),
        style=found.style if same_style else "",
        unusual_style=same_style and found.style not in COMMON_STYLES,
        shapes=shapes,
        unusual_shapes=any(not is_common_shape(shape) for shape in shapes),
        other_style=not same_style and not shapes and _has_both(found, column),
    )


def _are_of(shapes: Sequence[str], column: DeclaredColumn) -> bool:
    return bool(shapes) and set(shapes) <= set(column.shapes)


def _has_both(found: CellStyles, column: DeclaredColumn) -> bool:
    return bool(found.style or found.shapes) and bool(column.style or column.shapes)


def _verdict(fits: Sequence[ColumnFit], unknown: int, *, in_order: bool) -> SchemaVerdict:
    unusual = sum(fit.is_unusual for fit in fits)
    signs = sum(fit.unusual_name + (fit.unusual_style or fit.unusual_shapes) for fit in fits)
    if unusual >= 2 or signs >= 2 or (unusual and in_order):
        return SchemaVerdict.FITS
    if unusual:
        return SchemaVerdict.FITS_IN_PART
    return SchemaVerdict.DOES_NOT_FIT if unknown or not fits else SchemaVerdict.ONLY_COMMON_NAMES


def _longest_rising(places: Sequence[int]) -> int:
    """Return the length of the longest rising subsequence."""
    ends: list[int] = []
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(ends)


def _in_words(fit: ColumnFit) -> str:
    style = f"dates or numbers as {fit.style}" if fit.unusual_style else ""
    shapes = f"codes such as {', '.join(fit.shapes)}" if fit.unusual_shapes else ""
    how = " and ".join(filter(None, (style, shapes)))
    name = fit.name or f"column {fit.number}"
    return f"{name} ({how})" if how else name
