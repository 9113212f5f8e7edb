"""Known breaches and canaries are no customers; masked rows are judged; whole values join their rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from matching.attribution.attribution import Attribution
from matching.attribution.recycled import RecycledVerdict
from matching.comparing.sample_answers import MaskedCompanies
from matching.fingerprints.segments import SegmentPurpose
from matching.inputs import Limits
from matching.investigation.company_answer import CompanyAnswer
from matching.investigation.investigation import NotShown
from matching.investigation.ours_part import OursPart
from matching.investigation.parts import NotAnswered, WhyMissing
from matching.investigation.read_rows import read_rows
from matching.investigation.report.summary import summary
from matching.investigation.report.wording import ReportLanguage, Wording
from matching.investigation.seen_canaries import SeenCanaries
from matching.investigation.subject import open_sample
from matching.investigation.watched_lists import WatchedLists
from matching.ours import OursVerdict, RowBasis
from matching.watch import lists_without_parts, watch_of
from tests.matching.canaries.planted import row_of
from tests.matching.investigation.answers import (
    COMPANY,
    CUSTOMERS,
    STRANGERS,
    enrolled,
    investigated,
    sample_of,
    values_of,
    watch,
)
from tests.matching.investigation.lists import (
    CANARIES,
    canaries,
    customer_list,
    known_breach,
    masked,
    masked_canaries,
)


def answer_of(path: Path, *others: object) -> CompanyAnswer:
    found = investigated(path, watched=watch([enrolled(), *others]))  # type: ignore[list-item]
    return next(one for one in found.companies if one.company == COMPANY)


def test_a_row_of_a_known_breach_is_no_customer(tmp_path: Path) -> None:
    """Eight customers are found, and six of them were in the breach."""
    company = answer_of(sample_of(tmp_path, CUSTOMERS[24:32]), known_breach())

    assert (company.full.coherent_rows, company.full.customers) == (8, 8)
    assert isinstance(company.attribution, Attribution)
    recycled = company.attribution.recycled
    assert (recycled.matches, recycled.explained) == (8, 6)
    assert recycled.verdict is RecycledVerdict.PARTLY_RECYCLED


def test_lists_that_only_a_breach_holds_match_nobody(tmp_path: Path) -> None:
    """Everybody of the sample is in the breach, and nobody is a customer."""
    only = investigated(sample_of(tmp_path, CUSTOMERS[:8]), watched=watch([known_breach()]))
    company = next(one for one in only.companies if one.company == COMPANY)

    assert (company.full.hits, company.full.customers) == (0, 0)
    assert not company.found


def test_canaries_are_found_by_set_and_are_no_customers(tmp_path: Path) -> None:
    """One of the CRM's, with all its values, and the telephone number of a partner's, which may be chance."""
    (tmp_path / "dump.csv").write_text(f"{row_of(CANARIES[2])}\nsomebody,{CANARIES[7].phone}\n")

    company = answer_of(tmp_path / "dump.csv", canaries())

    assert company.full.customers == 0
    assert company.found
    assert isinstance(company.canaries, SeenCanaries)
    assert company.canaries.enrolled == 10
    assert [(one.label, one.canaries, one.certain, one.place) for one in company.canaries.sets] == [
        ("crm", 1, 1, "dump.csv:1"),
        ("crm--acme", 1, 0, "dump.csv:2"),
    ]


def test_a_masked_row_may_be_a_canary(tmp_path: Path) -> None:
    """It is consistent with a set, with its chance; it is no proof, and not what the report begins with."""
    canary = CANARIES[7]
    number = str(canary.resident_id)
    row = f"{canary.name[0]}** {number[:6]}********{number[-4:]}\n"
    (tmp_path / "masked.txt").write_text(masked(STRANGERS[:12]) + row)

    found = investigated(
        tmp_path / "masked.txt", watched=watch([enrolled(), masked_canaries(tmp_path / "c")])
    )

    company = next(one for one in found.companies if one.company == COMPANY)
    assert isinstance(company.canaries, SeenCanaries)
    assert company.canaries.sets == ()
    assert {one.label for one in company.canaries.masked} <= {"crm", "crm--acme"}
    assert company.canaries.masked
    assert all(one.by_chance <= 1e-3 and one.place == "masked.txt:13" for one in company.canaries.masked)
    assert company.found
    for language in ReportLanguage:
        words = Wording(language)
        assert summary(words, found, company).title != words.say("answer_canary_title", company=company.name)


def test_without_canaries_the_answer_says_so(tmp_path: Path) -> None:
    """None was found is another answer than none could be found."""
    company = answer_of(sample_of(tmp_path, STRANGERS[:3]))

    assert company.canaries == NotAnswered(WhyMissing.NO_CANARIES)


def test_masked_rows_are_judged(tmp_path: Path) -> None:
    """Sixteen customers by family name and telephone number, and no value is in the answer."""
    people = CUSTOMERS[100:900:50]
    (tmp_path / "masked.txt").write_text(masked(people))

    company = answer_of(tmp_path / "masked.txt")

    assert isinstance(company.ours, OursPart)
    assert company.ours.answer.verdict is OursVerdict.OURS
    assert (company.ours.answer.rows, company.ours.answer.share.low > 0.6) == (16, True)
    assert {row.basis for row in company.ours.answer.evidence} == {RowBasis.MASKED}
    assert company.found
    shown = json.dumps(company.as_dict(), default=str, ensure_ascii=False)
    assert [value for value in values_of(people) if value in shown] == []


def test_strangers_masked_rows_are_not_ours(tmp_path: Path) -> None:
    """From the same families, with the same prefix."""
    (tmp_path / "masked.txt").write_text(masked(STRANGERS[:30]))

    found = investigated(tmp_path / "masked.txt")

    company = next(one for one in found.companies if one.company == COMPANY)
    assert company.verdict is OursVerdict.NOT_OURS
    assert not company.found
    assert not found.undecided_about(company)


def test_whole_values_count_for_their_rows(tmp_path: Path) -> None:
    """A customer, a stranger, and a customer's telephone number beside a stranger's ID."""
    mixed = f"{STRANGERS[1].name},{STRANGERS[1].email},{CUSTOMERS[5].phone},{STRANGERS[1].resident_id}\n"
    path = sample_of(tmp_path, [CUSTOMERS[3], STRANGERS[0]])
    path.write_text(path.read_text() + "\n" + mixed)

    company = answer_of(path)

    assert isinstance(company.ours, OursPart)
    assert [row.basis for row in company.ours.answer.evidence] == [
        RowBasis.FULL_PAIR,
        RowBasis.FULL_MISS,
        RowBasis.FULL_CONTRADICTED,
    ]


def test_rows_are_numbered_through_all_documents(tmp_path: Path) -> None:
    """Each row knows its place."""
    sample_of(tmp_path, CUSTOMERS[:2], name="a.csv")
    sample_of(tmp_path, CUSTOMERS[2:5], name="b.csv")

    read = read_rows(open_sample(tmp_path), Limits(), "CN")

    assert [row.number for row in read.rows] == [1, 2, 3, 4, 5]
    assert [place.rpartition("/")[2] for place in read.places] == [
        "a.csv:1",
        "a.csv:2",
        "b.csv:1",
        "b.csv:2",
        "b.csv:3",
    ]


@pytest.mark.parametrize("purpose", list(SegmentPurpose))
def test_each_purpose_has_a_number_of_its_own(purpose: SegmentPurpose) -> None:
    """Files of ordinals are named by company and purpose; customers keep the company's number."""
    lists = WatchedLists.of(watch([enrolled(), known_breach(), canaries()]), {1: COMPANY, 2: "quillmere"})

    (one,) = lists.segments(1, purpose)

    assert one.segment.header.purpose is purpose
    expected = COMPANY if purpose is SegmentPurpose.CUSTOMERS else f"{COMPANY}.{purpose.value}"
    assert lists.names[one.company_id] == expected
    assert len({one.company_id for one in lists.watch.segments}) == 3


