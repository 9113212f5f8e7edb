"""JSON written column by column: cells of one key or place are a row."""

import json

import pytest

from matching.inputs.formats import json_columns
from tests.matching.inputs.reading import one

EMAILS = [f"person{number}@mail.example" for number in range(6)]
PHONES = [f"+49171392000{number}" for number in range(6)]


def by_key(cells: list[str]) -> dict[str, str]:
    return {str(number): cell for number, cell in enumerate(cells)}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("as_arrays", [True, False])
def test_cells_of_one_row_are_put_together(indent: int | None, *, as_arrays: bool) -> None:
    """Columns as pandas writes them give one line per row; a missing cell is left out."""
    phones = [*PHONES[:5], None]
    columns = {"email": EMAILS, "phone": phones}
    keyed = {"email": by_key(EMAILS), "phone": {str(number): cell for number, cell in enumerate(phones)}}
    source = columns if as_arrays else keyed

    found = one(json.dumps(source, indent=indent).encode())

    rows = [json.loads(line) for line in found.text.decode().splitlines()]
    assert rows == [
        {"email": email} | ({"phone": phone} if phone else {})
        for email, phone in zip(EMAILS, phones, strict=True)
    ]
    assert (found.format, found.ending.outcome, found.blocks[0].line(2)) == ("json", "whole", 3)
    assert [column.role for column in found.blocks[0].shape.columns] == ["email", "phone"]


@pytest.mark.parametrize(
    "source",
    [
        {"email": EMAILS, "phone": PHONES[:5]},
        {"email": by_key(EMAILS), "phone": by_key(PHONES[:5])},
        {"email": by_key(EMAILS), "phone": {f"1{number}": phone for number, phone in enumerate(PHONES)}},
        {"1001": {"1": EMAILS[0], "2": PHONES[0]}, "1002": {"1": EMAILS[1], "2": PHONES[1]}},
    ],
    ids=["shorter", "fewer keys", "other keys", "records behind ids"],
)
def test_what_is_no_table_is_read_as_before(source: object) -> None:
    """Columns of several lengths, or with other keys, put nobody's address beside another's number."""
    text = one(json.dumps(source).encode()).text.decode()

    wrong = [
        (email, phone)
        for line in text.splitlines()
        for number, email in enumerate(EMAILS)
        for other, phone in enumerate(PHONES)
        if number != other and email in line and phone in line
    ]
    assert wrong == []
    assert all(email in text for email in EMAILS[:2])


def test_reading_goes_on_behind_a_block() -> None:
    """Blocks behind a place are the same as in a whole reading."""
    source = {"email": by_key(EMAILS * 3_000), "phone": by_key(PHONES * 3_000)}
    data = json.dumps(source).encode()
    whole = one(data)

    rest = one(data, after=whole.blocks[0].end)

    assert len(whole.blocks) > 1
    assert [block.text for block in rest.blocks] == [block.text for block in whole.blocks[1:]]
    assert rest.blocks[0].line(0) == whole.blocks[1].line(0)


def test_columns_longer_than_the_bound_are_read_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the values are read without rows, and the outcome says that the rows are missing."""
    monkeypatch.setattr(json_columns, "TEXT_BYTES", 1 << 17)
    source = {"email": by_key(EMAILS * 1_000), "phone": by_key(PHONES * 1_000)}

    found = one(json.dumps(source).encode())

    assert found.ending.outcome == "too_large"
    assert all(email.encode() in found.text for email in (*EMAILS, *PHONES))


def test_one_long_array_is_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single array beyond the bound is read whole, because it has no rows to put together."""
    monkeypatch.setattr(json_columns, "TEXT_BYTES", 1 << 17)

    assert one(json.dumps({"emails": EMAILS * 2_000}).encode()).ending.outcome == "whole"
