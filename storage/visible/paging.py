"""Keyset paging: the rows of an order that come after a place, without counting those before it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

Columns = Sequence[InstrumentedAttribute[Any]]


def comes_after(columns: Columns, place: Sequence[object], *, descending: bool = True) -> ColumnElement[bool]:
    """Return the condition that a row comes after a place in the order of these columns, the last of which
    is unique.
    """
    row = tuple_(*columns)
    values = tuple_(*(literal(value, column.type) for value, column in zip(place, columns, strict=True)))
    return row < values if descending else row > values


def in_order(columns: Columns, *, descending: bool = True) -> list[ColumnElement[Any]]:
    """Return the expressions to order by."""
    return [column.desc() if descending else column.asc() for column in columns]
