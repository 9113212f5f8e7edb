"""A redesign is distinguished from a quiet day."""

from __future__ import annotations

from typing import Any

import pytest

from crawler.progress.page_structure import WINDOW, PageStructure
from crawler.sources import FieldFinding, Parsed

START = "https://market.example/offers"
PRICE = "row.price (td.price)"


def page(*, price: int = 20, following: int = 1, tried: int = 20) -> Parsed:
    return Parsed(
        findings=(
            FieldFinding("row", "price", "td.price", tried, price),
            FieldFinding("row", "seller", "td.seller", tried, tried // 2),
            FieldFinding("list", "next", "a.next", 1, following),
        )
    )


def seen(
    memory: dict[str, Any] | None,
    parsed: Parsed,
    *,
    rows: int = 20,
    pages: int | None = 8,
    definition: str = "one",
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """One run that reads one page."""
    structure = PageStructure.from_memory(memory, definition=definition)
    structure.note(parsed)
    structure.first_page(START, rows, pages)
    told = structure.judge(starts=1)
    return told, structure.stored()


@pytest.fixture
def memory() -> dict[str, Any]:
    """The memory of six ordinary runs."""
    stored: dict[str, Any] | None = None
    for _ in range(6):
        told, stored = seen(stored, page())
        assert told == ()
    assert stored is not None
    return stored


def test_a_quiet_day_is_no_redesign(memory: dict[str, Any]) -> None:
    """The same rows again, with nothing new, are ordinary."""
    assert seen(memory, page())[0] == ()


def test_a_selector_that_finds_nothing_any_more_is_named(memory: dict[str, Any]) -> None:
    """With the share that it used to have."""
    told, _ = seen(memory, page(price=0))

    [sentence] = told
    assert sentence.startswith(f"{PRICE} ")
    assert "100%" in sentence


def test_a_lost_selector_stays_lost_until_it_is_back(memory: dict[str, Any]) -> None:
    """After any number of runs, also after runs without information about it."""
    for _ in range(2 * WINDOW):
        _, memory = seen(memory, page(price=0))
    silent, memory = seen(memory, Parsed())
    back, _ = seen(memory, page())

    assert len(silent) == 1
    assert back == ()


def test_a_new_definition_forgets_what_was_lost(memory: dict[str, Any]) -> None:
    """The operator has changed the file; the next runs show whether that helped."""
    _, lost = seen(memory, page(price=0))

    assert seen(lost, Parsed(), definition="two")[0] == ()
    assert len(seen(lost, page(price=0), definition="two")[0]) == 1


@pytest.mark.parametrize(
    "parsed",
    [page(price=1), page(price=0, tried=4), Parsed()],
    ids=["one is left", "too few places", "not modified"],
)
def test_what_may_be_chance_is_not_told(memory: dict[str, Any], parsed: Parsed) -> None:
    """One price is enough, and four places without a price mean nothing."""
    assert seen(memory, parsed)[0] == ()


def test_a_selector_that_was_never_reliable_is_not_missed(memory: dict[str, Any]) -> None:
    """Half of the rows had a seller; a day on which no row has one is ordinary."""
    parsed = Parsed(findings=(FieldFinding("row", "seller", "td.seller", 20, 0),))

    assert seen(memory, parsed)[0] == ()


def test_the_way_to_the_next_page_is_missed_at_once(memory: dict[str, Any]) -> None:
    """It is applied once per page, so one run is enough to notice."""
    told, _ = seen(memory, page(following=0))

    [sentence] = told
    assert sentence.startswith("list.next (a.next) ")


@pytest.mark.parametrize(
    ("rows", "pages", "shown", "usual"),
    [(9, 8, "9 rows", "20"), (20, 3, "3 pages", "8")],
)
def test_half_the_rows_or_pages_are_told(
    memory: dict[str, Any], rows: int, pages: int, shown: str, usual: str
) -> None:
    """A number below half of its median is reported with both."""
    [sentence] = seen(memory, page(), rows=rows, pages=pages)[0]

    assert f" {shown}" in sentence
    assert f" {usual} " in sentence


def test_a_smaller_list_becomes_usual_after_a_while(memory: dict[str, Any]) -> None:
    """Sites may shrink: the median follows, and the report ends."""
    told = []
    for _ in range(WINDOW):
        each, memory = seen(memory, page(), rows=5)
        told.append(bool(each))

    assert told[0]
    assert not told[-1]


def test_what_is_remembered_is_small_and_holds_nothing_that_was_found(memory: dict[str, Any]) -> None:
    """It holds numbers, and names and selectors from the operator's own file."""
    for _ in range(3 * WINDOW):
        _, memory = seen(memory, page())

    assert memory["selectors"][PRICE] == [66, 1.0, 0]
    assert (len(memory["rows"]), len(memory["pages"])) == (WINDOW, WINDOW)
