"""A report with every part: its figures are those of the answer, and it accuses nobody else."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from matching.attribution.holders import Holder, HolderKind, HolderVerdict, compare_holders
from matching.investigation.investigation import Investigation
from matching.investigation.ours_part import OursPart, shown_value
from matching.investigation.report.attribution_section import attribution_section
from matching.investigation.report.document import PictureBlock, Tone
from matching.investigation.report.pictures.svg import PRINTED
from matching.investigation.report.report_files import rendered
from matching.investigation.report.report_format import ReportFormat
from matching.investigation.report.sections import report_document
from matching.investigation.report.summary import summary
from matching.investigation.report.wording import ReportLanguage, Wording
from matching.masked_samples.sample_rows import Attribute, VisibleValue
from matching.ours import OursVerdict
from tests.matching.investigation.answers import COMPANY, CUSTOMERS, investigated, sample_of
from tests.matching.investigation.report.reports import html_words, pdf_words
from tests.matching.investigation.whole_answers import (
    ALERT,
    CANARIES,
    LISTING,
    about_an_alert,
    attribution,
    judged_rows,
    whole_answer,
)

LANGUAGES = list(ReportLanguage)
FORMS = [ReportFormat.HTML, pytest.param(ReportFormat.PDF, marks=pytest.mark.needs("cjk_font"))]
OTHER = Holder("quillmere", HolderKind.COMPANY, "", 90_000)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Investigation:
    return investigated(sample_of(tmp_path_factory.mktemp("whole"), CUSTOMERS[:4]))


def answer_with(found: Investigation, part: OursPart, **more: object) -> Investigation:
    return whole_answer(found, part, **more)  # type: ignore[arg-type]


def shown_words(answer: Investigation, language: ReportLanguage, form: ReportFormat) -> str:
    company = next(one for one in answer.companies if one.company == COMPANY)
    content = rendered(answer, company, language, form)
    return html_words(content.decode()) if form is ReportFormat.HTML else pdf_words(content)


def figures(words: Wording, answer: Investigation) -> list[str]:
    """Return what the JSON says about the rows and their attribution, as the report writes it."""
    company = next(one for one in answer.as_dict()["companies"] if one["company"] == COMPANY)
    ours, traced = company["ours"], company["attribution"]
    low, middle, high = (words.share(ours["share"][one]) for one in ("low", "middle", "high"))
    base, test = ours["baseline"], ours["shuffle"]
    shuffled, p = words.amount(test["shuffled_mean"]), words.chance(test["p"])
    dated, recycled = traced["cohorts"], traced["recycled"]
    rows = [
        words.count(one["number"])
        + words.count(one["customers"])
        + words.amount(one["with_anchor"])
        + words.amount(one["by_chance"])
        + words.count(one["found"])
        + words.amount(one["score"])
        for one in ours["examples"]
    ]
    holders = [
        words.count(one["customers"]) + words.count(one["held"]) + words.probability(one["posterior"])
        for one in traced["holders"]["holders"]
    ]
    return [
        words.say(f"verdict_{ours['verdict']}_title", company=company["name"]),
        words.say(
            "ours_rows",
            rows=ours["rows"],
            distinct=ours["distinct_rows"],
            usable=ours["usable_rows"],
            customers=ours["customers"],
        ),
        words.say("interval_summary", low=low, middle=middle, high=high),
        words.say(
            "chance_summary",
            found=base["observed"],
            strangers=words.amount(base["non_members"]),
            members=words.amount(base["members"]),
        ),
        words.say("shuffle_summary", offered=test["as_offered"], rows=test["rows"], shuffled=shuffled, p=p),
        words.say("weakest", text=words.say(f"weakest_{ours['weakest_assumption']}")),
        *rows,
        str(dated["matches"]),
        words.share(dated["younger_share"]),
        words.say(
            "recycled_counts",
            matches=recycled["matches"],
            explained=recycled["explained"],
            unexplained=recycled["unexplained"],
            low=words.share(recycled["share_low"]),
            high=words.share(recycled["share_high"]),
        ),
        *holders,
        words.say("canaries_none", enrolled=company["canaries"]["enrolled"]),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", FORMS)
def test_the_figures_of_all_parts_are_those_of_the_json(
    found: Investigation, language: ReportLanguage, form: ReportFormat
) -> None:
    """18 customers and two strangers: interval, chance, shuffled sample, examples, dates, lists."""
    answer = answer_with(found, judged_rows(18, 2))

    shown = shown_words(answer, language, form)

    wanted = [re.sub(r"\s+", "", one) for one in figures(Wording(language), answer)]
    assert [one for one in wanted if one not in shown] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", FORMS)
def test_no_other_company_is_named(
    found: Investigation, language: ReportLanguage, form: ReportFormat
) -> None:
    """Its list is compared, and the report that counsel of one company gets does not say whose it is."""
    answer = answer_with(found, judged_rows(18, 2), others=[OTHER])

    shown = shown_words(answer, language, form)

    assert "quillmere" not in shown
    assert re.sub(r"\s+", "", Wording(language).say("list_other")) in shown


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", FORMS)
def test_a_listing_has_its_times_and_captures(
    found: Investigation, language: ReportLanguage, form: ReportFormat
) -> None:
    """Since when it was known, and which stored bytes prove it; a hostile title and address are text."""
    words = Wording(language)

    shown = shown_words(about_an_alert(found), language, form)

    wanted = [
        words.moment(LISTING.first_seen_at),
        words.moment(ALERT.opened_at),
        words.moment(ALERT.acknowledged_at),
        words.say("severity_critical"),
        words.say("unread", why="evidence_expired"),
        LISTING.captures[0].sha256,
        "<script>alert(1)</script>",
        "/item/<b>1</b>",
        "1,000,000",
    ]
    assert [one for one in wanted if re.sub(r"\s+", "", one) not in shown] == []


def test_every_picture_has_a_sentence_and_a_table(found: Investigation) -> None:
    """Nobody needs to see it; and it is a well-formed picture without style of its own in HTML."""
    answer = answer_with(found, judged_rows(18, 2))
    company = next(one for one in answer.companies if one.company == COMPANY)

    document = report_document(answer, company, ReportLanguage.CHINESE)

    pictures = [block for block in document.blocks if isinstance(block, PictureBlock)]
    assert len(pictures) == 7
    for each in pictures:
        assert each.summary
        assert each.table.rows
        assert ElementTree.fromstring(each.draw("")).attrib["aria-label"]
        assert "style" not in each.draw("")
        assert PRINTED in each.draw(PRINTED)


def test_a_list_that_only_fits_better_is_not_drawn_as_the_culprit() -> None:
    """58 of 60 rows are the partner's, and all are the CRM's, so the verdict names both.

    The picture shows the rows that each list has. A probability of 99.9% beside the partner's name would be
    read as an accusation.
    """
    part = attribution()
    assert part.holders.verdict is HolderVerdict.CANNOT_TELL_APART
    words = Wording(ReportLanguage.ENGLISH)

    pictures = [one for one in attribution_section(words, part) if isinstance(one, PictureBlock)]

    assert pictures[-1].caption == words.say("held_caption", rows=60)
    assert ">99.9%" not in pictures[-1].draw("")


def test_a_list_that_alone_has_the_rows_is_drawn_with_its_probability() -> None:
    """Only the call centre has the rows."""
    holders = [
        Holder(COMPANY, HolderKind.SYSTEM, "crm", 50_000),
        Holder(COMPANY, HolderKind.SYSTEM, "callcentre", 15_000),
    ]
    held = np.array([[0, 1]] * 20, np.int64)
    compared = compare_holders(holders, held, np.full(20, 1 / 50_000))
    assert compared.verdict is HolderVerdict.CONSISTENT_WITH
    words = Wording(ReportLanguage.ENGLISH)
    part = attribution()

    blocks = attribution_section(
        words, type(part)(COMPANY, part.overlap, part.cohorts, part.recycled, compared, part.schema)
    )

    picture = [one for one in blocks if isinstance(one, PictureBlock)][-1]
    assert "system or partner callcentre" in picture.draw("")
    assert "&gt;99.9%" in picture.draw("")


@pytest.mark.parametrize(
    ("rows", "verdict", "tone"),
    [
        ((18, 2), OursVerdict.OURS, Tone.ALARM),
        ((12, 12), OursVerdict.PARTLY_OURS, Tone.ALARM),
        ((0, 20), OursVerdict.NOT_OURS, Tone.CALM),
        ((3, 0), OursVerdict.TOO_LITTLE, Tone.WARNING),
    ],
    ids=["ours", "partly ours", "not ours", "too little"],
)
def test_the_first_sentence_is_the_verdict(
    found: Investigation, rows: tuple[int, int], verdict: OursVerdict, tone: Tone, tmp_path: Path
) -> None:
    """Whatever else is found, the rows' verdict is what a reader sees first."""
    nobody = tmp_path / "nobody.txt"
    nobody.write_text("words only\n")
    part = judged_rows(*rows)
    answer = answer_with(investigated(nobody), part)
    company = next(one for one in answer.companies if one.company == COMPANY)

    stated = summary(Wording(ReportLanguage.ENGLISH), answer, company)

    assert part.answer.verdict is verdict
    assert stated.title == Wording(ReportLanguage.ENGLISH).say(
        f"verdict_{verdict.value}_title", company="榆塘小贷"
    )
    assert stated.tone is tone