def test_a_partners_list_does_not_count_customers_twice(tmp_path: Path) -> None:
    """It is a part of the large list; a list of other people is judged with, too."""
    partner = customer_list(tmp_path / "partner", CUSTOMERS[:300])
    others = customer_list(tmp_path / "others", STRANGERS)

    chosen = lists_without_parts([partner, enrolled(), others])
    daemon = MaskedCompanies.of(watch_of([], [partner, enrolled(), others])).by_id[1]

    assert [one.segment.header.customers for one in chosen] == [1000, 50]
    assert daemon.base.customers == 1050


def test_a_customer_in_two_lists_is_one_customer(tmp_path: Path) -> None:
    """Six rows of customers whom a partner has, too: six rows, six customers; both lists are holders."""
    partner = customer_list(tmp_path / "partner", CUSTOMERS[:300])

    company = answer_of(sample_of(tmp_path, CUSTOMERS[10:16]), partner)

    assert (company.full.coherent_rows, company.full.customers) == (6, 6)
    assert isinstance(company.attribution, Attribution)
    assert [fit.held for fit in company.attribution.holders.fits] == [6, 6]


def test_masked_rows_without_masks_are_no_answer(tmp_path: Path) -> None:
    """The list was enrolled without them, so nothing can be said; of whole values it can."""
    own = customer_list(tmp_path / "own", CUSTOMERS[:300], masks=False)
    (tmp_path / "masked.txt").write_text(masked(STRANGERS[:30]))
    sample_of(tmp_path, STRANGERS[:30], name="whole.csv")

    masked_answer = investigated(tmp_path / "masked.txt", watched=watch([own]))
    whole_answer = investigated(tmp_path / "whole.csv", watched=watch([own]))

    for found, is_open in ((masked_answer, True), (whole_answer, False)):
        company = next(one for one in found.companies if one.company == COMPANY)
        assert company.ours == NotAnswered(WhyMissing.NO_MASKS_ENROLLED)
        assert found.undecided_about(company) is is_open
        assert (NotShown.ROWS_NOT_JUDGED in found.not_shown(company)) is is_open
