"""Every text exists in both languages, with the same values; numbers are written as people read them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from string import Formatter

import pytest

from matching.attribution.cohorts import CohortVerdict
from matching.attribution.holders import HolderKind, HolderVerdict
from matching.attribution.recycled import RecycledVerdict
from matching.attribution.schema_fit import SchemaVerdict
from matching.identifiers import Field
from matching.investigation.investigation import NotShown
from matching.investigation.parts import WhyMissing
from matching.investigation.report.wording import ReportLanguage, Wording, texts_of
from matching.investigation.subject import SubjectKind
from matching.masked_samples.sample_rows import Attribute
from matching.ours import Disagreement, OursVerdict, RowBasis, WeakestAssumption
from storage.alerts import Severity, TriageState

ENGLISH, CHINESE = Wording(ReportLanguage.ENGLISH), Wording(ReportLanguage.CHINESE)
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,.:;()!?]|[,.:;()!?][\u4e00-\u9fff]")


def _values(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts_with_the_same_values() -> None:
    """A missing one would only be noticed when a report needs it."""
    english, chinese = texts_of(ReportLanguage.ENGLISH), texts_of(ReportLanguage.CHINESE)

    assert english.keys() == chinese.keys()
    assert [key for key in english if _values(english[key]) != _values(chinese[key])] == []


def test_chinese_is_punctuated_as_chinese() -> None:
    """A half-width comma between Han characters is a typing mistake."""
    assert [key for key, text in texts_of(ReportLanguage.CHINESE).items() if HALF_WIDTH.search(text)] == []


@pytest.mark.parametrize(
    "key",
    [
        *(f"field_{one.value}" for one in Field),
        *(f"limit_{one.value}" for one in NotShown),
        *(f"kind_{one.value}" for one in SubjectKind),
        *(f"severity_{one.value}" for one in Severity),
        *(f"state_{one.value}" for one in TriageState),
        *(f"verdict_{one.value}{part}" for one in OursVerdict for part in ("", "_title")),
        *(f"weakest_{one.value}" for one in WeakestAssumption),
        *(f"disagree_{one.value}" for one in Disagreement),
        *(f"basis_{one.value}" for one in RowBasis),
        *(f"attribute_{one.value}" for one in Attribute),
        *(f"cohort_{one.value}" for one in CohortVerdict),
        *(f"holder_{one.value}" for one in HolderVerdict),
        *(f"list_{one.value}" for one in HolderKind),
        *(f"recycled_{one.value}" for one in RecycledVerdict),
        *(f"schema_{one.value}" for one in SchemaVerdict),
        *(f"why_{one.value}" for one in WhyMissing),
    ],
)
def test_every_value_has_its_words(key: str) -> None:
    """A new field, limit or state needs a text before a report can name it."""
    assert ENGLISH.has(key)


def test_a_number_chooses_its_form() -> None:
    """English says 1 row, and 1,234 rows; Chinese has one form."""
    text = [ENGLISH.say("bytes", bytes=number) for number in (0, 1, 1234)]

    assert text == ["0 bytes", "1 byte", "1,234 bytes"]
    assert CHINESE.say("bytes", bytes=1234) == "1,234 字节"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (0.00000123, "<0.001"),
        (0.0049, "0.0049"),
        (0.31, "0.31"),
        (20.0, "20"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (2e16, ">1,000,000,000"),
    ],
)
def test_amounts_have_three_digits_that_count(number: float, shown: str) -> None:
    """A chance of 0.0049 is not 0.0."""
    assert shown == ENGLISH.amount(number)


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (0, "0%"),
        (0.0002, "<0.1%"),
        (0.004, "0.4%"),
        (0.31, "31%"),
        (0.972, "97%"),
        (0.996, "99.6%"),
        (0.99999, "99.9%"),
        (1, "100%"),
    ],
)
def test_what_is_less_than_everything_is_never_everything(part: float, shown: str) -> None:
    """100% in a report would be a claim that no sample carries."""
    assert shown == ENGLISH.share(part)


def test_times_are_written_as_the_language_does() -> None:
    """Both say that it is UTC."""
    at = datetime(2026, 11, 30, 22, 5, tzinfo=UTC)

    assert ENGLISH.moment(at) == "2026-11-30 22:05 UTC"
    assert CHINESE.moment(at) == "2026年11月30日 22:05（UTC）"
    assert CHINESE.day(date(2017, 6, 3)) == "2017年06月03日"
    assert ENGLISH.moment(None) == "not known"
