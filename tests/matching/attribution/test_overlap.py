"""Overlap by field, column and combination of fields, each with what chance gives."""

import numpy as np
import pytest

from matching.attribution.overlap import FieldOverlap, PairTable, combinations_of, overlap_of
from matching.comparing.agreements import PAIR
from matching.comparing.lookup import FIELDS
from matching.identifiers import Field


def pairs(*found: tuple[int, int, tuple[Field, ...]]) -> PairTable:
    """Return a table of (row, ordinal, fields)."""
    table = np.zeros(len(found), PAIR)
    for place, (row, ordinal, fields) in enumerate(found):
        table[place] = (row, ordinal, 0, sum(1 << FIELDS.index(field) for field in fields), row, 0)
    return table


def test_rows_that_agree_on_several_fields() -> None:
    """A row that agrees on three fields counts for each two of them; single hits are no combination."""
    three = (Field.EMAIL, Field.PHONE, Field.CARD)
    table = pairs((1, 10, three), (2, 11, three), (3, 12, three[:2]), (4, 13, three[:1]))

    found = {one.fields: (one.rows, one.customers) for one in combinations_of(table, 4)}

    assert found == {
        three: (2, 2),
        (Field.EMAIL, Field.PHONE): (3, 3),
        (Field.EMAIL, Field.CARD): (2, 2),
        (Field.PHONE, Field.CARD): (2, 2),
    }


def test_hits_of_one_row_and_customer_are_one() -> None:
    """Three hits of a row in one field and one in another are one agreement."""
    table = pairs((1, 5, (Field.PHONE,)), (1, 5, (Field.PHONE,)), (1, 5, (Field.EMAIL,)))

    (found,) = combinations_of(table, 1)

    assert (found.fields, found.rows) == ((Field.EMAIL, Field.PHONE), 1)


def test_what_shuffled_columns_would_show() -> None:
    """With 100 rows of 100 customers, shuffling leaves one row that agrees; measured beside the figure."""
    both = (Field.EMAIL, Field.PHONE)
    (found,) = combinations_of(pairs(*((row, row, both) for row in range(100))), 100)
    random = np.random.default_rng(1)
    shuffled = [np.count_nonzero(random.permutation(100) == np.arange(100)) for _ in range(2_000)]

    assert found.rows == 100
    assert found.by_chance == pytest.approx(1.0)
    assert np.mean(shuffled) == pytest.approx(found.by_chance, abs=0.1)


def test_one_customer_in_many_rows_is_chance() -> None:
    """A customer who is in all rows agrees however the columns are shuffled."""
    both = (Field.EMAIL, Field.PHONE)
    (found,) = combinations_of(pairs(*((row, 7, both) for row in range(50))), 50)

    assert (found.rows, found.customers) == (50, 1)
    assert found.by_chance == pytest.approx(50.0)


def test_columns_have_their_part_of_chance() -> None:
    """Two columns of telephone numbers: each has half of the candidates, and half of what chance gives."""
    phones = FieldOverlap(Field.PHONE, 90, 200, 8.0)
    columns = {(Field.PHONE, "column 2, phone"): 80, (Field.PHONE, "column 5"): 10}

    found = overlap_of(pairs((1, 1, (Field.PHONE,))), 100, [phones], columns)

    assert [(one.column, one.hits, one.by_chance) for one in found.columns] == [
        ("column 2, phone", 80, 4.0),
        ("column 5", 10, 4.0),
    ]
    assert found.combinations == ()
    assert found.as_dict()["fields"] == [{"field": "phone", "hits": 90, "candidates": 200, "by_chance": 8.0}]


def test_no_hit_at_all() -> None:
    """An empty table is an empty answer."""
    found = overlap_of(pairs(), 0, [])

    assert (found.combinations, found.columns, found.left_out) == ((), (), 0)
