"""Each person in JSON has a row of their own, whatever surrounds them. All people are invented."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.inputs import BLOCK
from matching.inputs.formats.json_levels import record_level
from matching.watch import Watch, watch_of
from tests.matching.inputs.customers import as_csv, customers
from tests.matching.inputs.reading import lines, one
from tests.matching.test_sweep import agreed, found, segment, swept

Person = dict[str, object]

ROWS = customers(40)


def _keyed(people: list[Person]) -> dict[str, object]:
    return {str(1001 + number): one for number, one in enumerate(people)}


def _named(people: list[Person]) -> dict[str, object]:
    return {f"user{chr(97 + number)}": one for number, one in enumerate(people)}


def _lists(people: list[Person]) -> list[object]:
    return [["email", "phone"], *([one["email"], one["phone"]] for one in people)]


def _pages(people: list[Person]) -> list[object]:
    return [{"page": at, "users": people[at : at + 3]} for at in range(0, len(people), 3)]


#: Name, and a function that wraps people.
SHAPES: dict[str, Callable[[list[Person]], object]] = {
    "array": lambda people: people,
    "by id": _keyed,
    "by name": _named,
    "users by id": lambda people: {"users": _keyed(people)},
    "answer": lambda people: {"count": 2, "next": None, "data": {"users": _keyed(people)}},
    "by id in lists": lambda people: [_keyed(people[:2]), _keyed(people[2:])],
    "pages": _pages,
    "answers of pages": lambda people: {"pages": _pages(people)},
    "lists": _lists,
    "lists by id": lambda people: {
        str(1001 + number): [one["email"], one["phone"]] for number, one in enumerate(people)
    },
    "with addresses": lambda people: [{**one, "addresses": [{"city": "a"}, {"city": "b"}]} for one in people],
    "in parts": lambda people: [{"id": 1, "contact": one, "name": {"first": "a"}} for one in people],
}


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    return watch_of([], [segment(tmp_path_factory.mktemp("lender"), as_csv(ROWS))])


def rows(watch: Watch, data: bytes) -> Counter[tuple[int, frozenset[str]]]:
    """Count the rows per customer and set of fields that agree."""
    pairs = found(swept(watch, ("dump", io.BytesIO(data)))).agreements.pairs()
    return Counter((int(pair["ordinal"]), next(iter(agreed([pair])))[2]) for pair in pairs)  # type: ignore[arg-type]


def as_lines(values: list[Person]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


PEOPLE = st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), min_size=5, max_size=20)


@given(PEOPLE, st.sampled_from(sorted(SHAPES)), st.sampled_from([None, 0, 2]))
@settings(max_examples=80, deadline=None)
@pytest.mark.slow
def test_what_is_around_people_changes_no_row(
    watch: Watch, places: list[tuple[int, int]], shape: str, indent: int | None
) -> None:
    """The same rows agree as in JSON lines, whatever surrounds the people."""
    people: list[Person] = [{"email": ROWS[one][3], "phone": ROWS[other][2]} for one, other in places]

    written = json.dumps(SHAPES[shape](people), indent=indent).encode()

    assert rows(watch, written) == rows(watch, as_lines(people))


@pytest.mark.parametrize("shape", ["by id", "pages"])
def test_lines_of_several_people_are_taken_apart(watch: Watch, shape: str) -> None:
    """Lines that hold several people each are divided into people."""
    people: list[Person] = [{"email": row[3], "phone": other[2]} for row, other in pairwise(ROWS)]
    answers = [SHAPES[shape](people[at : at + 4]) for at in range(0, len(people), 4)]

    written = b"".join(json.dumps(answer).encode() + b"\n" for answer in answers)

    assert rows(watch, written) == rows(watch, as_lines(people))


@pytest.mark.parametrize("orient", ["lists", "by number"])
@pytest.mark.parametrize("complete", [True, False])
def test_columns_that_are_written_whole(watch: Watch, orient: str, *, complete: bool) -> None:
    """Columns of one length give rows; if it is unknown which cells belong together, no row agrees twice."""
    columns = {"email": [row[3] for row in ROWS], "phone": [row[2] for row in ROWS[0 if complete else 1 :]]}
    value: object = columns
    if orient == "by number":
        value = {name: {str(at): cell for at, cell in enumerate(cells)} for name, cells in columns.items()}

    seen = rows(watch, json.dumps(value).encode())

    if complete:
        assert {fields for _, fields in seen} == {frozenset({"email", "phone"})}
        assert seen.total() == len(ROWS)
    else:
        assert {fields for _, fields in seen} == {frozenset({"email"}), frozenset({"phone"})}
        assert seen.total() == 2 * len(ROWS) - 1


def test_a_person_with_companions_is_one_row(watch: Watch) -> None:
    """A person with a few contacts is one row; an employer with many staff is divided."""
    own: Person = {"email": ROWS[0][3], "phone": ROWS[0][2]}
    few: list[Person] = [{**own, "contacts": [{"email": "x@mail.example", "phone": "17000009999"}] * 2}] * 5
    many: list[Person] = [{**own, "staff": [{"email": row[3], "phone": row[2]} for row in ROWS[1:30]]}] * 5

    assert rows(watch, json.dumps(few).encode()) == {(1, frozenset({"email", "phone"})): 5}
    assert rows(watch, json.dumps(many).encode())[2, frozenset({"email", "phone"})] == 5


def test_people_by_id_are_read_as_a_stream(tmp_path: Path) -> None:
    """Blocks are bounded, the key is the first column, and line numbers are those of the file."""
    people = {str(number): {"email": f"p{number}@mail.example", "n": "x" * 50} for number in range(30_000)}
    path = tmp_path / "dump"
    path.write_text(json.dumps({"users": people}, indent=1))

    dump = one(path)

    assert len(dump.blocks) > 3
    assert max(len(block.text) for block in dump.blocks) < 2 * BLOCK
    assert dump.cells(1, 2)[777] == ("777", "p777@mail.example")
    places = [number for block in dump.blocks for line, number in lines(block) if b'"p777@' in line]
    assert places == [2 + 1 + 777 * 4]
    line = b'"777": {"email": "p777@mail.example", "n": "x"}'
    shape = dump.blocks[0].shape
    assert [str(shape.where(line, at)) for at in (2, 20)] == ["column 1", "column 2, email"]


def test_the_names_that_come_first_in_lists_are_those_of_the_columns() -> None:
    """The first array of an array of arrays may name the columns."""
    value = [["user name", "手机"], *([row[1], row[2]] for row in ROWS)]

    dump = one(json.dumps(value).encode())

    assert [column.role for column in dump.blocks[0].shape.columns] == ["username", "phone"]
    assert dump.cells(1, 2) == [(row[1], row[2]) for row in ROWS]


DEEP = b'[{"a":' + b"[" * 900 + b'"' + b"x" * 20_000 + b'"' + b"]" * 900 + b"}]"


def test_a_record_may_be_as_deep_as_can_be_read() -> None:
    """A record nested 900 deep is read to its end."""
    assert one(DEEP).ending.outcome == "whole"


NOWHERE = [b"[" * 60_000, b'{"a":' * 12_000, b'{"a":"' + b'\\"' * 30_000, b"]}" * 30_000]


@pytest.mark.parametrize("text", NOWHERE)
def test_a_sample_that_leads_nowhere_ends(text: bytes) -> None:
    """Endless depth and unclosed strings are handled in bounded time."""
    assert record_level(text, ("CN",)).depth <= 64