def test_what_whole_values_decide_is_not_said_of_two_tests(tmp_path: Path) -> None:
    """Six rows of whole values are too few to be swapped, so that one test alone says that they are ours."""
    answer = investigated(sample_of(tmp_path, CUSTOMERS[:6]))
    company = next(one for one in answer.companies if one.company == COMPANY)
    words = Wording(ReportLanguage.ENGLISH)

    stated = summary(words, answer, company)

    assert company.verdict is OursVerdict.OURS
    assert words.say("tests_whole") in stated.text
    assert words.say("tests_agree") not in stated.text


def test_a_canary_comes_before_everything(found: Investigation) -> None:
    """It alone names a system."""
    answer = answer_with(found, judged_rows(18, 2), canaries=CANARIES)
    company = next(one for one in answer.companies if one.company == COMPANY)

    stated = summary(Wording(ReportLanguage.ENGLISH), answer, company)

    assert stated.title == "A canary of 榆塘小贷 is in it"
    assert "Found 2 canaries of crm" in stated.text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (VisibleValue(Attribute.PHONE, "138", "1234", 4), "138****1234"),
        (VisibleValue(Attribute.PHONE, "13812341234"), "138****1234"),
        (VisibleValue(Attribute.RESIDENT_ID, "110101190001010001"), "110101****01"),
        (VisibleValue(Attribute.NAME, "张", "三", 1), "张**"),
        (VisibleValue(Attribute.NAME, "john doe"), "j**"),
        (VisibleValue(Attribute.EMAIL, "john.doe", "", 0, "mail.example"), "j****e@****"),
        (VisibleValue(Attribute.BIRTH_DATE, "1990-03-12"), "1990-**-**"),
        (VisibleValue(Attribute.CARD, "4000001234567890"), "400000****7890"),
        (VisibleValue(Attribute.IBAN, "GB", "", None), "GB****"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_example_shows_a_value_masked(value: VisibleValue, shown: str) -> None:
    """Also one that the seller shows whole."""
    assert shown_value(value) == shown
