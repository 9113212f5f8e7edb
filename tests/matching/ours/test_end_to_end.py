"""From a customer list and a seller's text to the answer. All people are invented."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from matching.masked_samples.masked_base import MaskedBase
from matching.masked_samples.reading import read_sample_rows
from matching.ours import OursAnswer, OursVerdict, answer_for
from tests.matching.masked_samples.people import KEY, Person, chain_of, enrolled, invented

CUSTOMERS = 20_000
PEOPLE = invented(CUSTOMERS, 1)
STRANGERS = invented(400, 2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> MaskedBase:
    path = tmp_path_factory.mktemp("base") / "customers.segment"
    enrolled(path, PEOPLE)
    return MaskedBase.of([(chain_of(path), KEY)])


Mask = Callable[[Person], str]


def plain(one: Person) -> str:
    last = one.name[-1] if len(one.name) > 2 else ""
    return f"{one.name[0]}*{last} {one.phone[:3]}****{one.phone[-4:]}"


def with_id(one: Person) -> str:
    return f"{plain(one)} {one.resident_id[:6]}********{one.resident_id[-4:]}"


def crosses(one: Person) -> str:
    return f"{one.phone[:3]}xxxx{one.phone[-4:]},{one.name[0]}某某"


def full_width(one: Person) -> str:
    return f"姓名：{one.name[0]}●● 手机：{one.phone[:3]}●●●●{one.phone[-4:]}"


def dashed(one: Person) -> str:
    return f"{one.name[0]}** | {one.phone[:3]}-****-{one.phone[-4:]}"


def swapped(people: Sequence[Person], mask: Mask) -> list[str]:
    """Each name beside the next person's phone."""
    return [
        mask(Person(one.name, other.phone, other.resident_id, one.card, one.email, one.since))
        for one, other in zip(people, [*people[1:], people[0]], strict=True)
    ]


def answer(base: MaskedBase, lines: Sequence[str]) -> OursAnswer:
    return answer_for(read_sample_rows("\n".join(lines), region="CN"), base)


@pytest.mark.parametrize(
    "mask", [plain, with_id, crosses, full_width, dashed], ids=lambda mask: mask.__name__
)
def test_twelve_customers_are_ours_under_any_mask(base: MaskedBase, mask: Mask) -> None:
    """Twelve rows of a seller's text; strangers in the same masks are not ours."""
    ours, theirs = (
        answer(base, [mask(one) for one in people[:12]]) for people in (PEOPLE[5_000:], STRANGERS)
    )

    assert (ours.rows, ours.usable_rows, ours.verdict) == (12, 12, OursVerdict.OURS)
    assert (theirs.rows, theirs.verdict) == (12, OursVerdict.NOT_OURS)


def test_each_row_under_another_mask(base: MaskedBase) -> None:
    """A seller who changes the mask from row to row does not hide anything."""
    masks = (plain, with_id, crosses, full_width, dashed)

    found = answer(base, [masks[place % 5](one) for place, one in enumerate(PEOPLE[100:125])])

    assert (found.rows, found.verdict) == (25, OursVerdict.OURS)


def test_half_invented(base: MaskedBase) -> None:
    """The interval holds one half."""
    rows = [plain(one) for pair in zip(PEOPLE[300:320], STRANGERS[:20], strict=True) for one in pair]

    found = answer(base, rows)

    assert found.verdict is OursVerdict.PARTLY_OURS
    assert found.share.low < 0.5 < found.share.high


def test_names_beside_other_peoples_numbers(base: MaskedBase) -> None:
    """The numbers are customers', the names are not theirs: pairing broken."""
    found = answer(base, swapped(PEOPLE[400:440], plain))

    assert found.verdict is OursVerdict.PAIRING_BROKEN
    assert found.single_fields["phone"].low > 0.15


def test_columns_in_any_order_with_a_header(base: MaskedBase) -> None:
    """A table's columns are told by their header and their form."""
    lines = ["手机号,身份证,姓名"]
    lines += [
        f"{one.phone[:3]}****{one.phone[-4:]},{one.resident_id[:6]}********{one.resident_id[-4:]},{one.name[0]}*"
        for one in PEOPLE[600:612]
    ]

    assert answer(base, lines).verdict is OursVerdict.OURS


def test_rows_that_are_repeated(base: MaskedBase) -> None:
    """Three customers, ten times over and under two masks, are three rows."""
    found = answer(base, [mask(one) for mask in (plain, with_id) for one in PEOPLE[700:703] * 10])

    assert (found.rows, found.distinct_rows, found.verdict) == (60, 3, OursVerdict.TOO_LITTLE)


def test_a_competitors_list(base: MaskedBase) -> None:
    """15% of 200 rows are customers: shared clients only."""
    rows = [plain(one) for one in [*PEOPLE[800:830], *STRANGERS[:170]]]

    assert answer(base, rows).verdict is OursVerdict.SHARED_CLIENTS_ONLY


def test_three_rows_are_too_little(base: MaskedBase) -> None:
    """Four rows more would settle it."""
    found = answer(base, [plain(one) for one in PEOPLE[900:903]])

    assert (found.verdict, found.more_rows) == (OursVerdict.TOO_LITTLE, 4)
