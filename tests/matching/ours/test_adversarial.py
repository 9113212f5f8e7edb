"""Samples made to deceive, or merely unlucky: each states its verdict and why. All people are invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.ours_bases import (
    TEMPLATES,
    Ints,
    People,
    SimulatedBase,
    SimulatedTemplate,
    masked_values,
    sample_rows,
)
from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from matching.ours import Disagreement, OursAnswer, OursVerdict, WeakestAssumption, answer_for
from tests.matching.ours.people import customers, namesakes, shifted, shuffled, strangers, town_base


def answer(people: People, columns: str = "pn") -> OursAnswer:
    return answer_for(sample_rows(people, columns), town_base())


class Crowded(SimulatedBase):
    """A base whose histograms are wrong: it has each join of these rows' parts, however rare both are."""

    def __init__(self, people: People, rows: Sequence[SampleRow]) -> None:
        super().__init__(people)
        self.views = [[view for row in rows if (view := each.view(row))] for each in self.templates]

    def counts(self, template: SimulatedTemplate, pairs: Sequence[tuple[str, str]], /) -> Ints:
        views = self.views[self.templates.index(template)]
        anchors, endings = {anchor for anchor, _ in views}, {ending for _, ending in views}
        return np.array([anchor in anchors and ending in endings for anchor, ending in pairs], np.int64)


def test_rows_that_are_repeated_count_once() -> None:
    """Three customers ten times over are three rows: too little, as three rows are."""
    three = customers(3)

    repeated = answer(People.together(*[three] * 10))

    assert (repeated.rows, repeated.distinct_rows) == (30, 3)
    assert repeated.verdict is OursVerdict.TOO_LITTLE
    assert repeated.share == answer(three).share
    assert [row.repeats for row in repeated.evidence] == [10, 10, 10]


def test_rows_that_are_repeated_under_another_mask_count_once() -> None:
    """Three customers by phone, by phone and name, and by resident ID and name are three rows."""
    three = customers(3)
    rows = [row for columns in ("pin", "pn", "pl", "p") for row in sample_rows(three, columns)]

    found = answer_for(rows, town_base())

    assert (found.rows, found.distinct_rows) == (12, 3)
    assert found.verdict is OursVerdict.TOO_LITTLE


def test_rows_that_share_a_number_but_no_name_are_two() -> None:
    """A true row, and the same number beside an invented name: two rows, of which one is ours."""
    ten = customers(10)
    invented = ten.with_column(surname=(ten.surname + 37) % 100)

    found = answer(shuffled(People.together(ten, invented)))

    assert found.distinct_rows == 20
    assert found.verdict is OursVerdict.PARTLY_OURS
    assert found.share.low < 0.5 < found.share.high


def test_true_rows_repeated_among_invented_ones_do_not_raise_the_share() -> None:
    """Five true rows, twenty times each, among 95 strangers: 5% are ours, not half of the rows."""
    found = answer(People.together(*[customers(5)] * 20, strangers(95)))

    assert (found.rows, found.distinct_rows) == (195, 100)
    assert found.share.high < 0.15
    assert found.verdict in (OursVerdict.NOT_OURS, OursVerdict.SHARED_CLIENTS_ONLY)


def test_rows_in_another_order_give_the_same_verdict() -> None:
    """Whole rows in another order are the same sample."""
    twenty = customers(20)

    assert answer(shuffled(twenty)).verdict is answer(twenty).verdict is OursVerdict.OURS


def test_half_invented() -> None:
    """Half of the rows are customers: partly ours, and the interval says how much."""
    found = answer(shuffled(People.together(customers(20), strangers(20))))

    assert found.verdict is OursVerdict.PARTLY_OURS
    assert found.share.low < 0.5 < found.share.high


def test_values_swapped_between_rows() -> None:
    """Phones and IDs are customers', but not of one person: single fields match, pairs don't."""
    thirty = customers(30)
    phones, names = shuffled(thirty, 1), shuffled(thirty, 2)
    swapped = thirty.with_column(prefix=phones.prefix, phone_end=phones.phone_end, surname=names.surname)

    found = answer(swapped, "pin")

    assert found.verdict is OursVerdict.PAIRING_BROKEN
    assert found.share.high < 0.3
    assert {name for name, share in found.single_fields.items() if share.low > 0.15} == {
        "phone",
        "resident_id",
    }


def test_a_column_shifted_by_one_row() -> None:
    """The names have slipped by one row, as in a badly joined table: pairing broken."""
    thirty = customers(30)

    found = answer(thirty.with_column(surname=shifted(thirty.surname)))

    assert found.verdict is OursVerdict.PAIRING_BROKEN


def test_a_shifted_column_of_which_no_field_tells_anything_alone() -> None:
    """Numbers alone are not enrolled here. Joined with the names of other rows they fit: pairing broken."""
    base = SimulatedBase(town_base().people, [each for each in TEMPLATES if each.columns == "pl"])
    thirty = customers(30)
    moved = thirty.with_column(surname=shifted(thirty.surname), last_character=shifted(thirty.last_character))

    found, others = (answer_for(sample_rows(people, "pl"), base) for people in (moved, strangers(30)))

    assert found.verdict is OursVerdict.PAIRING_BROKEN
    assert found.rejoined is not None
    assert found.rejoined.low > 0.7
    assert others.verdict is OursVerdict.NOT_OURS
    assert others.rejoined is not None
    assert others.rejoined.high < 0.3


