"""A wrong byte in JSON damages only its own record. All people are invented."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.matching.inputs.reading import Read, one

COUNT = 9_000
PEOPLE = [
    {"email": f"person{n}@mail.example", "phone": f"1700000{n:04}", "note": "said, {that} is [it]"}
    for n in range(COUNT)
]
BY_ID = {str(1001 + n): person for n, person in enumerate(PEOPLE)}
_PERSON = re.compile(rb'person(\d+)@mail\.example", +"phone": +"1700000(\d+)"')


def people(dump: Read) -> tuple[int, int]:
    """Return the number of rows with a whole person, and the largest number of addresses in a row."""
    rows = [line for block in dump.blocks for line in block.text.split(b"\n")]
    whole = [match for line in rows if (match := _PERSON.search(line))]
    assert all(int(match[1]) == int(match[2]) for match in whole)
    return len(whole), max(line.count(b"@mail.example") for line in rows)


#: Name, damage, and how many times the text then holds its people.
DAMAGES: dict[str, tuple[Callable[[str], str], float]] = {
    "nothing": (lambda text: text, 1),
    "cut and begun again": (lambda text: text[: len(text) // 3] + text, 4 / 3),
    "a quote in a value": (lambda text: text.replace("person70@", 'per"son70@'), 1),
    "a quote between two": (lambda text: text.replace('"phone"', '""phone"', 1), 1),
    "a quote near the end": (lambda text: text.replace("person8000@", 'per"son8000@'), 1),
    "brackets that close nothing": (lambda text: text.replace("person70@", '"}]}]}"@'), 1),
    "brackets that nothing closes": (lambda text: text.replace("person70@", '","a":[{"b":"@'), 1),
    "a missing end": (lambda text: text.replace("}", "", 1), 1),
    "a missing beginning": (lambda text: text.replace("{", "", 1), 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("shape", ["array", "indented", "a line each", "by id"])
def test_damage_takes_no_other_record_with_it(shape: str, damage: str) -> None:
    """Behind the damage, people have rows of their own again, and all but a few are whole."""
    text = json.dumps(BY_ID if shape == "by id" else PEOPLE, indent=1 if shape == "indented" else None)
    if shape == "a line each":
        text = text.replace("}, {", "},\n{")
    harm, times = DAMAGES[damage]

    found, most = people(one(harm(text).encode()))

    assert COUNT * times - 4 <= found <= COUNT * times + 9  # the first ones are shorter than the others
    assert most == 1 if damage == "nothing" else most <= 2


def test_damage_in_lines_of_several_people_takes_few_with_it() -> None:
    """A cut line and a line with an extra quote affect only the people on them."""
    pages = [json.dumps({"page": at, "users": PEOPLE[at : at + 5]}) for at in range(0, COUNT, 5)]
    pages[50], pages[90] = pages[50][:-20], pages[90].replace('"email', '"em"ail', 1)

    found, most = people(one("\n".join(pages).encode()))

    assert found >= COUNT - 12
    assert most <= 2


def test_people_who_lie_deeper_than_the_first_ones_are_a_row_each() -> None:
    """People deeper than the sample shows still have rows of their own."""
    value = {"admins": PEOPLE[:2_000], "data": {"users": PEOPLE}}

    assert people(one(json.dumps(value).encode())) == (COUNT + 2_000, 1)


def test_a_long_record_stays_whole() -> None:
    """A record with a picture of 90 kB or a thousand orders is not divided."""
    values = [
        {"orders": [{"item": "a", "price": n} for n in range(1_000)], **PEOPLE[0], "picture": "A" * 90_000}
        for _ in range(30)
    ]

    dump = one(json.dumps(values).encode())

    assert people(dump) == (30, 1)
    assert all(row.count(b"price") == 1_000 for row in dump.text.split(b"\n") if b"@" in row)
