"""An investigation has the sweep's figures, says what it does not show, and holds nobody's value."""

from __future__ import annotations

import json
from pathlib import Path

from matching.investigation.investigation import Investigation, NotShown
from tests.matching.investigation.answers import (
    CUSTOMERS,
    STRANGERS,
    enrolled,
    investigated,
    sample_of,
    values_of,
    watch,
)


def as_json(answer: Investigation) -> str:
    return json.dumps(answer.as_dict(), default=str, ensure_ascii=False)


def test_customers_are_found(tmp_path: Path) -> None:
    """Four customers among seven people agree in e-mail, telephone and resident ID."""
    answer = investigated(sample_of(tmp_path, [*CUSTOMERS[10:14], *STRANGERS[:3]]))

    yutang, quillmere = sorted(answer.companies, key=lambda one: one.company, reverse=True)
    assert (yutang.full.coherent_rows, yutang.full.single_hits, yutang.full.customers) == (4, 0, 4)
    assert {one.field.value: one.hits for one in yutang.full.fields} == {
        "email": 4,
        "phone": 4,
        "resident_id": 4,
    }
    assert not yutang.full.is_chance
    assert yutang.name == "榆塘小贷"
    assert answer.found
    assert not quillmere.found


def test_strangers_are_not_found(tmp_path: Path) -> None:
    """Everything was read and compared, so this is a "no"."""
    answer = investigated(sample_of(tmp_path, STRANGERS))

    assert not answer.found
    assert not any(answer.undecided_about(one) for one in answer.companies if one.company == "yutang")


def test_what_was_not_read_is_undecided(tmp_path: Path) -> None:
    """A damaged archive may hold anything."""
    sample_of(tmp_path, STRANGERS)
    (tmp_path / "more.zip").write_bytes(b"PK\x03\x04 damaged")

    answer = investigated(tmp_path)

    assert not answer.reading.whole
    assert all(answer.undecided_about(one) for one in answer.companies)
    assert all(NotShown.NOT_ALL_READ in answer.not_shown(one) for one in answer.companies)
    assert answer.reading.documents[0].name.endswith("more.zip")


def test_a_company_without_customers_is_not_compared(tmp_path: Path) -> None:
    """Its names were searched for, and the answer says that nothing else was."""
    (tmp_path / "post.txt").write_text("selling 榆塘小贷 clients")

    answer = investigated(tmp_path / "post.txt", watched=watch([]))

    yutang = next(one for one in answer.companies if one.company == "yutang")
    assert yutang.full.mentions == 1
    assert yutang.full.terms == ("榆塘小贷",)
    assert NotShown.NOT_COMPARED in answer.not_shown(yutang)
    assert NotShown.ONLY_ENROLLED not in answer.not_shown(yutang)


def test_no_value_is_in_the_json(tmp_path: Path) -> None:
    """Neither of a customer, nor of anybody else in the sample."""
    people = [*CUSTOMERS[:20], *STRANGERS[:20]]
    text = as_json(investigated(sample_of(tmp_path, people, name=f"{people[0].phone}.csv")))

    assert not [value for value in values_of(people) if value in text]


def test_the_segments_and_the_digest_say_what_was_compared(tmp_path: Path) -> None:
    """With them, the same answer can be had again."""
    path = sample_of(tmp_path, CUSTOMERS[:2])

    first, second = investigated(path), investigated(path)

    header = enrolled().segment.header
    (segment,) = next(one for one in first.companies if one.company == "yutang").segments
    assert (header.id, 1000) == (segment.file, segment.customers)
    assert as_json(first) == as_json(second)