def test_strangers_with_swapped_values_are_not_a_broken_pairing() -> None:
    """Nothing of them matches, neither alone nor in pairs."""
    thirty = strangers(30)

    found = answer(thirty.with_column(surname=shifted(thirty.surname)), "pin")

    assert found.verdict is OursVerdict.NOT_OURS


def test_columns_in_another_order() -> None:
    """Values are told by their form, so the order of the columns says nothing."""
    assert answer(customers(20), "nip").verdict is OursVerdict.OURS


def test_each_row_has_a_mask_of_another_style() -> None:
    """Phone and name, with the last character, with a resident ID, without a name, whole: still ours."""
    twenty = customers(20)
    rows = [
        replace(row, values=masked_values(twenty, place, ("pn", "pl", "in", "pin", "il")[place % 5]))
        for place, row in enumerate(sample_rows(twenty))
    ]

    found = answer_for(rows, town_base())

    assert found.verdict is OursVerdict.OURS
    assert len({row.template for row in found.evidence}) > 2


def test_ten_rows_with_ten_masks_can_still_be_swapped() -> None:
    """Where hardly two rows share their best template, the shuffle test uses the one that most rows show."""
    ten = customers(10)
    rows = [
        replace(row, values=masked_values(ten, place, ("pn", "pl", "pin", "pil")[place % 4]))
        for place, row in enumerate(sample_rows(ten))
    ]

    found = answer_for(rows, town_base())

    assert found.verdict is OursVerdict.OURS
    assert found.shuffle.rows > 7


def test_one_true_row_in_fifty() -> None:
    """One row of fifty may be luck or a client of two companies: not ours, at most some percent of it."""
    found = answer(shuffled(People.together(customers(1), strangers(49))))

    assert found.verdict is OursVerdict.NOT_OURS
    assert found.share.low < 0.02 < found.share.high < 0.2


def test_a_competitors_list_with_shared_clients() -> None:
    """15% of a competitor's clients are ours, too: shared clients only, not a copy of our list."""
    found = answer(shuffled(People.together(customers(30), strangers(170))))

    assert found.verdict is OursVerdict.SHARED_CLIENTS_ONLY
    assert found.share.low < 0.15 < found.share.high
    assert found.weakest_assumption is WeakestAssumption.SHARED_CLIENTS_LIMIT


def test_our_list_from_last_year() -> None:
    """8% have another telephone number by now, and 4% are no clients any more: ours."""
    fifty, new = customers(50), strangers(50)
    prefix, end = fifty.prefix.copy(), fifty.phone_end.copy()
    prefix[:4], end[:4] = new.prefix[:4], new.phone_end[:4]
    old = People.together(
        fifty.with_column(prefix=prefix, phone_end=end).at(np.arange(48)), new.at(np.arange(2))
    )

    found = answer(shuffled(old))

    assert found.verdict is OursVerdict.OURS
    assert found.share.low < 0.88 < found.share.high


def test_ten_strangers_of_one_family_name() -> None:
    """A name that many of our customers have makes no hit more telling: the chance knows its share."""
    found = answer(namesakes(strangers(5_000), "王", 10))

    assert found.verdict is OursVerdict.NOT_OURS


def test_ten_customers_of_one_family_name() -> None:
    """They still have ten numbers, which can be swapped: ours, resting on how the rows were picked."""
    found = answer(namesakes(customers(5_000), "王", 10))

    assert found.verdict is OursVerdict.OURS


def test_customers_of_one_family_name_and_prefix_cannot_be_swapped() -> None:
    """All rows have the same anchor, so swapping endings changes nothing: one test alone decides nothing."""
    people = town_base().people
    same = people.at(np.flatnonzero((people.surname == 0) & (people.prefix == 5))[:10])

    found = answer(same)

    assert found.shuffle.possible == 1
    assert found.verdict is OursVerdict.TOO_LITTLE


def test_hits_that_any_order_gives_are_a_disagreement() -> None:
    """The base's histograms are wrong: swapped rows hit as often as the rows as offered."""
    ten = customers(20)
    rows = sample_rows(ten.with_column(prefix=np.zeros(20, np.int64)), "pn")
    crowded = Crowded(town_base().people.at(np.arange(5_000)), rows)

    found = answer_for(rows, crowded)

    assert found.verdict is OursVerdict.TESTS_DISAGREE
    assert found.disagreement is Disagreement.SCORES_WITHOUT_PAIRS
    assert found.weakest_assumption is WeakestAssumption.NULL_FITS


def test_what_no_template_covers_does_not_dilute() -> None:
    """Ten customers, and ninety rows that show a name alone: the share is that of rows that show enough."""
    ten = sample_rows(customers(10))
    bare = [
        SampleRow(number, number, 0, 0, (VisibleValue(Attribute.NAME, "王", "", None),))
        for number in range(11, 101)
    ]

    found = answer_for([*ten, *bare], town_base())

    assert (found.verdict, found.rows, found.usable_rows) == (OursVerdict.OURS, 100, 10)
